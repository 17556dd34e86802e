"""A volume of a Cinder type with `multiattach`, attached to two instances."""

from typing import Any

from openstack.connection import Connection

from tests.ec2.client_errors import code
from tests.ec2.conftest import WAIT, Launch, eventually
from tests.ec2.network.test_security_groups import uuid
from tests.ec2.volumes.test_volumes import described, remove


def test_two_instances_share_a_volume(ec2: Any, openstack_main: Connection, zone: str, launch: Launch) -> None:
    asked = {"Size": 1, "AvailabilityZone": zone, "VolumeType": "shared", "MultiAttachEnabled": True}
    volume = ec2.create_volume(**asked)["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=WAIT)
    assert described(ec2, Filters=[{"Name": "multi-attach-enabled", "Values": ["true"]}])[0]["VolumeId"] == volume
    instances = launch(2)
    ec2.get_waiter("instance_running").wait(InstanceIds=instances, WaiterConfig=WAIT)

    def attached() -> set[tuple[str, str, str]]:
        [row] = described(ec2, VolumeIds=[volume])
        return {(one["InstanceId"], one["Device"], one["State"]) for one in row["Attachments"]}

    devices = dict(zip(instances, ("/dev/sdf", "/dev/sdg"), strict=True))
    for instance, device in devices.items():
        ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device=device)
        assert eventually(lambda one=(instance, device, "attached"): one in attached())  # type: ignore[misc]
    assert attached() == {(instance, device, "attached") for instance, device in devices.items()}
    native = openstack_main.block_storage.get_volume(uuid(volume))
    assert {one["server_id"] for one in native.attachments} == {uuid(one) for one in instances}
    # With several attachments the instance must be named.
    assert code(ec2.detach_volume, VolumeId=volume) == "MissingParameter"
    ec2.detach_volume(VolumeId=volume, InstanceId=instances[0])
    assert eventually(lambda: {one[0] for one in attached()} == {instances[1]})
    ec2.detach_volume(VolumeId=volume)
    remove(ec2, volume)
