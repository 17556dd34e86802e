"""What DHCP tells the instances of a VPC: name servers of its subnets, and further options of the ports on them.

Both follow the tags of the VPC's router.  Each change brings all of them in line, also where the tags are as wanted: a
gateway that was killed may have written these and no more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

from adapters.errors import absent_is
from adapters.types import network as cloud
from shim.concurrency import gather_outcomes
from shim.context import Call
from shim.ec2.network import dhcp, facts
from shim.ec2.routing.state import State, read_state
from shim.ec2.routing.vpc_records import remove_tag
from shim.undo import if_there, undoing

_AT_ONCE = 4
_ROUNDS = 3  # ports that come while others get their options

Undo = Callable[..., None]


async def retag(
    call: Call, router: cloud.Router, *, gone: Collection[str] = (), new: Collection[str] = (), serves: bool = True
) -> None:
    """Change tags of a VPC's router, and bring the VPC's subnets and ports in line with them; or take all back.

    With `serves` the subnets get the VPC's name servers; else only those change that have Neutron's own resolver, or
    none: OpenStack's tools gave the others theirs.

    The caller holds the lock of the VPC's routes: two changes at once would leave the tags of one and the name servers
    of the other.  Each call is undone although it seems to fail: an answer can be lost when the work is done.
    """
    tags = [tag for tag in (*router.tags, *new) if tag not in gone]
    used = facts.PORT_OPTIONS_USED in router.tags or bool(facts.port_options(tags))
    if used and facts.PORT_OPTIONS_USED not in router.tags:
        # It stays, whatever fails: from now on ports may have options of a set.
        await call.cloud.network.add_tag("routers", router.id, facts.PORT_OPTIONS_USED)
    async with undoing() as undo:
        await _replace(call, undo, "routers", router.id, gone, new)
        # Read after the tags are written: CreateSubnet reads them last, so the later of both sees the other.
        state = await read_state(call)
        subnets = state.inside(router.id)
        undo(_write_again, call, subnets)  # when the name servers are what they were
        for version, none in facts.NO_SERVER.items():
            servers = facts.name_servers(tags, version)
            for subnet in state.inside(router.id, version):
                if (serves and version == 4) or subnet.name_servers in ((), (none,)):
                    await _serve(call, undo, subnet, servers)
        written = await _give_ports(call, undo, state, subnets, facts.port_options(tags)) if used else set[str]()
        await _write_again(call, subnets, written)


async def _serve(call: Call, undo: Undo, subnet: cloud.Subnet, servers: Sequence[str]) -> None:
    """Give a subnet name servers, unless it has them, or is deleted meanwhile, as `terraform destroy` does."""
    if tuple(servers) != subnet.name_servers:
        undo(_set_name_servers, call, subnet.id, subnet.name_servers)
        await _set_name_servers(call, subnet.id, servers)


async def _set_name_servers(call: Call, subnet_id: str, servers: Sequence[str]) -> None:
    await absent_is(None, call.cloud.network.set_name_servers(subnet_id, servers), resource="subnet")


async def _replace(call: Call, undo: Undo, resource: str, id: str, gone: Iterable[str], new: Iterable[str]) -> None:
    network = call.cloud.network
    for tag in gone:
        undo(if_there, network.add_tag, resource, id, tag)
        await remove_tag(call, resource, id, tag)
    for tag in new:
        undo(remove_tag, call, resource, id, tag)
        await network.add_tag(resource, id, tag)


async def _give_ports(
    call: Call, undo: Undo, state: State, subnets: Sequence[cloud.Subnet], marks: Collection[str]
) -> set[str]:
    """Mark subnets, so that ports which are made later get a set's options, and give them to those that there are.

    Returns the UUIDs of the ports that were written.
    """
    for subnet in subnets:
        old = facts.port_options(subnet.tags)
        marked = _replace(call, undo, "subnets", subnet.id, set(old) - set(marks), set(marks) - set(old))
        await absent_is(None, marked, resource="subnet")  # it may be deleted meanwhile
    uuid = facts.one(marks, facts.PORT_OPTIONS)
    values = next((dhcp.options(one.tags) for one in state.pools if one.id == uuid), {})
    wanted = dict.fromkeys((one.id for one in subnets), dhcp.for_ports(call.settings.ec2_dhcp_server, values)[0])
    written = set[str]()
    for _ in range(_ROUNDS):
        left = dhcp.changes((one for one in await _ports(call, subnets) if _is_clients(one)), wanted)
        if not left:
            break
        await _all(_change(call, undo, *one) for one in left)
        written |= {port.id for port, _ in left}
    return written


async def _write_again(call: Call, subnets: Sequence[cloud.Subnet], written: Collection[str] = ()) -> None:
    """Write the options of ports once more, but for those that were `written`.

    ML2/OVN has a record of its own for a port with options, and where a subnet loses all name servers it fails to take
    them from that: "attempting to write bad value to column options (ovsdb error: expected string, got NoneType)" in
    Neutron's log.  When the port is written it makes the record anew from the subnet's.
    """
    network = call.cloud.network
    await _all(
        absent_is(None, network.set_dhcp_options(port.id, dict(port.dhcp_options)))
        for port in await _ports(call, subnets)
        if port.dhcp_options and port.id not in written
    )


async def _ports(call: Call, subnets: Sequence[cloud.Subnet]) -> list[cloud.Port]:
    """List the project's own ports on subnets: those of others are not the caller's to change.

    Neutron shows the owner of a network all ports on it, and lets a member of a port's project change the port.
    """
    if not subnets:
        return []
    here = {one.id for one in subnets}
    found = await call.cloud.network.ports(network_ids=[one.network_id for one in subnets])
    own = [one for one in found if one.project_id == call.caller.project_id]
    return [one for one in own if here & {fixed.subnet_id for fixed in one.fixed}]


async def _all(work: Iterable[Awaitable[None]]) -> None:
    """Await work on different ports to the end of each, and raise the first failure."""
    for outcome in await gather_outcomes(work, most=_AT_ONCE):
        if isinstance(outcome, Exception):
            raise outcome


def _is_clients(port: cloud.Port) -> bool:
    """Tell whether a port is an interface of an instance or of nobody; what else holds one, a balancer, gets none."""
    return not port.device_owner or port.device_owner.startswith("compute:")


async def _change(call: Call, undo: Undo, port: cloud.Port, new: Mapping[str, str | None]) -> None:
    """Change the options of a port, which may be gone meanwhile."""
    change, there = call.cloud.network.set_dhcp_options, dict(port.dhcp_options)
    undo(if_there, change, port.id, {name: there.get(name) for name in new})
    await absent_is(None, change(port.id, new), resource="port")
