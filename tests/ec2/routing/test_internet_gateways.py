"""Internet gateways: a record, and the external gateway of a VPC's router."""

from collections.abc import Iterator
from typing import Any

import pytest
from openstack.connection import Connection

from tests.ec2.client_errors import code, refusal
from tests.ec2.network.test_security_groups import uuid
from tests.ec2.network.test_vpc_lives import remove_vpc, tagged
from tests.support.names import unique


@pytest.fixture
def vpc(ec2: Any) -> Iterator[str]:
    """A VPC, which is deleted with its gateway and subnets."""
    made = ec2.create_vpc(CidrBlock="10.30.0.0/16")["Vpc"]["VpcId"]
    yield made
    remove_routed(ec2, made)


def remove_routed(ec2: Any, vpc: str) -> None:
    """Delete a VPC with its subnets, route tables and internet gateways."""
    mine = [{"Name": "attachment.vpc-id", "Values": [vpc]}]
    for one in ec2.describe_internet_gateways(Filters=mine)["InternetGateways"]:
        ec2.detach_internet_gateway(InternetGatewayId=one["InternetGatewayId"], VpcId=vpc)
        ec2.delete_internet_gateway(InternetGatewayId=one["InternetGatewayId"])
    for subnet in ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    for table in ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]:
        if not any(one["Main"] for one in table["Associations"]):
            ec2.delete_route_table(RouteTableId=table["RouteTableId"])
    remove_vpc(ec2, vpc)


def test_a_gateway_connects_a_router_that_does_not_translate(ec2: Any, openstack_main: Connection, vpc: str) -> None:
    name = unique("igw")
    made = ec2.create_internet_gateway(TagSpecifications=tagged("internet-gateway", Name=name))["InternetGateway"]
    gateway = made["InternetGatewayId"]
    assert (made["Attachments"], made["Tags"]) == ([], [{"Key": "Name", "Value": name}])
    ec2.get_waiter("internet_gateway_exists").wait(InternetGatewayIds=[gateway])
    pool = openstack_main.network.get_subnet_pool(uuid(gateway))
    assert pool.name == name
    assert "ec2:kind=internet-gateway" in pool.tags
    assert refusal(ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc) == (
        "Gateway.NotAttached",
        f"resource {gateway} is not attached to network {vpc}",
    )

    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    [seen] = ec2.describe_internet_gateways(InternetGatewayIds=[gateway])["InternetGateways"]
    assert seen["Attachments"] == [{"State": "available", "VpcId": vpc}]
    info = openstack_main.network.get_router(uuid(vpc)).external_gateway_info
    assert info["enable_snat"] is False
    assert info["network_id"] == next(iter(openstack_main.network.networks(is_router_external=True))).id
    assert code(ec2.attach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc) == "Resource.AlreadyAssociated"
    assert code(ec2.delete_internet_gateway, InternetGatewayId=gateway) == "DependencyViolation"
    assert code(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    second = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    assert refusal(ec2.attach_internet_gateway, InternetGatewayId=second, VpcId=vpc) == (
        "InvalidParameterValue",
        f"Network {vpc} already has an internet gateway attached",
    )
    ec2.delete_internet_gateway(InternetGatewayId=second)

    ec2.create_tags(Resources=[gateway], Tags=[{"Key": "a/b", "Value": "c"}])
    [found] = ec2.describe_internet_gateways(Filters=[{"Name": "tag:a/b", "Values": ["c"]}])["InternetGateways"]
    assert found["InternetGatewayId"] == gateway

    # Disconnected by OpenStack's own tools, it is detached here.
    openstack_main.network.update_router(uuid(vpc), external_gateway_info={})
    assert ec2.describe_internet_gateways(InternetGatewayIds=[gateway])["InternetGateways"][0]["Attachments"] == []
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert openstack_main.network.get_router(uuid(vpc)).external_gateway_info is None
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    assert openstack_main.network.find_subnet_pool(uuid(gateway)) is None
    assert code(ec2.describe_internet_gateways, InternetGatewayIds=[gateway]) == "InvalidInternetGatewayID.NotFound"


def test_a_router_that_openstack_connected_has_a_gateway(ec2: Any, openstack_main: Connection) -> None:
    [default] = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    mine = [{"Name": "attachment.vpc-id", "Values": [default["VpcId"]]}]
    [seen] = ec2.describe_internet_gateways(Filters=mine)["InternetGateways"]
    assert seen["InternetGatewayId"] == default["VpcId"].replace("vpc-", "igw-")
    main = [{"Name": "vpc-id", "Values": [default["VpcId"]]}, {"Name": "association.main", "Values": ["true"]}]
    [table] = ec2.describe_route_tables(Filters=main)["RouteTables"]
    assert {(one["DestinationCidrBlock"], one["GatewayId"]) for one in table["Routes"]} == {
        (default["CidrBlock"], "local"),
        ("0.0.0.0/0", seen["InternetGatewayId"]),
    }


@pytest.mark.parametrize(
    ("action", "params", "expected"),
    [
        ("create_internet_gateway", {"DryRun": True}, "DryRunOperation"),
        ("delete_internet_gateway", {"InternetGatewayId": "igw-12345678"}, "InvalidInternetGatewayID.NotFound"),
        ("delete_internet_gateway", {"InternetGatewayId": "vpc-12345678"}, "InvalidInternetGatewayId.Malformed"),
        (
            "attach_internet_gateway",
            {"InternetGatewayId": "igw-12345678", "VpcId": "vpc-12345678"},
            "InvalidInternetGatewayID.NotFound",
        ),
        (
            "detach_internet_gateway",
            {"InternetGatewayId": "igw-12345678", "VpcId": "vpc-12345678"},
            "InvalidInternetGatewayID.NotFound",
        ),
        ("describe_internet_gateways", {"Filters": [{"Name": "colour", "Values": ["x"]}]}, "InvalidParameterValue"),
    ],
)
def test_refusals(ec2: Any, action: str, params: dict[str, Any], expected: str) -> None:
    assert code(getattr(ec2, action), **params) == expected
