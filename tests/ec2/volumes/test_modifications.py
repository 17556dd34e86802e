"""ModifyVolume and its progress, through both APIs."""

from typing import Any

import pytest
from openstack.connection import Connection

from tests.ec2.client_errors import code, refusal
from tests.ec2.conftest import WAIT, eventually
from tests.ec2.network.test_security_groups import uuid
from tests.ec2.volumes.test_volumes import described, remove

ABSENT = "vol-" + "0" * 32


def modified(ec2: Any, volume: str) -> dict[str, Any]:
    """Wait until a volume's modification is complete, and return it."""

    def state() -> Any:
        return ec2.describe_volumes_modifications(VolumeIds=[volume])["VolumesModifications"][0]

    assert eventually(lambda: state()["ModificationState"] != "modifying")
    found: dict[str, Any] = state()
    return found


def test_size_and_type(ec2: Any, openstack_main: Connection, zone: str) -> None:
    volume = ec2.create_volume(Size=1, AvailabilityZone=zone, VolumeType="gp2")["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=WAIT)
    assert code(ec2.describe_volumes_modifications, VolumeIds=[volume]) == "InvalidVolumeModification.NotFound"
    answer = ec2.modify_volume(VolumeId=volume, Size=3, VolumeType="gp3", Iops=3000, Throughput=125)
    assert answer["VolumeModification"]["VolumeId"] == volume
    seen = modified(ec2, volume)
    started = seen.pop("StartTime")
    assert seen == {
        "VolumeId": volume,
        "ModificationState": "completed",
        "Progress": 100,
        "OriginalSize": 1,
        "OriginalVolumeType": "gp2",
        "OriginalMultiAttachEnabled": False,
        "TargetSize": 3,
        "TargetVolumeType": "gp3",
        "TargetIops": 3000,
        "TargetThroughput": 125,
        "TargetMultiAttachEnabled": False,
    }
    native = openstack_main.block_storage.get_volume(uuid(volume))
    assert (native.size, native.volume_type) == (3, "gp3")
    [row] = described(ec2, VolumeIds=[volume])
    assert (row["Size"], row["VolumeType"], row["Iops"]) == (3, "gp3", 3000)
    this = {"Name": "volume-id", "Values": [volume]}
    for name, value in {
        "modification-state": "completed",
        "original-size": "1",
        "original-volume-type": "gp2",
        "originalMultiAttachEnabled": "false",
        "start-time": started.strftime("%Y-%m-%dT%H:*"),
        "target-iops": "3000",
        "target-size": "3",
        "target-volume-type": "gp3",
        "targetMultiAttachEnabled": "false",
    }.items():
        asked = [{"Name": name, "Values": [value]}, this]
        assert len(ec2.describe_volumes_modifications(Filters=asked)["VolumesModifications"]) == 1, name
    asked = [{"Name": "original-iops", "Values": ["*"]}, this]
    assert ec2.describe_volumes_modifications(Filters=asked)["VolumesModifications"] == []
    remove(ec2, volume)


def test_an_attached_volume_grows(ec2: Any, openstack_main: Connection, attached: str) -> None:
    # Terraform sends a 0 for what its user has not set.
    ec2.modify_volume(VolumeId=attached, Size=2, Iops=0, Throughput=0)
    assert modified(ec2, attached)["ModificationState"] == "completed"
    assert openstack_main.block_storage.get_volume(uuid(attached)).size == 2
    [row] = described(ec2, VolumeIds=[attached])
    assert (row["State"], row["Attachments"][0]["Device"]) == ("in-use", "/dev/sdf")


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, "MissingParameter"),
        ({"Iops": 0, "Throughput": 0}, "MissingParameter"),
        ({"Size": 100_000}, "InvalidParameterValue"),
        ({"VolumeType": "io2", "Size": 4}, "UnknownVolumeType"),
        ({"VolumeType": "gp2", "Iops": 3000}, "InvalidParameterCombination"),
        ({"VolumeType": "gp3", "Iops": 4000}, "UnsupportedOperation"),
        ({"VolumeType": "gp3", "Throughput": 500}, "UnsupportedOperation"),
        ({"MultiAttachEnabled": True}, "UnsupportedOperation"),
        ({"VolumeId": ABSENT, "Size": 2}, "InvalidVolume.NotFound"),
        ({"VolumeId": "snap-1", "Size": 2}, "InvalidVolumeID.Malformed"),
        ({"DryRun": True, "Size": 2}, "DryRunOperation"),
    ],
)
def test_what_is_refused_changes_nothing(
    ec2: Any, openstack_main: Connection, volume: str, params: dict[str, Any], expected: str
) -> None:
    before = openstack_main.block_storage.get_volume(uuid(volume)).metadata
    assert code(ec2.modify_volume, **{"VolumeId": volume, **params}) == expected
    assert code(ec2.describe_volumes_modifications, VolumeIds=[volume]) == "InvalidVolumeModification.NotFound"
    native = openstack_main.block_storage.get_volume(uuid(volume))
    assert (native.size, native.metadata) == (1, before)


def test_a_volume_with_a_tagged_snapshot_keeps_its_type(ec2: Any, openstack_main: Connection, zone: str) -> None:
    """Cinder would leave it `retyping` for ever."""
    volume = ec2.create_volume(Size=1, AvailabilityZone=zone, VolumeType="gp2")["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=WAIT)
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "Name", "Value": "nightly"}]}]
    snapshot = ec2.create_snapshot(VolumeId=volume, TagSpecifications=tags)["SnapshotId"]
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot], WaiterConfig=WAIT)
    assert code(ec2.modify_volume, VolumeId=volume, Size=2, VolumeType="gp3") == "UnsupportedOperation"
    native = openstack_main.block_storage.get_volume(uuid(volume))
    assert (native.status, native.size, native.volume_type) == ("available", 1, "gp2")
    ec2.modify_volume(VolumeId=volume, Size=2)
    assert modified(ec2, volume)["ModificationState"] == "completed"
    ec2.delete_snapshot(SnapshotId=snapshot)
    remove(ec2, volume)


def test_a_volume_does_not_shrink(ec2: Any, volume: str) -> None:
    ec2.modify_volume(VolumeId=volume, Size=2)
    assert modified(ec2, volume)["TargetSize"] == 2
    told = refusal(ec2.modify_volume, VolumeId=volume, Size=1)
    assert told == ("InvalidParameterValue", "New size cannot be smaller than existing size")
    assert modified(ec2, volume)["OriginalSize"] == 1


def test_a_record_that_another_program_changed(ec2: Any, openstack_main: Connection, volume: str) -> None:
    ec2.modify_volume(VolumeId=volume, Size=2)
    assert modified(ec2, volume)["TargetSize"] == 2
    openstack_main.block_storage.set_volume_metadata(uuid(volume), **{"ec2:modified": "no record"})
    assert code(ec2.describe_volumes_modifications, VolumeIds=[volume]) == "InvalidVolumeModification.NotFound"
    ec2.modify_volume(VolumeId=volume, Size=3)
    assert (modified(ec2, volume)["OriginalSize"], modified(ec2, volume)["TargetSize"]) == (2, 3)


def test_modifications_of_volumes_that_are_not_there(ec2: Any, volume: str) -> None:
    assert code(ec2.describe_volumes_modifications, VolumeIds=[ABSENT]) == "InvalidVolume.NotFound"
    assert code(ec2.describe_volumes_modifications, VolumeIds=[volume, ABSENT]) == "InvalidVolume.NotFound"
    assert code(ec2.describe_volumes_modifications, VolumeIds=["x"]) == "InvalidVolumeID.Malformed"


def test_attributes_are_read_back(ec2: Any, openstack_main: Connection, volume: str) -> None:
    named = {"VolumeId": volume, "Attribute": "autoEnableIO"}
    for value in (True, False):
        ec2.modify_volume_attribute(VolumeId=volume, AutoEnableIO={"Value": value})
        assert ec2.describe_volume_attribute(**named)["AutoEnableIO"] == {"Value": value}
        native = openstack_main.block_storage.get_volume(uuid(volume))
        assert native.metadata["ec2:auto-enable-io"] == str(value).lower()
    ec2.enable_volume_io(VolumeId=volume)
    assert code(ec2.modify_volume_attribute, VolumeId=volume) == "MissingParameter"
    assert code(ec2.enable_volume_io, VolumeId=ABSENT) == "InvalidVolume.NotFound"
    assert code(ec2.describe_volume_attribute, VolumeId=volume, Attribute="bogus") == "InvalidParameterValue"


def test_default_encryption_is_off_and_stays_off(ec2: Any) -> None:
    assert ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
    assert ec2.disable_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
    assert code(ec2.enable_ebs_encryption_by_default) == "UnsupportedOperation"
    assert code(ec2.get_ebs_default_kms_key_id) == "UnsupportedOperation"
