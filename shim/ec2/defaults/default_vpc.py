"""CreateDefaultVpc and CreateDefaultSubnet: a VPC that is what AWS's default VPC is.

A project whose own network has the configured name has a default VPC already: the one of that network.  The default VPC
of a project without it is a router with the tag `ec2:default`, and so are the networks of its default subnets, one for
each zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any

from adapters.types import network as cloud
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.defaults import making
from shim.ec2.engine import ids
from shim.ec2.engine import zones as availability_zones
from shim.ec2.engine.resource_types import SUBNET, VPC
from shim.ec2.network import facts, subnet_rows, vpcs
from shim.ec2.network.default_groups import create_default_group
from shim.ec2.network.layout import VpcLayout, vpc_layout
from shim.ec2.routing.external import external_network
from shim.ec2.service import action
from shim.ec2.subnets.making import remove_networks
from shim.ec2.subnets.subnets import chosen_zone
from shim.ec2.tags.creating import HALF_DONE, CreateRequest, creates, creating, half_done_name
from shim.errors import AwsError
from shim.protocol.values import only

# "We create a VPC with a size /16 IPv4 CIDR block (172.31.0.0/16) ... a size /20 default subnet in each Availability
# Zone ... an internet gateway ... a route that points all traffic (0.0.0.0/0) to the internet gateway".
_BLOCK = IPv4Network("172.31.0.0/16")
_LENGTH = 20
_NAME = "default vpc"
# enableDnsHostnames is "true" by default "for default VPCs".
_FACTS = [facts.written(facts.CIDR, str(_BLOCK)), facts.written(facts.DNS_HOSTNAMES, "true"), facts.DEFAULT]


@action(supports="", read=creates(VPC))
async def create_default_vpc(call: Call, asked: CreateRequest[None]) -> Mapping[str, Any]:
    """Create the default VPC with its subnets, an internet gateway and the route to it.

    The router's name is the half-done mark until the last call.
    """
    new, network, marked = creating(call, asked), call.cloud.network, half_done_name(_NAME)

    async def find(_: Mapping[str, str]) -> list[tuple[cloud.Router, Mapping[str, str]]]:
        return [(one, {HALF_DONE: ""}) for one in await network.routers() if one.name == marked]

    async with new.once(find, name=_NAME):
        for one in new.half_done:
            await making.remove_vpc(call, one.id)
        layout, routers, zones = await gather(vpc_layout(call), network.routers(), call.cloud.compute.zones())
        if layout.default_vpc or _default(routers):
            raise AwsError("DefaultVpcAlreadyExists", "A Default VPC already exists for this account in this region.")
        outside = await external_network(call)
        router = await network.create_router(marked)
        new.undo(making.remove_vpc, call, router.id)
        await network.set_tags("routers", router.id, _FACTS)
        await create_default_group(call, router.id)
        there: Sequence[str | None] = availability_zones.placeable(zones) or [None]
        for zone, block in zip(there, _BLOCK.subnets(new_prefix=_LENGTH), strict=False):
            await making.make_subnet(call, new.undo, router, block, zone)
        await making.make_gateway(call, router.id, outside.id)
        await network.rename_router(router.id, _NAME)
    layout, routers, found = await gather(vpc_layout(call), network.routers(), network.subnets())
    [row] = [one for one in vpcs.rows(call, layout, routers, found) if one["VpcId"] == ids.aws(VPC.prefix, router.id)]
    return {"Vpc": {**row, "State": "pending"}}


def _read_zone(settings: Any, req: Mapping[str, Any]) -> None:
    """Refuse a request without a zone."""
    if not req.get("AvailabilityZone") and not req.get("AvailabilityZoneId"):
        raise AwsError(
            "MissingParameter", "The request must contain the parameter availabilityZone", refused="AvailabilityZone"
        )


@action(
    supports="AvailabilityZone AvailabilityZoneId Ipv6Native",
    values={"Ipv6Native": only(False)},
    forbids=(availability_zones.ONE_NAME,),
    read=creates(SUBNET, read=_read_zone),
)
async def create_default_subnet(call: Call, asked: CreateRequest[None]) -> Mapping[str, Any]:
    """Create the default subnet of a zone that has none."""
    network, new = call.cloud.network, creating(call, asked)
    zones = await call.cloud.compute.zones()
    zone = chosen_zone(call, asked.params, zones)

    async def find(_: Mapping[str, str]) -> list[tuple[cloud.Network, Mapping[str, str]]]:
        found = await network.networks(external=False)
        return [(one, {HALF_DONE: ""}) for one in found if one.name == making.HALF_DONE_SUBNET]

    async with new.once(find, name=_NAME):
        await remove_networks(call, [one.id for one in new.half_done])
        layout, routers, found = await gather(vpc_layout(call), network.routers(), network.subnets())
        router = _default(routers)
        if router is None and layout.default_vpc is None:
            raise AwsError("DefaultVpcDoesNotExist", "There is no default VPC in which to carry out the request.")
        known = availability_zones.zones(zones, availability_zones.zone_names(call))
        here = [one for one in found if one.version == 4 and one.network_id in layout.networks]
        rows = [subnet_rows.described(call, one, layout, (), known) for one in here]
        shown = availability_zones.zone_names(call).shown(zone or "")
        there = [one["SubnetId"] for one in rows if one["DefaultForAz"] and one["AvailabilityZone"] == shown]
        if there:
            raise AwsError(
                "DefaultSubnetAlreadyExistsInAvailabilityZone",
                f"'{there[0]}' is already the default subnet in {shown}.",
            )
        if router is None:
            raise AwsError(
                "UnsupportedOperation",
                "OpenStack's own tools made the network of the default VPC, which has no further default subnets.",
            )
        home = ids.aws(VPC.prefix, router.id)
        taken = [IPv4Network(one.cidr) for one in found if one.version == 4 and layout.vpc_of(one.network_id) == home]
        subnet, made = await making.make_subnet(call, new.undo, router, _free(taken), zone)
    layout = VpcLayout({made.id: made}, {made.id: home}, made.id, (made.id,))
    return {"Subnet": subnet_rows.described(call, subnet, layout, (), known)}


def _default(routers: Iterable[cloud.Router]) -> cloud.Router | None:
    """Return the router of the default VPC that CreateDefaultVpc made."""
    return next((one for one in routers if facts.DEFAULT in one.tags and vpcs.is_vpc(one)), None)


def _free(taken: Sequence[IPv4Network]) -> IPv4Network:
    """Return the first block for a default subnet that meets no other subnet."""
    for block in _BLOCK.subnets(new_prefix=_LENGTH):
        if not any(block.overlaps(one) for one in taken):
            return block
    raise AwsError("InsufficientFreeAddressesInSubnet", "The default VPC has no room for another default subnet.")
