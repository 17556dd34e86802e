"""Subnets: Neutron's subnets on networks that are not external.

A subnet that EC2 creates has a network of its own, and its VPC's router has the first address in it.  Its IPv6 block is
a second Neutron subnet of the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, NamedTuple

from adapters.types import compute
from adapters.types import network as cloud
from shim.concurrency import gather
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine import zones as availability_zones
from shim.ec2.engine.resource_types import SUBNET, VPC
from shim.ec2.network import cidr_blocks, facts
from shim.ec2.network.ipv6 import subnet_block, vpc_block
from shim.ec2.network.layout import ROUTER_PORTS, VpcLayout, is_inner, vpc_layout
from shim.ec2.network.subnet_rows import described
from shim.ec2.network.vpcs import is_vpc
from shim.ec2.service import action
from shim.ec2.subnets.making import Wanted, make, remove_networks
from shim.ec2.tags.creating import HALF_DONE, CreateRequest, creates, creating, half_done_name
from shim.errors import AwsError
from shim.protocol.values import only
from shim.undo import undoing

# Ports that Neutron makes and deletes by itself.
NEUTRONS_OWN = ("network:dhcp", "network:distributed", "network:floatingip_agent_gateway")


class _New(NamedTuple):
    """The blocks of a new subnet."""

    block: IPv4Network
    ipv6: IPv6Network | None


def _read_new(settings: Settings, req: Mapping[str, Any]) -> _New:
    """Return the CIDR blocks, and check the form of the VPC's id."""
    ids.check(VPC, req["VpcId"])
    block = cidr_blocks.asked(req, code="InvalidSubnet.Range", missing=cidr_blocks.NO_BLOCK)
    return _New(block, subnet_block.read(req.get("Ipv6CidrBlock")))


@action(
    supports="VpcId CidrBlock Ipv6CidrBlock AvailabilityZone AvailabilityZoneId Ipv6Native TagSpecifications",
    values={"Ipv6Native": only(False)},
    read=creates(SUBNET, read=_read_new),
)
async def create_subnet(call: Call, asked: CreateRequest[_New]) -> Mapping[str, Any]:
    """Create a network with one subnet, or a second one of IPv6, and ports of the VPC's router on them.

    The names of both are the half-done mark until the last calls.
    """
    (block, ipv6), vpc, network = asked.read, asked.params["VpcId"], call.cloud.network
    new = creating(call, asked)
    router_id, strings, cidr = ids.uuid(VPC, vpc), new.strings(), str(block)
    routers, layout, zones = await gather(network.routers(), vpc_layout(call), call.cloud.compute.zones())
    router = next((one for one in routers if one.id == router_id and is_vpc(one)), None)
    if router is None:
        raise _no_router(vpc) if vpc in layout.vpcs.values() else ids.missing(VPC, [vpc])
    zone_name = chosen_zone(call, asked.params, zones)
    marked, subnets = half_done_name("subnet", vpc, cidr), list[cloud.Subnet]()

    async def find(_: Mapping[str, str]) -> list[tuple[cloud.Network, Mapping[str, str]]]:
        networks, subnets[:] = await gather(network.networks(external=False), network.subnets())
        return [(one, {HALF_DONE: ""}) for one in networks if one.name == marked]

    async with vpc_block.changing(call, router_id) if ipv6 else nullcontext(), new.once(find, name=marked):
        await remove_networks(call, [one.id for one in new.half_done])
        dead = {subnet for one in new.half_done for subnet in one.subnets}
        layout = await vpc_layout(call)
        here = [one for one in subnets if layout.vpc_of(one.network_id) == vpc and one.id not in dead]
        _check_place(block, router, here)
        if ipv6:
            router = await network.router(router_id)  # its IPv6 block may have gone before the lock was held
            subnet_block.check_place(ipv6, router, here)
        shown = facts.name(new.tags, f"subnet {cidr}")
        if shown == call.settings.default_network:  # this name makes a network the default one
            shown = f"subnet {cidr}"
        wanted = Wanted(block, marked, shown, facts.of_subnets_network(router_id, zone_name), tuple(strings), ipv6)
        subnet, made, second = await make(call, new.undo, router, wanted)
    layout = VpcLayout({made.id: made}, {made.id: vpc}, None)
    places = availability_zones.zones(zones, availability_zones.zone_names(call))
    return {"Subnet": described(call, subnet, layout, (), places, [second] if second else ())}


@action(supports="SubnetId")
async def delete_subnet(call: Call, req: Mapping[str, Any]) -> None:
    """Delete a subnet that only routers and Neutron's own services use, with its network if it is the only one."""
    uuid, seen = ids.uuid(SUBNET, req["SubnetId"]), await _seen(call)
    doors = [one for one in seen.ports if one.device_owner in ROUTER_PORTS]
    homes = {port.device_id for port in doors if any(fixed.subnet_id == uuid for fixed in port.fixed)}
    with_ipv6 = sorted(one.id for one in seen.routers if one.id in homes and vpc_block.of_router(one))
    async with vpc_block.changing(call, with_ipv6[0]) if with_ipv6 else nullcontext():
        await _delete(call, req["SubnetId"], await _seen(call) if with_ipv6 else seen)


class _Seen(NamedTuple):
    """What decides whether a subnet may go."""

    networks: list[cloud.Network]
    subnets: list[cloud.Subnet]
    ports: list[cloud.Port]
    routers: list[cloud.Router]


async def _seen(call: Call) -> _Seen:
    network = call.cloud.network
    return _Seen(*await gather(network.networks(external=False), network.subnets(), network.ports(), network.routers()))


async def _delete(call: Call, subnet_id: str, seen: _Seen) -> None:
    network, uuid = call.cloud.network, ids.uuid(SUBNET, subnet_id)
    inner = {one.id: one for one in seen.networks if is_inner(one)}
    subnet = next((one for one in seen.subnets if (one.id, one.version) == (uuid, 4) and one.network_id in inner), None)
    if subnet is None:
        raise ids.missing(SUBNET, [subnet_id])
    own = {uuid, *(one.id for one in subnet_block.made_for(seen.subnets, subnet))}
    here = [port for port in seen.ports if any(fixed.subnet_id in own for fixed in port.fixed)]
    if any(facts.written(facts.NAT_SUBNET, uuid) in router.tags for router in seen.routers) or any(
        port.device_owner not in (*ROUTER_PORTS, *NEUTRONS_OWN) for port in here
    ):
        raise AwsError("DependencyViolation", f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
    async with undoing() as undo:
        for port in here:
            for fixed in port.fixed if port.device_owner in ROUTER_PORTS else ():
                if fixed.subnet_id in own:  # a router has one port for all IPv6 subnets of a network
                    await _remove_routes(call, undo, seen.routers, port, subnet)
                    await network.remove_interface(port.device_id, subnet_id=fixed.subnet_id)
                    undo(partial(network.add_interface, port.device_id, subnet_id=fixed.subnet_id))
        if {*inner[subnet.network_id].subnets} <= own:
            await network.delete_network(subnet.network_id)
        else:
            for one in sorted(own, key=lambda one: one == uuid):
                await network.delete_subnet(one)


async def _remove_routes(
    call: Call, undo: Callable[..., None], routers: Iterable[cloud.Router], port: cloud.Port, subnet: cloud.Subnet
) -> None:
    """Remove those routes of a port's router that lead to addresses of a subnet.

    No interface is left there, so they lead nowhere, and Neutron would keep the router on the subnet.
    """
    network, block = call.cloud.network, ip_network(subnet.cidr)
    for router in routers:
        routes = [one for one in router.routes if router.id == port.device_id and ip_address(one.next_hop) in block]
        if routes:
            await network.remove_routes(router.id, routes)
            undo(network.add_routes, router.id, routes)


def _check_place(block: IPv4Network, router: cloud.Router, here: Sequence[cloud.Subnet]) -> None:
    """Refuse a block outside of the VPC's, or one that meets another subnet's."""
    # A router of OpenStack's own tools has no block of its own, so it takes any.
    inside = [IPv4Network(cidr) for cidr in facts.cidrs(router.tags)]
    if inside and not any(block.subnet_of(one) for one in inside):
        raise AwsError("InvalidSubnet.Range", f"The CIDR '{block}' is invalid.", refused="CidrBlock")
    if any(one.version == 4 and block.overlaps(IPv4Network(one.cidr)) for one in here):
        raise subnet_block.conflict(str(block))


def chosen_zone(call: Call, req: Mapping[str, Any], found: Sequence[compute.Zone]) -> str | None:
    """Return OpenStack's name of the zone that a request names, else of the first; None if the cloud has none."""
    names, shown = (
        availability_zones.zone_names(call),
        availability_zones.zones(found, availability_zones.zone_names(call)),
    )
    by_name, by_id = req.get("AvailabilityZone"), req.get("AvailabilityZoneId")
    natives = availability_zones.placeable(found)
    if not by_name and not by_id:
        return names.native(shown[0]["ZoneName"], natives) if shown else None
    if by_name:
        native = names.native(by_name, natives)
    else:
        native = next((names.native(one["ZoneName"], natives) for one in shown if one["ZoneId"] == by_id), None)
    if native is None:
        parameter, known = ("availabilityZone", "ZoneName") if by_name else ("availabilityZoneId", "ZoneId")
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({by_name or by_id}) for parameter {parameter} is invalid. "
            "Subnets can currently only be created in the following availability zones: "
            f" {', '.join(one[known] for one in shown)}.",
            refused="AvailabilityZone",
        )
    return native


def _no_router(vpc: str) -> AwsError:
    return AwsError("UnsupportedOperation", f"The vpc '{vpc}' is a network without a router, which takes no subnets.")
