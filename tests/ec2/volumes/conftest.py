"""Fixtures of the scenarios with volumes."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.ec2.volumes.test_volumes import remove


@pytest.fixture(scope="session")
def zone(ec2: Any) -> str:
    """An availability zone."""
    return str(ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"])


@pytest.fixture
def volume(ec2: Any, zone: str) -> Iterator[str]:
    """The id of a fresh volume that is available; the test may delete it."""
    made: str = ec2.create_volume(Size=1, AvailabilityZone=zone)["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[made], WaiterConfig={"Delay": 1})
    yield made
    if ec2.describe_volumes(Filters=[{"Name": "volume-id", "Values": [made]}])["Volumes"]:
        remove(ec2, made)
