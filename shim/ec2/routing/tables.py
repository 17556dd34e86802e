"""What route tables are: which a VPC has, which one each subnet uses, and the routes in each.

A route table is the VPC's own (its id has the UUID of the VPC's router) or a record of its own.  The tag
`ec2:route-table` on a subnet names the table that it is associated with, `ec2:main-table` on the router the VPC's main
table if it is not the VPC's own.  A route is the tag `ec2:route=<block>=<target>` on the record, with `-` for `/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.types import network as cloud
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import INTERFACE, PEERING, ROUTE_TABLE, ROUTE_TABLE_ASSOCIATION
from shim.ec2.network import facts
from shim.ec2.network.interface_rows import of_server
from shim.ec2.network.security_groups import owner_of
from shim.ec2.routing import markers
from shim.ec2.routing.external import gateway_ids
from shim.ec2.routing.state import State
from shim.ec2.routing.vpc_records import VpcRecord, of_vpcs
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.codec import from_neutron

TABLE = "ec2:route-table"
MAIN = "ec2:main-table"

# A target's id begins with this → its member in a route.
TARGETS: Mapping[str, str] = {
    "igw": "GatewayId",
    "nat": "NatGatewayId",
    "eni": "NetworkInterfaceId",
    "pcx": "VpcPeeringConnectionId",
}


@dataclass(frozen=True, slots=True)
class RouteTable(VpcRecord):
    """A route table of a VPC; the VPC's own one is its main one unless another is named."""

    @property
    def id(self) -> str:
        """The EC2 id."""
        return ids.aws(ROUTE_TABLE.prefix, self.uuid)

    @property
    def routes(self) -> dict[str, str]:
        """The targets of the routes by their CIDR blocks, without the local routes."""
        return dict(self.written)

    @property
    def written(self) -> list[tuple[str, str]]:
        """The routes as blocks and targets: two of a block while one is replaced, or if that was never ended."""
        found = (route.rpartition("=") for route in facts.every(self.tags, facts.ROUTE))
        return [(block.replace("-", "/"), target) for block, _, target in found]


def route_tables(state: State) -> dict[str, RouteTable]:
    """Return all route tables by their UUIDs; those of VPCs that are gone are left out."""
    return of_vpcs(state, markers.TABLE, RouteTable)


def main_of(tables: Mapping[str, RouteTable], router: cloud.Router) -> RouteTable:
    """Return the main route table of a VPC."""
    named = tables.get(facts.one(router.tags, MAIN) or "")
    return named if named is not None and named.router.id == router.id else tables[router.id]


def explicit(tables: Mapping[str, RouteTable], state: State, subnet: cloud.Subnet) -> RouteTable | None:
    """Return the table that a subnet is associated with; None if it uses the main table."""
    named = tables.get(facts.one(subnet.tags, TABLE) or "")
    return named if named is not None and named.router.id == state.homes.get(subnet.id) else None


def used_by(tables: Mapping[str, RouteTable], state: State, subnet: cloud.Subnet) -> RouteTable:
    """Return the table whose routes a subnet has."""
    return explicit(tables, state, subnet) or main_of(tables, state.vpcs[state.homes[subnet.id]])


def association_id(uuid: str) -> str:
    """Return the id of a subnet's association, or with a router's UUID that of the VPC's main one."""
    return ids.aws(ROUTE_TABLE_ASSOCIATION.prefix, uuid)


def rows(call: Call, state: State, wanted: Iterable[RouteTable] | None = None) -> list[Row]:
    """Write route tables: all, or those that are wanted."""
    tables = route_tables(state)
    gateways = gateway_ids(state.vpcs.values(), state.pools)
    associated: dict[str, list[cloud.Subnet]] = {}
    for subnet in state.subnets.values():
        if table := explicit(tables, state, subnet):
            associated.setdefault(table.uuid, []).append(subnet)
    return [
        _row(call, state, one, main_of(tables, one.router).uuid == one.uuid, associated.get(one.uuid, ()), gateways)
        for one in (tables.values() if wanted is None else wanted)
    ]


def _row(
    call: Call,
    state: State,
    table: RouteTable,
    main: bool,
    subnets: Iterable[cloud.Subnet],
    gateways: Mapping[str, str],
) -> dict[str, Any]:
    done = {"AssociationState": {"State": "associated"}, "RouteTableId": table.id}
    associations: list[dict[str, Any]] = []
    if main:
        associations.append({"Main": True, "RouteTableAssociationId": association_id(table.router.id), **done})
    associations += [
        {
            "Main": False,
            "RouteTableAssociationId": association_id(subnet.id),
            "SubnetId": ids.aws("subnet", subnet.id),
            **done,
        }
        for subnet in sorted(subnets, key=lambda one: one.id)
    ]
    return {
        "RouteTableId": table.id,
        "VpcId": table.vpc,
        "OwnerId": owner_of(call, table.router.project_id),
        "Associations": associations,
        "PropagatingVgws": [],
        "Routes": [
            *_local("DestinationCidrBlock", state.blocks(table.router.id)),
            *_local("DestinationIpv6CidrBlock", state.ipv6_blocks(table.router.id)),
            *_routes(call, state, table, gateways),
        ],
        "Tags": tag_rules.shown(from_neutron(table.tags)),
    }


def _local(member: str, blocks: Iterable[str]) -> list[dict[str, str]]:
    return [{member: one, "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"} for one in blocks]


def _routes(call: Call, state: State, table: RouteTable, gateways: Mapping[str, str]) -> list[dict[str, str]]:
    joined = (ids.aws(PEERING.prefix, uuid) for uuid, one in state.peerings.items() if one.active)
    attached = {ids.aws(INTERFACE.prefix, one.id): one for one in state.ports.values() if one.device_id}
    alive = {gateways.get(table.router.id), *(ids.aws("nat", one) for one in state.nats), *attached, *joined}
    routes = dict(table.routes)
    if table.own and table.router.id in gateways and not facts.cidrs(table.router.tags):
        # A router that OpenStack's own tools connected routes everything to the external network.
        routes.setdefault("0.0.0.0/0", gateways[table.router.id])
    return [
        {
            "DestinationIpv6CidrBlock" if ":" in block else "DestinationCidrBlock": block,
            TARGETS[target.partition("-")[0]]: target,
            **_instance(call, attached.get(target)),
            "Origin": "CreateRoute",
            "State": "active" if target in alive else "blackhole",
        }
        for block, target in sorted(routes.items())
        if target.partition("-")[0] in TARGETS
    ]


def _instance(call: Call, port: cloud.Port | None) -> dict[str, str]:
    """Name the instance of the interface that a route leads to."""
    if port is None or not of_server(port):
        return {}
    return {"InstanceId": ids.aws("i", port.device_id), "InstanceOwnerId": owner_of(call, port.project_id)}
