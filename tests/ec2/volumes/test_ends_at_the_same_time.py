"""DeleteVolume, CreateSnapshot, DeleteSnapshot and AttachVolume of one volume at the same time, in any order.

No snapshot that a client was answered is lost, and no hidden volume is left without a snapshot.
"""

import asyncio
import random
import uuid
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.block import NewSnapshot, Snapshot, Volume, VolumeAttachment
from adapters.types.compute import Server
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import SNAPSHOT
from shim.ec2.volumes.attachments import attach_volume
from shim.ec2.volumes.ending import delete_volume
from shim.ec2.volumes.rows import DELETED
from shim.ec2.volumes.snapshots import create_snapshot, delete_snapshot
from shim.errors import AwsError
from tests.ec2.acting import act
from tests.ec2.instances.test_instance_rows import ID, NOW, SERVER, volume
from tests.ec2.test_half_done import UUID, call

VOLUME, INSTANCE = ids.aws("vol", UUID), ids.aws("i", ID)


def fault(fault: Fault, resource: str) -> BackendError:
    return BackendError(fault, service="block-storage", resource=resource, id=UUID)


class Cinder:
    """One volume and its snapshots, by Cinder's rules; each call begins and ends after random pauses."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.one: Volume | None = replace(volume("1", ""), id=UUID, status="available", attachments=())
        self.held: dict[str, Snapshot] = {}

    async def pause(self) -> None:
        for _ in range(self.dice.randrange(4)):
            await asyncio.sleep(0)

    def there(self) -> Volume:
        if self.one is None:
            raise fault(Fault.NOT_FOUND, "volume")
        return self.one

    async def volume(self, id: str) -> Volume:
        await self.pause()
        return self.there()

    async def snapshot(self, id: str) -> Snapshot:
        await self.pause()
        if id not in self.held:
            raise fault(Fault.NOT_FOUND, "snapshot")
        return self.held[id]

    async def snapshots(self, *, volume_id: str | None = None) -> list[Snapshot]:
        await self.pause()
        return [*self.held.values()]

    async def create_snapshot(self, new: NewSnapshot) -> Snapshot:
        await self.pause()
        self.there()
        made = made_snapshot(len(self.held) + 10)
        self.held[made.id] = made
        await self.pause()
        return made

    async def delete_snapshot(self, id: str) -> None:
        await self.pause()
        if id not in self.held:
            raise fault(Fault.NOT_FOUND, "snapshot")
        self.held[id] = replace(self.held[id], status="deleting")
        asyncio.get_running_loop().call_later(0.001, self.held.pop, id, None)

    async def delete_volume(self, id: str, *, cascade: bool = False) -> None:
        await self.pause()
        if self.there().attachments or (self.held and not cascade):
            raise fault(Fault.IN_USE, "volume")
        self.held.clear()
        self.one = None

    async def set_volume_metadata(self, id: str, items: dict[str, str]) -> None:
        await self.pause()
        self.one = replace(self.there(), metadata={**self.there().metadata, **items})

    async def delete_volume_metadata(self, id: str, key: str) -> None:
        await self.pause()
        left = {name: value for name, value in self.there().metadata.items() if name != key}
        self.one = replace(self.there(), metadata=left)


class Nova:
    """One server, which holds the volume once it is attached."""

    def __init__(self, cinder: Cinder) -> None:
        self.cinder = cinder

    async def server(self, id: str) -> Server:
        await self.cinder.pause()
        return replace(SERVER, volumes=())

    async def attach_volume(self, server_id: str, volume_id: str, device: str) -> None:
        await self.cinder.pause()
        held = VolumeAttachment("a", server_id, device, NOW)
        self.cinder.one = replace(self.cinder.there(), status="in-use", attachments=(held,))


class Glance:
    """No images."""

    async def images(self, **_: Any) -> list[Any]:
        return []


def made_snapshot(number: int) -> Snapshot:
    return Snapshot(str(uuid.UUID(int=number)), "", "", "p", UUID, "available", 1, "", NOW, {})


async def outcome(work: Awaitable[Any]) -> Any:
    try:
        return await work
    except (AwsError, BackendError) as error:
        return error


@pytest.mark.parametrize("before", [0, 1, 2])
@pytest.mark.parametrize("attaches", [False, True])
def test_in_any_order(before: int, attaches: bool) -> None:
    async def all_orders() -> None:
        await asyncio.gather(*(_at_the_same_time(random.Random(seed), before, attaches) for seed in range(150)))

    asyncio.run(all_orders())


async def _at_the_same_time(dice: random.Random, before: int, attaches: bool) -> None:
    cinder = Cinder(dice)
    cinder.held = {one.id: one for one in map(made_snapshot, range(before))}
    asked = call("", block=cinder, compute=Nova(cinder), images=Glance())
    works: list[Any] = [
        outcome(act(delete_volume, asked, {"VolumeId": VOLUME})),
        outcome(act(create_snapshot, asked, {"VolumeId": VOLUME})),
        *(outcome(act(delete_snapshot, asked, {"SnapshotId": ids.aws("snap", one)})) for one in cinder.held),
    ]
    if attaches:
        there = {"VolumeId": VOLUME, "InstanceId": INSTANCE, "Device": "/dev/sdf"}
        works.append(outcome(act(attach_volume, asked, there)))
    order = [*range(len(works))]
    dice.shuffle(order)
    done = dict(zip(order, await asyncio.gather(*(works[place] for place in order)), strict=True))
    await asyncio.sleep(0.01)
    made, attached = done[1], attaches and not isinstance(done[len(works) - 1], Exception)
    kept = [] if isinstance(made, Exception) else [ids.uuid(SNAPSHOT, made["SnapshotId"])]
    assert [*cinder.held] == kept, done
    deleted = not isinstance(done[0], Exception)
    assert not (deleted and attached), done
    hidden = cinder.one is not None and DELETED in cinder.one.metadata
    assert hidden == (deleted and bool(kept)), done
    assert (cinder.one is None) == (deleted and not kept), done
