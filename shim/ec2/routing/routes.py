"""CreateRoute, ReplaceRoute and DeleteRoute."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Any

from adapters.errors import absent_is
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import INTERNET_GATEWAY, NAT_GATEWAY, ROUTE_TABLE
from shim.ec2.network import cidr_blocks, facts
from shim.ec2.routing import markers, tables
from shim.ec2.routing.applied import apply
from shim.ec2.routing.internet_gateways import attachments
from shim.ec2.routing.state import State, read_state
from shim.ec2.routing.tables import RouteTable
from shim.ec2.service import Forbidden, action
from shim.errors import AwsError
from shim.undo import undoing

_ONE_TARGET = Forbidden(
    "GatewayId", "NatGatewayId", "You must specify either a destination CIDR block or a prefix list ID, and one target."
)
_MOST_TAGS = 50  # Neutron's, of one resource


def _read(settings: Any, principal: Any, operation: str, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parameters with the CIDR block in its usual form."""
    ids.check(ROUTE_TABLE, req["RouteTableId"])
    given = req.get("DestinationCidrBlock")
    if not given:
        raise AwsError(
            "MissingParameter",
            "The request must contain exactly one of destinationCidrBlock, destinationIpv6CidrBlock, "
            "destinationPrefixListId",
            refused="DestinationCidrBlock",
        )
    return {**req, "DestinationCidrBlock": str(cidr_blocks.block(given, "destinationCidrBlock"))}


@action(supports="RouteTableId DestinationCidrBlock GatewayId NatGatewayId", forbids=(_ONE_TARGET,), read=_read)
async def create_route(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add a route."""
    block, state = req["DestinationCidrBlock"], await read_state(call)
    table, target = _table(state, req), _target(state, req)
    blocks = state.blocks(table.router.id)
    if block in table.routes or block in blocks:
        raise AwsError("RouteAlreadyExists", f"The route identified by {block} already exists.")
    if any(IPv4Network(block).subnet_of(IPv4Network(one)) for one in blocks):
        raise AwsError(
            "InvalidParameterValue",
            f"The destination CIDR block {block} is equal to or more specific than one of this VPC's CIDR blocks. "
            "This route can target only an interface or an instance.",
        )
    await _write(call, table, block, "", target)
    return {"Return": True}


@action(supports="RouteTableId DestinationCidrBlock GatewayId NatGatewayId", forbids=(_ONE_TARGET,), read=_read)
async def replace_route(call: Call, req: Mapping[str, Any]) -> None:
    """Give a route another target."""
    block, state = req["DestinationCidrBlock"], await read_state(call)
    table, target = _table(state, req), _target(state, req)
    old = table.routes.get(block)
    if old is None:
        raise AwsError(
            "InvalidParameterValue",
            f"There is no route defined for '{block}' in the route table. Use CreateRoute instead.",
        )
    await _write(call, table, block, old, target)


@action(supports="RouteTableId DestinationCidrBlock", read=_read)
async def delete_route(call: Call, req: Mapping[str, Any]) -> None:
    """Delete a route."""
    block, state = req["DestinationCidrBlock"], await read_state(call)
    table = _table(state, req)
    if block in state.blocks(table.router.id):
        raise AwsError("InvalidParameterValue", f"cannot remove local route {block} in route table {table.id}")
    old = table.routes.get(block)
    if old is None:
        raise AwsError(
            "InvalidRoute.NotFound", f"no route with destination-cidr-block {block} in route table {table.id}"
        )
    await _write(call, table, block, old, "")


def _table(state: State, req: Mapping[str, Any]) -> RouteTable:
    found = tables.route_tables(state).get(ids.uuid(ROUTE_TABLE, req["RouteTableId"]))
    if found is None:
        raise ids.missing(ROUTE_TABLE, [req["RouteTableId"]])
    return found


def _target(state: State, req: Mapping[str, Any]) -> str:
    """Return the id of the target of a route, which must belong to the table's VPC."""
    table, gateway = _table(state, req), req.get("GatewayId")
    if nat := req.get("NatGatewayId"):
        found_nat = state.nats.get(ids.uuid(NAT_GATEWAY, nat))
        if found_nat is None:
            raise AwsError("InvalidNatGatewayID.NotFound", f"The natGateway ID '{nat}' does not exist")
        if facts.one(found_nat.tags, facts.VPC) != table.router.id:
            raise AwsError(
                "InvalidParameterValue",
                f"route table {table.id} and network gateway {nat} belong to different networks",
            )
        return str(nat)
    if not gateway:
        raise AwsError(
            "MissingParameter",
            "The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId, "
            "vpcPeeringConnectionId, egressOnlyInternetGatewayId, transitGatewayId, vpcEndpointId",
            refused="GatewayId",
        )
    if not gateway.startswith("igw-"):
        raise AwsError("UnsupportedOperation", f"A route to {gateway} is not supported.", refused="GatewayId")
    uuid = ids.uuid(INTERNET_GATEWAY, gateway)
    found = next((one for one in attachments(state.vpcs.values(), state.pools) if one[0].id == uuid), None)
    if found is None:
        raise ids.missing(INTERNET_GATEWAY, [gateway])
    if found[1] is None or found[1].id != table.router.id:
        raise AwsError(
            "InvalidParameterValue",
            f"route table {table.id} and network gateway {gateway} belong to different networks",
        )
    return str(gateway)


async def _write(call: Call, table: RouteTable, block: str, old: str, new: str) -> None:
    """Replace the route to a block ('' for none), and apply it: the router leads to an internet gateway by itself."""
    network = call.cloud.network
    pool = table.pool or await markers.own_marker(call, markers.TABLE, table.router.id)
    if new and not old and len(pool.tags) >= _MOST_TAGS:
        raise AwsError("RouteLimitExceeded", "The maximum number of routes for this route table has been reached.")
    before, after = (facts.written(tables.ROUTE, f"{block}={one}") for one in (old, new))
    async with undoing() as undo:
        if old and old != new:
            await absent_is(None, network.remove_tag("subnetpools", pool.id, before))
            undo(network.add_tag, "subnetpools", pool.id, before)
        if new and old != new:
            await network.add_tag("subnetpools", pool.id, after)
            undo(network.remove_tag, "subnetpools", pool.id, after)
        if "nat-" in old + new:
            await apply(call, await read_state(call))
