"""A route of IPv6 to an internet gateway gives the router an IPv6 address outside, and without one it has none."""

from collections.abc import Iterator
from typing import Any

import pytest
from openstack.connection import Connection

from tests.ec2.client_errors import code
from tests.ec2.ipv6.conftest import Vpc
from tests.ec2.network.test_security_groups import uuid
from tests.support.ipv6 import external_subnet

OUTSIDE = "2001:db8:ffff:64::/64"


@pytest.fixture(scope="module")
def outside(admin: Connection, v6: Any, vpc: Vpc) -> Iterator[Any]:
    """IPv6 on the external network."""
    with external_subnet(admin, OUTSIDE) as made:
        yield made


def way(connection: Connection, vpc: str) -> list[bool]:
    """Tell of each address of a VPC's router outside whether it is of IPv6."""
    info = connection.network.get_router(uuid(vpc)).external_gateway_info
    assert info["enable_snat"] is False
    return sorted(":" in one["ip_address"] for one in info["external_fixed_ips"])


def routes(v6: Any, table: str) -> dict[str, tuple[str, str]]:
    [found] = v6.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    return {
        one["DestinationIpv6CidrBlock"]: (one["GatewayId"], one["State"])
        for one in found["Routes"]
        if "DestinationIpv6CidrBlock" in one
    }


def test_a_route_to_an_internet_gateway(v6: Any, openstack_main: Connection, vpc: Vpc, outside: Any) -> None:
    table = v6.create_route_table(VpcId=vpc.id)["RouteTable"]["RouteTableId"]
    igw = v6.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    there = {"InternetGatewayId": igw, "VpcId": vpc.id}
    v6.attach_internet_gateway(**there)
    assert way(openstack_main, vpc.id) == [False]
    v6.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=igw)
    assert way(openstack_main, vpc.id) == [False]
    asked = {"RouteTableId": table, "DestinationIpv6CidrBlock": "::/0"}
    v6.create_route(**asked, GatewayId=igw)
    assert way(openstack_main, vpc.id) == [False, True]
    assert routes(v6, table) == {vpc.block: ("local", "active"), "::/0": (igw, "active")}
    wanted = [{"Name": "route.destination-ipv6-cidr-block", "Values": ["::/0"]}]
    assert [one["RouteTableId"] for one in v6.describe_route_tables(Filters=wanted)["RouteTables"]] == [table]
    assert code(v6.create_route, **asked, GatewayId=igw) == "RouteAlreadyExists"
    v6.replace_route(**asked, GatewayId=igw)
    # A gateway that comes back finds the route that waits for it.
    v6.detach_internet_gateway(**there)
    assert routes(v6, table)["::/0"] == (igw, "blackhole")
    v6.attach_internet_gateway(**there)
    assert way(openstack_main, vpc.id) == [False, True]
    v6.delete_route(**asked)
    assert way(openstack_main, vpc.id) == [False]
    assert code(v6.delete_route, **asked) == "InvalidRoute.NotFound"
    v6.create_route(**asked, GatewayId=igw)
    v6.delete_route_table(RouteTableId=table)
    assert way(openstack_main, vpc.id) == [False]
    v6.detach_internet_gateway(**there)
    v6.delete_internet_gateway(InternetGatewayId=igw)


def test_routes_of_ipv6_that_cannot_be(v6: Any, vpc: Vpc, outside: Any) -> None:
    [table] = v6.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc.id]}])["RouteTables"]
    here = {"RouteTableId": table["RouteTableId"]}
    subnet = v6.create_subnet(VpcId=vpc.id, CidrBlock="10.64.20.0/24")["Subnet"]["SubnetId"]
    eni = v6.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    for asked, refusal in (
        ({"DestinationIpv6CidrBlock": "::/0", "NetworkInterfaceId": eni}, "UnsupportedOperation"),
        ({"DestinationIpv6CidrBlock": "2000::/3", "GatewayId": f"igw-{'0' * 32}"}, "UnsupportedOperation"),
        ({"DestinationIpv6CidrBlock": "::/0", "GatewayId": f"igw-{'0' * 32}"}, "InvalidInternetGatewayID.NotFound"),
        (
            {"DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": f"eigw-{'0' * 17}"},
            "UnsupportedOperation",
        ),
        ({"DestinationIpv6CidrBlock": "10.0.0.0/8", "GatewayId": f"igw-{'0' * 32}"}, "InvalidParameterValue"),
        (
            {"DestinationIpv6CidrBlock": "::/0", "DestinationCidrBlock": "0.0.0.0/0", "NetworkInterfaceId": eni},
            "MissingParameter",
        ),
    ):
        assert code(v6.create_route, **here, **asked) == refusal, asked
    assert code(v6.delete_route, **here, DestinationIpv6CidrBlock=vpc.block) == "InvalidParameterValue"
    assert code(v6.create_egress_only_internet_gateway, VpcId=vpc.id) == "UnsupportedOperation"


def test_a_block_for_a_vpc_that_is_connected_opens_nothing(v6: Any, openstack_main: Connection, outside: Any) -> None:
    vpc = v6.create_vpc(CidrBlock="10.70.0.0/16")["Vpc"]["VpcId"]
    igw = v6.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    v6.attach_internet_gateway(InternetGatewayId=igw, VpcId=vpc)
    v6.associate_vpc_cidr_block(VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)
    assert way(openstack_main, vpc) == [False]
    v6.detach_internet_gateway(InternetGatewayId=igw, VpcId=vpc)
    v6.delete_internet_gateway(InternetGatewayId=igw)
    v6.delete_vpc(VpcId=vpc)
