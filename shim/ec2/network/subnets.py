"""Subnets: Neutron's subnets on networks that are not external.

A subnet that EC2 creates has a network of its own, and its VPC's router has the first address in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Network, ip_address, ip_network
from typing import Any, NamedTuple

from adapters.errors import BackendError, Fault, absent_is
from adapters.types import compute
from adapters.types import network as cloud
from shim.concurrency import gather, gather_all
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine import zones as availability_zones
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import SUBNET, VPC
from shim.ec2.network import cidr_blocks, facts, known
from shim.ec2.network.layout import ROUTER_PORTS, VpcLayout, is_inner, vpc_layout, vpc_layout_of
from shim.ec2.network.security_groups import owner_of
from shim.ec2.network.vpcs import is_vpc
from shim.ec2.service import action
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.codec import from_neutron
from shim.ec2.tags.creating import HALF_DONE, CreateRequest, creates, creating, half_done_name
from shim.errors import AwsError
from shim.protocol.values import only
from shim.undo import undoing

SUBNETS = Table(
    items="Subnets",
    id="SubnetId",
    ids="SubnetIds",
    resource_type=SUBNET,
    filters={
        **dict.fromkeys(("availability-zone", "availabilityZone"), "AvailabilityZone"),
        **dict.fromkeys(("availability-zone-id", "availabilityZoneId"), "AvailabilityZoneId"),
        **dict.fromkeys(("cidr-block", "cidr", "cidrBlock"), "CidrBlock"),
        **dict.fromkeys(("default-for-az", "defaultForAz"), "DefaultForAz"),
        "available-ip-address-count": "AvailableIpAddressCount",
        "customer-owned-ipv4-pool": "CustomerOwnedIpv4Pool",
        "enable-dns64": "EnableDns64",
        "enable-lni-at-device-index": "EnableLniAtDeviceIndex",
        "ipv6-cidr-block-association.association-id": "Ipv6CidrBlockAssociationSet.AssociationId",
        "ipv6-cidr-block-association.ipv6-cidr-block": "Ipv6CidrBlockAssociationSet.Ipv6CidrBlock",
        "ipv6-cidr-block-association.state": "Ipv6CidrBlockAssociationSet.Ipv6CidrBlockState.State",
        "ipv6-native": "Ipv6Native",
        "map-customer-owned-ip-on-launch": "MapCustomerOwnedIpOnLaunch",
        "map-public-ip-on-launch": "MapPublicIpOnLaunch",
        "outpost-arn": "OutpostArn",
        "owner-id": "OwnerId",
        **{
            f"private-dns-name-options-on-launch.{name}": f"PrivateDnsNameOptionsOnLaunch.{member}"
            for name, member in {
                "hostname-type": "HostnameType",
                "enable-resource-name-dns-a-record": "EnableResourceNameDnsARecord",
                "enable-resource-name-dns-aaaa-record": "EnableResourceNameDnsAAAARecord",
            }.items()
        },
        "state": "State",
        "subnet-arn": "SubnetArn",
        "subnet-id": "SubnetId",
        "tag": "Tags",
        "vpc-id": "VpcId",
    },
)


# "The first four IP addresses and the last IP address in each subnet CIDR block are not available for your use."
_RESERVED = 4
# Ports that Neutron makes and deletes by itself.
_NEUTRONS_OWN = ("network:dhcp", "network:distributed", "network:floatingip_agent_gateway")


def _read_new(settings: Settings, req: Mapping[str, Any]) -> IPv4Network:
    """Return the CIDR block, and check the form of the VPC's id."""
    ids.check(VPC, req["VpcId"])
    return cidr_blocks.asked(req, code="InvalidSubnet.Range", missing=cidr_blocks.NO_BLOCK)


@action(
    supports="VpcId CidrBlock AvailabilityZone AvailabilityZoneId Ipv6Native TagSpecifications",
    values={"Ipv6Native": only(False)},
    read=creates(SUBNET, read=_read_new),
)
async def create_subnet(call: Call, asked: CreateRequest[IPv4Network]) -> Mapping[str, Any]:
    """Create a network with one subnet, and a port of the VPC's router on it.

    The names of both are the half-done mark until the last calls.
    """
    block, vpc, new, network = asked.read, asked.params["VpcId"], creating(call, asked), call.cloud.network
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

    async with new.once(find, name=marked):
        await remove_half_done(call, new.half_done)
        dead = {subnet for one in new.half_done for subnet in one.subnets}
        layout = await vpc_layout(call)
        here = [one for one in subnets if layout.vpc_of(one.network_id) == vpc and one.id not in dead]
        _check_place(block, router, here)
        shown = facts.name(new.tags, f"subnet {cidr}")
        if shown == call.settings.default_network:  # this name makes a network the default one
            shown = f"subnet {cidr}"
        wanted = Wanted(block, marked, shown, facts.of_subnets_network(router_id, zone_name), tuple(strings))
        subnet, made = await make(call, new.undo, router, wanted)
    layout = VpcLayout({made.id: made}, {made.id: vpc}, None)
    places = availability_zones.zones(zones, availability_zones.zone_names(call))
    return {"Subnet": described(call, subnet, layout, (), places)}


@action(supports="SubnetId")
async def delete_subnet(call: Call, req: Mapping[str, Any]) -> None:
    """Delete a subnet that only routers and Neutron's own services use, with its network if it is the only one."""
    network, subnet_id = call.cloud.network, req["SubnetId"]
    uuid = ids.uuid(SUBNET, subnet_id)
    networks, subnets, ports, routers = await gather(
        network.networks(external=False), network.subnets(), network.ports(), network.routers()
    )
    inner = {one.id: one for one in networks if is_inner(one)}
    subnet = next((one for one in subnets if one.id == uuid and one.network_id in inner), None)
    if subnet is None:
        raise ids.missing(SUBNET, [subnet_id])
    here = [port for port in ports if any(fixed.subnet_id == uuid for fixed in port.fixed)]
    if any(facts.written(facts.NAT_SUBNET, uuid) in router.tags for router in routers) or any(
        port.device_owner not in (*ROUTER_PORTS, *_NEUTRONS_OWN) for port in here
    ):
        raise AwsError("DependencyViolation", f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
    async with undoing() as undo:
        for port in here:
            if port.device_owner in ROUTER_PORTS:
                await _remove_routes(call, undo, routers, port, subnet)
                await network.remove_interface(port.device_id, port_id=port.id)
                undo(partial(network.add_interface, port.device_id, subnet_id=uuid))
        if inner[subnet.network_id].subnets == (uuid,):
            await network.delete_network(subnet.network_id)
        else:
            await network.delete_subnet(uuid)


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


class Wanted(NamedTuple):
    """A subnet to be made: `marked` is the half-done mark, the name of subnet and network until the last calls.

    `of_network` are the tags of its network, `of_subnet` its own.
    """

    block: IPv4Network
    marked: str
    name: str
    of_network: tuple[str, ...]
    of_subnet: tuple[str, ...] = ()


async def make(
    call: Call, undo: Callable[..., None], router: cloud.Router, wanted: Wanted
) -> tuple[cloud.Subnet, cloud.Network]:
    """Create a network with one subnet, and a port of a VPC's router on it.

    The subnet follows the VPC's DHCP options and default network ACL, also where these change meanwhile.
    """
    network = call.cloud.network
    made = await network.create_network(wanted.marked)
    undo(network.delete_network, made.id)
    subnet = await network.create_subnet(_new_subnet(wanted.marked, made.id, wanted.block, router))
    await _enter(call, router.id, subnet)
    undo(partial(network.remove_interface, router.id, subnet_id=subnet.id))
    if facts.CLOSED in router.tags:
        await _switch(call, router.id, made.id, up=False)
    await network.set_tags("networks", made.id, wanted.of_network)
    if wanted.of_subnet:
        await network.set_tags("subnets", subnet.id, wanted.of_subnet)
    await network.rename_subnet(subnet.id, wanted.name)
    await network.rename_network(made.id, wanted.name)
    await _catch_up(call, router, subnet)
    return replace(subnet, tags=wanted.of_subnet), replace(made, tags=wanted.of_network)


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
        raise _conflict(subnet.cidr) from error


def _conflict(cidr: str) -> AwsError:
    return AwsError("InvalidSubnet.Conflict", f"The CIDR '{cidr}' conflicts with another subnet")


async def _switch(call: Call, router_id: str, network_id: str, *, up: bool) -> None:
    """Switch a router's port on a network; off: the VPC's default network ACL lets nothing pass."""
    ports = await call.cloud.network.ports(device_ids=[router_id])
    await gather_all(
        call.cloud.network.switch_interface(one.id, up=up) for one in ports if one.network_id == network_id
    )


async def _catch_up(call: Call, before: cloud.Router, subnet: cloud.Subnet) -> None:
    """Give a subnet what its VPC has become since it was read.

    AssociateDhcpOptions and the default network ACL write the VPC's tags and list its subnets afterwards.  CreateSubnet
    reads the tags after everything that it writes, so that the later of both sees the other.
    """
    network, given = call.cloud.network, _handed_on(before)
    while (now := _handed_on(await network.router(before.id))) != given:
        (servers, closed), (old_servers, was_closed) = now, given
        if servers != old_servers:
            await network.set_name_servers(subnet.id, servers)
        if closed is not was_closed:
            await _switch(call, before.id, subnet.network_id, up=not closed)
        given = now


def _handed_on(router: cloud.Router) -> tuple[tuple[str, ...], bool]:
    """Return what a VPC's subnets have from it: name servers, and whether the default network ACL lets nothing pass."""
    return facts.name_servers(router.tags), facts.CLOSED in router.tags


def _check_place(block: IPv4Network, router: cloud.Router, here: Sequence[cloud.Subnet]) -> None:
    """Refuse a block outside of the VPC's, or one that meets another subnet's."""
    # A router of OpenStack's own tools has no block of its own, so it takes any.
    inside = [IPv4Network(cidr) for cidr in facts.cidrs(router.tags)]
    if inside and not any(block.subnet_of(one) for one in inside):
        raise AwsError("InvalidSubnet.Range", f"The CIDR '{block}' is invalid.", refused="CidrBlock")
    if any(one.version == 4 and block.overlaps(IPv4Network(one.cidr)) for one in here):
        raise _conflict(str(block))


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


async def remove_half_done(call: Call, networks: Iterable[cloud.Network]) -> None:
    """Delete the networks of subnets that were left half done, and the routers' ports on them."""
    network, gone = call.cloud.network, [one.id for one in networks]
    for port in await network.ports(device_owners=ROUTER_PORTS) if gone else ():
        if port.network_id in gone:
            with suppress(BackendError):  # if the router is still there, the deletion below fails
                await network.remove_interface(port.device_id, port_id=port.id)
    await gather_all(absent_is(None, network.delete_network(one)) for one in gone)


@describes(SUBNETS, supports="SubnetIds Filters MaxResults NextToken")
async def describe_subnets(call: Call, asked: Question) -> list[Row]:
    """Describe subnets: four concurrent OpenStack calls; two for a single one whose network is known."""
    network = call.cloud.network
    if len(asked.ids) == 1:
        uuid = ids.uuid(SUBNET, asked.ids[0])
        subnets, ports, zones = await gather(network.subnets(), network.ports(), known.zones(call))
        subnets = [one for one in subnets if one.id == uuid]
        layout = await known.layout(call, {one.network_id for one in subnets})
    else:
        networks, subnets, ports, zones = await gather(
            network.networks(), network.subnets(), network.ports(), call.cloud.compute.zones()
        )
        layout = vpc_layout_of(networks, ports, name=call.settings.default_network, project_id=call.caller.project_id)
    used: dict[str, list[str]] = {}
    for port in ports:
        for fixed in port.fixed:
            used.setdefault(fixed.subnet_id, []).append(fixed.address)
    places = availability_zones.zones(zones, availability_zones.zone_names(call))
    return [
        described(call, subnet, layout, used.get(subnet.id, ()), places)
        for subnet in subnets
        if subnet.version == 4 and subnet.network_id in layout.networks
    ]


def described(
    call: Call, subnet: cloud.Subnet, layout: VpcLayout, used: Sequence[str], zones: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Write a subnet; `used` are the addresses of its ports."""
    owner, subnet_id = owner_of(call, subnet.project_id), ids.aws("subnet", subnet.id)
    default = subnet.network_id in layout.default_networks
    return {
        "SubnetId": subnet_id,
        "SubnetArn": ids.arn(SUBNET, subnet_id, call.region, owner),
        "VpcId": layout.vpc_of(subnet.network_id),
        "CidrBlock": subnet.cidr,
        "State": "available",
        **zone(layout.networks[subnet.network_id], zones, availability_zones.zone_names(call)),
        "AvailableIpAddressCount": _room(subnet, used),
        "DefaultForAz": default,
        "MapPublicIpOnLaunch": facts.MAP_PUBLIC in subnet.tags,
        "MapCustomerOwnedIpOnLaunch": False,
        "AssignIpv6AddressOnCreation": False,
        "Ipv6CidrBlockAssociationSet": [],
        "Ipv6Native": False,
        "EnableDns64": False,
        # Terraform's provider requires these members.
        "PrivateDnsNameOptionsOnLaunch": {
            "HostnameType": "ip-name",
            "EnableResourceNameDnsARecord": False,
            "EnableResourceNameDnsAAAARecord": False,
        },
        "OwnerId": owner,
        "Tags": tag_rules.shown(from_neutron(subnet.tags)),
    }


def zone(
    network: cloud.Network, zones: Sequence[Mapping[str, Any]], names: availability_zones.ZoneNames
) -> dict[str, str]:
    """Return one zone for a subnet, as EC2 requires: the first that the network has, because a network may span all."""
    chosen = facts.one(network.tags, facts.ZONE)
    common = set(map(names.shown, [chosen] if chosen else network.zones))
    here = [zone for zone in zones if zone["ZoneName"] in common] or list(zones)
    return {"AvailabilityZone": here[0]["ZoneName"], "AvailabilityZoneId": here[0]["ZoneId"]} if here else {}


def _room(subnet: cloud.Subnet, used: Sequence[str]) -> int:
    """Count the free addresses; other projects' ports on a shared network are not visible and count as free."""
    taken = [ip_address(address) for address in used]
    room = 0
    for pool in subnet.pools:
        first, last = (ip_address(end) for end in pool)
        room += int(last) - int(first) + 1 - sum(int(first) <= int(one) <= int(last) for one in taken)
    return room
