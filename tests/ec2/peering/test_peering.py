"""VPC peering connections: a network between two routers, and routes of both through it."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from openstack.connection import Connection

from tests.ec2.client_errors import code, refusal
from tests.ec2.network.test_security_groups import uuid
from tests.ec2.network.test_vpc_lives import tagged
from tests.ec2.routing.test_interface_routes import extra, route_to
from tests.ec2.routing.test_internet_gateways import remove_routed
from tests.ec2.routing.test_route_tables import main_table
from tests.support.names import unique

BLOCKS = ("10.41.0.0/16", "10.42.0.0/16")


@pytest.fixture
def vpcs(ec2: Any) -> Iterator[list[str]]:
    """Two VPCs, each with a subnet; they go with their connections."""
    made = [ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"] for block in BLOCKS]
    for number, vpc in enumerate(made, 41):
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.{number}.1.0/24")
    yield made
    for one in ec2.describe_vpc_peering_connections()["VpcPeeringConnections"]:
        if one["RequesterVpcInfo"]["VpcId"] in made and one["Status"]["Code"] not in ("deleted", "rejected", "failed"):
            ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=one["VpcPeeringConnectionId"])
    for vpc in made:
        remove_routed(ec2, vpc)


def seen(ec2: Any, peering: str) -> dict[str, Any]:
    wanted = [{"Name": "vpc-peering-connection-id", "Values": [peering]}]
    [found] = ec2.describe_vpc_peering_connections(Filters=wanted)["VpcPeeringConnections"]
    return dict(found)


def test_a_connection_joins_two_vpcs(ec2: Any, openstack_main: Connection, vpcs: list[str]) -> None:
    network, name, (first, second) = openstack_main.network, unique("peering"), vpcs
    asked = {"VpcId": first, "PeerVpcId": second}
    made = ec2.create_vpc_peering_connection(**asked, TagSpecifications=tagged("vpc-peering-connection", Name=name))
    made = made["VpcPeeringConnection"]
    peering = made["VpcPeeringConnectionId"]
    assert made["Status"]["Code"] == "initiating-request"
    assert 6 * 86400 < made["ExpirationTime"].timestamp() - time.time() < 8 * 86400
    ec2.get_waiter("vpc_peering_connection_exists").wait(VpcPeeringConnectionIds=[peering])
    found = seen(ec2, peering)
    assert (found["Status"]["Code"], found["Tags"]) == ("pending-acceptance", [{"Key": "Name", "Value": name}])
    assert [found[f"{side}VpcInfo"]["VpcId"] for side in ("Requester", "Accepter")] == vpcs
    assert [found[f"{side}VpcInfo"]["CidrBlock"] for side in ("Requester", "Accepter")] == list(BLOCKS)
    assert code(ec2.create_vpc_peering_connection, **asked) == "VpcPeeringConnectionAlreadyExists"
    assert code(ec2.create_vpc_peering_connection, VpcId=second, PeerVpcId=first) == "VpcPeeringConnectionAlreadyExists"

    # A route to a connection that is pending has no effect until the connection is accepted.
    tables = [main_table(ec2, vpc)["RouteTableId"] for vpc in vpcs]
    ec2.create_route(RouteTableId=tables[0], DestinationCidrBlock="10.0.0.0/8", VpcPeeringConnectionId=peering)
    assert route_to(ec2, tables[0], "10.0.0.0/8")["State"] == "blackhole"
    assert extra(network, first) == set()
    accepted = ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)["VpcPeeringConnection"]
    assert accepted["Status"]["Code"] == "provisioning"
    assert (seen(ec2, peering)["Status"]["Code"], "ExpirationTime" in seen(ec2, peering)) == ("active", False)
    ec2.create_route(RouteTableId=tables[1], DestinationCidrBlock="10.41.1.0/24", VpcPeeringConnectionId=peering)
    wanted = {"RouteTableId": tables[1], "DestinationCidrBlock": "10.99.0.0/16", "VpcPeeringConnectionId": peering}
    ec2.create_route(**wanted)  # nothing is there beyond the connection

    subnet = network.get_subnet(uuid(peering))
    assert (subnet.name, subnet.is_dhcp_enabled, network.get_network(subnet.network_id).name) == (name, False, name)
    ports = {one.device_id: one.fixed_ips[0]["ip_address"] for one in network.ports(network_id=subnet.network_id)}
    assert set(ports) == {uuid(first), uuid(second)}
    assert extra(network, first) == {(BLOCKS[1], ports[uuid(second)])}
    assert extra(network, second) == {("10.41.1.0/24", ports[uuid(first)])}
    assert route_to(ec2, tables[0], "10.0.0.0/8")["VpcPeeringConnectionId"] == peering
    assert route_to(ec2, tables[0], "10.0.0.0/8")["State"] == "active"
    check_no_network(ec2, vpcs, peering)
    check_active(ec2, peering)

    assert ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)["Return"]
    ec2.get_waiter("vpc_peering_connection_deleted").wait(VpcPeeringConnectionIds=[peering])
    assert network.find_network(subnet.network_id) is None
    assert (extra(network, first), extra(network, second)) == (set(), set())
    assert route_to(ec2, tables[0], "10.0.0.0/8")["State"] == "blackhole"
    assert code(ec2.delete_vpc_peering_connection, VpcPeeringConnectionId=peering) == (
        "InvalidVpcPeeringConnectionID.NotFound"
    )


def check_no_network(ec2: Any, vpcs: list[str], peering: str) -> None:
    """See that what joins the routers is no network of a VPC."""
    for vpc in vpcs:
        assert len(ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]) == 1
    between = peering.replace("pcx-", "subnet-")
    assert code(ec2.describe_subnets, SubnetIds=[between]) == "InvalidSubnetID.NotFound"
    assert code(ec2.delete_subnet, SubnetId=between) == "InvalidSubnetID.NotFound"
    assert code(ec2.create_network_interface, SubnetId=between) == "InvalidSubnetID.NotFound"
    assert code(ec2.delete_vpc, VpcId=vpcs[0]) == "DependencyViolation"


def check_active(ec2: Any, peering: str) -> None:
    """See what cannot be done with an active connection, and that it takes tags."""
    assert code(ec2.accept_vpc_peering_connection, VpcPeeringConnectionId=peering) == "InvalidStateTransition"
    assert code(ec2.reject_vpc_peering_connection, VpcPeeringConnectionId=peering) == "InvalidStateTransition"
    ec2.create_tags(Resources=[peering], Tags=[{"Key": "colour", "Value": "red"}])
    told = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [peering]}])["Tags"]
    assert {(one["ResourceType"], one["Key"]) for one in told} == {
        ("vpc-peering-connection", "Name"),
        ("vpc-peering-connection", "colour"),
    }


def test_options(ec2: Any, vpcs: list[str]) -> None:
    made = ec2.create_vpc_peering_connection(VpcId=vpcs[0], PeerVpcId=vpcs[1], PeerRegion=ec2.meta.region_name)
    named = {"VpcPeeringConnectionId": made["VpcPeeringConnection"]["VpcPeeringConnectionId"]}
    off = {"AllowDnsResolutionFromRemoteVpc": False}
    both = {"RequesterPeeringConnectionOptions": off, "AccepterPeeringConnectionOptions": off}
    modify = ec2.modify_vpc_peering_connection_options
    assert code(modify, **named, **both) == "InvalidStateTransition"
    ec2.accept_vpc_peering_connection(**named)
    answer = ec2.modify_vpc_peering_connection_options(**named, **both)
    assert {side: answer[side] for side in both} == both
    assert code(modify, **named) == "MissingParameter"
    on = {"AllowDnsResolutionFromRemoteVpc": True}
    assert code(modify, **named, RequesterPeeringConnectionOptions=on) == "UnsupportedOperation"


def test_requests_that_come_to_nothing(ec2: Any, openstack_main: Connection, vpcs: list[str]) -> None:
    network, (first, second) = openstack_main.network, vpcs
    create, asked = ec2.create_vpc_peering_connection, {"VpcId": first, "PeerVpcId": second}
    rejected = create(**asked)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    assert ec2.reject_vpc_peering_connection(VpcPeeringConnectionId=rejected)["Return"]
    assert seen(ec2, rejected)["Status"]["Code"] == "rejected"
    assert network.find_subnet(uuid(rejected)) is None
    failed = create(VpcId=first, PeerVpcId=first)["VpcPeeringConnection"]
    assert failed["Status"]["Code"] == "initiating-request"
    assert seen(ec2, failed["VpcPeeringConnectionId"])["Status"]["Code"] == "failed"
    assert network.find_subnet(uuid(failed["VpcPeeringConnectionId"])) is None

    late = create(**asked)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    age(network, late, days=8)
    assert seen(ec2, late)["Status"]["Code"] == "expired"
    assert code(ec2.accept_vpc_peering_connection, VpcPeeringConnectionId=late) == "InvalidStateTransition"
    age(network, late, days=10)
    assert code(ec2.describe_vpc_peering_connections, VpcPeeringConnectionIds=[late]) == (
        "InvalidVpcPeeringConnectionID.NotFound"
    )
    again = create(**asked)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    assert network.find_subnet(uuid(late)) is None  # a new request takes away those that nobody sees
    assert seen(ec2, again)["Status"]["Code"] == "pending-acceptance"


def age(network: Any, peering: str, *, days: int) -> None:
    """Let a request have been made some days ago."""
    subnet = network.get_subnet(uuid(peering))
    tags = [one for one in subnet.tags if not one.startswith("ec2:asked=")]
    network.set_tags(subnet, [*tags, f"ec2:asked={int(time.time()) - days * 86400}"])


def test_refusals(ec2: Any, vpcs: list[str]) -> None:
    create, gone = ec2.create_vpc_peering_connection, "vpc-12345678123456781234567812345678"
    peering = gone.replace("vpc", "pcx")
    assert code(create, VpcId=vpcs[0]) == "MissingParameter"
    assert code(create, VpcId=vpcs[0], PeerVpcId=gone) == "InvalidVpcID.NotFound"
    assert code(create, VpcId=vpcs[0], PeerVpcId=vpcs[1], PeerOwnerId="123456789012") == "UnsupportedOperation"
    assert code(create, VpcId=vpcs[0], PeerVpcId=vpcs[1], PeerRegion="mars-1") == "UnsupportedOperation"
    assert refusal(ec2.accept_vpc_peering_connection, VpcPeeringConnectionId=peering) == (
        "InvalidVpcPeeringConnectionID.NotFound",
        f"The vpcPeeringConnection ID '{peering}' does not exist",
    )
    table = main_table(ec2, vpcs[0])["RouteTableId"]
    wanted = {"RouteTableId": table, "DestinationCidrBlock": BLOCKS[1], "VpcPeeringConnectionId": peering}
    assert code(ec2.create_route, **wanted) == "InvalidVpcPeeringConnectionID.NotFound"
