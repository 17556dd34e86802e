"""Encryption on request, where the operator has named the volume types that encrypt."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openstack.connection import Connection

from tests.ec2.client_errors import code
from tests.ec2.conftest import WAIT, end, eventually
from tests.ec2.network.test_security_groups import uuid
from tests.ec2.volumes.test_snapshots import complete, described
from tests.ec2.volumes.test_volumes import remove
from tests.support.clients import Boto
from tests.support.gateway import gateway as run_gateway
from tests.support.target import Target

# What the last one names does not encrypt.
TYPES = {"gp2": "gp2-encrypted", "gp3": "gp3-encrypted", "standard": "shared"}


@pytest.fixture(scope="module")
def encrypting(cloud: Target) -> Iterator[Any]:
    """EC2 at a gateway whose operator has named types that encrypt."""
    with run_gateway(cloud, "encrypting", settings={"ec2_encrypted_volume_types": json.dumps(TYPES)}) as running:
        clients = Boto(running.url, dict(cloud.keys))
        yield clients("ec2")
        clients.close()


def made(ec2: Any, **asked: Any) -> dict[str, Any]:
    """Make a volume, and return its row once it is available."""
    one = ec2.create_volume(**asked)["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[one], WaiterConfig=WAIT)
    row: dict[str, Any] = ec2.describe_volumes(VolumeIds=[one])["Volumes"][0]
    return row


def test_an_encrypted_volume_and_its_snapshots(encrypting: Any, openstack_main: Connection, zone: str) -> None:
    ec2, block = encrypting, openstack_main.block_storage
    volume = made(ec2, Size=1, AvailabilityZone=zone, VolumeType="gp3", Iops=3000, Encrypted=True)
    assert (volume["Encrypted"], volume["VolumeType"], volume["Iops"]) == (True, "gp3", 3000)
    native = block.get_volume(uuid(volume["VolumeId"]))
    assert (native.volume_type, native.is_encrypted) == ("gp3-encrypted", True)
    change = ec2.modify_volume(VolumeId=volume["VolumeId"], Size=2)["VolumeModification"]
    assert (change["OriginalVolumeType"], change["TargetVolumeType"]) == ("gp3", "gp3")
    assert eventually(lambda: block.get_volume(native.id).size == 2)
    assert block.get_volume(native.id).volume_type == "gp3-encrypted"

    snapshot = ec2.create_snapshot(VolumeId=volume["VolumeId"])["SnapshotId"]
    complete(ec2, snapshot)
    assert described(ec2, SnapshotIds=[snapshot])[0]["Encrypted"]
    ec2.delete_volume(VolumeId=volume["VolumeId"])
    restored = made(ec2, SnapshotId=snapshot, AvailabilityZone=zone, VolumeType="gp2")
    asked = made(ec2, SnapshotId=snapshot, AvailabilityZone=zone, Encrypted=True)
    assert [(one["Encrypted"], one["VolumeType"]) for one in (restored, asked)] == [(True, "gp2"), (True, "gp3")]
    copy = ec2.copy_snapshot(SourceSnapshotId=snapshot, SourceRegion=ec2.meta.region_name, Encrypted=True)["SnapshotId"]
    complete(ec2, copy)
    assert described(ec2, SnapshotIds=[copy])[0]["Encrypted"]
    ec2.delete_snapshot(SnapshotId=copy)
    remove(ec2, restored["VolumeId"], asked["VolumeId"])
    ec2.delete_snapshot(SnapshotId=snapshot)
    assert eventually(lambda: block.find_volume(native.id) is None)


def test_without_a_type_it_is_that_of_aws(encrypting: Any, openstack_main: Connection, zone: str) -> None:
    volume = made(encrypting, Size=1, AvailabilityZone=zone, Encrypted=True)
    assert (volume["Encrypted"], volume["VolumeType"]) == (True, "gp2")
    assert openstack_main.block_storage.get_volume(uuid(volume["VolumeId"])).volume_type == "gp2-encrypted"
    remove(encrypting, volume["VolumeId"])


def test_encryption_that_cannot_be(encrypting: Any, openstack_main: Connection, zone: str, volume: str) -> None:
    ec2, block = encrypting, openstack_main.block_storage
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    complete(ec2, snapshot)
    before = {one.id for one in block.volumes()}
    plain = {"AvailabilityZone": zone, "Encrypted": True}
    for asked in ({"Size": 1, "VolumeType": "shared"}, {"Size": 1, "VolumeType": "standard"}, {"SnapshotId": snapshot}):
        assert code(ec2.create_volume, **plain, **asked) == "UnsupportedOperation", asked
    assert eventually(lambda: {one.id for one in block.volumes()} <= before)
    kept = made(ec2, SnapshotId=snapshot, AvailabilityZone=zone)
    assert not kept["Encrypted"]
    remove(ec2, kept["VolumeId"])
    ec2.delete_snapshot(SnapshotId=snapshot)


def test_default_encryption(
    encrypting: Any, ec2: Any, openstack_main: Connection, zone: str, volume: str, image: str, instance_type: str
) -> None:
    network, name = openstack_main.network, "ec2 ebs-encryption-by-default"
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    complete(ec2, snapshot)
    assert code(ec2.enable_ebs_encryption_by_default) == "UnsupportedOperation"  # no type encrypts at this gateway
    assert encrypting.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
    for _ in range(2):
        assert encrypting.enable_ebs_encryption_by_default()["EbsEncryptionByDefault"] is True
    try:
        assert len(list(network.subnet_pools(name=name))) == 1
        assert encrypting.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is True
        asked = made(encrypting, Size=1, AvailabilityZone=zone, VolumeType="gp3", Encrypted=False)
        assert (asked["Encrypted"], asked["VolumeType"]) == (True, "gp3")
        remove(encrypting, asked["VolumeId"])
        root = [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 1}}]
        launch = {"ImageId": image, "InstanceType": instance_type, "MinCount": 1, "MaxCount": 1}
        disk = {"Format": "RAW", "UserBucket": {"S3Bucket": "no-such-bucket", "S3Key": "disk"}}
        refused = (
            (encrypting.create_volume, {"SnapshotId": snapshot, "AvailabilityZone": zone}),
            (encrypting.copy_snapshot, {"SourceSnapshotId": snapshot, "SourceRegion": ec2.meta.region_name}),
            (encrypting.run_instances, {**launch, "BlockDeviceMappings": root}),
            (encrypting.import_snapshot, {"DiskContainer": disk}),
        )
        for action, params in refused:
            assert code(action, **params) == "UnsupportedOperation", params
    finally:
        assert encrypting.disable_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
        ec2.delete_snapshot(SnapshotId=snapshot)
    assert list(network.subnet_pools(name=name)) == []
    assert encrypting.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False


def test_the_volumes_of_a_launch(
    encrypting: Any, openstack_main: Connection, zone: str, image: str, instance_type: str
) -> None:
    ec2 = encrypting
    asked = {"ImageId": image, "InstanceType": instance_type, "MinCount": 1, "MaxCount": 1}
    ebs = {"VolumeSize": 1, "VolumeType": "gp3", "Encrypted": True, "Iops": 3000}
    root = [{"DeviceName": "/dev/sda1", "Ebs": ebs}]
    assert code(ec2.run_instances, **asked, BlockDeviceMappings=root) == "UnsupportedOperation"
    wrong = [{"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": 1, "VolumeType": "standard", "Encrypted": True}}]
    assert code(ec2.run_instances, **asked, BlockDeviceMappings=wrong) == "UnsupportedOperation"
    source = made(ec2, Size=1, AvailabilityZone=zone, VolumeType="gp2", Encrypted=True)["VolumeId"]
    snapshot = ec2.create_snapshot(VolumeId=source)["SnapshotId"]
    complete(ec2, snapshot)
    of_snapshot = {"SnapshotId": snapshot, "VolumeType": "gp3", "VolumeSize": 2}
    plain = [{"DeviceName": "/dev/sdh", "Ebs": {**of_snapshot, "Encrypted": False}}]
    assert code(ec2.run_instances, **asked, BlockDeviceMappings=plain) == "InvalidBlockDeviceMapping"
    data = [{"DeviceName": "/dev/sdg", "Ebs": ebs}, {"DeviceName": "/dev/sdh", "Ebs": of_snapshot}]
    [instance] = [one["InstanceId"] for one in ec2.run_instances(**asked, BlockDeviceMappings=data)["Instances"]]
    try:
        ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)
        found = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [instance]}])["Volumes"]
        volume, restored = sorted(found, key=lambda one: int(one["Size"]))
        assert (volume["Encrypted"], volume["VolumeType"]) == (True, "gp3")
        native = openstack_main.block_storage.get_volume(uuid(volume["VolumeId"]))
        assert (native.volume_type, native.is_encrypted) == ("gp3-encrypted", True)
        assert (restored["Encrypted"], restored["VolumeType"], restored["SnapshotId"]) == (True, "gp3", snapshot)
    finally:
        end(ec2, [instance])
        ec2.delete_snapshot(SnapshotId=snapshot)
        remove(ec2, source)
