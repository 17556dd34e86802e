"""The end of volumes and snapshots.

On AWS a snapshot outlives its volume; Cinder refuses to delete a volume that has snapshots.  So such a volume is marked
as deleted, no action shows it any more (`rows.hidden`), and Cinder's volume ends with its last snapshot.  See decision
33.

Who marks a volume, makes a snapshot of it, attaches it or deletes a snapshot holds the volume's lock (`alone`) while it
looks at the volume and acts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from adapters.errors import BackendError, Fault, absent_is
from adapters.types import block as cloud
from adapters.types.compute import Server
from shim.concurrency import gather_all
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import VOLUME
from shim.ec2.service import action
from shim.ec2.volumes import snapshot_rows
from shim.ec2.volumes.reading import shown_volume
from shim.ec2.volumes.rows import DELETED, deleted, ends_with, hidden, of_deleted
from shim.ec2.volumes.waiting import PAUSES, snapshot_deleted, still_creating
from shim.errors import AwsError
from shim.undo import undoing

log = logging.getLogger(__name__)

_DELETABLE = ("available", "error")  # Cinder's statuses of a volume that nothing holds and nobody works on
_ENDED = ("DELETED", "SOFT_DELETED")  # Nova's statuses of a server
_MOST_AT_ONCE = 10  # volumes that one request deletes


def alone(call: Call, volume_id: str) -> AbstractAsyncContextManager[None]:
    """Let nobody else decide on the end of a volume meanwhile."""
    return call.locks.hold("volume", call.caller.project_id, volume_id)


@action(supports="VolumeId")
async def delete_volume(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Delete a volume that is not attached; one that has snapshots is hidden, and ends with the last of them."""
    uuid = ids.uuid(VOLUME, req["VolumeId"])
    for pause in PAUSES:
        async with alone(call, uuid):
            if await _deleted(call, await shown_volume(call, uuid)):
                return {}
        await asyncio.sleep(pause)
    raise AwsError("IncorrectState", f"The snapshots of volume '{req['VolumeId']}' are still being deleted.")


async def _deleted(call: Call, volume: cloud.Volume) -> bool:
    """Delete or mark a volume; return False while all its snapshots are being deleted."""
    block = call.cloud.block
    try:
        await block.delete_volume(volume.id)
    except BackendError as error:
        if error.fault not in (Fault.IN_USE, Fault.CONFLICT):
            raise
        now = await block.volume(volume.id)
        if now.attachments:
            holder = ids.aws("i", now.attachments[0].server_id)
            said = f"Volume {ids.aws('vol', volume.id)} is currently attached to {holder}"
            raise AwsError(VOLUME.in_use, said) from error
        if now.status not in _DELETABLE:
            raise
        left = await block.snapshots(volume_id=volume.id)
        if not left:  # it has none any more, or Cinder refuses it for something else
            await block.delete_volume(volume.id)
        elif not any(snapshot_rows.shown(one) for one in left):
            return False
        else:
            await _mark(call, volume.id)
    return True


async def _mark(call: Call, volume_id: str, *server_id: str) -> None:
    named = of_deleted(volume_id, call.caller.project_id)
    words = (datetime.now(UTC).isoformat(timespec="seconds"), named, *server_id)
    await call.cloud.block.set_volume_metadata(volume_id, {DELETED: " ".join(words)})


async def remove(call: Call, snapshot: cloud.Snapshot) -> None:
    """Delete a snapshot; the last of a hidden volume with that volume."""
    for pause in PAUSES:
        async with alone(call, snapshot.volume_id):
            if await _removed(call, snapshot):
                return
        await asyncio.sleep(pause)
    if not await snapshot_deleted(call, snapshot.id):
        raise still_creating()


async def take_back(call: Call, snapshot_id: str) -> None:
    """Delete a snapshot that a request made before it failed; a client may have deleted its volume meanwhile."""
    await remove(call, await call.cloud.block.snapshot(snapshot_id))


async def _removed(call: Call, snapshot: cloud.Snapshot) -> bool:
    """Delete a snapshot, or return False while it is being made, or the others of a hidden volume are being deleted.

    One call deletes the last snapshot and the volume: Cinder would refuse the volume while it deletes the snapshot.
    """
    block = call.cloud.block
    volume = await absent_is(None, block.volume(snapshot.volume_id))
    left = await block.snapshots(volume_id=snapshot.volume_id) if volume and hidden(volume) else []
    others = [one for one in left if one.id != snapshot.id]
    if not volume or not left or any(snapshot_rows.shown(one) for one in others):
        return await snapshot_deleted(call, snapshot.id)
    if others or any(one.status == "creating" for one in left):
        return False
    if not await _is_to_end(call, volume):
        return await snapshot_deleted(call, snapshot.id)
    try:
        await block.delete_volume(volume.id, cascade=True)
    except BackendError as error:
        # Cinder has more conditions for a volume than for a snapshot: a group, a backup that is being made.
        if error.fault not in (Fault.IN_USE, Fault.CONFLICT):
            raise
        return await snapshot_deleted(call, snapshot.id)
    return True


async def _is_to_end(call: Call, volume: cloud.Volume) -> bool:
    """Tell whether a hidden volume is still to end; bring one back that was to end with an instance that lives on.

    Nova may have failed, or somebody has restored the instance (`reclaim_instance_interval`), or the gateway was killed
    before it asked Nova.
    """
    server_id = ends_with(volume)
    server = await absent_is(None, call.cloud.compute.server(server_id)) if server_id else None
    if server is None or server.status in _ENDED:
        return True
    await unmark(call, volume.id)
    return False


async def sweep(call: Call, volumes: Iterable[cloud.Volume], snapshots: Iterable[cloud.Snapshot]) -> None:
    """Delete deleted volumes of a project whose last snapshot went by OpenStack's own tools, or while Nova worked.

    Cinder refuses a volume that has a snapshot after all.
    """
    kept = {one.volume_id for one in snapshots}
    idle = [one for one in volumes if _is_idle(one) and one.id not in kept]
    await gather_all(_swept(call, one.id) for one in idle[:_MOST_AT_ONCE])


def _is_idle(volume: cloud.Volume) -> bool:
    return deleted(volume) and volume.status in _DELETABLE


async def _swept(call: Call, volume_id: str) -> None:
    block = call.cloud.block
    try:
        async with alone(call, volume_id):
            volume = await absent_is(None, block.volume(volume_id))
            if volume and _is_idle(volume) and await _is_to_end(call, volume):
                await absent_is(None, block.delete_volume(volume_id))
    except (AwsError, BackendError) as error:
        # The caller may only read, or Cinder is busy with it: whoever lists snapshots next tries again.
        log.debug("volume %s is still there: %s", volume_id, error)


async def outlived(call: Call, servers: Sequence[Server]) -> dict[str, list[str]]:
    """Return the volumes that end with each server and have snapshots: one OpenStack call."""
    ends = {server.id: [one.id for one in server.volumes if one.delete_on_termination] for server in servers}
    listed = await call.cloud.block.snapshots() if any(ends.values()) else []
    sources = {one.volume_id for one in listed if snapshot_rows.shown(one)}
    return {server: [one for one in volumes if one in sources] for server, volumes in ends.items()}


@asynccontextmanager
async def marked(call: Call, server_id: str, volume_ids: Iterable[str]) -> AsyncIterator[None]:
    """Mark the volumes of a server that the block asks Nova to delete; take the marks back if Nova refuses.

    Nova gives up a volume that Cinder refuses to delete, long after it has answered.  A volume is shown for as long as
    it is attached, whatever its mark.
    """
    async with undoing() as undo:
        for volume_id in volume_ids:
            async with alone(call, volume_id):
                volume = await absent_is(None, call.cloud.block.volume(volume_id))
                if volume and {one.server_id for one in volume.attachments} == {server_id}:
                    undo(unmark, call, volume_id)
                    await _mark(call, volume_id, server_id)
        yield


async def unmark(call: Call, volume_id: str) -> None:
    """Take the mark from a volume that does not end with its instance after all."""
    await absent_is(None, call.cloud.block.delete_volume_metadata(volume_id, DELETED))
