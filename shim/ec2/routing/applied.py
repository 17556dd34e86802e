"""Apply the routes of route tables to Neutron.

A VPC's router knows the VPC's subnets and, through an internet gateway, the external network, so the local routes and
those to an internet gateway need nothing more.  A route to a NAT gateway is a host route of the subnet, which DHCP
gives to instances, through a port that the NAT gateway's router has on the subnet.

Neutron lets nobody move a subnet's gateway away from a router's port, so the default route stays.  Two halves of the
address space are more specific than it; the VPC's own blocks are more specific than the halves.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv4Network

from adapters.errors import BackendError, Fault, absent_is
from adapters.types import network as cloud
from shim.concurrency import gather_outcomes
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import NAT_GATEWAY
from shim.ec2.network import facts, known
from shim.ec2.network.layout import ROUTER_PORTS
from shim.ec2.routing import acls, hops, tables
from shim.ec2.routing.state import Fact, State, read_state, with_facts, without
from shim.ec2.routing.vpc_records import remove_tag
from shim.undo import if_there, undoing

_ANYWHERE = "0.0.0.0/0"
_HALVES = ("0.0.0.0/1", "128.0.0.0/1")
_PLACES = (2, 3)  # of the addresses that AWS reserves: "DNS server" and "future use"

_AT_ONCE = 4
MOST_TAGS = 50  # Neutron's, of one resource

Undo = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a change comes to: the facts that come and go, and whether Neutron has to follow."""

    new: Sequence[Fact]
    old: Sequence[Fact]
    applies: bool = True


# Says what a change comes to, from the records as they are when the VPC's lock is held; or raises AWS's error.
Plan = Callable[[Sequence[cloud.SubnetPool]], Wish]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a VPC's route tables, and the state that it was asked for in."""

    call: Call
    before: State
    wish: Wish | Plan


async def change(call: Call, router_id: str, before: State, wish: Wish | Plan) -> None:
    """Put new facts in place of old ones, and bring Neutron in line with the route tables as they are then.

    Changes of one VPC that come at the same time are made together: two at once would both put a NAT gateway's router
    on the same subnet, and one after another ten of them would take half a minute.
    """

    async def run(changes: Sequence[Change]) -> None:
        await _make(router_id, changes)

    await call.locks.rounds.join(lock(call, router_id), call.caller, Change(call, before, wish), run)


def lock(call: Call, router_id: str) -> tuple[str, ...]:
    """Return the name of the lock under which a VPC's route tables are changed and applied."""
    return ("routes", call.caller.project_id, router_id)


def settling(call: Call, router_id: str) -> AbstractAsyncContextManager[None]:
    """Hold this lock for a change that is made alone."""
    return call.locks.hold(*lock(call, router_id))


async def _make(router_id: str, changes: Sequence[Change]) -> None:
    """Write the new facts of changes, apply them, and remove the old ones; or take all back.

    The old ones go last: while they are there, the next try of a request whose gateway was killed finds what to do.
    """
    call = changes[0].call
    planned = any(callable(one.wish) for one in changes)
    pools = await call.cloud.network.subnet_pools() if planned else []
    wish = _together(changes, pools)
    full = {one.id for one in pools if len(one.tags) >= MOST_TAGS}
    early = [fact for fact in wish.old if fact.id in full]  # both would be too many
    old = [fact for fact in wish.old if fact.id not in full]
    async with undoing() as at_last, undoing() as undo:
        await remove(call, undo, early)
        await add(call, undo, wish.new)
        if wish.applies:
            now = await read_state(call)
            after = without(now, old)
            await hops.apply(call, undo, router_id, [*(one.before for one in changes), now], after)
            at_last(_apply_again, call, router_id)  # when the facts are what they were
            await apply(call, after, router_id)
        await remove(call, undo, old)


def _together(changes: Iterable[Change], pools: Sequence[cloud.SubnetPool]) -> Wish:
    """Return what changes come to one after another: each finds the records as the last one leaves them."""
    new, old, applies = dict[Fact, None](), dict[Fact, None](), False
    for one in changes:
        wish = one.wish(pools) if callable(one.wish) else one.wish
        for here, other, facts_of_it in ((new, old, wish.new), (old, new, wish.old)):
            for fact in facts_of_it:
                if fact in other:
                    del other[fact]
                else:
                    here[fact] = None
        pools = [with_facts(pool, wish.new, wish.old) for pool in pools]
        applies = applies or wish.applies
    return Wish([*new], [*old], applies)


@asynccontextmanager
async def entering(call: Call, undo: Undo, router_id: str, subnet: cloud.Subnet) -> AsyncIterator[None]:
    """Give a new subnet the routes of its VPC's main table, and hold the VPC's lock while the block ends the half-done
    mark: whoever changes routes before has written them, and whoever does so afterwards finds the subnet.

    "If you don't explicitly associate a subnet with a particular route table, the subnet is implicitly associated with
    the main route table."  The VPC's router has that table's routes to interfaces and peering connections already.
    """
    async with settling(call, router_id):
        undo(_leave, call, router_id, subnet)
        nats = [one for one in await call.cloud.network.routers() if facts.NAT in one.tags]
        if any(facts.one(one.tags, facts.VPC) == router_id for one in nats):
            state = await read_state(call)
            # No route changed, so the other subnets have theirs.
            here = {**state.subnets, subnet.id: subnet}, {**state.homes, subnet.id: router_id}
            await apply(call, replace(state, subnets=here[0], homes=here[1]), router_id)
        yield


async def _leave(call: Call, router_id: str, subnet: cloud.Subnet) -> None:
    """Give a subnet its half-done name again, and take NAT gateways' routers off it: its network is to be deleted.

    This runs when the lock of `entering` is released: a change of routes that has come meanwhile ends before, and one
    that comes afterwards passes over the subnet.
    """
    network = call.cloud.network
    async with settling(call, router_id):
        try:
            await network.rename_subnet(subnet.id, subnet.name)
            await network.rename_network(subnet.network_id, subnet.name)
        finally:
            for port in await network.ports(network_ids=[subnet.network_id], device_owners=ROUTER_PORTS):
                if port.device_id != router_id:
                    await absent_is(None, network.remove_interface(port.device_id, port_id=port.id))


async def _apply_again(call: Call, router_id: str) -> None:
    await apply(call, await read_state(call), router_id)


async def add(call: Call, undo: Undo, new: Iterable[Fact]) -> None:
    """Write facts.  Each is undone although its call seems to fail: an answer can be lost when the work is done."""

    async def one(fact: Fact) -> None:
        undo(remove_tag, call, *fact)
        await call.cloud.network.add_tag(*fact)

    await _all(map(one, dict.fromkeys(new)))


async def remove(call: Call, undo: Undo, old: Iterable[Fact]) -> None:
    """Remove facts, which may be gone already; each is undone as in `add`."""

    async def one(fact: Fact) -> None:
        undo(call.cloud.network.add_tag, *fact)
        await remove_tag(call, *fact)

    await _all(map(one, dict.fromkeys(old)))


async def apply(call: Call, state: State, router_id: str) -> None:
    """Bring the host routes of a VPC's subnets, and the ports of NAT gateways' routers, in line with its tables."""
    if not state.nats and not state.nat_ports:
        return
    found, lists = tables.route_tables(state), acls.acls(state)
    nats, work = {ids.aws(NAT_GATEWAY.prefix, one): one for one in state.nats}, []
    for subnet in state.inside(router_id):
        routes = tables.used_by(found, state, subnet).routes
        wanted = {block: nats[target] for block, target in routes.items() if target in nats}
        passes = acls.used_by(lists, state, subnet).passes()
        work.append(_apply_to(call, state, subnet, wanted, passes=passes))
    await _all(work)


async def _all(work: Iterable[Awaitable[None]]) -> None:
    """Await work on different subnets or records to the end of each, and raise the first failure.

    Work that is cancelled half way would leave a port that nobody knows of.
    """
    for outcome in await gather_outcomes(work, most=_AT_ONCE):
        if isinstance(outcome, Exception):
            raise outcome


async def _apply_to(call: Call, state: State, subnet: cloud.Subnet, wanted: dict[str, str], *, passes: bool) -> None:
    """Give one subnet the routes to NAT gateways (`wanted`: the router's UUID by CIDR block), and no others."""
    network = call.cloud.network
    ports = {router: port for (router, there), port in state.nat_ports.items() if there == subnet.id}
    if not wanted and not ports:
        return
    places = {router: port.address for router, port in ports.items()}
    for router in set(wanted.values()) - set(ports):
        places[router] = await _join(
            call, router, state.homes[subnet.id], subnet, taken=set(places.values()), passes=passes
        )
    routes = [cloud.Route(one, places[router]) for block, router in sorted(wanted.items()) for one in _split(block)]
    if any(block == _ANYWHERE for block in wanted) and subnet.gateway:
        routes += [cloud.Route(one, subnet.gateway) for one in state.blocks(state.homes[subnet.id])]
    if set(routes) != set(subnet.host_routes):
        await network.set_host_routes(subnet.id, routes)
    for router in set(ports) - set(wanted.values()):
        await absent_is(None, network.remove_interface(router, port_id=ports[router].id))


def _split(block: str) -> tuple[str, ...]:
    return _HALVES if block == _ANYWHERE else (block,)


async def put_on(call: Call, undo: Undo, router_id: str, port_id: str) -> None:
    """Give a router a port.  This is undone although the call seems to fail: an answer can be lost."""

    async def take_off() -> None:
        await call.cloud.network.remove_interface(router_id, port_id=port_id)

    undo(if_there, take_off)
    await call.cloud.network.add_interface(router_id, port_id=port_id)


async def _join(call: Call, router: str, home: str, subnet: cloud.Subnet, *, taken: set[str], passes: bool) -> str:
    """Put a router on a subnet with one of the addresses that AWS reserves, and return it."""
    network, block = call.cloud.network, IPv4Network(subnet.cidr)
    # Of two routers on a network, its VPC is the one that the tag names.
    tag, there = facts.written(facts.VPC, home), await known.networks(call, (subnet.network_id,))
    if not any(one.id == subnet.network_id and tag in one.tags for one in there):
        await network.add_tag("networks", subnet.network_id, tag)
        known.forget_networks(call)
    for place in _PLACES:
        address = str(block[place])
        if address in taken:
            continue
        port = await _door(call, ids.aws(NAT_GATEWAY.prefix, router), subnet, address)
        if port is None:
            continue
        async with undoing() as undo:
            undo(if_there, network.delete_port, port.id)
            await put_on(call, undo, router, port.id)
            if not passes:
                await network.switch_interface(port.id, up=False)
        return address
    raise BackendError(Fault.NO_CAPACITY, service="network", resource="subnet", id=subnet.id)


async def _door(call: Call, name: str, subnet: cloud.Subnet, address: str) -> cloud.Port | None:
    """Make a port with an address; None if another has it.

    One of this name that no router has was made for a request whose gateway was killed, or whose answer was lost.
    """
    network, wanted = call.cloud.network, (cloud.WantedAddress(subnet.id, address),)
    try:
        return await network.create_port(cloud.NewPort(subnet.network_id, wanted, (), name))
    except BackendError as error:
        if error.fault is not Fault.DUPLICATE:
            raise
    there = await network.ports(network_ids=[subnet.network_id])
    left = (one for one in there if not one.device_owner and one.name == name)
    return next((one for one in left if address in [fixed.address for fixed in one.fixed]), None)
