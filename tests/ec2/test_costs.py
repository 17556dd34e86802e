"""Network and volume actions make a number of OpenStack calls that does not depend on the project's size."""

from typing import Any

import pytest

from tests.ec2.volumes.test_volumes import remove
from tests.support.gateway import Gateway
from tests.support.names import unique

# The most calls of each action, without those for tokens and version discovery, which the first calls make.
MOST = {
    "DescribeSecurityGroups": 3,
    "DescribeSecurityGroupRules": 1,
    "DescribeVolumes": 2,
    "DescribeVolumeStatus": 1,
    "DescribeSnapshots": 2,
    "DescribeAddresses": 3,
    "DescribeNetworkInterfaces": 5,  # four lists, and the zones for the first one to ask in a while
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
    ec2.get_waiter("volume_available").wait(VolumeIds=volumes, WaiterConfig={"Delay": 1})
    snapshots = [ec2.create_snapshot(VolumeId=volume)["SnapshotId"] for volume in volumes]
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=snapshots, WaiterConfig={"Delay": 1})
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
    answers = {
        "DescribeSecurityGroups": ec2.describe_security_groups(),
        "DescribeSecurityGroupRules": ec2.describe_security_group_rules(),
        "DescribeVolumes": ec2.describe_volumes(),
        "DescribeVolumeStatus": ec2.describe_volume_status(),
        "DescribeSnapshots": ec2.describe_snapshots(),
        "DescribeAddresses": ec2.describe_addresses(),
        "DescribeNetworkInterfaces": ec2.describe_network_interfaces(),
        "DescribeVpcs": ec2.describe_vpcs(),
        "DescribeSubnets": ec2.describe_subnets(),
        "DescribeRouteTables": ec2.describe_route_tables(),
        "DescribeNetworkAcls": ec2.describe_network_acls(),
        "DescribeInternetGateways": ec2.describe_internet_gateways(),
        "DescribeNatGateways": ec2.describe_nat_gateways(),
        "DescribeDhcpOptions": ec2.describe_dhcp_options(),
    }
    one = answers["DescribeSnapshots"]["Snapshots"][0]["SnapshotId"]
    assert gateway.call(ec2.describe_snapshots(SnapshotIds=[one]))["upstream_calls"] <= 2
    calls = {action: gateway.call(answer)["upstream_calls"] for action, answer in answers.items()}
    assert not {action: made for action, made in calls.items() if made > MOST[action]}
