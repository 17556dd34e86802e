"""CreateRoute, ReplaceRoute and DeleteRoute."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import combinations
from typing import Any

from adapters.types import network as cloud
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import INSTANCE, INTERFACE, INTERNET_GATEWAY, NAT_GATEWAY, PEERING, ROUTE_TABLE
from shim.ec2.interfaces.chosen import one_interface, several_interfaces
from shim.ec2.network import cidr_blocks, facts
from shim.ec2.network.ipv6 import vpc_block
from shim.ec2.routing import hops, ipv6_way, markers, tables
from shim.ec2.routing.applied import MOST_TAGS, Plan, Wish, add, change, remove, settling
from shim.ec2.routing.external import attachments
from shim.ec2.routing.state import Fact, State, read_state
from shim.ec2.routing.tables import RouteTable
from shim.ec2.service import Forbidden, action
from shim.errors import AwsError
from shim.undo import undoing

_TARGET_NAMES = ("GatewayId", "NatGatewayId", "NetworkInterfaceId", "InstanceId", "VpcPeeringConnectionId")
_POOLS = "subnetpools"
_ONE_TARGET = tuple(
    Forbidden(this, that, "You must specify either a destination CIDR block or a prefix list ID, and one target.")
    for this, that in combinations(_TARGET_NAMES, 2)
)
_SUPPORTS = f"RouteTableId DestinationCidrBlock DestinationIpv6CidrBlock {' '.join(_TARGET_NAMES)}"


def _read(settings: Any, principal: Any, operation: str, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parameters with the CIDR block in its usual form, as DestinationCidrBlock, also if it is of IPv6."""
    ids.check(ROUTE_TABLE, req["RouteTableId"])
    given, of_ipv6 = req.get("DestinationCidrBlock"), req.get("DestinationIpv6CidrBlock")
    if bool(given) is bool(of_ipv6):
        raise AwsError(
            "MissingParameter",
            "The request must contain exactly one of destinationCidrBlock, destinationIpv6CidrBlock, "
            "destinationPrefixListId",
            refused="DestinationCidrBlock",
        )
    if of_ipv6:
        block = cidr_blocks.ipv6_block(of_ipv6, "destinationIpv6CidrBlock")
        if str(block) != ipv6_way.ANYWHERE and operation != "DeleteRoute":
            raise AwsError(
                "UnsupportedOperation",
                f"The only route of IPv6 that is supported leads {ipv6_way.ANYWHERE} to an internet gateway.",
                refused="DestinationIpv6CidrBlock",
            )
        return {**req, "DestinationCidrBlock": str(block)}
    return {**req, "DestinationCidrBlock": str(cidr_blocks.block(str(given), "destinationCidrBlock"))}


@action(supports=_SUPPORTS, forbids=_ONE_TARGET, read=_read)
async def create_route(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add a route."""
    block, state = req["DestinationCidrBlock"], await read_state(call)
    table = _table(state, req)
    _check_family(table, block)
    target = await _target(call, state, table, req)
    blocks = state.blocks(table.router.id)
    exists = AwsError("RouteAlreadyExists", f"The route identified by {block} already exists.")
    if block in table.routes:
        if table.routes[block] == target:  # a gateway that was killed may have written it and no more
            await _write(call, state, table, _Route(block, target, there=True, otherwise=exists))
        raise exists
    if ":" not in block and any(IPv4Network(block).subnet_of(IPv4Network(one)) for one in blocks):
        if not target.startswith("eni-"):
            raise AwsError(
                "InvalidParameterValue",
                f"The destination CIDR block {block} is equal to or more specific than one of this VPC's CIDR blocks. "
                "This route can target only an interface or an instance.",
            )
        if block in blocks:
            raise exists
        raise AwsError(
            "UnsupportedOperation",
            f"The VPC's router delivers {block} by itself: a route inside of the VPC's blocks is not supported.",
            refused="DestinationCidrBlock",
        )
    hops.check(block, target)
    await _write(call, state, table, _Route(block, target, there=False, otherwise=exists))
    return {"Return": True}


@action(supports=_SUPPORTS, forbids=_ONE_TARGET, read=_read)
async def replace_route(call: Call, req: Mapping[str, Any]) -> None:
    """Give a route another target."""
    block, state = req["DestinationCidrBlock"], await read_state(call)
    table = _table(state, req)
    _check_family(table, block)
    target = await _target(call, state, table, req)
    absent = AwsError(
        "InvalidParameterValue",
        f"There is no route defined for '{block}' in the route table. Use CreateRoute instead.",
    )
    if block not in table.routes:
        raise absent
    hops.check(block, target)
    await _write(call, state, table, _Route(block, target, there=True, otherwise=absent))


@action(supports="RouteTableId DestinationCidrBlock DestinationIpv6CidrBlock", read=_read)
async def delete_route(call: Call, req: Mapping[str, Any]) -> None:
    """Delete a route."""
    block, state = req["DestinationCidrBlock"], await read_state(call)
    table = _table(state, req)
    if block in (*state.blocks(table.router.id), *state.ipv6_blocks(table.router.id)):
        raise AwsError("InvalidParameterValue", f"cannot remove local route {block} in route table {table.id}")
    name = "destination-ipv6-cidr-block" if ":" in block else "destination-cidr-block"
    absent = AwsError("InvalidRoute.NotFound", f"no route with {name} {block} in route table {table.id}")
    if block not in table.routes:
        if block == ipv6_way.ANYWHERE:  # a gateway that was killed may have deleted it, and left the way open
            async with settling(call, table.router.id), undoing() as undo:
                await ipv6_way.settle(call, undo, table.router.id)
        raise absent
    await _write(call, state, table, _Route(block, "", there=True, otherwise=absent))


def _table(state: State, req: Mapping[str, Any]) -> RouteTable:
    found = tables.route_tables(state).get(ids.uuid(ROUTE_TABLE, req["RouteTableId"]))
    if found is None:
        raise ids.missing(ROUTE_TABLE, [req["RouteTableId"]])
    return found


def _check_family(table: RouteTable, block: str) -> None:
    """Refuse a route of IPv6 in a VPC without an IPv6 block of EC2's own: nothing would carry it out."""
    if ":" in block and vpc_block.of_router(table.router) is None:
        raise AwsError(
            "UnsupportedOperation",
            "The parameter DestinationIpv6CidrBlock is not supported: the VPC has no IPv6 CIDR block.",
            refused="DestinationIpv6CidrBlock",
        )


async def _target(call: Call, state: State, table: RouteTable, req: Mapping[str, Any]) -> str:
    """Return the id of the target of a route, which must belong to the table's VPC."""
    for parameter, read in _TARGETS.items():
        if named := req.get(parameter):
            if ":" in req["DestinationCidrBlock"] and not named.startswith("igw-"):
                raise AwsError(
                    "UnsupportedOperation",
                    "A route of IPv6 can lead to an internet gateway alone.",
                    refused="DestinationIpv6CidrBlock",
                )
            return await read(call, state, table, named)
    raise AwsError(
        "MissingParameter",
        "The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId, "
        "vpcPeeringConnectionId, egressOnlyInternetGatewayId, transitGatewayId, vpcEndpointId",
        refused="GatewayId",
    )


async def _nat(call: Call, state: State, table: RouteTable, nat: str) -> str:
    found = state.nats.get(ids.uuid(NAT_GATEWAY, nat))
    if found is None:
        raise AwsError("InvalidNatGatewayID.NotFound", f"The natGateway ID '{nat}' does not exist")
    if facts.one(found.tags, facts.VPC) != table.router.id:
        raise _elsewhere(table, f"network gateway {nat}")
    return nat


async def _internet_gateway(call: Call, state: State, table: RouteTable, gateway: str) -> str:
    if not gateway.startswith("igw-"):
        raise AwsError("UnsupportedOperation", f"A route to {gateway} is not supported.", refused="GatewayId")
    uuid = ids.uuid(INTERNET_GATEWAY, gateway)
    found = next((one for one in attachments(state.vpcs.values(), state.pools) if one[0].id == uuid), None)
    if found is None:
        raise ids.missing(INTERNET_GATEWAY, [gateway])
    if found[1] is None or found[1].id != table.router.id:
        raise _elsewhere(table, f"network gateway {gateway}")
    return gateway


async def _interface(call: Call, state: State, table: RouteTable, interface: str) -> str:
    return _inside(state, table, await one_interface(call, interface))


async def _instance(call: Call, state: State, table: RouteTable, instance: str) -> str:
    """Return the only interface of an instance."""
    uuid = ids.uuid(INSTANCE, instance)
    _, ports = await gather(call.cloud.compute.server(uuid), call.cloud.network.ports(device_ids=[uuid]))
    if not ports:
        raise AwsError("InvalidInstanceID", f"The instance '{instance}' has no interface yet.")
    if len(ports) > 1:
        raise several_interfaces(instance)
    return _inside(state, table, ports[0])


async def _peering(call: Call, state: State, table: RouteTable, peering: str) -> str:
    """Return the id of a peering connection; one that is not accepted yet is a black hole until then."""
    found = state.peerings.get(ids.uuid(PEERING, peering))
    if found is None:
        raise ids.missing(PEERING, [peering])
    if table.router.id not in (found.requester, found.accepter):
        raise _elsewhere(table, f"VPC peering connection {peering}")
    return peering


def _inside(state: State, table: RouteTable, port: cloud.Port) -> str:
    interface = ids.aws(INTERFACE.prefix, port.id)
    if table.router.id not in {state.homes.get(one.subnet_id) for one in port.fixed}:
        raise _elsewhere(table, f"interface {interface}")
    return interface


def _elsewhere(table: RouteTable, what: str) -> AwsError:
    return AwsError("InvalidParameterValue", f"route table {table.id} and {what} belong to different networks")


_TARGETS: Mapping[str, Callable[[Call, State, RouteTable, str], Awaitable[str]]] = {
    "GatewayId": _internet_gateway,
    "NatGatewayId": _nat,
    "NetworkInterfaceId": _interface,
    "InstanceId": _instance,
    "VpcPeeringConnectionId": _peering,
}


@dataclass(frozen=True, slots=True)
class _Route:
    """A block and its new target ('' for none); AWS's error (`otherwise`) unless the block has a route (`there`)."""

    block: str
    target: str
    there: bool
    otherwise: AwsError

    def plan(self, pool_id: str) -> Plan:
        """Return what comes to the record of a table (`pool_id`) and goes, as it is when the VPC's lock is held."""

        def planned(pools: Sequence[cloud.SubnetPool]) -> Wish:
            tags = next((one.tags for one in pools if one.id == pool_id), ())
            wanted, start = (facts.written(facts.ROUTE, f"{self.block}={one}") for one in (self.target, ""))
            there = [tag for tag in tags if tag.startswith(start)]  # two where a gateway was killed in a ReplaceRoute
            if bool(there) is not self.there:
                raise self.otherwise
            if self.target and not there and len(tags) >= MOST_TAGS:
                raise AwsError(
                    "RouteLimitExceeded", "The maximum number of routes for this route table has been reached."
                )
            kinds = {tag.removeprefix(start).partition("-")[0] for tag in (*there, wanted)}
            return Wish(
                [Fact(_POOLS, pool_id, wanted)] if self.target and wanted not in there else [],
                [Fact(_POOLS, pool_id, tag) for tag in there if tag != wanted],
                applies=bool(kinds & {"nat", *hops.KINDS}),
            )

        return planned


async def _write(call: Call, state: State, table: RouteTable, route: _Route) -> None:
    """Replace a route, and apply it: the router leads to an internet gateway by itself."""
    pool, router_id = table.pool or await markers.own_marker(call, markers.TABLE, table.router.id), table.router.id
    if ":" not in route.block:
        await change(call, router_id, state, route.plan(pool.id))
        return
    async with settling(call, router_id), undoing() as undo:
        wish = route.plan(pool.id)(await call.cloud.network.subnet_pools())
        await remove(call, undo, wish.old)
        await add(call, undo, wish.new)
        await ipv6_way.settle(call, undo, router_id)
