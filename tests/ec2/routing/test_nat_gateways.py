"""NAT gateways: routers that translate to an Elastic IP address, and subnets that lead to them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from openstack.connection import Connection

from tests.ec2.client_errors import code, refusal
from tests.ec2.network.test_security_groups import uuid
from tests.ec2.network.test_vpc_lives import tagged
from tests.ec2.routing.test_internet_gateways import vpc
from tests.support.clients import Boto
from tests.support.gateway import gateway as run_gateway
from tests.support.names import unique
from tests.support.target import Target

__all__ = ["vpc"]
EVERYWHERE = "0.0.0.0/0"
MAIN = {"Name": "association.main", "Values": ["true"]}


def address(ec2: Any, allocation: str) -> dict[str, Any]:
    [found] = ec2.describe_addresses(AllocationIds=[allocation])["Addresses"]
    return dict(found)


def test_a_private_subnet_behind_a_nat_gateway(ec2: Any, openstack_main: Connection, vpc: str) -> None:
    network = openstack_main.network
    public = ec2.create_subnet(VpcId=vpc, CidrBlock="10.30.0.0/24")["Subnet"]["SubnetId"]
    private = ec2.create_subnet(VpcId=vpc, CidrBlock="10.30.1.0/24")["Subnet"]["SubnetId"]
    allocated = ec2.allocate_address(Domain="vpc", TagSpecifications=tagged("elastic-ip", Name="nat"))
    allocation, ip = allocated["AllocationId"], allocated["PublicIp"]
    name, wanted = unique("nat"), {"SubnetId": public, "AllocationId": allocation}
    assert code(ec2.create_nat_gateway, **wanted) == "Gateway.NotAttached"
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)

    asked = {**wanted, "ClientToken": unique("token"), "TagSpecifications": tagged("natgateway", Name=name)}
    nat = ec2.create_nat_gateway(**asked)["NatGateway"]["NatGatewayId"]
    assert ec2.create_nat_gateway(**asked)["NatGateway"]["NatGatewayId"] == nat
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[nat])
    [seen] = ec2.describe_nat_gateways(Filter=[{"Name": "vpc-id", "Values": [vpc]}])["NatGateways"]
    assert (seen["NatGatewayId"], seen["SubnetId"], seen["State"]) == (nat, public, "available")
    assert [(one["AllocationId"], one["PublicIp"]) for one in seen["NatGatewayAddresses"]] == [(allocation, ip)]
    router = network.get_router(uuid(nat))
    assert (router.name, router.external_gateway_info["enable_snat"]) == (name, True)
    assert [one["ip_address"] for one in router.external_gateway_info["external_fixed_ips"]] == [ip]
    assert (address(ec2, allocation)["PublicIp"], address(ec2, allocation)["Tags"]) == (
        ip,
        [{"Key": "Name", "Value": "nat"}],
    )
    assert "AssociationId" in address(ec2, allocation)
    check_tags(ec2, network.get_router(uuid(nat)), allocation)
    assert code(ec2.create_nat_gateway, **wanted) == "Resource.AlreadyAssociated"
    assert code(ec2.release_address, AllocationId=allocation) == "InvalidIPAddress.InUse"
    assert vpc not in {one["VpcId"] for one in ec2.describe_vpcs()["Vpcs"]} - {vpc}
    assert code(ec2.describe_vpcs, VpcIds=[nat.replace("nat-", "vpc-")]) == "InvalidVpcID.NotFound"
    assert code(ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc) == "DependencyViolation"
    assert code(ec2.delete_subnet, SubnetId=public) == "DependencyViolation"

    check_route(ec2, network, vpc, nat, (public, private))
    check_deleted(ec2, network, nat, (private, allocation, ip))


def check_tags(ec2: Any, router: Any, allocation: str) -> None:
    """Change the tags of an address that a NAT gateway has; those of the NAT gateway, on the same router, stay."""
    [nat] = ec2.describe_nat_gateways(NatGatewayIds=["nat-" + router.id.replace("-", "")])["NatGateways"]
    ec2.create_tags(Resources=[allocation], Tags=[{"Key": "Name", "Value": "out"}, {"Key": "Stage", "Value": "one"}])
    tags = [{"Key": "Name", "Value": "out"}, {"Key": "Stage", "Value": "one"}]
    assert address(ec2, allocation)["Tags"] == tags
    found = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [allocation]}])["Tags"]
    assert [(one["Key"], one["Value"]) for one in found] == [("Name", "out"), ("Stage", "one")]
    ec2.delete_tags(Resources=[allocation], Tags=[{"Key": "Stage"}])
    ec2.create_tags(Resources=[allocation], Tags=[{"Key": "Name", "Value": "nat"}])
    assert address(ec2, allocation)["Tags"] == [{"Key": "Name", "Value": "nat"}]
    [again] = ec2.describe_nat_gateways(NatGatewayIds=[nat["NatGatewayId"]])["NatGateways"]
    assert again["Tags"] == nat["Tags"]


def check_route(ec2: Any, network: Any, vpc: str, nat: str, subnets: tuple[str, str]) -> None:
    """Lead the private subnet to the NAT gateway, and look at what that did to Neutron."""
    public, private = subnets
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=private)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock=EVERYWHERE, NatGatewayId=nat)
    [route] = [
        one
        for one in ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
        if one["DestinationCidrBlock"] == EVERYWHERE
    ]
    assert (route["NatGatewayId"], route["State"]) == (nat, "active")
    [port] = network.ports(device_id=uuid(nat), device_owner="network:router_interface")
    assert port.fixed_ips == [{"subnet_id": uuid(private), "ip_address": "10.30.1.2"}]
    native = network.get_subnet(uuid(private))
    assert native.gateway_ip == "10.30.1.1"
    assert {(one["destination"], one["nexthop"]) for one in native.host_routes} == {
        ("0.0.0.0/1", "10.30.1.2"),
        ("128.0.0.0/1", "10.30.1.2"),
        ("10.30.0.0/16", "10.30.1.1"),
    }
    assert network.get_subnet(uuid(public)).host_routes == []
    [home] = ec2.describe_subnets(SubnetIds=[private])["Subnets"]
    assert home["VpcId"] == vpc  # the second router on its network is no VPC


def check_deleted(ec2: Any, network: Any, nat: str, made: tuple[str, str, str]) -> None:
    """Delete the NAT gateway, and look at the address that it had."""
    private, allocation, ip = made
    ec2.delete_nat_gateway(NatGatewayId=nat)
    ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[nat])
    assert [one["State"] for one in ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"]] == ["deleted"]
    assert network.find_router(uuid(nat)) is None
    assert network.get_subnet(uuid(private)).host_routes == []
    assert code(ec2.delete_nat_gateway, NatGatewayId=nat) == "NatGatewayNotFound"
    freed = address(ec2, allocation)
    assert (freed["PublicIp"], freed.get("AssociationId")) == (ip, None)
    assert freed["Tags"] == [{"Key": "Name", "Value": "nat"}]
    assert [one.floating_ip_address for one in network.ips(floating_ip_address=ip)] == [ip]
    ec2.release_address(AllocationId=allocation)
    assert list(network.ips(floating_ip_address=ip)) == []


@pytest.fixture
def replica(cloud: Target) -> Iterator[Any]:
    """EC2 at a second gateway, which shares the locks of the first one."""
    with run_gateway(cloud, "routes") as running:
        clients = Boto(running.url, dict(cloud.keys))
        yield clients("ec2")
        clients.close()


def test_subnets_are_led_to_a_nat_gateway_at_the_same_time(
    ec2: Any, replica: Any, openstack_main: Connection, vpc: str
) -> None:
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    blocks = [f"10.30.{number}.0/24" for number in range(4)]
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=block)["Subnet"]["SubnetId"] for block in blocks]
    allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=allocation)["NatGateway"]["NatGatewayId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    try:
        route = partial(ec2.create_route, RouteTableId=table, DestinationCidrBlock=EVERYWHERE, NatGatewayId=nat)
        both = zip(subnets, (ec2, replica) * 2, strict=True)
        work = [route, *(partial(at.associate_route_table, RouteTableId=table, SubnetId=one) for one, at in both)]
        with ThreadPoolExecutor(len(work)) as threads:
            for done in [threads.submit(one) for one in work]:
                done.result()
        for one in subnets:
            routes = openstack_main.network.get_subnet(uuid(one)).host_routes
            assert "0.0.0.0/1" in {route["destination"] for route in routes}
        # A gateway that is killed leaves what is written and not applied: the client's next try applies it.
        tries = (
            partial(ec2.associate_route_table, RouteTableId=table, SubnetId=subnets[0]),
            partial(refusal, route),
        )
        for again in tries:
            openstack_main.network.update_subnet(uuid(subnets[0]), host_routes=[])
            again()
            routes = openstack_main.network.get_subnet(uuid(subnets[0])).host_routes
            assert "0.0.0.0/1" in {one["destination"] for one in routes}
        # A new subnet uses the main table, which is this one from now on.
        [main] = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}, MAIN])["RouteTables"]
        [home] = [one["RouteTableAssociationId"] for one in main["Associations"] if one["Main"]]
        ec2.replace_route_table_association(AssociationId=home, RouteTableId=table)
        new = ec2.create_subnet(VpcId=vpc, CidrBlock="10.30.9.0/24")["Subnet"]["SubnetId"]
        routes = openstack_main.network.get_subnet(uuid(new)).host_routes
        assert ("0.0.0.0/1", "10.30.9.2") in {(one["destination"], one["nexthop"]) for one in routes}
        ec2.delete_subnet(SubnetId=new)
        ec2.replace_route_table_association(AssociationId=home, RouteTableId=main["RouteTableId"])
    finally:
        ec2.delete_nat_gateway(NatGatewayId=nat)
        ec2.release_address(AllocationId=allocation)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"SubnetId": "subnet-12345678"}, "MissingParameter"),
        ({"AllocationId": "eipalloc-12345678"}, "MissingParameter"),
        ({"SubnetId": "subnet-12345678", "AllocationId": "eipalloc-12345678"}, "InvalidSubnetID.NotFound"),
        ({"SubnetId": "subnet-12345678", "ConnectivityType": "private"}, "UnsupportedOperation"),
    ],
)
def test_refusals(ec2: Any, params: dict[str, Any], expected: str) -> None:
    assert code(ec2.create_nat_gateway, **params) == expected


def test_what_is_not_there(ec2: Any) -> None:
    assert refusal(ec2.describe_nat_gateways, NatGatewayIds=["nat-12345678"]) == (
        "NatGatewayNotFound",
        "The Nat Gateway nat-12345678 was not found",
    )
