"""VPCs and subnets that EC2 makes: Neutron's routers, networks and subnets."""

from collections.abc import Iterator
from typing import Any

import pytest
from openstack.connection import Connection

from tests.ec2.client_errors import code, refusal
from tests.ec2.network.test_security_groups import uuid
from tests.support.names import unique

CIDR = "10.20.0.0/16"


@pytest.fixture
def vpc(ec2: Any) -> Iterator[str]:
    """A VPC, which is deleted with its subnets."""
    made = ec2.create_vpc(CidrBlock=CIDR)["Vpc"]["VpcId"]
    yield made
    remove_vpc(ec2, made)


def remove_vpc(ec2: Any, vpc: str) -> None:
    """Delete a VPC with its subnets."""
    for subnet in ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    ec2.delete_vpc(VpcId=vpc)


def tagged(kind: str, **tags: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]


def test_a_vpc_is_a_router_with_a_default_group(ec2: Any, openstack_main: Connection) -> None:
    name = unique("vpc")
    made = ec2.create_vpc(CidrBlock="10.21.0.7/16", TagSpecifications=tagged("vpc", Name=name, Stage="one"))["Vpc"]
    vpc = made["VpcId"]
    try:
        ec2.get_waiter("vpc_available").wait(VpcIds=[vpc])
        [seen] = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
        assert {**made, "State": "available"} == seen
        assert (seen["CidrBlock"], seen["IsDefault"], seen["DhcpOptionsId"]) == ("10.21.0.0/16", False, "default")
        assert [one["CidrBlock"] for one in seen["CidrBlockAssociationSet"]] == ["10.21.0.0/16"]
        assert {"Key": "Name", "Value": name} in seen["Tags"]
        router = openstack_main.network.get_router(uuid(vpc))
        assert (router.name, router.external_gateway_info) == (name, None)
        assert "ec2:cidr=10.21.0.0-16" in router.tags
        mine = [{"Name": "vpc-id", "Values": [vpc]}]
        [group] = ec2.describe_security_groups(Filters=[*mine, {"Name": "group-name", "Values": ["default"]}])[
            "SecurityGroups"
        ]
        assert [one["UserIdGroupPairs"][0]["GroupId"] for one in group["IpPermissions"]] == [group["GroupId"]]
        assert [one["IpRanges"] for one in group["IpPermissionsEgress"]] == [[{"CidrIp": "0.0.0.0/0"}]]
        assert code(ec2.delete_security_group, GroupId=group["GroupId"]) == "CannotDelete"
        assert openstack_main.network.get_security_group(uuid(group["GroupId"])).name == f"default of {router.id}"
    finally:
        ec2.delete_vpc(VpcId=vpc)
    assert openstack_main.network.find_router(uuid(vpc)) is None
    assert openstack_main.network.find_security_group(uuid(group["GroupId"])) is None
    assert refusal(ec2.delete_vpc, VpcId=vpc) == ("InvalidVpcID.NotFound", f"The vpc ID '{vpc}' does not exist")


def test_a_subnet_is_a_network_with_the_vpcs_router(ec2: Any, openstack_main: Connection, vpc: str) -> None:
    name = unique("subnet")
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    made = ec2.create_subnet(
        VpcId=vpc, CidrBlock="10.20.1.0/24", AvailabilityZone=zone, TagSpecifications=tagged("subnet", Name=name)
    )["Subnet"]
    ec2.get_waiter("subnet_available").wait(SubnetIds=[made["SubnetId"]])
    [seen] = ec2.describe_subnets(SubnetIds=[made["SubnetId"]])["Subnets"]
    assert made == seen
    assert (seen["VpcId"], seen["CidrBlock"], seen["AvailabilityZone"]) == (vpc, "10.20.1.0/24", zone)
    assert seen["AvailableIpAddressCount"] == 251
    native = openstack_main.network.get_subnet(uuid(seen["SubnetId"]))
    assert (native.name, native.gateway_ip) == (name, "10.20.1.1")
    assert native.allocation_pools == [{"start": "10.20.1.4", "end": "10.20.1.254"}]
    network = openstack_main.network.get_network(native.network_id)
    assert network.name == name
    assert f"ec2:vpc={uuid(vpc)}" in network.tags
    [port] = openstack_main.network.ports(network_id=network.id, device_owner="network:router_interface")
    assert (port.device_id, port.fixed_ips[0]["ip_address"]) == (uuid(vpc), "10.20.1.1")
    assert code(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    ec2.delete_subnet(SubnetId=seen["SubnetId"])
    assert openstack_main.network.find_network(network.id) is None
    assert code(ec2.describe_subnets, SubnetIds=[seen["SubnetId"]]) == "InvalidSubnetID.NotFound"
    assert code(ec2.delete_subnet, SubnetId=seen["SubnetId"]) == "InvalidSubnetID.NotFound"


def test_subnets_of_a_vpc_do_not_meet(ec2: Any, vpc: str) -> None:
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.0.0/20")
    for cidr in ("10.20.15.0/24", "10.20.0.0/16"):
        assert refusal(ec2.create_subnet, VpcId=vpc, CidrBlock=cidr) == (
            "InvalidSubnet.Conflict",
            f"The CIDR '{cidr}' conflicts with another subnet",
        )
    for cidr in ("10.21.0.0/24", "10.20.16.0/29", "10.20.0.0/15"):
        assert refusal(ec2.create_subnet, VpcId=vpc, CidrBlock=cidr) == (
            "InvalidSubnet.Range",
            f"The CIDR '{cidr}' is invalid.",
        )
    assert len(ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]) == 1


def test_two_vpcs_may_have_one_block(ec2: Any, vpc: str) -> None:
    other = ec2.create_vpc(CidrBlock=CIDR)["Vpc"]["VpcId"]
    try:
        for one in (vpc, other):
            ec2.create_subnet(VpcId=one, CidrBlock="10.20.1.0/24")
    finally:
        remove_vpc(ec2, other)


def test_a_subnet_with_a_port_is_not_deleted(ec2: Any, openstack_main: Connection, vpc: str) -> None:
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.1.0/24")["Subnet"]["SubnetId"]
    native = openstack_main.network.get_subnet(uuid(subnet))
    port = openstack_main.network.create_port(network_id=native.network_id)
    assert code(ec2.delete_subnet, SubnetId=subnet) == "DependencyViolation"
    openstack_main.network.delete_port(port)
    assert len(list(openstack_main.network.ports(network_id=native.network_id))) == 1  # the router's is still there


def test_a_subnet_for_a_router_of_openstacks_tools(ec2: Any, openstack_main: Connection) -> None:
    router = openstack_main.network.create_router(name=unique("router"))
    vpc = "vpc-" + router.id.replace("-", "")
    ec2.create_subnet(VpcId=vpc, CidrBlock="192.168.7.0/24")
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["CidrBlock"] == "192.168.7.0/24"
    remove_vpc(ec2, vpc)
    assert openstack_main.network.find_router(router.id) is None


def test_what_openstacks_tools_leave_of_a_vpc_goes_with_the_next(ec2: Any, openstack_main: Connection) -> None:
    vpcs = [ec2.create_vpc(CidrBlock=CIDR)["Vpc"]["VpcId"] for _ in range(3)]
    named = {vpc: f"default of {uuid(vpc)}" for vpc in vpcs}
    openstack_main.network.delete_router(uuid(vpcs[0]))
    remove_vpc(ec2, vpcs[1])
    left = {one.name for one in openstack_main.network.security_groups(project_id=openstack_main.current_project_id)}
    assert left & set(named.values()) == {named[vpcs[2]]}
    remove_vpc(ec2, vpcs[2])


def test_hostnames_are_kept(ec2: Any, openstack_main: Connection, vpc: str) -> None:
    def told() -> bool:
        answer = ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")
        return bool(answer["EnableDnsHostnames"]["Value"])

    assert not told()
    for value in (True, True, False, False):
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": value})
        assert told() is value
        assert ("ec2:dns-hostnames=true" in openstack_main.network.get_router(uuid(vpc)).tags) is value
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": True})
    both = {"EnableDnsSupport": {"Value": True}, "EnableDnsHostnames": {"Value": True}}
    assert code(ec2.modify_vpc_attribute, VpcId=vpc, **both) == "InvalidParameterCombination"
    usage = {"EnableNetworkAddressUsageMetrics": {"Value": True}}
    assert code(ec2.modify_vpc_attribute, VpcId=vpc, **usage) == "UnsupportedOperation"


def test_a_subnets_attributes_have_the_values_that_neutron_keeps(ec2: Any, openstack_main: Connection) -> None:
    network = openstack_main.network.find_network("default", project_id=openstack_main.current_project_id)
    subnet = f"subnet-{network.subnet_ids[0].replace('-', '')}"
    ec2.modify_subnet_attribute(SubnetId=subnet, PrivateDnsHostnameTypeOnLaunch="ip-name")
    on = {"SubnetId": subnet, "EnableDns64": {"Value": True}}
    assert code(ec2.modify_subnet_attribute, **on) == "UnsupportedOperation"
    # A subnet without an IPv6 block has no address to give.
    on = {"SubnetId": subnet, "AssignIpv6AddressOnCreation": {"Value": True}}
    assert code(ec2.modify_subnet_attribute, **on) == "InvalidParameterValue"
    assert code(ec2.modify_subnet_attribute, SubnetId=subnet) == "InvalidParameterCombination"
    off = {"SubnetId": "subnet-12345678", "EnableDns64": {"Value": False}}
    assert code(ec2.modify_subnet_attribute, **off) == "InvalidSubnetID.NotFound"


@pytest.mark.parametrize(
    ("action", "params", "expected"),
    [
        ("create_vpc", {"CidrBlock": "10.0.0.0/8"}, "InvalidVpc.Range"),
        ("create_vpc", {"CidrBlock": "10.0.0.0/29"}, "InvalidVpc.Range"),
        ("create_vpc", {"CidrBlock": "10.0.0.0"}, "InvalidParameterValue"),
        ("create_vpc", {}, "MissingParameter"),
        ("create_vpc", {"CidrBlock": CIDR, "InstanceTenancy": "dedicated"}, "UnsupportedOperation"),
        ("create_vpc", {"CidrBlock": CIDR, "DryRun": True}, "DryRunOperation"),
        ("delete_vpc", {"VpcId": "vpc-12345678"}, "InvalidVpcID.NotFound"),
        ("delete_vpc", {"VpcId": "subnet-12345678"}, "InvalidVpcID.Malformed"),
        ("create_subnet", {"VpcId": "vpc-12345678", "CidrBlock": CIDR}, "InvalidVpcID.NotFound"),
        ("create_subnet", {"VpcId": "vpc", "CidrBlock": CIDR}, "InvalidVpcID.Malformed"),
        ("create_subnet", {"VpcId": "vpc-12345678", "CidrBlock": "ten"}, "InvalidParameterValue"),
        ("create_subnet", {"VpcId": "vpc-12345678"}, "MissingParameter"),
        ("delete_subnet", {"SubnetId": "subnet-12345678"}, "InvalidSubnetID.NotFound"),
        ("delete_subnet", {"SubnetId": "vpc-12345678"}, "InvalidSubnetID.Malformed"),
        (
            "modify_vpc_attribute",
            {"VpcId": "vpc-12345678", "EnableDnsHostnames": {"Value": True}},
            "InvalidVpcID.NotFound",
        ),
        ("modify_vpc_attribute", {"VpcId": "vpc-12345678"}, "InvalidParameterCombination"),
    ],
)
def test_refusals(ec2: Any, action: str, params: dict[str, Any], expected: str) -> None:
    assert code(getattr(ec2, action), **params) == expected


def test_a_zone_that_is_not_there(ec2: Any, vpc: str) -> None:
    said = refusal(ec2.create_subnet, VpcId=vpc, CidrBlock="10.20.1.0/24", AvailabilityZone="moon-1a")
    assert said[0] == "InvalidParameterValue"
    assert "Value (moon-1a) for parameter availabilityZone is invalid" in said[1]
