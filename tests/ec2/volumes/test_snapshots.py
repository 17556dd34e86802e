"""Snapshots through both APIs."""

from collections.abc import Iterator
from typing import Any

import pytest
from openstack.connection import Connection

from tests.ec2.client_errors import code, refusal
from tests.ec2.conftest import WAIT, Launch, eventually
from tests.ec2.network.test_security_groups import uuid
from tests.ec2.volumes.test_volumes import remove
from tests.support.names import unique

ABSENT = "snap-" + "0" * 32


def complete(ec2: Any, *ids: str) -> None:
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[*ids], WaiterConfig=WAIT)


def described(ec2: Any, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ec2.describe_snapshots(**params)["Snapshots"]
    return found


@pytest.fixture
def snapshot(ec2: Any, volume: str) -> Iterator[str]:
    """The id of a completed snapshot with a tag; the test may delete it."""
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "Name", "Value": "day 1"}]}]
    made: str = ec2.create_snapshot(VolumeId=volume, Description="nightly", TagSpecifications=tags)["SnapshotId"]
    complete(ec2, made)
    yield made
    if described(ec2, Filters=[{"Name": "snapshot-id", "Values": [made]}]):
        ec2.delete_snapshot(SnapshotId=made)


def test_made_by_aws_read_by_openstack(ec2: Any, sts: Any, openstack_main: Connection, volume: str) -> None:
    tags = [{"Key": "Name", "Value": "day é"}, {"Key": "kubernetes.io/x", "Value": "1"}]
    asked = {"VolumeId": volume, "Description": "nightly"}
    made = ec2.create_snapshot(TagSpecifications=[{"ResourceType": "snapshot", "Tags": tags}], **asked)
    assert (made["State"], made["VolumeId"], made["Tags"]) == ("pending", volume, tags)
    complete(ec2, made["SnapshotId"])
    native = openstack_main.block_storage.get_snapshot(uuid(made["SnapshotId"]))
    assert (native.volume_id, native.status, native.description) == (uuid(volume), "available", "nightly")
    assert native.metadata["tag:Name"] == "day é"
    [seen] = described(ec2, SnapshotIds=[made["SnapshotId"]])
    assert seen.pop("StartTime").isoformat()[:19] == native.created_at[:19]
    assert seen == {
        "SnapshotId": made["SnapshotId"],
        "VolumeId": volume,
        "VolumeSize": 1,
        "State": "completed",
        "Progress": "100%",
        "OwnerId": sts.get_caller_identity()["Account"],
        "Description": "nightly",
        "Encrypted": False,
        "StorageTier": "standard",
        "Tags": tags,
    }
    # AWS deletes a snapshot at once, and then its volume: Cinder's deletion takes a moment.
    ec2.delete_snapshot(SnapshotId=made["SnapshotId"])
    assert code(ec2.describe_snapshots, SnapshotIds=[made["SnapshotId"]]) == "InvalidSnapshot.NotFound"
    ec2.delete_volume(VolumeId=volume)
    ec2.get_waiter("volume_deleted").wait(VolumeIds=[volume], WaiterConfig=WAIT)
    assert openstack_main.block_storage.find_snapshot(native.id) is None


def test_made_by_openstack_read_by_aws(ec2: Any, openstack_main: Connection, volume: str) -> None:
    block = openstack_main.block_storage
    native = block.create_snapshot(
        volume_id=uuid(volume), name=unique("native"), description="ops", metadata={"tag:Owner": "ops"}
    )
    made = "snap-" + native.id.replace("-", "")
    complete(ec2, made)
    [seen] = described(
        ec2, Filters=[{"Name": "tag:Owner", "Values": ["ops"]}, {"Name": "snapshot-id", "Values": [made]}]
    )
    assert (seen["VolumeId"], seen["Description"]) == (volume, "ops")
    ec2.create_tags(Resources=[made], Tags=[{"Key": "a/b", "Value": "é"}])
    ec2.delete_tags(Resources=[made], Tags=[{"Key": "Owner"}])
    assert [*described(ec2, SnapshotIds=[made])[0]["Tags"]] == [{"Key": "a/b", "Value": "é"}]
    assert "tag:Owner" not in block.get_snapshot(native.id).metadata
    ours = [{"Name": "resource-id", "Values": [made]}]
    assert [tag["ResourceType"] for tag in ec2.describe_tags(Filters=ours)["Tags"]] == ["snapshot"]
    block.delete_snapshot(native)
    block.wait_for_delete(native, interval=1)
    assert code(ec2.describe_snapshots, SnapshotIds=[made]) == "InvalidSnapshot.NotFound"


def test_whose_snapshots(ec2: Any, sts: Any, aws: Any, snapshot: str) -> None:
    def found(**asked: Any) -> bool:
        return snapshot in [one["SnapshotId"] for one in described(ec2, **asked)]

    account = sts.get_caller_identity()["Account"]
    for asked in ({}, {"OwnerIds": ["self"]}, {"OwnerIds": [account]}, {"RestorableByUserIds": ["self"]}):
        assert found(**asked), asked
    for users in ({"OwnerIds": ["amazon"]}, {"OwnerIds": ["123456789012"]}, {"RestorableByUserIds": ["all"]}):
        assert not found(**users), users
    assert code(ec2.describe_snapshots, OwnerIds=["me"]) == "InvalidUserID.Malformed"
    assert code(ec2.describe_snapshots, RestorableByUserIds=["amazon"]) == "InvalidUserID.Malformed"
    other = aws("ec2", "alt")
    assert code(other.describe_snapshots, SnapshotIds=[snapshot]) == "InvalidSnapshot.NotFound"
    assert code(other.delete_snapshot, SnapshotId=snapshot) == "InvalidSnapshot.NotFound"


def test_filters_and_pages(ec2: Any, sts: Any, volume: str, snapshot: str) -> None:
    this = {"Name": "snapshot-id", "Values": [snapshot]}
    for name, value in {
        "description": "night*",
        "encrypted": "false",
        "owner-id": sts.get_caller_identity()["Account"],
        "progress": "100%",
        "snapshot-id": snapshot,
        "start-time": "20*",
        "status": "completed",
        "storage-tier": "standard",
        "tag:Name": "day 1",
        "volume-id": volume,
        "volume-size": "1",
    }.items():
        assert described(ec2, Filters=[{"Name": name, "Values": [value]}, this]), name
        assert described(ec2, Filters=[{"Name": name, "Values": ["nothing-like-it"]}]) == [], name
    for name in ("owner-alias", "transfer-type"):
        assert described(ec2, Filters=[{"Name": name, "Values": ["*"]}, this]) == []
    more = [ec2.create_snapshot(VolumeId=volume)["SnapshotId"] for _ in range(5)]
    complete(ec2, *more)
    ours = [{"Name": "volume-id", "Values": [volume]}]
    pages = list(ec2.get_paginator("describe_snapshots").paginate(Filters=ours, PaginationConfig={"PageSize": 5}))
    assert [len(page["Snapshots"]) for page in pages] == [5, 1]
    for one in more:
        ec2.delete_snapshot(SnapshotId=one)


def test_an_attached_volume(ec2: Any, zone: str, attached: str) -> None:
    made = ec2.create_snapshot(VolumeId=attached)["SnapshotId"]
    complete(ec2, made)
    copy = ec2.create_volume(SnapshotId=made, AvailabilityZone=zone, Size=3)
    assert (copy["SnapshotId"], copy["Size"]) == (made, 3)
    remove(ec2, copy["VolumeId"])
    ec2.delete_snapshot(SnapshotId=made)


def test_a_volume_is_not_smaller_than_its_snapshot(ec2: Any, zone: str) -> None:
    large = ec2.create_volume(Size=2, AvailabilityZone=zone)["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[large], WaiterConfig=WAIT)
    made = ec2.create_snapshot(VolumeId=large)["SnapshotId"]
    complete(ec2, made)
    told = refusal(ec2.create_volume, SnapshotId=made, Size=1, AvailabilityZone=zone)
    assert told == (
        "InvalidParameterValue",
        f"Volume of 1GiB is smaller than snapshot '{made}', expect size >= 2GiB",
    )
    ec2.delete_snapshot(SnapshotId=made)
    remove(ec2, large)


def test_a_copy_outlives_its_source(
    ec2: Any, openstack_main: Connection, zone: str, snapshot: str, volume: str
) -> None:
    block = openstack_main.block_storage
    before = {one.id for one in block.volumes()}
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "Name", "Value": "copy"}]}]
    asked = {"SourceSnapshotId": snapshot, "SourceRegion": ec2.meta.region_name, "Description": "far away"}
    answer = ec2.copy_snapshot(TagSpecifications=tags, **asked)
    made = answer["SnapshotId"]
    assert answer["Tags"] == tags[0]["Tags"]
    complete(ec2, made)
    [seen] = described(ec2, SnapshotIds=[made])
    assert (seen["VolumeId"], seen["VolumeSize"], seen["Description"]) == ("vol-ffffffff", 1, "far away")
    assert (seen["Tags"], seen["TransferType"]) == (tags[0]["Tags"], "standard")
    # In Cinder the copy lies on a volume of its own, which clients of AWS do not see.
    [carrier] = {one.id for one in block.volumes()} - before
    assert block.get_snapshot(uuid(made)).volume_id == carrier
    assert carrier.replace("-", "") not in str(ec2.describe_volumes())
    ec2.delete_snapshot(SnapshotId=snapshot)
    restored = ec2.create_volume(SnapshotId=made, AvailabilityZone=zone)["VolumeId"]
    remove(ec2, restored, volume)
    ec2.delete_snapshot(SnapshotId=made)
    assert eventually(lambda: block.find_volume(carrier) is None and block.find_snapshot(uuid(made)) is None)


def test_copies_that_are_refused(ec2: Any, openstack_main: Connection, snapshot: str) -> None:
    before = {one.id for one in openstack_main.block_storage.volumes()}
    here = {"SourceRegion": ec2.meta.region_name}
    assert code(ec2.copy_snapshot, SourceSnapshotId=ABSENT, **here) == "InvalidSnapshot.NotFound"
    assert code(ec2.copy_snapshot, SourceSnapshotId=snapshot, Encrypted=True, **here) == "UnsupportedOperation"
    assert code(ec2.copy_snapshot, SourceSnapshotId=snapshot, KmsKeyId="alias/x", **here) == "UnsupportedOperation"
    long = "x" * 256
    assert code(ec2.copy_snapshot, SourceSnapshotId=snapshot, Description=long, **here) == "InvalidParameterValue"
    assert {one.id for one in openstack_main.block_storage.volumes()} <= before  # Cinder may still delete some


def test_all_volumes_of_an_instance(ec2: Any, openstack_main: Connection, zone: str, launch: Launch) -> None:
    root = {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 1}}
    [instance] = launch(BlockDeviceMappings=[root, {"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": 2}}])
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    held = [{"Name": "attachment.instance-id", "Values": [instance]}]
    assert eventually(lambda: len(ec2.describe_volumes(Filters=held)["Volumes"]) == 2)
    by_size = {one["Size"]: one["VolumeId"] for one in ec2.describe_volumes(Filters=held)["Volumes"]}
    ec2.create_tags(Resources=[by_size[2]], Tags=[{"Key": "use", "Value": "data"}])
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "set", "Value": "1"}]}]
    whole = {"InstanceId": instance}
    made = ec2.create_snapshots(
        InstanceSpecification=whole, Description="both", CopyTagsFromSource="volume", TagSpecifications=tags
    )["Snapshots"]
    try:
        assert {one["VolumeId"] for one in made} == set(by_size.values())
        complete(ec2, *(one["SnapshotId"] for one in made))
        data = next(one for one in made if one["VolumeSize"] == 2)
        assert data["Tags"] == [{"Key": "set", "Value": "1"}, {"Key": "use", "Value": "data"}]
        native = openstack_main.block_storage.get_snapshot(uuid(data["SnapshotId"]))
        assert (native.volume_id, native.metadata["tag:use"]) == (uuid(by_size[2]), "data")
        [only] = ec2.create_snapshots(InstanceSpecification={**whole, "ExcludeBootVolume": True})["Snapshots"]
        made.append(only)
        assert only["VolumeId"] == by_size[2]
        other = {**whole, "ExcludeDataVolumeIds": [by_size[1]]}
        assert code(ec2.create_snapshots, InstanceSpecification=other) == "InvalidParameterValue"
        [boot] = ec2.create_snapshots(InstanceSpecification={**whole, "ExcludeDataVolumeIds": [by_size[2]]})[
            "Snapshots"
        ]
        made.append(boot)
        assert boot["VolumeId"] == by_size[1]
        none = {"InstanceId": "i-" + "0" * 32}
        assert code(ec2.create_snapshots, InstanceSpecification=none) == "InvalidInstanceID.NotFound"
    finally:
        for one in made:
            ec2.delete_snapshot(SnapshotId=one["SnapshotId"])
        natives = openstack_main.block_storage
        assert eventually(lambda: not any(natives.find_snapshot(uuid(one["SnapshotId"])) for one in made))


def test_snapshots_are_private(ec2: Any, snapshot: str) -> None:
    named = {"SnapshotId": snapshot, "Attribute": "createVolumePermission"}
    seen = ec2.describe_snapshot_attribute(**named)
    assert (seen["SnapshotId"], seen["CreateVolumePermissions"]) == (snapshot, [])
    assert ec2.describe_snapshot_attribute(SnapshotId=snapshot, Attribute="productCodes")["ProductCodes"] == []
    ec2.reset_snapshot_attribute(**named)
    account, everyone = {"UserId": "123456789012"}, {"Group": "all"}
    ec2.modify_snapshot_attribute(CreateVolumePermission={"Remove": [account]}, **named)
    ec2.modify_snapshot_attribute(OperationType="remove", UserIds=["123456789012"], **named)
    for asked in (
        {"CreateVolumePermission": {"Add": [account]}},
        {"CreateVolumePermission": {"Add": [everyone], "Remove": [account]}},
        {"OperationType": "add", "GroupNames": ["all"]},
    ):
        assert code(ec2.modify_snapshot_attribute, **asked, **named) == "UnsupportedOperation"
    assert code(ec2.modify_snapshot_attribute, **named) == "MissingParameter"
    for action in (ec2.describe_snapshot_attribute, ec2.reset_snapshot_attribute):
        assert code(action, SnapshotId=snapshot, Attribute="bogus") == "InvalidParameterValue"
        assert code(action, SnapshotId=ABSENT, Attribute="createVolumePermission") == "InvalidSnapshot.NotFound"


def test_what_is_not_there(ec2: Any, volume: str) -> None:
    assert code(ec2.create_snapshot, VolumeId="vol-" + "0" * 32) == "InvalidVolume.NotFound"
    assert code(ec2.create_snapshot, VolumeId="snap-1") == "InvalidVolumeID.Malformed"
    assert code(ec2.create_snapshot, VolumeId=volume, Location="local") == "UnsupportedOperation"
    assert code(ec2.create_snapshot, VolumeId=volume, Description="x" * 256) == "InvalidParameterValue"
    assert code(ec2.delete_snapshot, SnapshotId=ABSENT) == "InvalidSnapshot.NotFound"
    assert code(ec2.delete_snapshot, SnapshotId="snap-12345678") == "InvalidSnapshot.NotFound"
    assert code(ec2.delete_snapshot, SnapshotId=volume) == "InvalidSnapshotID.Malformed"
    assert code(ec2.create_tags, Resources=[ABSENT], Tags=[{"Key": "a"}]) == "InvalidSnapshot.NotFound"


def test_dry_runs_and_operations_that_the_cloud_lacks(ec2: Any, snapshot: str, volume: str) -> None:
    region = ec2.meta.region_name
    for action, params in (
        (ec2.create_snapshot, {"VolumeId": volume}),
        (ec2.create_snapshots, {"InstanceSpecification": {"InstanceId": "i-" + "0" * 32}}),
        (ec2.copy_snapshot, {"SourceSnapshotId": snapshot, "SourceRegion": region}),
        (ec2.describe_snapshots, {}),
        (ec2.delete_snapshot, {"SnapshotId": snapshot}),
    ):
        assert code(action, DryRun=True, **params) == "DryRunOperation"
    assert described(ec2, SnapshotIds=[snapshot])[0]["State"] == "completed"
    for action, params in (
        (ec2.list_snapshots_in_recycle_bin, {}),
        (ec2.restore_snapshot_from_recycle_bin, {"SnapshotId": snapshot}),
        (ec2.get_snapshot_block_public_access_state, {}),
        (ec2.modify_snapshot_tier, {"SnapshotId": snapshot, "StorageTier": "archive"}),
    ):
        assert code(action, **params) == "UnsupportedOperation"
