"""Creations of several steps leave nothing when any of their steps fails."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.block import NewSnapshot, NewVolume, Snapshot, Volume, VolumeType
from adapters.types.compute import AttachedVolume
from adapters.types.images import Image, NewImage
from shim.ec2.engine import ids
from shim.ec2.images.copying import copy_image
from shim.ec2.images.creating import create_image
from shim.ec2.images.mapping import properties
from shim.ec2.images.registering import register_image
from shim.ec2.tags.creating import HALF_DONE
from shim.ec2.volumes.modifications import modify_volume
from shim.ec2.volumes.rows import DELETED
from shim.ec2.volumes.snapshot_copies import copy_snapshot, create_snapshots
from tests.ec2.acting import act
from tests.ec2.instances.test_instance_rows import NOW, SERVER, volume
from tests.ec2.test_half_done import call

MOST_STEPS = 12
VOLUMES = [str(UUID(int=number)) for number in (1, 2)]
SNAPSHOT = str(UUID(int=3))
IMAGE = str(UUID(int=4))
DEVICE = {"snapshot_id": SNAPSHOT, "boot_index": 0, "volume_size": 1, "device_name": "/dev/vda"}


@dataclass
class Cloud:
    """Nova, Cinder and Glance in memory; the step of number `fails_at` fails.  Reads and deletions are no steps."""

    fails_at: int
    steps: int = 0
    volumes_: dict[str, Volume] = field(default_factory=dict)
    snapshots_: dict[str, Snapshot] = field(default_factory=dict)
    images_: dict[str, Image] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for place, id_ in enumerate(VOLUMES):
            one = volume("0", f"/dev/vd{'ab'[place]}", id=id_)
            self.volumes_[id_] = replace(one, attachments=(replace(one.attachments[0], server_id=SERVER.id),))
        self.snapshots_[SNAPSHOT] = snapshot(SNAPSHOT, VOLUMES[0], {})
        self.images_[IMAGE] = image(IMAGE, "source", properties([DEVICE]))

    def step(self) -> str:
        """Count a step, or fail; return a new id."""
        self.steps += 1
        if self.steps == self.fails_at:
            raise BackendError(Fault.UNAVAILABLE, service="any")
        return str(UUID(int=100 + self.steps))

    def state(self) -> Any:
        """Return what there is."""
        return self.volumes_, self.snapshots_, self.images_

    # Nova
    async def server(self, id: str) -> Any:
        return replace(SERVER, volumes=tuple(AttachedVolume(one, True) for one in VOLUMES))

    async def create_server_image(self, id: str, name: str, properties_: Mapping[str, str]) -> str:
        made = self.step()
        found = []
        for place, one in enumerate(VOLUMES):
            uuid = str(UUID(int=200 + place))
            self.snapshots_[uuid] = snapshot(uuid, one, {})
            found.append({"snapshot_id": uuid, "boot_index": -place, "device_name": f"/dev/vd{'ab'[place]}"})
        self.images_[made] = image(made, name, {**properties_, **properties(found)})
        return made

    # Cinder
    async def volumes(self, **_: Any) -> list[Volume]:
        return [*self.volumes_.values()]

    async def volume(self, id: str) -> Volume:
        return self.volumes_[id]

    async def volume_types(self) -> list[VolumeType]:
        return [VolumeType("1", "gp3", {})]

    async def create_volume(self, new: NewVolume) -> Volume:
        made = self.step()
        self.volumes_[made] = replace(
            volume("0", "", id=made), metadata=new.metadata, attachments=(), status="available"
        )
        return self.volumes_[made]

    async def delete_volume(self, id: str, *, cascade: bool = False) -> None:
        assert cascade or id not in {one.volume_id for one in self.snapshots_.values()}
        self.snapshots_ = {name: one for name, one in self.snapshots_.items() if one.volume_id != id}
        del self.volumes_[id]

    async def set_volume_metadata(self, id: str, items: Mapping[str, str]) -> None:
        self.step()
        self.volumes_[id] = replace(self.volumes_[id], metadata={**self.volumes_[id].metadata, **items})

    async def delete_volume_metadata(self, id: str, key: str) -> None:
        kept = {name: value for name, value in self.volumes_[id].metadata.items() if name != key}
        self.volumes_[id] = replace(self.volumes_[id], metadata=kept)

    async def extend_volume(self, id: str, size: int) -> None:
        self.step()

    async def snapshots(self, *, volume_id: str | None = None) -> list[Snapshot]:
        return [one for one in self.snapshots_.values() if volume_id in (None, one.volume_id)]

    async def snapshot(self, id: str) -> Snapshot:
        return self.snapshots_[id]

    async def create_snapshot(self, new: NewSnapshot) -> Snapshot:
        made = self.step()
        self.snapshots_[made] = snapshot(made, new.volume_id, new.metadata)
        return self.snapshots_[made]

    async def delete_snapshot(self, id: str) -> None:
        del self.snapshots_[id]

    async def set_snapshot_metadata(self, id: str, items: Mapping[str, str]) -> None:
        self.step()

    # Glance
    async def images(self, *, hidden: bool = False, **_: Any) -> list[Image]:
        return [one for one in self.images_.values() if one.hidden is hidden]

    async def image(self, id: str) -> Image:
        return self.images_[id]

    async def create_image(self, new: NewImage) -> Image:
        made = self.step()
        self.images_[made] = image(made, new.name, new.properties)
        return self.images_[made]

    async def upload_nothing(self, id: str) -> None:
        self.step()

    async def update_image(self, id: str, *, set: Mapping[str, str], drop: Any = ()) -> Image:
        self.step()
        kept = {name: value for name, value in self.images_[id].properties.items() if name not in drop}
        self.images_[id] = replace(self.images_[id], properties={**kept, **set})
        return self.images_[id]

    async def delete_image(self, id: str) -> None:
        del self.images_[id]


def snapshot(id: str, volume_id: str, metadata: Mapping[str, str]) -> Snapshot:
    return Snapshot(id, "", "", "p", volume_id, "available", 1, "100%", NOW, metadata)


def image(id: str, name: str, properties: Mapping[str, str]) -> Image:
    return Image(
        id=id, name=name, status="active", visibility="private", owner="p", hidden=False,
        created_at=NOW, updated_at=NOW, size=0, virtual_size=None, min_disk=0, min_ram=0, disk_format="raw",
        container_format="bare", tags=(), properties=properties,
    )  # fmt: skip


SNAP, AMI, INSTANCE = ids.aws("snap", SNAPSHOT), ids.aws("ami", IMAGE), ids.aws("i", SERVER.id)
TAGS = [{"ResourceType": "snapshot", "Tags": [{"Key": "a", "Value": "1"}]}]
ROOT = {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": SNAP}}
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "CopySnapshot": (copy_snapshot, {"SourceSnapshotId": SNAP, "SourceRegion": "us-east-1"}),
    "CreateSnapshots": (create_snapshots, {"InstanceSpecification": {"InstanceId": INSTANCE}}),
    "CreateImage": (
        create_image,
        {"InstanceId": INSTANCE, "Name": "new", "NoReboot": True, "TagSpecifications": TAGS},
    ),
    "RegisterImage": (register_image, {"Name": "new", "BlockDeviceMappings": [ROOT]}),
    "CopyImage": (copy_image, {"SourceImageId": AMI, "SourceRegion": "us-east-1", "Name": "new"}),
    "ModifyVolume": (modify_volume, {"VolumeId": ids.aws("vol", VOLUMES[0]), "Size": 2}),
}


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_left_of_a_creation_whose_step_fails(name: str) -> None:
    action, params = CASES[name]
    for fails_at in range(1, MOST_STEPS):
        cloud, before = Cloud(fails_at), Cloud(0).state()
        here = call(name, compute=cloud, block=cloud, images=cloud)
        try:
            asyncio.run(act(action, here, params))
        except BackendError:
            assert cloud.state() == before, fails_at
        else:
            assert cloud.steps == fails_at - 1 > 0
            assert cloud.state() != before or name == "ModifyVolume"
            assert not any(HALF_DONE in one.properties for one in cloud.images_.values())
            assert not any(HALF_DONE in one.metadata for one in cloud.volumes_.values())
            return
    raise AssertionError(f"{name} takes more than {MOST_STEPS} steps")


class Deleting(Cloud):
    """While a step fails, a client deletes the first volume: it is kept for its snapshot alone."""

    def step(self) -> str:
        try:
            return super().step()
        except BackendError:
            mark = {DELETED: f"2026-01-01T00:00:00+00:00 {VOLUMES[0]}"}
            kept = replace(self.volumes_[VOLUMES[0]], metadata=mark, attachments=(), status="available")
            self.volumes_[VOLUMES[0]] = kept
            raise


@pytest.mark.parametrize("name", ["CreateSnapshots", "CreateImage"])
def test_a_volume_that_was_deleted_meanwhile_ends_with_the_snapshot_that_is_taken_back(name: str) -> None:
    action, params = CASES[name]
    cloud = Deleting(fails_at=2)  # the first step makes a snapshot of the volume
    del cloud.snapshots_[SNAPSHOT]
    with pytest.raises(BackendError):
        asyncio.run(act(action, call(name, compute=cloud, block=cloud, images=cloud), params))
    assert (set(cloud.volumes_), cloud.snapshots_) == ({VOLUMES[1]}, {})
