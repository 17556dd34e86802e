"""Snapshots outlive their volume: it is shown no more, and Cinder's volume ends with its last snapshot."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from openstack.connection import Connection

from tests.ec2.client_errors import code
from tests.ec2.conftest import WAIT, Launch, end, eventually
from tests.ec2.network.test_security_groups import uuid
from tests.ec2.volumes.test_snapshots import complete, described
from tests.ec2.volumes.test_volumes import remove
from tests.support.names import unique

Make = Callable[[], str]


@pytest.fixture
def snapshot_of(ec2: Any, volume: str) -> Iterator[Make]:
    """Make completed snapshots of the volume; what is left of them is deleted after the test."""
    made: list[str] = []

    def make() -> str:
        made.append(ec2.create_snapshot(VolumeId=volume)["SnapshotId"])
        complete(ec2, made[-1])
        return made[-1]

    yield make
    for one in {row["SnapshotId"] for row in described(ec2)}.intersection(made):
        ec2.delete_snapshot(SnapshotId=one)


def test_a_volume_is_deleted_while_it_has_snapshots(
    ec2: Any, openstack_main: Connection, zone: str, volume: str, snapshot_of: Make
) -> None:
    block = openstack_main.block_storage
    ec2.create_tags(Resources=[volume], Tags=[{"Key": "use", "Value": "archive"}])
    first, second = snapshot_of(), snapshot_of()
    ec2.delete_volume(VolumeId=volume)

    named = {"VolumeId": volume}
    for action, params in (
        (ec2.describe_volumes, {"VolumeIds": [volume]}),
        (ec2.describe_volume_status, {"VolumeIds": [volume]}),
        (ec2.describe_volumes_modifications, {"VolumeIds": [volume]}),
        (ec2.describe_volume_attribute, {**named, "Attribute": "autoEnableIO"}),
        (ec2.modify_volume_attribute, {**named, "AutoEnableIO": {"Value": True}}),
        (ec2.enable_volume_io, named),
        (ec2.modify_volume, {**named, "Size": 2}),
        (ec2.detach_volume, named),
        (ec2.create_snapshot, named),
        (ec2.create_tags, {"Resources": [volume], "Tags": [{"Key": "a"}]}),
        (ec2.create_tags, {"Resources": [volume, first], "Tags": [{"Key": "a"}]}),
        (ec2.delete_tags, {"Resources": [volume]}),
        (ec2.delete_volume, named),
    ):
        assert code(action, **params) == "InvalidVolume.NotFound", action
    for listed in (ec2.describe_volumes(), ec2.describe_volume_status(), ec2.describe_tags()):
        assert volume not in str(listed)

    native = block.get_volume(uuid(volume))
    assert (native.status, native.metadata["tag:use"]) == ("available", "archive")
    assert native.metadata["ec2:deleted"][:2] == "20"
    [row] = described(ec2, SnapshotIds=[first])
    assert (row["VolumeId"], row["VolumeSize"], row["State"]) == (volume, 1, "completed")
    restored = ec2.create_volume(SnapshotId=first, AvailabilityZone=zone)["VolumeId"]
    copy = ec2.copy_snapshot(SourceSnapshotId=first, SourceRegion=ec2.meta.region_name)["SnapshotId"]
    complete(ec2, copy)
    ec2.delete_snapshot(SnapshotId=copy)
    remove(ec2, restored)

    ec2.delete_snapshot(SnapshotId=first)
    assert eventually(lambda: block.find_snapshot(uuid(first)) is None)
    assert block.get_volume(uuid(volume)).status == "available"
    ec2.delete_snapshot(SnapshotId=second)
    assert code(ec2.describe_snapshots, SnapshotIds=[second]) == "InvalidSnapshot.NotFound"
    assert eventually(lambda: block.find_volume(uuid(volume)) is None and block.find_snapshot(uuid(second)) is None)


def test_a_last_snapshot_that_openstack_deletes(
    ec2: Any, openstack_main: Connection, volume: str, snapshot_of: Make
) -> None:
    block, made = openstack_main.block_storage, snapshot_of()
    ec2.delete_volume(VolumeId=volume)
    native = block.get_snapshot(uuid(made))
    block.delete_snapshot(native)
    block.wait_for_delete(native, interval=1)
    assert block.get_volume(uuid(volume)).status == "available"
    assert made not in str(ec2.describe_snapshots())
    assert eventually(lambda: block.find_volume(uuid(volume)) is None)


def test_a_token_of_a_deleted_volume_makes_another(ec2: Any, zone: str) -> None:
    asked = {"Size": 1, "AvailabilityZone": zone, "ClientToken": unique("token")}
    first = ec2.create_volume(**asked)["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[first], WaiterConfig=WAIT)
    made = ec2.create_snapshot(VolumeId=first)["SnapshotId"]
    complete(ec2, made)
    ec2.delete_volume(VolumeId=first)
    second = ec2.create_volume(**asked)["VolumeId"]
    assert second != first
    ec2.delete_snapshot(SnapshotId=made)
    remove(ec2, second)


def test_the_volumes_of_a_terminated_instance(ec2: Any, openstack_main: Connection, launch: Launch) -> None:
    block = openstack_main.block_storage
    devices = [
        {"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": 1}},
        {"DeviceName": "/dev/sdh", "Ebs": {"VolumeSize": 2, "DeleteOnTermination": False}},
    ]
    [instance] = launch(BlockDeviceMappings=devices)
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    held = [{"Name": "attachment.instance-id", "Values": [instance]}]
    assert eventually(lambda: len(ec2.describe_volumes(Filters=held)["Volumes"]) == 2)
    by_size = {one["Size"]: one["VolumeId"] for one in ec2.describe_volumes(Filters=held)["Volumes"]}
    made = [ec2.create_snapshot(VolumeId=one)["SnapshotId"] for one in by_size.values()]
    complete(ec2, *made)
    assert code(ec2.delete_volume, VolumeId=by_size[1]) == "VolumeInUse"
    end(ec2, [instance])
    assert eventually(lambda: by_size[1] not in str(ec2.describe_volumes()))
    native = block.get_volume(uuid(by_size[1]))
    assert (native.status, "ec2:deleted" in native.metadata) == ("available", True)
    [kept] = ec2.describe_volumes(VolumeIds=[by_size[2]])["Volumes"]
    assert kept["State"] == "available"
    for one in made:
        ec2.delete_snapshot(SnapshotId=one)
    assert eventually(lambda: block.find_volume(native.id) is None)
    remove(ec2, by_size[2])
