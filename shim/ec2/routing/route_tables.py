"""Route tables and their associations with subnets."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from typing import Any

from adapters.types import network as cloud
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import ROUTE_TABLE, ROUTE_TABLE_ASSOCIATION, SUBNET
from shim.ec2.network import facts
from shim.ec2.routing import hops, ipv6_way, markers, tables, vpc_records
from shim.ec2.routing.applied import Wish, add, change, remove, settling
from shim.ec2.routing.state import Fact, State, read_shown, read_state
from shim.ec2.routing.tables import RouteTable, association_id
from shim.ec2.service import action
from shim.ec2.tags.creating import CreateRequest, creates
from shim.errors import AwsError
from shim.undo import undoing

ROUTE_TABLES = Table(
    items="RouteTables",
    id="RouteTableId",
    ids="RouteTableIds",
    resource_type=ROUTE_TABLE,
    filters={
        "association.gateway-id": "Associations.GatewayId",
        "association.main": "Associations.Main",
        "association.route-table-association-id": "Associations.RouteTableAssociationId",
        "association.route-table-id": "Associations.RouteTableId",
        "association.subnet-id": "Associations.SubnetId",
        "owner-id": "OwnerId",
        "route-table-id": "RouteTableId",
        "route.destination-cidr-block": "Routes.DestinationCidrBlock",
        "route.destination-ipv6-cidr-block": "Routes.DestinationIpv6CidrBlock",
        "route.destination-prefix-list-id": "Routes.DestinationPrefixListId",
        "route.egress-only-internet-gateway-id": "Routes.EgressOnlyInternetGatewayId",
        "route.gateway-id": "Routes.GatewayId",
        "route.instance-id": "Routes.InstanceId",
        "route.nat-gateway-id": "Routes.NatGatewayId",
        "route.origin": "Routes.Origin",
        "route.state": "Routes.State",
        "route.transit-gateway-id": "Routes.TransitGatewayId",
        "route.vpc-peering-connection-id": "Routes.VpcPeeringConnectionId",
        "tag": "Tags",
        "vpc-id": "VpcId",
    },
)


@describes(ROUTE_TABLES, supports="RouteTableIds Filters MaxResults NextToken")
async def describe_route_tables(call: Call, asked: Question) -> list[Row]:
    """Describe route tables: four concurrent OpenStack calls, or three for some of them."""
    if not (asked.ids or asked.filters):
        return tables.rows(call, await read_state(call))
    wanted = {ids.uuid(ROUTE_TABLE, one) for one in asked.ids}
    state = await read_shown(call, wanted)
    return tables.rows(
        call, state, [one for one in tables.route_tables(state).values() if one.uuid in wanted or not wanted]
    )


@action(supports="VpcId ClientToken TagSpecifications", read=creates(ROUTE_TABLE, read=vpc_records.check_vpc))
async def create_route_table(call: Call, asked: CreateRequest[None]) -> Mapping[str, Any]:
    """Create the record of a route table, which has the local routes only."""
    state, made = await vpc_records.create(call, asked, markers.TABLE, RouteTable)
    [row] = tables.rows(call, state, [made])
    return vpc_records.created(asked, "RouteTable", row)


@action(supports="RouteTableId")
async def delete_route_table(call: Call, req: Mapping[str, Any]) -> None:
    """Delete a route table that no subnet uses and that is not the main one."""
    state = await read_state(call)
    known, table = _named(state, req)
    if (
        table.own
        or tables.main_of(known, table.router).uuid == table.uuid
        or any(tables.explicit(known, state, one) is table for one in state.subnets.values())
    ):
        raise AwsError(ROUTE_TABLE.in_use, ROUTE_TABLE.in_use_says.format(id=table.id))
    of_ipv6, router_id = ipv6_way.ANYWHERE in table.routes, table.router.id
    async with settling(call, router_id) if of_ipv6 else nullcontext(), undoing() as undo:
        if of_ipv6:  # before the table goes: a way that stays open has a route that says so
            await ipv6_way.settle(call, undo, router_id, without=table.uuid)
        await call.cloud.network.delete_subnet_pool(table.uuid)


@action(supports="RouteTableId SubnetId")
async def associate_route_table(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give a subnet the routes of a table in place of the main table's."""
    if not req.get("SubnetId"):
        raise AwsError("MissingParameter", "The request must contain the parameter subnetId", refused="SubnetId")
    async with _alone(call, ids.uuid(SUBNET, req["SubnetId"])):
        state = await read_state(call)
        known, table = _named(state, req)
        subnet = state.subnet(req["SubnetId"])
        _same_vpc(state, table, subnet)
        now = tables.explicit(known, state, subnet)
        if now is not None and now.uuid != table.uuid:
            raise AwsError(
                "Resource.AlreadyAssociated",
                f"the specified association for route table {table.id} conflicts with an existing association",
            )
        # One that is there too: a killed gateway may have written it and no more.
        await _move(call, state, subnet, table)
    return {"AssociationId": association_id(subnet.id), "AssociationState": {"State": "associated"}}


@action(supports="AssociationId")
async def disassociate_route_table(call: Call, req: Mapping[str, Any]) -> None:
    """Give a subnet the routes of the main table again."""
    async with _alone(call, ids.uuid(ROUTE_TABLE_ASSOCIATION, req["AssociationId"])):
        state = await read_state(call)
        about = _associated(state, req["AssociationId"])
        if isinstance(about, cloud.Router):
            raise AwsError(
                "InvalidParameterValue", f"cannot disassociate the main route table association {req['AssociationId']}"
            )
        await _move(call, state, about, None)


@action(supports="AssociationId RouteTableId")
async def replace_route_table_association(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Associate a subnet with another table, or make another table the main one.

    An association has the id of its subnet, so the new one has the id of the old one.
    """
    ids.check(ROUTE_TABLE, req["RouteTableId"])
    async with _alone(call, ids.uuid(ROUTE_TABLE_ASSOCIATION, req["AssociationId"])):
        state = await read_state(call)
        about = _associated(state, req["AssociationId"])
        _, table = _named(state, req)
        _same_vpc(state, table, about)
        await _move(call, state, about, table)
    return {"NewAssociationId": req["AssociationId"], "AssociationState": {"State": "associated"}}


def _alone(call: Call, uuid: str) -> AbstractAsyncContextManager[None]:
    """Hold the lock of what a subnet's association is, or a VPC's main one: two requests would both write theirs.

    The lock of the VPC's routes comes inside of it, so that associations of other subnets are still made together.
    """
    return call.locks.hold("association", call.caller.project_id, uuid)


def _named(state: State, req: Mapping[str, Any]) -> tuple[dict[str, RouteTable], RouteTable]:
    """Return all tables, and the one that a request names."""
    known = tables.route_tables(state)
    return known, vpc_records.named(known, ROUTE_TABLE, req["RouteTableId"])


def _associated(state: State, association: str) -> cloud.Subnet | cloud.Router:
    """Return the subnet of an association, or the VPC's router for that of the main table."""
    uuid = ids.uuid(ROUTE_TABLE_ASSOCIATION, association)
    if uuid in state.vpcs:
        return state.vpcs[uuid]
    subnet = state.subnets.get(uuid)
    if subnet is None or tables.explicit(tables.route_tables(state), state, subnet) is None:
        raise ids.missing(ROUTE_TABLE_ASSOCIATION, [association])
    return subnet


def _same_vpc(state: State, table: RouteTable, about: cloud.Subnet | cloud.Router) -> None:
    if table.router.id != state.homes.get(about.id, about.id):
        shown = ids.aws("subnet" if about.id in state.homes else "vpc", about.id)
        raise AwsError(
            "InvalidParameterValue", f"Route table {table.id} and network {shown} belong to different networks"
        )


async def _move(call: Call, state: State, about: cloud.Subnet | cloud.Router, table: RouteTable | None) -> None:
    """Write which table a subnet uses, or which one is a VPC's main table, and apply its routes."""
    name = tables.MAIN if isinstance(about, cloud.Router) else tables.TABLE
    wanted = facts.written(name, table.uuid) if table else ""
    if isinstance(about, cloud.Router) and table is not None and table.own:
        wanted = ""  # the VPC's own table is the main one unless another is named

    resource = "routers" if isinstance(about, cloud.Router) else "subnets"
    there = [facts.written(name, one) for one in facts.every(about.tags, name)]
    new = [Fact(resource, about.id, wanted)] if wanted and wanted not in there else []
    old = [Fact(resource, about.id, tag) for tag in there if tag != wanted]
    router_id = state.homes.get(about.id, about.id)
    if any(facts.one(one.tags, facts.VPC) == router_id for one in state.nats.values()) or hops.anywhere(state):
        await change(call, router_id, state, Wish(new, old))
    else:
        async with undoing() as undo:
            await remove(call, undo, old)
            await add(call, undo, new)
            # CreateRoute writes the route before it reads the associations, so the later of both sees the other.
            now = replace(state, pools=await call.cloud.network.subnet_pools())
            if hops.anywhere(now, ("nat", *hops.KINDS)):
                await change(call, router_id, state, Wish((), ()))
