"""Make a subnet: a network with one Neutron subnet, or a second one of IPv6, and ports of the VPC's router on them.

What a VPC hands on to its subnets, a new one has when it is first seen: DHCP options, network ACL, and routes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

from adapters.errors import BackendError, Fault, absent_is
from adapters.types import network as cloud
from shim.concurrency import gather_all
from shim.context import Call
from shim.ec2.network import facts
from shim.ec2.network.ipv6 import subnet_block
from shim.ec2.network.layout import ROUTER_PORTS
from shim.ec2.routing.applied import entering

# "The first four IP addresses and the last IP address in each subnet CIDR block are not available for your use."
_RESERVED = 4


class Wanted(NamedTuple):
    """A subnet to be made: `marked` is the half-done mark, the name of subnet and network until the last calls.

    `of_network` are the tags of its network, `of_subnet` its own.  `ipv6` is its IPv6 block.
    """

    block: IPv4Network
    marked: str
    name: str
    of_network: tuple[str, ...]
    of_subnet: tuple[str, ...] = ()
    ipv6: IPv6Network | None = None


async def make(
    call: Call, undo: Callable[..., None], router: cloud.Router, wanted: Wanted
) -> tuple[cloud.Subnet, cloud.Network, cloud.Subnet | None]:
    """Create a network with one subnet, and a port of a VPC's router on it; return its IPv6 subnet too, if it has one.

    The subnet follows the VPC's main route table, DHCP options and default network ACL, also where these change
    meanwhile.
    """
    network = call.cloud.network
    made = await network.create_network(wanted.marked)
    undo(network.delete_network, made.id)
    subnet = await network.create_subnet(_new_subnet(wanted.marked, made.id, wanted.block, router))
    await _enter(call, router.id, subnet)
    undo(partial(network.remove_interface, router.id, subnet_id=subnet.id))
    if facts.CLOSED in router.tags:
        await _switch(call, router.id, subnet, up=False)
    second = None
    if wanted.ipv6:
        second = await subnet_block.add(call, undo, router, subnet, wanted.ipv6, wanted.marked)
        if facts.CLOSED_IPV6 in router.tags:
            await _switch(call, router.id, second, up=False)
    await network.set_tags("networks", made.id, wanted.of_network)
    of_subnet = (*wanted.of_subnet, *facts.port_options(router.tags))
    if of_subnet:
        await network.set_tags("subnets", subnet.id, of_subnet)
    async with entering(call, undo, router.id, subnet):
        await network.rename_subnet(subnet.id, wanted.name)
        second = await subnet_block.name_it(call, second, wanted.name) if second else None
        await network.rename_network(made.id, wanted.name)
    await _catch_up(call, router, subnet, second)
    return replace(subnet, tags=of_subnet), replace(made, tags=wanted.of_network), second


def _new_subnet(name: str, network_id: str, block: IPv4Network, router: cloud.Router) -> cloud.NewSubnet:
    """Return a subnet of a VPC, with AWS's reserved addresses outside of its pool."""
    pool = str(block[_RESERVED]), str(block[-2])
    servers = facts.name_servers(router.tags)
    return cloud.NewSubnet(name, network_id, 4, str(block), str(block[1]), (pool,), servers)


async def _enter(call: Call, router_id: str, subnet: cloud.Subnet) -> None:
    """Put the router on a subnet; Neutron refuses one that meets another, which a request at the same time made."""
    try:
        await call.cloud.network.add_interface(router_id, subnet_id=subnet.id)
    except BackendError as error:
        if error.fault is not Fault.INVALID:
            raise
        raise subnet_block.conflict(subnet.cidr) from error


async def _switch(call: Call, router_id: str, subnet: cloud.Subnet, *, up: bool) -> None:
    """Switch a router's port on a subnet; off: the VPC's default network ACL lets nothing pass."""
    ports = await call.cloud.network.ports(device_ids=[router_id])
    await gather_all(
        call.cloud.network.switch_interface(one.id, up=up)
        for one in ports
        if any(fixed.subnet_id == subnet.id for fixed in one.fixed)
    )


async def _catch_up(call: Call, before: cloud.Router, subnet: cloud.Subnet, second: cloud.Subnet | None) -> None:
    """Give a subnet, and its IPv6 one (`second`), what its VPC has become since it was read.

    AssociateDhcpOptions, ModifyVpcAttribute and the default network ACL write the VPC's tags and list its subnets
    afterwards.  CreateSubnet reads the tags after everything that it writes, so that the later of both sees the other.
    """
    network, given = call.cloud.network, _handed_on(before)
    while (now := _handed_on(await network.router(before.id))) != given:
        if now.servers != given.servers:
            await network.set_name_servers(subnet.id, now.servers)
        if second and now.servers_ipv6 != given.servers_ipv6:
            await network.set_name_servers(second.id, now.servers_ipv6)
        for tag in set(given.port_options) - set(now.port_options):
            await absent_is(None, network.remove_tag("subnets", subnet.id, tag))
        for tag in set(now.port_options) - set(given.port_options):
            await network.add_tag("subnets", subnet.id, tag)
        if now.closed is not given.closed:
            await _switch(call, before.id, subnet, up=not now.closed)
        if second and now.closed_ipv6 is not given.closed_ipv6:
            await _switch(call, before.id, second, up=not now.closed_ipv6)
        given = now


class _HandedOn(NamedTuple):
    """What a VPC's subnets have from it: name servers, the mark of ports' DHCP options, and whether the default network
    ACL lets nothing pass.
    """

    servers: tuple[str, ...]
    servers_ipv6: tuple[str, ...]
    port_options: tuple[str, ...]
    closed: bool
    closed_ipv6: bool


def _handed_on(router: cloud.Router) -> _HandedOn:
    tags = router.tags
    servers = facts.name_servers(tags), facts.name_servers(tags, 6)
    return _HandedOn(*servers, facts.port_options(tags), facts.CLOSED in tags, facts.CLOSED_IPV6 in tags)


async def remove_networks(call: Call, gone: Collection[str]) -> None:
    """Delete networks that hold nothing but routers, by their UUIDs, and the ports on them.

    A port without an owner was made for a router by a gateway that was killed before the router had it.
    """
    network = call.cloud.network
    for port in await network.ports(network_ids=gone):
        with suppress(BackendError):  # if it is still there, the deletion below fails
            if port.device_owner in ROUTER_PORTS:
                await network.remove_interface(port.device_id, port_id=port.id)
            elif not port.device_owner:
                await network.delete_port(port.id)
    await gather_all(absent_is(None, network.delete_network(one)) for one in gone)
