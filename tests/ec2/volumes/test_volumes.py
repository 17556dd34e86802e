"""Volumes through both APIs."""

from typing import Any

import pytest
from openstack.connection import Connection

from tests.ec2.client_errors import code
from tests.ec2.conftest import WAIT
from tests.ec2.network.test_security_groups import uuid
from tests.support.names import unique


def described(ec2: Any, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ec2.describe_volumes(**params)["Volumes"]
    return found


def remove(ec2: Any, *ids: str) -> None:
    """Delete volumes and wait for their end."""
    for one in ids:
        ec2.get_waiter("volume_available").wait(VolumeIds=[one], WaiterConfig=WAIT)
        ec2.delete_volume(VolumeId=one)
    ec2.get_waiter("volume_deleted").wait(VolumeIds=ids, WaiterConfig=WAIT)


def test_made_by_aws_read_by_openstack(ec2: Any, openstack_main: Connection, zone: str) -> None:
    tags = [{"Key": "Name", "Value": "data é"}, {"Key": "kubernetes.io/cluster/x", "Value": "owned"}]
    made = ec2.create_volume(
        Size=2,
        AvailabilityZone=zone,
        VolumeType="gp3",
        Encrypted=False,
        Iops=3000,
        Throughput=125,
        TagSpecifications=[{"ResourceType": "volume", "Tags": tags}],
    )
    assert (made["State"], made["Attachments"], made["Tags"]) == ("creating", [], tags)
    ec2.get_waiter("volume_available").wait(VolumeIds=[made["VolumeId"]], WaiterConfig=WAIT)
    native = openstack_main.block_storage.get_volume(uuid(made["VolumeId"]))
    assert (native.size, native.status) == (2, "available")
    assert native.metadata["tag:Name"] == "data é"
    [seen] = described(ec2, VolumeIds=[made["VolumeId"]])
    create_time = seen.pop("CreateTime")
    assert create_time.isoformat()[:19] == native.created_at[:19]
    assert seen == {
        "VolumeId": made["VolumeId"],
        "Size": 2,
        "SnapshotId": "",
        "AvailabilityZone": zone,
        "State": "available",
        "Attachments": [],
        "VolumeType": "gp3",
        "Iops": 3000,
        "Throughput": 125,
        "Encrypted": False,
        "MultiAttachEnabled": False,
        "Tags": tags,
    }
    remove(ec2, made["VolumeId"])
    assert code(ec2.describe_volumes, VolumeIds=[made["VolumeId"]]) == "InvalidVolume.NotFound"
    assert openstack_main.block_storage.find_volume(native.id) is None


def test_made_by_openstack_read_by_aws(ec2: Any, openstack_main: Connection) -> None:
    native = openstack_main.block_storage.create_volume(size=1, name=unique("native"), metadata={"tag:Owner": "ops"})
    made = "vol-" + native.id.replace("-", "")
    ec2.get_waiter("volume_available").wait(VolumeIds=[made], WaiterConfig=WAIT)
    [seen] = described(ec2, Filters=[{"Name": "tag:Owner", "Values": ["ops"]}, {"Name": "volume-id", "Values": [made]}])
    assert (seen["Size"], native.availability_zone) == (1, "nova")
    assert seen["AvailabilityZone"] == f"{ec2.meta.region_name}a"
    openstack_main.block_storage.set_volume_metadata(native, **{"tag:Owner": "dev"})
    assert described(ec2, VolumeIds=[made])[0]["Tags"] == [{"Key": "Owner", "Value": "dev"}]
    remove(ec2, made)
    assert openstack_main.block_storage.find_volume(native.id) is None


def test_a_volume_of_a_snapshot(ec2: Any, openstack_main: Connection, zone: str, volume: str) -> None:
    block = openstack_main.block_storage
    snapshot = block.create_snapshot(volume_id=uuid(volume), name=unique("snapshot"))
    block.wait_for_status(snapshot, "available", interval=1)
    made = "snap-" + snapshot.id.replace("-", "")
    try:
        copy = ec2.create_volume(SnapshotId=made, AvailabilityZone=zone)
        assert (copy["SnapshotId"], copy["Size"]) == (made, 1)
        [seen] = described(ec2, Filters=[{"Name": "snapshot-id", "Values": [made]}])
        assert seen["VolumeId"] == copy["VolumeId"]
        remove(ec2, copy["VolumeId"])
    finally:
        block.delete_snapshot(snapshot)
        block.wait_for_delete(snapshot, interval=1)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"AvailabilityZone": None}, "MissingParameter"),
        ({"AvailabilityZone": "nowhere"}, "InvalidZone.NotFound"),
        ({"Size": None}, "MissingParameter"),
        ({"Size": 0}, "InvalidParameterValue"),
        ({"Size": -1}, "InvalidParameterValue"),
        ({"SnapshotId": "snap-12345678"}, "InvalidSnapshot.NotFound"),
        ({"SnapshotId": "snap-" + "0" * 32}, "InvalidSnapshot.NotFound"),
        ({"SnapshotId": "vol-12345678"}, "InvalidSnapshotID.Malformed"),
        ({"VolumeType": "io2", "Size": 4}, "UnknownVolumeType"),
        ({"VolumeType": "gp2", "Iops": 3000}, "InvalidParameterCombination"),
        ({"VolumeType": "gp3", "Iops": 16000}, "UnsupportedOperation"),
        ({"VolumeType": "gp3", "Throughput": 500}, "UnsupportedOperation"),
        ({"Encrypted": True}, "UnsupportedOperation"),
        ({"MultiAttachEnabled": True}, "InvalidParameterCombination"),
        ({"TagSpecifications": [{"ResourceType": "instance", "Tags": []}]}, "InvalidParameterValue"),
        ({"ClientToken": "x" * 65}, "InvalidParameterValue"),
    ],
)
def test_what_is_no_volume_is_refused_and_leaves_nothing(
    ec2: Any, openstack_main: Connection, zone: str, params: dict[str, Any], expected: str
) -> None:
    before = {found.id for found in openstack_main.block_storage.volumes()}
    asked = {"Size": 1, "AvailabilityZone": zone, **params}
    assert code(ec2.create_volume, **{name: value for name, value in asked.items() if value is not None}) == expected
    assert {found.id for found in openstack_main.block_storage.volumes()} <= before  # Cinder may still delete some


def test_parameters_that_are_not_honoured_are_named(ec2: Any, zone: str) -> None:
    assert code(ec2.create_volume, Size=1, AvailabilityZone=zone, KmsKeyId="alias/x") == "UnsupportedOperation"


def test_a_token_makes_one_volume(ec2: Any, zone: str) -> None:
    asked = {"Size": 1, "AvailabilityZone": zone, "ClientToken": unique("token")}
    first, second = ec2.create_volume(**asked), ec2.create_volume(**asked)
    assert first["VolumeId"] == second["VolumeId"]
    assert code(ec2.create_volume, **{**asked, "Size": 2}) == "IdempotentParameterMismatch"
    other = ec2.create_volume(Size=1, AvailabilityZone=zone)["VolumeId"]
    assert other != first["VolumeId"]
    remove(ec2, first["VolumeId"], other)


def test_filters(ec2: Any, zone: str) -> None:
    mark = unique("filters")
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "test", "Value": mark}]}]
    made = ec2.create_volume(Size=3, AvailabilityZone=zone, VolumeType="gp2", TagSpecifications=tags)
    volume = made["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=WAIT)
    for name, value in {
        "availability-zone": zone,
        "create-time": made["CreateTime"].strftime("%Y-%m-%dT%H:*"),
        "encrypted": "false",
        "fast-restored": "false",
        "multi-attach-enabled": "false",
        "operator.managed": "false",
        "size": "3",
        "status": "available",
        "tag:test": mark,
        "tag-key": "te?t",
        "tag-value": mark,
        "volume-id": volume,
        "volume-type": "gp2",
    }.items():
        assert volume in [v["VolumeId"] for v in described(ec2, Filters=[{"Name": name, "Values": [value]}])], name
        wrong = [{"Name": name, "Values": ["nothing-like-it"]}]
        assert described(ec2, Filters=wrong) == [], name
    for name in ("attachment.device", "attachment.instance-id", "attachment.status", "attachment.attach-time",
                 "attachment.delete-on-termination", "operator.principal"):  # fmt: skip
        both = [{"Name": name, "Values": ["*"]}, {"Name": "volume-id", "Values": [volume]}]
        assert described(ec2, Filters=both) == [], name
    remove(ec2, volume)


def test_pages(ec2: Any, zone: str) -> None:
    mark = unique("page")
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "page", "Value": mark}]}]
    made = {ec2.create_volume(Size=1, AvailabilityZone=zone, TagSpecifications=tags)["VolumeId"] for _ in range(6)}
    ours = [{"Name": "tag:page", "Values": [mark]}]
    pages = list(ec2.get_paginator("describe_volumes").paginate(Filters=ours, PaginationConfig={"PageSize": 5}))
    assert [len(page["Volumes"]) for page in pages] == [5, 1]
    assert {volume["VolumeId"] for page in pages for volume in page["Volumes"]} == made
    token = pages[0]["NextToken"]
    assert code(ec2.describe_volumes, NextToken=token) == "InvalidParameterValue"
    assert code(ec2.describe_volumes, VolumeIds=sorted(made), MaxResults=5) == "InvalidParameterCombination"
    assert code(ec2.describe_volumes, MaxResults=4) == "InvalidParameterValue"
    remove(ec2, *made)


def test_status_and_attributes(ec2: Any, zone: str, volume: str) -> None:
    [status] = ec2.describe_volume_status(VolumeIds=[volume])["VolumeStatuses"]
    assert status["VolumeStatus"]["Status"] == "ok"
    assert status["AvailabilityZone"] == zone
    fine = [{"Name": "volume-status.status", "Values": ["ok"]}]
    assert volume in [one["VolumeId"] for one in ec2.describe_volume_status(Filters=fine)["VolumeStatuses"]]
    answer = ec2.describe_volume_attribute(VolumeId=volume, Attribute="autoEnableIO")
    assert (answer["VolumeId"], answer["AutoEnableIO"]) == (volume, {"Value": False})
    assert ec2.describe_volume_attribute(VolumeId=volume, Attribute="productCodes")["ProductCodes"] == []


@pytest.mark.parametrize("id", ["vol-" + "0" * 32, "vol-12345678", "vol-12345678901234567"])
def test_a_volume_that_is_not_there(ec2: Any, id: str) -> None:
    assert code(ec2.describe_volumes, VolumeIds=[id]) == "InvalidVolume.NotFound"
    assert code(ec2.describe_volume_status, VolumeIds=[id]) == "InvalidVolume.NotFound"
    assert code(ec2.describe_volume_attribute, VolumeId=id, Attribute="autoEnableIO") == "InvalidVolume.NotFound"
    assert code(ec2.delete_volume, VolumeId=id) == "InvalidVolume.NotFound"
    assert code(ec2.detach_volume, VolumeId=id) == "InvalidVolume.NotFound"


def test_what_is_no_volume_id(ec2: Any) -> None:
    for action in (ec2.delete_volume, ec2.detach_volume):
        assert code(action, VolumeId="i-" + "0" * 32) == "InvalidVolumeID.Malformed"
    assert code(ec2.describe_volumes, VolumeIds=["volume"]) == "InvalidVolumeID.Malformed"


def test_other_accounts_see_nothing_of_it(aws: Any, volume: str) -> None:
    other = aws("ec2", "alt")
    assert code(other.describe_volumes, VolumeIds=[volume]) == "InvalidVolume.NotFound"
    assert code(other.delete_volume, VolumeId=volume) == "InvalidVolume.NotFound"


def test_dry_run_changes_nothing(ec2: Any, zone: str, volume: str) -> None:
    instance = "i-" + "0" * 32
    for action, params in (
        (ec2.create_volume, {"Size": 1, "AvailabilityZone": zone}),
        (ec2.describe_volumes, {}),
        (ec2.describe_volume_status, {}),
        (ec2.describe_volume_attribute, {"VolumeId": volume, "Attribute": "autoEnableIO"}),
        (ec2.attach_volume, {"VolumeId": volume, "InstanceId": instance, "Device": "/dev/sdf"}),
        (ec2.detach_volume, {"VolumeId": volume}),
        (ec2.delete_volume, {"VolumeId": volume}),
    ):
        assert code(action, DryRun=True, **params) == "DryRunOperation"
    assert described(ec2, VolumeIds=[volume])[0]["State"] == "available"
