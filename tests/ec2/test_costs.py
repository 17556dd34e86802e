"""Network and volume actions make a number of OpenStack calls that does not depend on the project's size."""

from typing import Any

import pytest
from botocore import xform_name

from tests.ec2.conftest import WAIT
from tests.ec2.volumes.test_volumes import remove
from tests.support.gateway import Gateway
from tests.support.names import unique

# The most calls of each action with warm caches.
MOST = {
    "DescribeInstances": 5,
    "DescribeSecurityGroups": 3,
    "DescribeSecurityGroupRules": 1,
    "DescribeVolumes": 2,
    "DescribeVolumeStatus": 1,
    "DescribeSnapshots": 2,
    "DescribeAddresses": 3,
    "DescribeNetworkInterfaces": 2,
    "DescribeVpcs": 4,
    "DescribeSubnets": 4,
    "DescribeRouteTables": 4,
    "DescribeNetworkAcls": 4,
    "DescribeInternetGateways": 2,
    "DescribeNatGateways": 1,
    "DescribeDhcpOptions": 1,
}


@pytest.fixture
def more(ec2: Any) -> Any:
    """Additional resources of every listed kind."""
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    groups = [ec2.create_security_group(GroupName=unique("cost"), Description="x")["GroupId"] for _ in range(3)]
    volumes = [ec2.create_volume(Size=1, AvailabilityZone=zone)["VolumeId"] for _ in range(3)]
    ec2.get_waiter("volume_available").wait(VolumeIds=volumes, WaiterConfig=WAIT)
    snapshots = [ec2.create_snapshot(VolumeId=volume)["SnapshotId"] for volume in volumes]
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=snapshots, WaiterConfig=WAIT)
    yield
    for snapshot in snapshots:
        ec2.delete_snapshot(SnapshotId=snapshot)
    remove(ec2, *volumes)
    for group in groups:
        ec2.delete_security_group(GroupId=group)


def test_the_next_page_costs_no_call(ec2: Any, gateway: Gateway) -> None:
    first = ec2.describe_instance_types(MaxResults=5)
    second = ec2.describe_instance_types(MaxResults=5, NextToken=first["NextToken"])
    assert gateway.call(second)["upstream_calls"] == 0
    everything = ec2.get_paginator("describe_instance_types").paginate(PaginationConfig={"PageSize": 5})
    names = [one["InstanceType"] for page in everything for one in page["InstanceTypes"]]
    assert names == sorted({one["InstanceType"] for one in ec2.describe_instance_types()["InstanceTypes"]})


def test_calls_do_not_grow(ec2: Any, gateway: Gateway, more: None) -> None:
    calls = {action: gateway.least_calls(getattr(ec2, xform_name(action))) for action in MOST}
    assert not {action: made for action, made in calls.items() if made > MOST[action]}
    one = ec2.describe_snapshots()["Snapshots"][0]["SnapshotId"]
    assert gateway.least_calls(lambda: ec2.describe_snapshots(SnapshotIds=[one])) <= 2
