"""Routes that a VPC's router forwards by itself: those to network interfaces and peering connections.

Such a route is an extra route of the router, whose next hop is the interface's primary address, or the address of the
other VPC's router on the network that joins both.  A router has one set of extra routes for all its subnets, so a
route of the main table, or of one that a subnet uses, holds for the whole VPC, and two such tables cannot lead one
block to two places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Network

from adapters.errors import BackendError, Fault
from adapters.types import network as cloud
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import INTERFACE, PEERING, VPC
from shim.ec2.network.interface_rows import private_addresses
from shim.ec2.routing import tables
from shim.ec2.routing.state import State
from shim.ec2.routing.tables import RouteTable
from shim.errors import AwsError
from shim.undo import if_there

KINDS = ("eni", "pcx")  # the prefixes of such targets
_EVERYWHERE = "0.0.0.0/0"


def check(block: str, target: str) -> None:
    """Refuse a route that only the router of a single subnet could have."""
    if target.startswith("eni-") and block == _EVERYWHERE:
        raise AwsError(
            "UnsupportedOperation",
            "A route of all addresses to an instance or a network interface is not supported: the VPC's router would "
            "lead every subnet there. Use a NAT gateway, or routes of smaller blocks.",
            refused="DestinationCidrBlock",
        )


def anywhere(state: State, prefixes: tuple[str, ...] = KINDS) -> bool:
    """Tell whether any table has a route that a router forwards, or one to a target with other `prefixes`."""
    found = tables.route_tables(state).values()
    return any(target.startswith(prefixes) for table in found for _, target in table.written)


async def apply(call: Call, undo: Callable[..., None], router_id: str, before: Sequence[State], after: State) -> None:
    """Bring the extra routes of a VPC's router in line with its tables; those of OpenStack's own tools stay.

    `before` are the states that the last changes were made from: their routes are the gateway's to remove.  Raises the
    VPC's NotFound if it was deleted meanwhile.  Each call is undone although it seems to fail: an answer can be lost
    when the work is done.
    """
    router, network = after.vpc(ids.aws(VPC.prefix, router_id)), call.cloud.network
    wanted = {cloud.Route(block, hop) for block, hop in led(after, router_id).items()}
    managed = {
        block
        for state in (*before, after)
        for table in tables.route_tables(state).values()
        if table.router.id == router_id
        for block in _hops(state, table, table.written)
    }
    there = set(router.routes)
    gone = sorted((one for one in there - wanted if one.cidr in managed), key=lambda one: one.cidr)
    more = sorted(wanted - there, key=lambda one: one.cidr)
    if gone:
        undo(if_there, network.add_routes, router_id, gone)
        await network.remove_routes(router_id, gone)
    if more:
        undo(if_there, network.remove_routes, router_id, more)
        try:
            await network.add_routes(router_id, more)
        except BackendError as error:
            if error.fault not in (Fault.INVALID, Fault.QUOTA) or "maximum" not in error.detail:
                raise
            raise AwsError(
                "RouteLimitExceeded", "The maximum number of routes for this route table has been reached."
            ) from error


def led(state: State, router_id: str) -> dict[str, str]:
    """Return the next hops of a VPC's routes by their blocks, of the main table and those that a subnet uses.

    Raises UnsupportedOperation if two of these tables lead a block to different places.
    """
    known = tables.route_tables(state)
    explicit = [tables.explicit(known, state, subnet) for subnet in state.inside(router_id)]
    # The main table counts even where no subnet uses it yet: the next subnet will.
    used = {one.uuid: one for one in (tables.main_of(known, state.vpcs[router_id]), *explicit) if one is not None}
    found: dict[str, str] = {}
    for table in used.values():
        for block, hop in _hops(state, table, table.routes.items()).items():
            if hop is not None and found.setdefault(block, hop) != hop:
                raise AwsError(
                    "UnsupportedOperation",
                    f"Another route table of the VPC leads {block} to another target, and the VPC's router has one "
                    "route of a block for all its subnets.",
                )
    return found


def _hops(state: State, table: RouteTable, routes: Iterable[tuple[str, str]]) -> dict[str, str | None]:
    """Return the next hops of routes of a table by their blocks; None where the target is gone or not ready.

    A peering connection delivers to the blocks of the VPC on its other side and to no others, so a route of a larger
    block becomes one of each of these.
    """
    found: dict[str, str | None] = {}
    for block, target in routes:
        if target.startswith("eni-"):
            port = state.ports.get(ids.uuid(INTERFACE, target))
            addresses = private_addresses(port) if port is not None else []
            found[block] = addresses[0].address if addresses else None
        elif target.startswith("pcx-"):
            found |= _across(state, table, block, ids.uuid(PEERING, target))
    return found


def _across(state: State, table: RouteTable, block: str, peering_id: str) -> dict[str, str | None]:
    peering = state.peerings.get(peering_id)
    if peering is None:
        return {}
    other, hop = peering.beyond(table.router.id)
    wanted = IPv4Network(block)
    beyond = map(IPv4Network, state.blocks(other) if other in state.vpcs else ())
    both = (max(wanted, one, key=lambda net: net.prefixlen) for one in beyond if wanted.overlaps(one))
    return {str(one): hop if peering.active else None for one in both}
