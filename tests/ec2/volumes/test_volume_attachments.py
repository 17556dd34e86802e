"""Attachments through both APIs, whichever created them."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from openstack.connection import Connection

from tests.ec2.client_errors import code, refusal
from tests.ec2.conftest import eventually
from tests.ec2.network.test_security_groups import uuid
from tests.ec2.volumes.test_volumes import described, remove
from tests.support.names import unique

FAST = {"Delay": 1, "MaxAttempts": 60}


@pytest.fixture(scope="module")
def instance(openstack_main: Connection) -> Iterator[str]:
    """The instance id of a server created through OpenStack."""
    compute, network = openstack_main.compute, openstack_main.network
    server = compute.create_server(
        name=unique("server"),
        image_id=next(iter(openstack_main.image.images(status="active"))).id,
        flavor_id=min(compute.flavors(), key=lambda flavor: (flavor.ram, flavor.disk)).id,
        networks=[{"uuid": network.find_network("default", project_id=openstack_main.current_project_id).id}],
    )
    compute.wait_for_server(server, interval=1)
    yield "i-" + server.id.replace("-", "")
    compute.delete_server(server)
    compute.wait_for_delete(server, interval=1)


@pytest.fixture
def volumes(ec2: Any) -> Iterator[list[str]]:
    """Two volumes that are available."""
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    made = [ec2.create_volume(Size=1, AvailabilityZone=zone)["VolumeId"] for _ in range(2)]
    ec2.get_waiter("volume_available").wait(VolumeIds=made, WaiterConfig=FAST)
    yield made
    remove(ec2, *made)


def test_attached_and_detached_by_aws(ec2: Any, openstack_main: Connection, instance: str, volumes: list[str]) -> None:
    volume, other = volumes
    here = {"VolumeId": volume, "InstanceId": instance}
    answer = ec2.attach_volume(Device="/dev/sdf", **here)
    assert (answer["State"], answer["Device"], answer["InstanceId"]) == ("attaching", "/dev/sdf", instance)
    [now] = described(ec2, VolumeIds=[volume])
    assert now["State"] == "in-use"
    assert [one["InstanceId"] for one in now["Attachments"]] == [instance]
    ec2.get_waiter("volume_in_use").wait(VolumeIds=[volume], WaiterConfig=FAST)
    attached = settle(ec2, volume, "attached")
    assert attached.pop("AttachTime")
    assert attached == {**here, "Device": "/dev/sdf", "State": "attached", "DeleteOnTermination": False}
    assert [a.volume_id for a in openstack_main.compute.volume_attachments(uuid(instance))] == [uuid(volume)]
    for name, value in {
        "attachment.device": "/dev/sdf",
        "attachment.instance-id": instance,
        "attachment.status": "attached",
        "attachment.delete-on-termination": "false",
        "status": "in-use",
    }.items():
        assert volume in [v["VolumeId"] for v in described(ec2, Filters=[{"Name": name, "Values": [value]}])], name

    # A second attachment is refused, and so is deletion while attached.
    assert code(ec2.attach_volume, Device="/dev/sdg", **here) == "VolumeInUse"
    assert code(ec2.delete_volume, VolumeId=volume) == "VolumeInUse"
    busy = {"VolumeId": other, "InstanceId": instance, "Device": "/dev/sdf"}
    said, message = refusal(ec2.attach_volume, **busy)
    assert (said, "already in use" in message) == ("InvalidParameterValue", True)
    nowhere = {**busy, "InstanceId": "i-" + "0" * 32}
    assert code(ec2.attach_volume, **nowhere) == "InvalidInstanceID.NotFound"
    wrong = {**here, "Device": "/dev/sdz"}
    assert code(ec2.detach_volume, **wrong) == "InvalidAttachment.NotFound"
    elsewhere = {"VolumeId": volume, "InstanceId": "i-" + "0" * 32}
    assert code(ec2.detach_volume, **elsewhere) == "InvalidAttachment.NotFound"
    assert code(ec2.detach_volume, VolumeId=volume, Force=True) == "UnsupportedOperation"

    assert ec2.detach_volume(VolumeId=volume)["State"] == "detaching"
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=FAST)
    assert described(ec2, VolumeIds=[volume])[0]["Attachments"] == []
    # Nova forgets an attachment after Cinder has.
    assert eventually(lambda: list(openstack_main.compute.volume_attachments(uuid(instance))) == [])
    said, message = refusal(ec2.detach_volume, VolumeId=volume)
    assert (said, "'available'" in message) == ("IncorrectState", True)


def settle(ec2: Any, volume: str, state: str) -> dict[str, Any]:
    """Wait until a volume's only attachment is in a state, and return it."""
    deadline = time.monotonic() + 60
    while True:
        attachments = described(ec2, VolumeIds=[volume])[0]["Attachments"]
        if [one["State"] for one in attachments] == [state]:
            found: dict[str, Any] = attachments[0]
            return found
        assert time.monotonic() < deadline, attachments
        time.sleep(0.5)


def test_attached_by_openstack_detached_by_aws(
    ec2: Any, openstack_main: Connection, instance: str, volumes: list[str]
) -> None:
    volume = volumes[0]
    openstack_main.compute.create_volume_attachment(uuid(instance), volume_id=uuid(volume))
    ec2.get_waiter("volume_in_use").wait(VolumeIds=[volume], WaiterConfig=FAST)
    attached = settle(ec2, volume, "attached")
    native = openstack_main.block_storage.get_volume(uuid(volume)).attachments[0]
    assert (attached["InstanceId"], attached["Device"]) == (instance, native["device"])
    ec2.detach_volume(VolumeId=volume, InstanceId=instance, Device=attached["Device"])
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=FAST)


def test_attached_by_aws_detached_by_openstack(
    ec2: Any, openstack_main: Connection, instance: str, volumes: list[str]
) -> None:
    volume = volumes[0]
    ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="xvdh")
    settle(ec2, volume, "attached")
    openstack_main.compute.delete_volume_attachment(uuid(instance), uuid(volume))
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=FAST)
    assert described(ec2, VolumeIds=[volume])[0]["Attachments"] == []


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"Device": "floppy"}, "InvalidParameterValue"),
        ({"Device": ""}, "MissingParameter"),
        ({"Device": "/dev/../sda"}, "InvalidParameterValue"),
        ({"InstanceId": "i-12345678"}, "InvalidInstanceID.NotFound"),
        ({"InstanceId": "vol-12345678"}, "InvalidInstanceID.Malformed"),
        ({"VolumeId": "vol-12345678"}, "InvalidVolume.NotFound"),
        ({"VolumeId": "vol-" + "0" * 32}, "InvalidVolume.NotFound"),
        ({"VolumeId": "sdf"}, "InvalidVolumeID.Malformed"),
        ({"EbsCardIndex": 1}, "UnsupportedOperation"),
    ],
)
def test_what_cannot_be_attached(ec2: Any, instance: str, params: dict[str, Any], expected: str) -> None:
    volume = "vol-" + "1" * 32
    asked = {"VolumeId": volume, "InstanceId": instance, "Device": "/dev/sdf", **params}
    assert code(ec2.attach_volume, **asked) == expected
