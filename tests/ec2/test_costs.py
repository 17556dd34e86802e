"""What the network and block actions cost in OpenStack calls: the same however much the project holds."""

from typing import Any

import pytest

from tests.ec2.test_volumes import remove
from tests.support.gateway import Gateway
from tests.support.names import unique

# The calls behind each action, and no more; tokens and version discovery apart, which the first calls pay for.
MOST = {
    "DescribeSecurityGroups": 3,
    "DescribeSecurityGroupRules": 1,
    "DescribeVolumes": 2,
    "DescribeVolumeStatus": 1,
    "DescribeVpcs": 4,
    "DescribeSubnets": 4,
}


@pytest.fixture
def more(ec2: Any) -> Any:
    """Some more of everything that is listed."""
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    groups = [ec2.create_security_group(GroupName=unique("cost"), Description="x")["GroupId"] for _ in range(3)]
    volumes = [ec2.create_volume(Size=1, AvailabilityZone=zone)["VolumeId"] for _ in range(3)]
    yield
    remove(ec2, *volumes)
    for group in groups:
        ec2.delete_security_group(GroupId=group)


def look(ec2: Any) -> None:
    ec2.describe_security_groups()
    ec2.describe_security_group_rules()
    ec2.describe_volumes()
    ec2.describe_volume_status()
    ec2.describe_vpcs()
    ec2.describe_subnets()


def test_calls_do_not_grow(ec2: Any, gateway: Gateway, more: None) -> None:
    look(ec2)
    for action, most in MOST.items():
        last = [line for line in gateway.lines(action=action) if line["status"] == 200][-1]
        assert last["upstream_calls"] <= most, action
