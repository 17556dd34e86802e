"""DescribeVpcs and DescribeSubnets show Neutron's networks and subnets."""

from typing import Any

import pytest
from openstack.connection import Connection

from tests.ec2.client_errors import code
from tests.ec2.network.test_security_groups import uuid
from tests.support.names import unique


def native_default(connection: Connection) -> Any:
    return connection.network.find_network("default", project_id=connection.current_project_id)


def test_the_default_vpc_is_the_default_networks_router(ec2: Any, openstack_main: Connection) -> None:
    [vpc] = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    router = openstack_main.network.get_router(uuid(vpc["VpcId"]))
    assert router.project_id == openstack_main.current_project_id
    subnets = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    network = native_default(openstack_main)
    assert {uuid(one["SubnetId"]) for one in subnets} == set(network.subnet_ids)
    assert {one["VpcId"] for one in subnets} == {vpc["VpcId"]}
    native = openstack_main.network.get_subnet(uuid(subnets[0]["SubnetId"]))
    assert subnets[0]["CidrBlock"] == native.cidr
    assert vpc["CidrBlock"] in {one["CidrBlock"] for one in vpc["CidrBlockAssociationSet"]}


def test_a_network_without_a_router_is_a_vpc_of_its_own(ec2: Any, openstack_main: Connection) -> None:
    network = openstack_main.network.create_network(name=unique("isolated"))
    subnet = openstack_main.network.create_subnet(network_id=network.id, ip_version=4, cidr="192.0.2.0/28")
    port = None
    try:
        subnet_id, vpc_id = (
            f"{prefix}-{one.id.replace('-', '')}" for prefix, one in (("subnet", subnet), ("vpc", network))
        )
        [seen] = ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"]
        assert (seen["VpcId"], seen["CidrBlock"], seen["DefaultForAz"]) == (vpc_id, "192.0.2.0/28", False)
        assert seen["AvailableIpAddressCount"] == 13  # 16 less network, broadcast and gateway
        port = openstack_main.network.create_port(network_id=network.id)
        assert ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"][0]["AvailableIpAddressCount"] == 12
        [vpc] = ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"]
        assert (vpc["CidrBlock"], vpc["IsDefault"]) == ("192.0.2.0/28", False)
        by_cidr = [{"Name": "cidr", "Values": ["192.0.2.*"]}]
        assert [one["VpcId"] for one in ec2.describe_vpcs(Filters=by_cidr)["Vpcs"]] == [vpc_id]
        ansibles = [{"Name": "cidr-block", "Values": ["192.0.2.0/24", "192.0.2.0/28"]}]
        assert [one["VpcId"] for one in ec2.describe_vpcs(Filters=ansibles)["Vpcs"]] == [vpc_id]
        assert [one["SubnetId"] for one in ec2.describe_subnets(Filters=by_cidr)["Subnets"]] == [subnet_id]
    finally:
        if port is not None:
            openstack_main.network.delete_port(port)
        openstack_main.network.delete_network(network)
    assert code(ec2.describe_subnets, SubnetIds=[subnet_id]) == "InvalidSubnetID.NotFound"
    assert code(ec2.describe_vpcs, VpcIds=[vpc_id]) == "InvalidVpcID.NotFound"


def test_a_router_without_subnets_is_a_vpc_too(ec2: Any, openstack_main: Connection) -> None:
    router = openstack_main.network.create_router(name=unique("router"))
    try:
        ec2.get_waiter("vpc_available").wait(VpcIds=["vpc-" + router.id.replace("-", "")])
    finally:
        openstack_main.network.delete_router(router)


def test_attributes_say_what_neutrons_name_service_does(ec2: Any, openstack_main: Connection) -> None:
    def told(vpc: str, attribute: str) -> dict[str, Any]:
        answer: dict[str, Any] = ec2.describe_vpc_attribute(VpcId=vpc, Attribute=attribute)
        del answer["ResponseMetadata"]
        return answer

    [vpc] = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    default = vpc["VpcId"]
    assert told(default, "enableDnsSupport") == {"VpcId": default, "EnableDnsSupport": {"Value": True}}
    assert told(default, "enableDnsHostnames") == {"VpcId": default, "EnableDnsHostnames": {"Value": False}}
    assert told(default, "enableNetworkAddressUsageMetrics") == {
        "VpcId": default,
        "EnableNetworkAddressUsageMetrics": {"Value": False},
    }
    router = openstack_main.network.create_router(name=unique("router"))
    empty = "vpc-" + router.id.replace("-", "")
    try:
        assert told(empty, "enableDnsSupport")["VpcId"] == empty
    finally:
        openstack_main.network.delete_router(router)
    assert code(ec2.describe_vpc_attribute, VpcId=empty, Attribute="enableDnsSupport") == "InvalidVpcID.NotFound"


def test_external_networks_are_outside(ec2: Any, openstack_main: Connection) -> None:
    outside = {
        subnet.replace("-", "")
        for network in openstack_main.network.networks(is_router_external=True)
        for subnet in network.subnet_ids
    }
    assert outside
    shown = {one["SubnetId"].removeprefix("subnet-") for one in ec2.describe_subnets()["Subnets"]}
    assert not shown & outside


@pytest.mark.parametrize(
    ("action", "params", "expected"),
    [
        ("describe_vpcs", {"VpcIds": ["vpc-12345678"]}, "InvalidVpcID.NotFound"),
        ("describe_vpcs", {"VpcIds": ["subnet-12345678"]}, "InvalidVpcID.Malformed"),
        ("describe_vpcs", {"Filters": [{"Name": "colour", "Values": ["red"]}]}, "InvalidParameterValue"),
        ("describe_vpcs", {"DryRun": True}, "DryRunOperation"),
        ("describe_vpc_attribute", {"VpcId": "eni-1", "Attribute": "enableDnsSupport"}, "InvalidVpcID.Malformed"),
        ("describe_vpc_attribute", {"VpcId": "vpc-12345678", "Attribute": "colour"}, "InvalidParameterValue"),
        (
            "describe_vpc_attribute",
            {"VpcId": "vpc-12345678", "Attribute": "enableDnsSupport", "DryRun": True},
            "DryRunOperation",
        ),
        ("describe_subnets", {"SubnetIds": ["subnet-12345678"]}, "InvalidSubnetID.NotFound"),
        ("describe_subnets", {"SubnetIds": ["vpc-12345678"]}, "InvalidSubnetID.Malformed"),
        ("describe_subnets", {"Filters": [{"Name": "colour", "Values": ["red"]}]}, "InvalidParameterValue"),
        ("describe_subnets", {"DryRun": True}, "DryRunOperation"),
    ],
)
def test_what_is_not_there(ec2: Any, action: str, params: dict[str, Any], expected: str) -> None:
    assert code(getattr(ec2, action), **params) == expected
