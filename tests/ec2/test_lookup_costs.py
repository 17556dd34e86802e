"""A lookup of one id makes at most two OpenStack calls, or as many as its answer is joined from."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.ec2.conftest import WAIT
from tests.ec2.lookups import LOOKUPS
from tests.support.gateway import Gateway
from tests.support.names import unique

MOST = 2
# docs/performance.md says what these answers are joined from.
MORE = {"DescribeInstances": 4, "DescribeRouteTables": 3, "DescribeNetworkAcls": 3}
# A NAT gateway and a peering connection would take the suite too long, and ended ones of other tests are no measure.
ABSENT = {"DescribeNatGateways", "DescribeVpcPeeringConnections"}


@pytest.fixture
def compute(ec2: Any, instance: str) -> Iterator[None]:
    """What is looked up of instances and disks."""
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    name = unique("lookup")
    with ExitStack() as stack:
        ec2.create_key_pair(KeyName=name)
        stack.callback(ec2.delete_key_pair, KeyName=name)
        ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData={"InstanceType": "t3.nano"})
        stack.callback(ec2.delete_launch_template, LaunchTemplateName=name)
        ec2.create_placement_group(GroupName=name, Strategy="spread")
        stack.callback(ec2.delete_placement_group, GroupName=name)
        volume = ec2.create_volume(Size=1, AvailabilityZone=zone)["VolumeId"]
        stack.callback(ec2.delete_volume, VolumeId=volume)
        ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=WAIT)
        snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
        stack.callback(ec2.delete_snapshot, SnapshotId=snapshot)
        ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot], WaiterConfig=WAIT)
        yield


@pytest.fixture
def network(ec2: Any) -> Iterator[None]:
    """What is looked up of networks."""
    prefixes = {"MaxEntries": 2, "AddressFamily": "IPv4", "Entries": [{"Cidr": "192.0.2.0/24"}]}
    servers = [{"Key": "domain-name-servers", "Values": ["10.77.0.9"]}]
    with ExitStack() as stack:
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        stack.callback(ec2.release_address, AllocationId=address)
        listed = ec2.create_managed_prefix_list(PrefixListName=unique("lookup"), **prefixes)["PrefixList"]
        stack.callback(ec2.delete_managed_prefix_list, PrefixListId=listed["PrefixListId"])
        options = ec2.create_dhcp_options(DhcpConfigurations=servers)["DhcpOptions"]["DhcpOptionsId"]
        stack.callback(ec2.delete_dhcp_options, DhcpOptionsId=options)
        internet = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        stack.callback(ec2.delete_internet_gateway, InternetGatewayId=internet)
        vpc = ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
        stack.callback(ec2.delete_vpc, VpcId=vpc)
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.77.1.0/24")["Subnet"]["SubnetId"]
        stack.callback(ec2.delete_subnet, SubnetId=subnet)
        yield


@pytest.mark.usefixtures("compute", "network")
def test_a_lookup_of_one_id(ec2: Any, gateway: Gateway) -> None:
    found = {one: one.first(ec2) for one in LOOKUPS if one.action not in ABSENT}
    assert not [one.action for one, known in found.items() if known is None]
    calls = {one.action: one.calls(ec2, gateway, known) for one, known in found.items() if known}
    assert not {action: made for action, made in calls.items() if made > MORE.get(action, MOST)}, calls
