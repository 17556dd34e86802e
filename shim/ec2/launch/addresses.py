"""What instances get once Nova has made their interfaces: public and IPv6 addresses, and groups for each interface."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from adapters.errors import BackendError, Fault, absent_is
from adapters.types import network as cloud
from adapters.types.compute import Server
from shim.concurrency import gather_all
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.instances import facts as instance_facts
from shim.ec2.instances.states import failed
from shim.ec2.interfaces.allocation import external_network_of
from shim.ec2.launch.request import Launch
from shim.ec2.launch.volumes import PAUSES, read_servers
from shim.ec2.network import dhcp, facts
from shim.ec2.network.interface_rows import APART, AUTOMATIC, PLACE, fact, ordered, private_addresses
from shim.ec2.network.ipv6.asked import Wish
from shim.ec2.network.layout import vpc_layout
from shim.errors import AwsError
from shim.undo import undoing


def check_way_out(vpc: str, routers: Iterable[cloud.Router]) -> None:
    """Raise Gateway.NotAttached if a VPC has no internet gateway: Neutron gives its ports no public address."""
    for router in routers:
        if ids.aws("vpc", router.id) == vpc and router.gateway is None:
            raise _not_attached(vpc)


class Given(NamedTuple):
    """The interfaces of all instances of a launch, and the public addresses that they were given."""

    ports: Sequence[cloud.Port]
    addresses: Sequence[cloud.FloatingIp]


async def give(call: Call, servers: Sequence[Server], outside: str | None = None) -> Given | None:
    """Give a public address to each instance that was launched with one and does not have it yet.

    Nova makes the ports while it builds the servers, so this waits until they exist, 45 seconds at most.  `outside` is
    the network of the addresses (UUID) for new servers; without it, some may have theirs.  Returns None unless what
    was given is all that the instances have.
    """
    wanting = [one for one in servers if instance_facts.flag(one.metadata, instance_facts.PUBLIC) and not failed(one)]
    if not wanting:
        return None
    network, held = call.cloud.network, set[str | None]()
    found = await _ports(call, wanting, 1)
    if outside is None:
        held = {one.port_id for one in await network.floating_ips()}
        outside = external_network_of(call, await network.networks())
    async with undoing() as undo:

        async def to(port: cloud.Port) -> cloud.FloatingIp | None:
            fixed = private_addresses(port)[0].address
            try:
                made = await network.create_floating_ip(outside, AUTOMATIC, port.id, fixed)
            except BackendError as error:
                if error.fault is Fault.DUPLICATE:  # a repeated request has just given it one
                    return None
                if error.fault is Fault.CONFLICT:
                    raise _not_attached((await vpc_layout(call)).vpc_of(port.network_id)) from error
                raise
            undo(network.delete_floating_ip, made.id)
            return made

        made = await gather_all(to(ports[0]) for ports in found.values() if ports[0].id not in held)
    addresses = [one for one in made if one is not None]
    if len(addresses) < len(servers):
        return None
    return Given([port for ports in found.values() for port in ports], addresses)


async def regroup(call: Call, servers: Sequence[Server], groups: Sequence[Sequence[str] | None]) -> None:
    """Give each interface its security groups: Nova gives all that it makes those of the first.

    Nova makes the ports while it builds the servers, so this waits until they exist, 45 seconds at most.  What a client
    has changed since stays, and so do the groups where interfaces came or went: a repeated request may come late.
    """
    alive = [one for one in servers if not failed(one)]
    if not groups or not alive:
        return
    new = [one for one in groups if one is not None]
    wanted = [
        (port.id, chosen)
        for ports in await _new_ports(call, alive, len(groups))
        if len(ports) == len(new)
        for port, chosen in zip(ports, new, strict=True)
        if {*chosen} != {*port.security_groups} == {*new[0]}
    ]
    update = call.cloud.network.update_port
    await gather_all(absent_is(None, update(port, security_groups=chosen)) for port, chosen in wanted)


async def give_ipv6(call: Call, servers: Sequence[Server], launch: Launch, wishes: Sequence[Wish | None]) -> None:
    """Give each interface the IPv6 addresses that it is to have: Neutron gives one of its own accord.

    This waits for the ports as `regroup` does.  Interfaces whose IPv6 addresses a client has changed since stay as they
    are.
    """
    alive = [one for one in servers if not failed(one)]
    if not wishes or not alive:
        return
    new = [wish for one, wish in zip(launch.interfaces, wishes, strict=True) if not one.port_id]
    work = [
        (port.id, fixed)
        for ports in await _new_ports(call, alive, len(wishes))
        if len(ports) == len(new)
        for port, wish in zip(ports, new, strict=True)
        if wish is not None and facts.IPV6_SET not in port.tags and (fixed := wish.of(port)) is not None
    ]
    update = call.cloud.network.update_port
    await gather_all(absent_is(None, update(port, fixed=fixed)) for port, fixed in work)


async def give_dhcp(
    call: Call, servers: Sequence[Server], launch: Launch, wanted: Mapping[str, Mapping[str, str]]
) -> None:
    """Give each interface the DHCP options of its subnet (`wanted`, by UUID); this waits as `regroup` does."""
    alive = [one for one in servers if not failed(one)]
    if wanted and alive:
        found = await _ports(call, alive, len(launch.interfaces))
        await dhcp.give(call, (port for ports in found.values() for port in ports), wanted)


async def place(call: Call, servers: Sequence[Server], launch: Launch) -> None:
    """Keep the device index of each interface that Nova makes, where it does not follow from the interfaces' order."""
    alive = [one for one in servers if not failed(one)]
    new = [one.place for one in launch.interfaces if not one.port_id]
    if not (launch.places and new and alive):
        return
    wanted = [
        (port.id, f"{PLACE}{index}")
        for ports in await _new_ports(call, alive, len(launch.interfaces))
        for port, index in _untold(ports, new)
    ]
    tag = call.cloud.network.add_tag
    await gather_all(absent_is(None, tag("ports", port, told)) for port, told in wanted)


def _untold(ports: Sequence[cloud.Port], places: Sequence[int]) -> list[tuple[cloud.Port, int]]:
    """Return the ports without a device index, each with its own; none if some came or went since the launch."""
    told = {fact(port, PLACE) for port in ports}
    bare = [port for port in ports if fact(port, PLACE) is None]
    left = [one for one in places if str(one) not in told]
    return list(zip(bare, left, strict=True)) if len(bare) == len(left) else []


async def _new_ports(call: Call, servers: Sequence[Server], count: int) -> list[list[cloud.Port]]:
    """Wait for `count` ports of each server (`_ports`), and return those that Nova made in the order of the request."""
    for pause in PAUSES:
        found = await _ports(call, servers, count)
        read = {one.id: one for one in await read_servers(call, list(found)) if not failed(one)}
        # Only Nova knows in which order it made ports.
        if all({port.mac for port in found[one]} <= {each.mac for each in read[one].addresses} for one in read):
            return [[port for port in ordered(found[one], read[one]) if APART not in port.tags] for one in read]
        await asyncio.sleep(pause)
    raise _late()


async def _ports(call: Call, servers: Sequence[Server], count: int) -> dict[str, list[cloud.Port]]:
    """Wait until each server has `count` ports with an address, or has failed or is built; return them by server.

    A server that is built gets no further ports: some may have been detached when a request is repeated.
    """
    waiting, built = [server.id for server in servers], set[str]()
    for pause in PAUSES:
        ready: dict[str, list[cloud.Port]] = {}
        for port in await call.cloud.network.ports(device_ids=waiting):
            if private_addresses(port):
                ready.setdefault(port.device_id, []).append(port)
        if all(one in built or len(ready.get(one, ())) >= count for one in waiting):
            return ready
        read = await read_servers(call, waiting)
        alive = {one.id for one in read if not failed(one) and one.status != "DELETED"}
        built = {one.id for one in read if one.status != "BUILD"}
        waiting = [one for one in waiting if one in alive]
        if not waiting:
            return {}
        await asyncio.sleep(pause)
    raise _late()


def _late() -> AwsError:
    return AwsError("Unavailable", "The network interfaces of the launch were not made in time.", 503)


def _not_attached(vpc: str) -> AwsError:
    return AwsError("Gateway.NotAttached", f"Network {vpc} is not attached to any internet gateway")
