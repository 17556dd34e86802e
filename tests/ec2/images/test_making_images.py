"""CreateImage, RegisterImage, CopyImage and DeregisterImage through both APIs."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openstack.connection import Connection

from tests.ec2.client_errors import code, refusal
from tests.ec2.conftest import WAIT, Launch, eventually
from tests.ec2.network.test_security_groups import uuid
from tests.support.names import unique

ABSENT = "ami-" + "0" * 32


def described(ec2: Any, image: str) -> dict[str, Any]:
    found: dict[str, Any] = ec2.describe_images(ImageIds=[image])["Images"][0]
    return found


def available(ec2: Any, image: str) -> dict[str, Any]:
    ec2.get_waiter("image_available").wait(ImageIds=[image], WaiterConfig=WAIT)
    return described(ec2, image)


def snapshots(image: dict[str, Any]) -> list[str]:
    return [one["Ebs"]["SnapshotId"] for one in image["BlockDeviceMappings"] if "SnapshotId" in one["Ebs"]]


def discard(ec2: Any, openstack: Connection, *images: str) -> None:
    """Deregister images with their snapshots, and wait for the snapshots' end."""
    for image in images:
        gone = ec2.deregister_image(ImageId=image, DeleteAssociatedSnapshots=True).get("DeleteSnapshotResults", [])
        assert {one["ReturnCode"] for one in gone} <= {"success"}, gone
        left = {uuid(one["SnapshotId"]) for one in gone}
        assert eventually(lambda left=left: not left & {one.id for one in openstack.block_storage.snapshots()})  # type: ignore[misc]


@pytest.fixture(scope="module")
def volume(ec2: Any) -> Iterator[str]:
    """An available volume of 1 GiB for the tests of this module."""
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    made: str = ec2.create_volume(Size=1, AvailabilityZone=zone)["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[made], WaiterConfig=WAIT)
    yield made
    ec2.delete_volume(VolumeId=made)
    ec2.get_waiter("volume_deleted").wait(VolumeIds=[made], WaiterConfig=WAIT)


@pytest.fixture
def snapshot(ec2: Any, volume: str) -> Iterator[str]:
    """A completed snapshot; the test may delete it."""
    made: str = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[made], WaiterConfig=WAIT)
    yield made
    if ec2.describe_snapshots(Filters=[{"Name": "snapshot-id", "Values": [made]}])["Snapshots"]:
        ec2.delete_snapshot(SnapshotId=made)


@pytest.fixture
def registered(ec2: Any, snapshot: str) -> Iterator[str]:
    """An image of one snapshot; the test may deregister it."""
    made: str = ec2.register_image(
        Name=unique("registered"),
        Architecture="x86_64",
        VirtualizationType="hvm",
        RootDeviceName="/dev/xvda",
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}],
    )["ImageId"]
    yield made
    if ec2.describe_images(Filters=[{"Name": "image-id", "Values": [made]}])["Images"]:
        ec2.deregister_image(ImageId=made)


def test_an_image_of_a_running_instance(ec2: Any, openstack_main: Connection, instance: str) -> None:
    name = unique("golden")
    tags = [{"ResourceType": "image", "Tags": [{"Key": "Name", "Value": "gold"}]}]
    made = ec2.create_image(InstanceId=instance, Name=name, Description="rebooted", TagSpecifications=tags)["ImageId"]
    seen = available(ec2, made)
    assert (seen["Name"], seen["Description"], seen["Tags"]) == (name, "rebooted", tags[0]["Tags"])
    assert seen["SourceInstanceId"] == instance
    native = openstack_main.image.get_image(uuid(made))
    assert (native.status, native.instance_uuid) == ("active", uuid(instance))
    told = refusal(ec2.create_image, InstanceId=instance, Name=name, NoReboot=True)
    assert told == ("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI {made}")
    assert ec2.deregister_image(ImageId=made)["Return"] is True
    assert code(ec2.describe_images, ImageIds=[made]) == "InvalidAMIID.NotFound"
    assert openstack_main.image.find_image(uuid(made)) is None


def test_an_image_of_an_instance_with_volumes(
    ec2: Any, openstack_main: Connection, launch: Launch, instance_type: str
) -> None:
    root = {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 1}}
    data = [{"DeviceName": f"/dev/sd{letter}", "Ebs": {"VolumeSize": size}} for letter, size in (("g", 2), ("h", 3))]
    [source] = launch(BlockDeviceMappings=[root, *data])
    ec2.get_waiter("instance_running").wait(InstanceIds=[source], WaiterConfig=WAIT)
    name = unique("volumes")
    made = ec2.create_image(
        InstanceId=source,
        Name=name,
        NoReboot=True,
        BlockDeviceMappings=[
            {"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": 4, "DeleteOnTermination": False}},
            {"DeviceName": "/dev/sdh", "NoDevice": ""},
            {"DeviceName": "/dev/sdi", "Ebs": {"VolumeSize": 1}},
        ],
        TagSpecifications=[{"ResourceType": "snapshot", "Tags": [{"Key": "of", "Value": name}]}],
    )["ImageId"]
    seen = available(ec2, made)
    by_name = {one["DeviceName"]: one["Ebs"] for one in seen["BlockDeviceMappings"]}
    assert set(by_name) == {seen["RootDeviceName"], "/dev/sdg", "/dev/sdi"}
    assert (by_name["/dev/sdg"]["VolumeSize"], by_name["/dev/sdg"]["DeleteOnTermination"]) == (4, False)
    assert "SnapshotId" not in by_name["/dev/sdi"]
    kept = snapshots(seen)
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=kept, WaiterConfig=WAIT)
    tagged = ec2.describe_snapshots(Filters=[{"Name": "tag:of", "Values": [name]}])["Snapshots"]
    assert {one["SnapshotId"] for one in tagged} == set(kept)
    native = json.loads(openstack_main.image.get_image(uuid(made)).properties["block_device_mapping"])
    assert {one["snapshot_id"] for one in native if one.get("snapshot_id")} == {uuid(one) for one in kept}
    # The snapshot of the device that was left out is gone, and those of the image are in use.
    of_source = {one["VolumeId"] for one in ec2.describe_snapshots(SnapshotIds=kept)["Snapshots"]}
    assert len(of_source) == 2
    assert code(ec2.delete_snapshot, SnapshotId=kept[0]) == "InvalidSnapshot.InUse"
    # An instance of the image has its volumes, as the request changes them.
    [copy] = launch(ImageId=made, BlockDeviceMappings=[{"DeviceName": "/dev/sdi", "NoDevice": ""}])
    ec2.get_waiter("instance_running").wait(InstanceIds=[copy], WaiterConfig=WAIT)
    held = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [copy]}])["Volumes"]
    assert {(one["SnapshotId"], one["Size"]) for one in held} == {
        (by_name[seen["RootDeviceName"]]["SnapshotId"], 1),
        (by_name["/dev/sdg"]["SnapshotId"], 4),
    }
    assert "/dev/sdg" in {one["Attachments"][0]["Device"] for one in held}
    left = next(one["VolumeId"] for one in held if one["Size"] == 4)
    ec2.terminate_instances(InstanceIds=[copy])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[copy], WaiterConfig=WAIT)
    ec2.get_waiter("volume_available").wait(VolumeIds=[left], WaiterConfig=WAIT)
    ec2.delete_volume(VolumeId=left)
    ec2.get_waiter("volume_deleted").wait(VolumeIds=[left], WaiterConfig=WAIT)
    discard(ec2, openstack_main, made)


def test_an_image_of_snapshots(ec2: Any, openstack_main: Connection, launch: Launch, snapshot: str) -> None:
    name = unique("registered")
    tags = [{"ResourceType": "image", "Tags": [{"Key": "Name", "Value": "r"}]}]
    root = {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot, "VolumeSize": 2}}
    blank = {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1, "VolumeType": "gp3", "DeleteOnTermination": True}}
    made = ec2.register_image(
        Name=name,
        Description="of a snapshot",
        Architecture="x86_64",
        VirtualizationType="hvm",
        RootDeviceName="/dev/xvda",
        EnaSupport=False,
        SriovNetSupport="simple",
        BootMode="uefi",
        BlockDeviceMappings=[root, blank],
        TagSpecifications=tags,
    )["ImageId"]
    seen = available(ec2, made)
    assert (seen["Name"], seen["Description"], seen["Architecture"]) == (name, "of a snapshot", "x86_64")
    assert (seen["EnaSupport"], seen["SriovNetSupport"], seen["BootMode"]) == (False, "simple", "uefi")
    assert (seen["RootDeviceName"], seen["RootDeviceType"], seen["Tags"]) == ("/dev/xvda", "ebs", tags[0]["Tags"])
    first, second = seen["BlockDeviceMappings"]
    assert first["Ebs"] == {
        "SnapshotId": snapshot,
        "VolumeSize": 2,
        "DeleteOnTermination": True,
        "Encrypted": False,
    }
    assert (second["DeviceName"], second["Ebs"]["VolumeType"]) == ("/dev/sdf", "gp3")
    native = openstack_main.image.get_image(uuid(made))
    assert (native.status, native.size, native.min_disk) == ("active", 0, 2)
    [instance] = launch(ImageId=made)
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    held = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [instance]}])["Volumes"]
    assert sorted((one["SnapshotId"], one["Size"]) for one in held) == [("", 1), (snapshot, 2)]
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    answer = ec2.deregister_image(ImageId=made, DeleteAssociatedSnapshots=True)
    assert answer["DeleteSnapshotResults"] == [{"SnapshotId": snapshot, "ReturnCode": "success"}]
    assert code(ec2.describe_images, ImageIds=[made]) == "InvalidAMIID.NotFound"


def test_a_snapshot_of_two_images_is_kept(ec2: Any, registered: str) -> None:
    [snapshot] = snapshots(described(ec2, registered))
    root = {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": snapshot}}
    other = ec2.register_image(Name=unique("twin"), BlockDeviceMappings=[root])["ImageId"]
    answer = ec2.deregister_image(ImageId=other, DeleteAssociatedSnapshots=True)
    assert answer["DeleteSnapshotResults"] == [{"SnapshotId": snapshot, "ReturnCode": "skipped"}]
    assert code(ec2.delete_snapshot, SnapshotId=snapshot) == "InvalidSnapshot.InUse"


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"Name": "no*stars"}, "InvalidAMIName.Malformed"),
        ({"Description": "x" * 256}, "InvalidParameterValue"),
        ({"BlockDeviceMappings": []}, "InvalidBlockDeviceMapping"),
        ({"RootDeviceName": "/dev/sdz"}, "InvalidBlockDeviceMapping"),
        ({"VirtualizationType": "paravirtual"}, "UnsupportedOperation"),
        ({"BootMode": "uefi-preferred"}, "UnsupportedOperation"),
        ({"ImageLocation": "bucket/manifest.xml"}, "UnsupportedOperation"),
        ({"DryRun": True}, "DryRunOperation"),
    ],
)
def test_registrations_that_are_refused(ec2: Any, snapshot: str, params: dict[str, Any], expected: str) -> None:
    root = {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": snapshot}}
    asked = {"Name": unique("refused"), "BlockDeviceMappings": [root], **params}
    assert code(ec2.register_image, **asked) == expected
    assert ec2.describe_images(Owners=["self"], Filters=[{"Name": "name", "Values": [asked["Name"]]}])["Images"] == []


def test_registrations_of_snapshots_that_do_not_fit(ec2: Any, snapshot: str) -> None:
    def told(**ebs: Any) -> str:
        return code(
            ec2.register_image,
            Name=unique("refused"),
            BlockDeviceMappings=[{"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": snapshot, **ebs}}],
        )

    assert told(SnapshotId="snap-" + "0" * 32) == "InvalidSnapshot.NotFound"
    assert told(SnapshotId="vol-1") == "InvalidSnapshotID.Malformed"
    assert told(VolumeSize=0) == "InvalidParameterValue"
    assert told(Encrypted=True) == "UnsupportedOperation"
    assert told(Encrypted=False) == "InvalidBlockDeviceMapping"


def test_a_copy_of_an_image_has_its_own_snapshots(ec2: Any, openstack_main: Connection, registered: str) -> None:
    [source] = snapshots(described(ec2, registered))
    name = unique("copied")
    asked = {"SourceImageId": registered, "SourceRegion": ec2.meta.region_name, "Name": name, "ClientToken": name}
    ec2.create_tags(Resources=[registered], Tags=[{"Key": "team", "Value": "blue"}])
    made = ec2.copy_image(Description="a copy", CopyImageTags=True, **asked)["ImageId"]
    assert ec2.copy_image(Description="a copy", CopyImageTags=True, **asked)["ImageId"] == made
    assert code(ec2.copy_image, Description="other", **asked) == "IdempotentParameterMismatch"
    assert code(ec2.copy_image, **{**asked, "ClientToken": unique("other")}) == "InvalidAMIName.Duplicate"
    seen = available(ec2, made)
    assert (seen["Name"], seen["Description"]) == (name, "a copy")
    assert seen["Tags"] == [{"Key": "team", "Value": "blue"}]
    [copy] = snapshots(seen)
    assert copy != source
    ec2.deregister_image(ImageId=registered, DeleteAssociatedSnapshots=True)
    assert openstack_main.block_storage.get_snapshot(uuid(copy)).status == "available"
    discard(ec2, openstack_main, made)


def test_images_that_cannot_be_copied(ec2: Any, registered: str, image: str) -> None:
    def told(**params: Any) -> str:
        asked = {"SourceImageId": registered, "SourceRegion": ec2.meta.region_name, "Name": unique("copied")}
        return code(ec2.copy_image, **{**asked, **params})

    assert told(SourceImageId=image) == "UnsupportedOperation"
    assert told(SourceImageId=ABSENT) == "InvalidAMIID.NotFound"
    assert told(Encrypted=True) == "UnsupportedOperation"
    assert told(Name="no*stars") == "InvalidAMIName.Malformed"


def test_images_of_others_are_left_alone(ec2: Any, aws: Any, registered: str, image: str) -> None:
    other = aws("ec2", "alt")
    assert code(other.deregister_image, ImageId=registered) == "InvalidAMIID.NotFound"
    assert code(ec2.deregister_image, ImageId=image) == "AuthFailure"
    assert code(ec2.deregister_image, ImageId=ABSENT) == "InvalidAMIID.NotFound"
    assert code(ec2.create_image, InstanceId="i-" + "0" * 32, Name=unique("none")) == "InvalidInstanceID.NotFound"
    assert code(ec2.create_image, InstanceId="i-" + "0" * 32, Name=unique("none"), DryRun=True) == "DryRunOperation"


def test_what_a_killed_gateway_left_is_replaced(ec2: Any, openstack_main: Connection, snapshot: str) -> None:
    name = unique("killed")
    left = openstack_main.image.create_image(
        name=name, disk_format="raw", container_format="bare", visibility="private", properties={"ec2:half-done": "1"}
    )
    seen = ec2.describe_images(Owners=["self"], Filters=[{"Name": "name", "Values": [name]}])["Images"]
    assert seen == []
    root = {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": snapshot}}
    made = ec2.register_image(Name=name, BlockDeviceMappings=[root])["ImageId"]
    assert openstack_main.image.find_image(left.id) is None
    ec2.deregister_image(ImageId=made)
