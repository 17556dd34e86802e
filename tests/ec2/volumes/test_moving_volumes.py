"""A volume that Nova attaches or detaches: EC2 shows it `in-use`, while Cinder refuses a snapshot and another size."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.block import NewSnapshot, Snapshot, Volume, VolumeType
from shim.ec2.engine import ids
from shim.ec2.volumes.ending import alone
from shim.ec2.volumes.modifications import modify_volume
from shim.ec2.volumes.snapshots import create_snapshot
from shim.errors import AwsError
from tests.ec2.acting import act
from tests.ec2.instances.test_instance_rows import volume
from tests.ec2.test_half_done import UUID, call

VOLUME = ids.aws("vol", UUID)
SNAPSHOT = Snapshot("5" * 8, "", "", "p", UUID, "creating", 1, "", datetime.now(UTC), {})


class Cinder:
    """One volume, whose status is the next of `statuses` at each look; the last one stays."""

    def __init__(self, *statuses: str) -> None:
        self.statuses = list(statuses)
        self.one: Volume = replace(volume("1", ""), id=UUID, status=statuses[0])
        self.did: list[str] = []

    async def volume(self, id: str) -> Volume:
        self.one = replace(self.one, status=self.statuses.pop(0) if self.statuses[1:] else self.statuses[0])
        return self.one

    async def volume_types(self) -> list[VolumeType]:
        return []

    async def set_volume_metadata(self, id: str, items: Mapping[str, str]) -> None:
        self.one = replace(self.one, metadata={**self.one.metadata, **items})

    async def delete_volume_metadata(self, id: str, key: str) -> None:
        self.one = replace(self.one, metadata={name: one for name, one in self.one.metadata.items() if name != key})

    async def extend_volume(self, id: str, size: int) -> None:
        self.work("extended")
        self.statuses = ["extending"]

    async def create_snapshot(self, new: NewSnapshot) -> Snapshot:
        self.work("snapshot made")
        return SNAPSHOT

    def work(self, what: str) -> None:
        if self.one.status not in ("available", "in-use"):
            raise BackendError(Fault.CONFLICT, service="block-storage", resource="volume", id=UUID)
        self.did.append(what)


def asked(cinder: Cinder, action: Any, **params: Any) -> Any:
    return asyncio.run(act(action, call("", block=cinder), {"VolumeId": VOLUME, **params}))


@pytest.mark.parametrize("status", ["reserved", "attaching", "detaching"])
def test_another_size_waits_for_the_attachment(status: str) -> None:
    cinder = Cinder(status, status, "in-use")
    asked(cinder, modify_volume, Size=9)
    assert cinder.did == ["extended"]


@pytest.mark.parametrize("status", ["reserved", "attaching", "detaching"])
def test_a_snapshot_waits_for_the_attachment(status: str) -> None:
    cinder = Cinder(status, status, "in-use")
    asked(cinder, create_snapshot)
    assert cinder.did == ["snapshot made"]


def test_of_two_sizes_that_wait_for_the_attachment_one_is_refused() -> None:
    cinder = Cinder("reserved", "reserved", "reserved", "in-use")

    async def both() -> list[Any]:
        here = call("", block=cinder)
        asks = [act(modify_volume, here, {"VolumeId": VOLUME, "Size": size}) for size in (9, 10)]
        return await asyncio.gather(*asks, return_exceptions=True)

    errors = [one.code for one in asyncio.run(both()) if isinstance(one, AwsError)]
    assert (errors, cinder.did) == (["IncorrectModificationState"], ["extended"])
    assert "ec2:modified" in cinder.one.metadata


def test_others_may_work_on_a_volume_while_its_attachment_is_waited_for() -> None:
    cinder = Cinder(*["reserved"] * 20)

    async def both() -> bool:
        here = call("", block=cinder)
        waits = asyncio.ensure_future(act(create_snapshot, here, {"VolumeId": VOLUME}))
        await asyncio.sleep(0.1)
        async with alone(here, UUID):
            waited = waits.done()
        waits.cancel()
        return waited

    assert asyncio.run(both()) is False


def test_an_attachment_that_hangs_is_not_waited_for_any_longer() -> None:
    cinder = Cinder("attaching")
    with pytest.raises(AwsError) as caught:
        asked(cinder, modify_volume, Size=9)
    assert (caught.value.code, cinder.did) == ("IncorrectState", [])
