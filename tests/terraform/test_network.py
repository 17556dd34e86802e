"""Four tiers of subnets with a NAT gateway for each zone, then with one for all, looked at from OpenStack's side."""

from collections.abc import Iterator
from typing import Any

import pytest
from openstack.connection import Connection

from shim.ec2.tags.codec import from_neutron
from tests.ec2.conftest import eventually
from tests.support.clients import Boto
from tests.support.gateway import Gateway
from tests.support.leftovers import inventory
from tests.support.names import native_uuid
from tests.terraform.conftest import Terraform, Workspace, unanswered
from tests.terraform.test_terraform import natives

pytestmark = [pytest.mark.tool, pytest.mark.timeout(1800)]

SINGLE = ("-var=single_nat_gateway=true", "-var=map_public_ip_on_launch=true")
IN_PLACE = {
    *(f"aws_subnet.public[{place}]" for place in range(3)),
    *(f"aws_route_table_association.{tier}[{place}]" for tier in ("private", "database") for place in (1, 2)),
}
DESTROYED = {
    f"{kind}[{place}]"
    for kind in ("aws_eip.nat", "aws_nat_gateway.this", "aws_route.nat", "aws_route_table.private")
    for place in (1, 2)
}
HALVES = {"0.0.0.0/1", "128.0.0.0/1"}  # what DHCP tells of a way out by a NAT gateway


@pytest.fixture
def network(workspace: Workspace, name: str) -> Iterator[Terraform]:
    """The configuration `network`; whatever is in its state at the end is destroyed."""
    with workspace("network").ready(name=name) as terraform:
        yield terraform


def test_a_networks_life(network: Terraform, name: str, openstack_alt: Connection, gateway: Gateway, aws: Boto) -> None:
    before, unanswered_before = inventory(openstack_alt), unanswered(gateway)
    network("apply", "-auto-approve")
    assert network.settled()
    first = network.outputs()
    check_tiers(openstack_alt, name, first)
    check_zones(aws("ec2", "alt"), openstack_alt, first)
    check_ways_out(openstack_alt, first, first["gateways"]["nats"])

    planned = network.planned(*SINGLE)
    assert {address for address, actions in planned.items() if actions == ["update"]} == IN_PLACE
    assert {address for address, actions in planned.items() if actions == ["delete"]} == DESTROYED
    assert set(planned) == IN_PLACE | DESTROYED
    network("apply", "planned")
    assert network.settled(*SINGLE)
    after = network.outputs()
    assert (after["made"], after["subnets"]) == (first["made"], first["subnets"])
    assert after["gateways"] == {kind: one[:1] for kind, one in first["gateways"].items()}
    check_ways_out(openstack_alt, after, after["gateways"]["nats"] * 3)

    network.import_again(imported(after), *SINGLE)
    # The plan before it has just read everything.
    network("destroy", "-auto-approve", "-refresh=false", *SINGLE)
    assert not network("state", "list").stdout
    assert eventually(lambda: inventory(openstack_alt).keys() <= before.keys())
    assert unanswered(gateway) == unanswered_before


def check_tiers(connection: Connection, name: str, outputs: dict[str, Any]) -> None:
    """Look at the subnets that the first apply made with OpenStack's own client."""
    made = natives(outputs["made"])
    for tier, subnets in outputs["subnets"].items():
        seen = [connection.network.get_subnet(native_uuid(one)) for one in subnets]
        assert len(seen) == 3
        assert [one.dns_nameservers for one in seen] == [["10.60.0.9"]] * 3
        assert [from_neutron(one.tags)["Tier"] for one in seen] == [tier] * 3
        routers = {port.device_id for one in seen for port in interfaces(connection, one.network_id)}
        assert made["vpc"] in routers
    router = connection.network.get_router(made["vpc"])
    assert (router.name, router.external_gateway_info["enable_snat"]) == (name, False)
    rules = list(connection.network.security_group_rules(security_group_id=made["default_group"]))
    assert {(one.direction, one.remote_group_id) for one in rules} == {
        ("ingress", made["default_group"]),
        ("egress", None),
    }


def check_zones(ec2: Any, connection: Connection, outputs: dict[str, Any]) -> None:
    """Look at the zones of each tier's subnets and of the NAT gateways: one in each of three, where there are three."""
    zones = [one["ZoneName"] for one in ec2.describe_availability_zones()["AvailabilityZones"]]
    wanted = [zones[place % len(zones)] for place in range(3)]
    seen: dict[str, set[str]] = {zone: set() for zone in zones}
    for subnets in outputs["subnets"].values():
        rows = {one["SubnetId"]: one for one in ec2.describe_subnets(SubnetIds=subnets)["Subnets"]}
        assert [rows[one]["AvailabilityZone"] for one in subnets] == wanted
        for one, zone in zip(subnets, wanted, strict=True):
            network = connection.network.get_network(connection.network.get_subnet(native_uuid(one)).network_id)
            seen[zone] |= {tag for tag in network.tags if tag.startswith("ec2:az=")}
    natives_of = [tags.pop() for zone, tags in seen.items() if zone in wanted and len(tags) == 1]
    known = {f"ec2:az={one.name}" for one in connection.compute.availability_zones()}
    assert len(set(natives_of)) == len(set(wanted))
    assert set(natives_of) <= known
    nats = ec2.describe_nat_gateways(NatGatewayIds=outputs["gateways"]["nats"])["NatGateways"]
    at = {one["NatGatewayId"]: one["SubnetId"] for one in nats}
    assert [at[one] for one in outputs["gateways"]["nats"]] == outputs["subnets"]["public"]


def check_ways_out(connection: Connection, outputs: dict[str, Any], nats: list[str]) -> None:
    """Look at which NAT gateway's router each private and database subnet has on it; the others have none."""
    for tier, subnets in outputs["subnets"].items():
        for subnet, nat in zip(subnets, nats, strict=True):
            native = connection.network.get_subnet(native_uuid(subnet))
            routers = {port.device_id for port in interfaces(connection, native.network_id)}
            out = {native_uuid(nat)} if tier in ("private", "database") else set()
            # A NAT gateway's router is on the subnets that lead to it, and not on the one that it was made in.
            assert routers == {native_uuid(outputs["made"]["vpc"])} | out
            assert {one["destination"] for one in native.host_routes} >= (HALVES if out else set())
            assert bool(native.host_routes) == bool(out)


def interfaces(connection: Connection, network: str) -> list[Any]:
    """Return the ports of routers on a network."""
    return list(connection.network.ports(network_id=network, device_owner="network:router_interface"))


def imported(outputs: dict[str, Any]) -> dict[str, str]:
    """Return the id by which one resource of each kind is imported, those of lists by place and by key."""
    made, subnets, gateways = (outputs[one] for one in ("made", "subnets", "gateways"))
    table, intra = gateways["tables"][0], "10.60.31.0/24"
    return {
        "aws_vpc.this": made["vpc"],
        "aws_vpc_dhcp_options.this[0]": made["options"],
        "aws_vpc_dhcp_options_association.this[0]": made["vpc"],
        "aws_default_route_table.default": made["vpc"],
        "aws_default_network_acl.this": made["default_acl"],
        "aws_default_security_group.this": made["default_group"],
        "aws_internet_gateway.this[0]": made["igw"],
        "aws_subnet.public[2]": subnets["public"][2],
        f'aws_subnet.intra["{intra}"]': subnets["intra"][1],
        "aws_route_table.public[0]": made["public_table"],
        "aws_route.internet[0]": f"{made['public_table']}_0.0.0.0/0",
        "aws_route_table_association.database[1]": f"{subnets['database'][1]}/{table}",
        f'aws_route_table_association.intra["{intra}"]': f"{subnets['intra'][1]}/{made['intra_table']}",
        "aws_eip.nat[0]": gateways["addresses"][0],
        "aws_nat_gateway.this[0]": gateways["nats"][0],
        "aws_route_table.private[0]": table,
        "aws_route.nat[0]": f"{table}_0.0.0.0/0",
    }
