"""Route tables, their associations and their routes; and the default network ACL."""

from typing import Any

import pytest
from openstack.connection import Connection

from tests.ec2.client_errors import code, refusal
from tests.ec2.network.test_security_groups import uuid
from tests.ec2.network.test_vpc_lives import tagged
from tests.ec2.routing.test_internet_gateways import vpc
from tests.support.ipv6 import shared_pool
from tests.support.names import unique
from tests.support.target import Target

__all__ = ["vpc"]
CIDR = "10.30.0.0/16"


def table(ec2: Any, id: str) -> dict[str, Any]:
    [found] = ec2.describe_route_tables(RouteTableIds=[id])["RouteTables"]
    return dict(found)


def main_table(ec2: Any, vpc: str) -> dict[str, Any]:
    wanted = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}]
    [found] = ec2.describe_route_tables(Filters=wanted)["RouteTables"]
    return dict(found)


def test_a_vpc_has_a_main_table_and_a_default_acl(ec2: Any, openstack_main: Connection, vpc: str) -> None:
    main = main_table(ec2, vpc)
    assert main["Routes"] == [
        {"DestinationCidrBlock": CIDR, "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"}
    ]
    [association] = main["Associations"]
    assert (association["Main"], association["AssociationState"]) == (True, {"State": "associated"})
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.30.1.0/24")["Subnet"]["SubnetId"]
    wanted = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "default", "Values": ["true"]}]
    [acl] = ec2.describe_network_acls(Filters=wanted)["NetworkAcls"]
    assert {one["RuleNumber"]: one["RuleAction"] for one in acl["Entries"]} == {100: "allow", 32767: "deny"}
    assert [one["SubnetId"] for one in acl["Associations"]] == [subnet]
    # What is the VPC's own gets its record with its first tag.
    for id, kind in ((main["RouteTableId"], "route-table"), (acl["NetworkAclId"], "network-acl")):  # noqa: A001
        ec2.create_tags(Resources=[id], Tags=[{"Key": "Name", "Value": "own"}])
        told = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [id]}])["Tags"]
        assert [(one["ResourceType"], one["Value"]) for one in told] == [(kind, "own")]
        ec2.create_tags(Resources=[id], Tags=[{"Key": "Name", "Value": "other"}])
        [pool] = [
            one
            for one in openstack_main.network.subnet_pools(project_id=openstack_main.current_project_id)
            if {f"ec2:own={uuid(vpc)}", f"ec2:kind={kind}"} <= set(one.tags)
        ]
        assert kind in pool.name
    assert main_table(ec2, vpc)["Tags"] == [{"Key": "Name", "Value": "other"}]
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0].get("Tags", []) == []


def test_a_subnets_table(ec2: Any, openstack_main: Connection, vpc: str) -> None:
    name, token = unique("table"), unique("token")
    asked = {"VpcId": vpc, "ClientToken": token, "TagSpecifications": tagged("route-table", Name=name)}
    made = ec2.create_route_table(**asked)["RouteTable"]
    id, main = made["RouteTableId"], main_table(ec2, vpc)  # noqa: A001
    assert ec2.create_route_table(**asked)["RouteTable"]["RouteTableId"] == id
    assert code(ec2.create_route_table, VpcId=vpc, ClientToken=token) == "IdempotentParameterMismatch"
    assert openstack_main.network.get_subnet_pool(uuid(id)).name == name
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.30.1.0/24")["Subnet"]["SubnetId"]
    associated = ec2.associate_route_table(RouteTableId=id, SubnetId=subnet)["AssociationId"]
    assert ec2.associate_route_table(RouteTableId=id, SubnetId=subnet)["AssociationId"] == associated
    by_id = [{"Name": "association.route-table-association-id", "Values": [associated]}]
    [seen] = ec2.describe_route_tables(Filters=by_id)["RouteTables"]
    assert [one["SubnetId"] for one in seen["Associations"]] == [subnet]
    assert f"ec2:route-table={uuid(id)}" in openstack_main.network.get_subnet(uuid(subnet)).tags
    other = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    assert code(ec2.associate_route_table, RouteTableId=other, SubnetId=subnet) == "Resource.AlreadyAssociated"
    assert code(ec2.delete_route_table, RouteTableId=id) == "DependencyViolation"

    moved = ec2.replace_route_table_association(AssociationId=associated, RouteTableId=other)["NewAssociationId"]
    assert table(ec2, id)["Associations"] == []
    assert [one["RouteTableAssociationId"] for one in table(ec2, other)["Associations"]] == [moved]
    ec2.disassociate_route_table(AssociationId=moved)
    assert refusal(ec2.disassociate_route_table, AssociationId=moved) == (
        "InvalidAssociationID.NotFound",
        f"The association ID '{moved}' does not exist",
    )

    [first] = main["Associations"]
    assert code(ec2.disassociate_route_table, AssociationId=first["RouteTableAssociationId"]) == "InvalidParameterValue"
    ec2.replace_route_table_association(AssociationId=first["RouteTableAssociationId"], RouteTableId=other)
    assert main_table(ec2, vpc)["RouteTableId"] == other
    assert code(ec2.delete_route_table, RouteTableId=other) == "DependencyViolation"
    ec2.replace_route_table_association(
        AssociationId=first["RouteTableAssociationId"], RouteTableId=main["RouteTableId"]
    )
    assert main_table(ec2, vpc)["RouteTableId"] == main["RouteTableId"]
    for one in (id, other):
        ec2.delete_route_table(RouteTableId=one)
    assert openstack_main.network.find_subnet_pool(uuid(id)) is None
    assert code(ec2.describe_route_tables, RouteTableIds=[id]) == "InvalidRouteTableID.NotFound"


def test_a_record_that_another_project_shares_is_no_table(ec2: Any, cloud: Target, vpc: str) -> None:
    with cloud.connect("admin") as admin, shared_pool(admin, "2001:db8:65::/56") as pool:
        admin.network.set_tags(pool, ["ec2:kind=route-table", f"ec2:vpc={uuid(vpc)}", "ec2:route=10.0.0.0-8=igw-1"])
        wanted = [{"Name": "vpc-id", "Values": [vpc]}]
        [only] = ec2.describe_route_tables(Filters=wanted)["RouteTables"]
        assert only["RouteTableId"] == main_table(ec2, vpc)["RouteTableId"]
        shown = "rtb-" + pool.id.replace("-", "")
        assert code(ec2.delete_route_table, RouteTableId=shown) == "InvalidRouteTableID.NotFound"


def test_routes(ec2: Any, openstack_main: Connection, vpc: str) -> None:
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    made = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    wanted = {"RouteTableId": made, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway}
    assert code(ec2.create_route, **wanted) == "InvalidParameterValue"  # it is not attached yet
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    for id in (made, main_table(ec2, vpc)["RouteTableId"]):  # noqa: A001
        wanted["RouteTableId"] = id
        assert ec2.create_route(**wanted)["Return"]
        assert refusal(ec2.create_route, **wanted) == (
            "RouteAlreadyExists",
            "The route identified by 0.0.0.0/0 already exists.",
        )
        assert {
            (one["DestinationCidrBlock"], one["GatewayId"], one["Origin"], one["State"])
            for one in table(ec2, id)["Routes"]
        } == {(CIDR, "local", "CreateRouteTable", "active"), ("0.0.0.0/0", gateway, "CreateRoute", "active")}
    ec2.replace_route(**wanted)
    assert code(ec2.replace_route, **{**wanted, "DestinationCidrBlock": "8.8.8.8/32"}) == "InvalidParameterValue"
    assert code(ec2.create_route, **{**wanted, "DestinationCidrBlock": CIDR}) == "InvalidParameterValue"
    assert code(ec2.create_route, **{**wanted, "DestinationCidrBlock": "10.30.1.0/24"}) == "InvalidParameterValue"
    assert f"ec2:route=0.0.0.0-0={gateway}" in openstack_main.network.get_subnet_pool(uuid(made)).tags
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert [one["State"] for one in table(ec2, made)["Routes"]] == ["active", "blackhole"]
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    gone = {"RouteTableId": made, "DestinationCidrBlock": "0.0.0.0/0"}
    ec2.delete_route(**gone)
    assert refusal(ec2.delete_route, **gone) == (
        "InvalidRoute.NotFound",
        f"no route with destination-cidr-block 0.0.0.0/0 in route table {made}",
    )
    assert code(ec2.delete_route, RouteTableId=made, DestinationCidrBlock=CIDR) == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("action", "params", "expected"),
    [
        ("create_route_table", {"VpcId": "vpc-12345678"}, "InvalidVpcID.NotFound"),
        ("delete_route_table", {"RouteTableId": "rtb-12345678"}, "InvalidRouteTableID.NotFound"),
        ("delete_route_table", {"RouteTableId": "vpc-12345678"}, "InvalidRouteTableId.Malformed"),
        ("associate_route_table", {"RouteTableId": "rtb-12345678"}, "MissingParameter"),
        (
            "create_route",
            {"RouteTableId": "rtb-12345678", "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-12345678"},
            "InvalidRouteTableID.NotFound",
        ),
        ("create_route", {"RouteTableId": "rtb-12345678", "GatewayId": "igw-12345678"}, "MissingParameter"),
        (
            "create_route",
            {"RouteTableId": "rtb-12345678", "DestinationCidrBlock": "0.0.0.0/0", "TransitGatewayId": "tgw-12345678"},
            "UnsupportedOperation",
        ),
        ("replace_route_table_association", {"AssociationId": "rtbassoc-12345678", "RouteTableId": "rtb-12345678"},
         "InvalidAssociationID.NotFound"),
        ("describe_network_acls", {"NetworkAclIds": ["acl-12345678"]}, "InvalidNetworkAclID.NotFound"),
    ],
)  # fmt: skip
def test_refusals(ec2: Any, action: str, params: dict[str, Any], expected: str) -> None:
    assert code(getattr(ec2, action), **params) == expected


def test_what_openstack_lacks_is_an_empty_list(ec2: Any) -> None:
    assert ec2.describe_carrier_gateways()["CarrierGateways"] == []
    assert ec2.describe_customer_gateways()["CustomerGateways"] == []
    assert ec2.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"] == []
    assert ec2.describe_flow_logs(Filter=[{"Name": "resource-id", "Values": ["x"]}])["FlowLogs"] == []
    assert ec2.describe_transit_gateway_vpc_attachments()["TransitGatewayVpcAttachments"] == []
    assert ec2.describe_transit_gateways()["TransitGateways"] == []
    assert ec2.describe_vpc_endpoint_services()["ServiceDetails"] == []
    assert ec2.describe_vpc_endpoints(MaxResults=5)["VpcEndpoints"] == []
    assert ec2.describe_vpn_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": ["vpc-1"]}])["VpnGateways"] == []
    assert refusal(ec2.describe_vpc_endpoints, VpcEndpointIds=["vpce-12345678"]) == (
        "InvalidVpcEndpointId.NotFound",
        "The vpcEndpoint ID 'vpce-12345678' does not exist",
    )
    assert code(ec2.describe_flow_logs, Filter=[{"Name": "colour", "Values": ["x"]}]) == "InvalidParameterValue"
    assert code(ec2.create_vpc_endpoint, VpcId="vpc-12345678", ServiceName="s3") == "UnsupportedOperation"
