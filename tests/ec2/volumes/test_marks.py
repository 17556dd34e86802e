"""The mark of a deleted volume holds for that volume alone, and for as long as its instance does not live on."""

import asyncio
import random
from dataclasses import replace
from typing import Any

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.block import Volume, VolumeAttachment
from adapters.types.compute import Server
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import SNAPSHOT
from shim.ec2.volumes.ending import delete_volume, sweep
from shim.ec2.volumes.rows import DELETED, hidden
from shim.ec2.volumes.snapshots import delete_snapshot
from tests.ec2.acting import act
from tests.ec2.instances.test_instance_rows import ID, NOW, SERVER
from tests.ec2.test_half_done import UUID, call
from tests.ec2.volumes.test_ends_at_the_same_time import VOLUME, Cinder, Glance, fault, made_snapshot

MARK = f"2026-11-28T17:00:00+00:00 {UUID}"
SNAP = made_snapshot(1)


class Nova:
    """One server of some status, or none."""

    def __init__(self, status: str) -> None:
        self.status = status

    async def server(self, id: str) -> Server:
        if id != ID or not self.status:
            raise BackendError(Fault.NOT_FOUND, service="compute", resource="server", id=id)
        return replace(SERVER, status=self.status)


class Marked(Cinder):
    """A volume with a mark, and a cascade that Cinder may refuse."""

    def __init__(self, mark: str, *, refuses: bool = False) -> None:
        super().__init__(random.Random(0))
        self.one = replace(self.there(), metadata={DELETED: mark})
        self.refuses = refuses
        self.tries = 0

    async def delete_volume(self, id: str, *, cascade: bool = False) -> None:
        self.tries += 1
        if self.refuses:
            raise fault(Fault.IN_USE, "volume")
        await super().delete_volume(id, cascade=cascade)

    async def delete_snapshot(self, id: str) -> None:
        del self.held[id]


def here(cinder: Cinder, status: str = "") -> Any:
    return call("DeleteSnapshot", block=cinder, compute=Nova(status), images=Glance())


def shown(volume: Volume | None) -> bool:
    return volume is not None and not hidden(volume)


def test_a_mark_that_a_backup_brought_to_another_volume_is_none() -> None:
    cinder = Marked(MARK.replace(UUID, "another"))
    assert shown(cinder.one)
    asyncio.run(sweep(here(cinder), [cinder.there()], []))
    assert shown(cinder.one)


def test_a_deleted_volume_that_another_project_took_over_is_shown() -> None:
    cinder = Marked("")
    cinder.held = {SNAP.id: SNAP}
    cinder.refuses = True  # Cinder deletes no volume that has a snapshot
    asyncio.run(act(delete_volume, here(cinder), {"VolumeId": VOLUME}))
    assert not shown(cinder.one)
    assert shown(replace(cinder.there(), project_id="another"))


@pytest.mark.parametrize("status", ["error", "error_extending", "maintenance"])
def test_a_volume_that_an_instance_has_is_shown(status: str) -> None:
    cinder = Marked(MARK)
    held = VolumeAttachment("a", ID, "/dev/vdb", NOW)
    assert shown(replace(cinder.there(), status=status, attachments=(held,)))


@pytest.mark.parametrize(
    ("mark", "status", "stays"),
    [
        pytest.param(MARK, "", False, id="deleted alone"),
        pytest.param(f"{MARK} {ID}", "", False, id="instance is gone"),
        pytest.param(f"{MARK} {ID}", "SOFT_DELETED", False, id="instance is deleted"),
        pytest.param(f"{MARK} {ID}", "ACTIVE", True, id="instance lives on"),
    ],
)
def test_a_volume_ends_with_its_last_snapshot_unless_its_instance_lives_on(mark: str, status: str, stays: bool) -> None:
    cinder = Marked(mark)
    cinder.held = {SNAP.id: SNAP}
    asyncio.run(act(delete_snapshot, here(cinder, status), {"SnapshotId": ids.aws(SNAPSHOT.prefix, SNAP.id)}))
    assert (cinder.held, shown(cinder.one)) == ({}, stays)
    swept = Marked(mark)
    asyncio.run(sweep(here(swept, status), [swept.there()], []))
    assert shown(swept.one) is stays
    assert (swept.one is None) is not stays


def test_a_snapshot_is_deleted_where_cinder_refuses_its_volume() -> None:
    cinder = Marked(MARK, refuses=True)
    cinder.held = {SNAP.id: SNAP}
    asyncio.run(act(delete_snapshot, here(cinder), {"SnapshotId": ids.aws(SNAPSHOT.prefix, SNAP.id)}))
    assert (cinder.held, cinder.one is None) == ({}, False)


def test_a_volume_that_cinder_refuses_for_another_reason_is_not_waited_for() -> None:
    cinder = Marked("", refuses=True)
    with pytest.raises(BackendError):
        asyncio.run(act(delete_volume, here(cinder), {"VolumeId": VOLUME}))
    assert cinder.tries == 2
