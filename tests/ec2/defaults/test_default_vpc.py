"""The default VPC: the one of the network named `default`, or one that CreateDefaultVpc makes."""

from collections.abc import Iterator
from typing import Any

import pytest
from openstack.connection import Connection

from tests.ec2.client_errors import code, refusal
from tests.ec2.conftest import WAIT, end
from tests.ec2.network.test_security_groups import uuid
from tests.ec2.routing.test_internet_gateways import remove_routed
from tests.ec2.routing.test_network_acls import passes
from tests.ec2.routing.test_route_tables import main_table
from tests.support.clients import Boto
from tests.support.names import unique

HALF_DONE = "ec2:half-done "


@pytest.fixture
def alt(aws: Boto) -> Any:
    """EC2 for another account."""
    return aws("ec2", "alt")


@pytest.fixture
def no_default(alt: Any, openstack_alt: Connection) -> Iterator[None]:
    """Let the other account have no default VPC: its network `default` has another name meanwhile."""
    network = openstack_alt.network
    [named] = network.networks(name="default", project_id=openstack_alt.current_project_id)
    network.update_network(named, name="not the default one")
    yield
    for vpc in alt.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]:
        remove_routed(alt, vpc["VpcId"])
    network.update_network(named, name="default")


def default_vpcs(ec2: Any) -> list[dict[str, Any]]:
    return list(ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"])


def test_openstacks_default_network_is_a_default_vpc(ec2: Any) -> None:
    [there] = default_vpcs(ec2)
    [subnet] = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    assert subnet["VpcId"] == there["VpcId"]
    assert refusal(ec2.create_default_vpc) == (
        "DefaultVpcAlreadyExists",
        "A Default VPC already exists for this account in this region.",
    )
    zone = subnet["AvailabilityZone"]
    assert refusal(ec2.create_default_subnet, AvailabilityZone=zone) == (
        "DefaultSubnetAlreadyExistsInAvailabilityZone",
        f"'{subnet['SubnetId']}' is already the default subnet in {zone}.",
    )


def test_a_default_vpc_is_made(alt: Any, openstack_alt: Connection, no_default: None) -> None:
    network = openstack_alt.network
    zones = [one["ZoneName"] for one in alt.describe_availability_zones()["AvailabilityZones"]]
    assert default_vpcs(alt) == []
    assert code(alt.create_default_subnet, AvailabilityZone=zones[0]) == "DefaultVpcDoesNotExist"
    assert code(alt.create_default_subnet) == "MissingParameter"
    made = alt.create_default_vpc()["Vpc"]
    vpc = made["VpcId"]
    assert (made["CidrBlock"], made["IsDefault"], made["State"]) == ("172.31.0.0/16", True, "pending")
    assert [one["VpcId"] for one in default_vpcs(alt)] == [vpc]
    assert alt.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["IsDefault"]
    assert code(alt.create_default_vpc) == "DefaultVpcAlreadyExists"
    subnets = alt.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    assert {one["AvailabilityZone"]: one["DefaultForAz"] for one in subnets} == dict.fromkeys(zones, True)
    assert {one["CidrBlock"] for one in subnets} == {f"172.31.{16 * place}.0/20" for place in range(len(zones))}
    [gateway] = alt.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [vpc]}])[
        "InternetGateways"
    ]
    routes = {one["DestinationCidrBlock"]: one for one in main_table(alt, vpc)["Routes"]}
    assert (routes["0.0.0.0/0"]["GatewayId"], routes["0.0.0.0/0"]["State"]) == (gateway["InternetGatewayId"], "active")
    assert all(one["MapPublicIpOnLaunch"] for one in subnets)
    router = network.get_router(uuid(vpc))
    assert not router.name.startswith(HALF_DONE)
    assert {"ec2:default", "ec2:cidr=172.31.0.0-16"} <= set(router.tags)
    assert router.external_gateway_info["enable_snat"] is False
    [group] = alt.describe_security_groups(
        Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
    )["SecurityGroups"]
    assert [one["UserIdGroupPairs"][0]["GroupId"] for one in group["IpPermissions"]] == [group["GroupId"]]
    # A name alone means the default VPC.  Neutron's group belongs to OpenStack's default network, which is not there.
    [named] = alt.describe_security_groups(GroupNames=["default"])["SecurityGroups"]
    assert named == group
    assert code(alt.delete_security_group, GroupName="default") == "CannotDelete"
    [native] = network.security_groups(name="default", project_id=openstack_alt.current_project_id)
    [shown] = alt.describe_security_groups(GroupIds=[f"sg-{native.id.replace('-', '')}"])["SecurityGroups"]
    assert "VpcId" not in shown
    made = alt.create_security_group(GroupName=unique("web"), Description="d")["GroupId"]
    assert f"ec2:vpc={router.id}" in network.get_security_group(uuid(made)).tags
    assert code(alt.delete_vpc, VpcId=vpc) == "DependencyViolation"
    alt.delete_security_group(GroupId=made)
    assert alt.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")["EnableDnsHostnames"]["Value"]


def test_a_default_subnet_is_made_again_and_follows_the_default_acl(
    alt: Any, openstack_alt: Connection, no_default: None
) -> None:
    network, vpc = openstack_alt.network, alt.create_default_vpc()["Vpc"]["VpcId"]
    subnets = alt.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    zone, first = subnets[0]["AvailabilityZone"], subnets[0]["SubnetId"]
    assert code(alt.create_default_subnet, AvailabilityZone=zone) == "DefaultSubnetAlreadyExistsInAvailabilityZone"
    alt.delete_subnet(SubnetId=first)
    [acl] = alt.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]
    for egress in (True, False):
        alt.delete_network_acl_entry(NetworkAclId=acl["NetworkAclId"], RuleNumber=100, Egress=egress)
    again = alt.create_default_subnet(AvailabilityZone=zone)["Subnet"]
    assert not passes(openstack_alt, vpc, again["SubnetId"])
    assert (again["VpcId"], again["DefaultForAz"], again["MapPublicIpOnLaunch"]) == (vpc, True, True)
    native = network.get_subnet(uuid(again["SubnetId"]))
    assert (native.cidr, native.gateway_ip) == (again["CidrBlock"], again["CidrBlock"].replace("0/20", "1"))
    assert "ec2:default" in network.get_network(native.network_id).tags


def test_a_launch_without_a_subnet_joins_the_default_vpc(
    alt: Any, openstack_alt: Connection, no_default: None, image: str, instance_type: str
) -> None:
    vpc = alt.create_default_vpc()["Vpc"]["VpcId"]
    subnet = alt.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"][0]
    wanted = {"ImageId": image, "InstanceType": instance_type, "MinCount": 1, "MaxCount": 1}
    [made] = alt.run_instances(**wanted, Placement={"AvailabilityZone": subnet["AvailabilityZone"]})["Instances"]
    try:
        assert (made["VpcId"], made["SubnetId"]) == (vpc, subnet["SubnetId"])
        alt.get_waiter("instance_running").wait(InstanceIds=[made["InstanceId"]], WaiterConfig=WAIT)
        [port] = openstack_alt.network.ports(device_id=uuid(made["InstanceId"]))
        assert [one["subnet_id"] for one in port.fixed_ips] == [uuid(subnet["SubnetId"])]
        [address] = openstack_alt.network.ips(port_id=port.id)
        [page] = alt.describe_instances(InstanceIds=[made["InstanceId"]])["Reservations"]
        assert page["Instances"][0]["PublicIpAddress"] == address.floating_ip_address
    finally:
        end(alt, [made["InstanceId"]])
