"""Fixtures of the scenarios with volumes."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.ec2.conftest import WAIT
from tests.ec2.volumes.test_volume_attachments import settle
from tests.ec2.volumes.test_volumes import remove


@pytest.fixture(scope="session")
def zone(ec2: Any) -> str:
    """An availability zone."""
    return str(ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"])


@pytest.fixture
def volume(ec2: Any, zone: str) -> Iterator[str]:
    """The id of a fresh volume that is available; the test may delete it."""
    made: str = ec2.create_volume(Size=1, AvailabilityZone=zone)["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[made], WaiterConfig=WAIT)
    yield made
    if ec2.describe_volumes(Filters=[{"Name": "volume-id", "Values": [made]}])["Volumes"]:
        remove(ec2, made)


@pytest.fixture
def attached(ec2: Any, volume: str, instance: str) -> Iterator[str]:
    """The id of a volume that an instance holds as /dev/sdf: EC2's `in-use` comes before Cinder has attached it."""
    ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
    settle(ec2, volume, "attached")
    yield volume
    ec2.detach_volume(VolumeId=volume)
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=WAIT)
