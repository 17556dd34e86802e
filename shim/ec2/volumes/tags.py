"""Tags of volumes and snapshots, kept in the metadata of Cinder's volumes and snapshots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.errors import absent_is
from shim.concurrency import gather_all
from shim.context import Call
from shim.ec2.engine.resource_types import SNAPSHOT, VOLUME
from shim.ec2.tags.stores import Held, Lists, Store, Work, limited, of_metadata, plan, register
from shim.ec2.volumes import snapshot_rows
from shim.ec2.volumes.reading import shown_volume, shown_volumes


async def _volumes(lists: Lists, named: Sequence[str]) -> list[Held]:
    call = lists.call
    found = [await shown_volume(call, named[0])] if len(named) == 1 else await shown_volumes(call)
    return [of_metadata(volume.id, volume.metadata) for volume in found]


def _change_volume(call: Call, held: Held, tags: Mapping[str, str], gone: Sequence[str]) -> Work:
    items, drop = plan(held, tags, gone)

    async def change() -> None:
        if items:
            await limited(call.cloud.block.set_volume_metadata(held.id, items))
        await gather_all(absent_is(None, call.cloud.block.delete_volume_metadata(held.id, item)) for item in drop)

    return change


register(Store(VOLUME, _volumes, _change_volume))


async def _snapshots(lists: Lists, named: Sequence[str]) -> list[Held]:
    call = lists.call
    block = call.cloud.block
    found = [await block.snapshot(named[0])] if len(named) == 1 else await block.snapshots()
    return [of_metadata(one.id, one.metadata) for one in found if snapshot_rows.shown(one)]


def _change_snapshot(call: Call, held: Held, tags: Mapping[str, str], gone: Sequence[str]) -> Work:
    items, drop = plan(held, tags, gone)

    async def change() -> None:
        if items:
            await limited(call.cloud.block.set_snapshot_metadata(held.id, items))
        await gather_all(absent_is(None, call.cloud.block.delete_snapshot_metadata(held.id, item)) for item in drop)

    return change


register(Store(SNAPSHOT, _snapshots, _change_snapshot))
