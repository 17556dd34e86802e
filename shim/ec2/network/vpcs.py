"""VPCs: the project's routers, and its networks that have no router."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from ipaddress import ip_network
from typing import Any, NamedTuple

from adapters.errors import BackendError, absent_is
from adapters.types import network as cloud
from shim.concurrency import gather, gather_all
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import VPC
from shim.ec2.network import cidr_blocks, facts, known
from shim.ec2.network.default_groups import DEFAULT_TAG, belongs_to, create_default_group
from shim.ec2.network.ipv6 import subnet_block, vpc_block
from shim.ec2.network.layout import ROUTER_PORTS, VpcLayout, vpc_layout, vpc_layout_of
from shim.ec2.network.security_groups import owner_of
from shim.ec2.service import action
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.codec import from_neutron
from shim.ec2.tags.creating import HALF_DONE, CreateRequest, creates, creating, half_done_name, is_half_done
from shim.errors import AwsError
from shim.protocol.values import only
from shim.undo import undoing

VPCS = Table(
    items="Vpcs",
    id="VpcId",
    ids="VpcIds",
    resource_type=VPC,
    filters={
        **dict.fromkeys(("cidr", "cidr-block"), "CidrBlock"),  # the second is in no list of AWS's, but Ansible sends it
        "cidr-block-association.association-id": "CidrBlockAssociationSet.AssociationId",
        "cidr-block-association.cidr-block": "CidrBlockAssociationSet.CidrBlock",
        "cidr-block-association.state": "CidrBlockAssociationSet.CidrBlockState.State",
        "dhcp-options-id": "DhcpOptionsId",
        "ipv6-cidr-block-association.association-id": "Ipv6CidrBlockAssociationSet.AssociationId",
        "ipv6-cidr-block-association.ipv6-cidr-block": "Ipv6CidrBlockAssociationSet.Ipv6CidrBlock",
        "ipv6-cidr-block-association.ipv6-pool": "Ipv6CidrBlockAssociationSet.Ipv6Pool",
        "ipv6-cidr-block-association.state": "Ipv6CidrBlockAssociationSet.Ipv6CidrBlockState.State",
        "is-default": "IsDefault",
        "isDefault": "IsDefault",  # an old name, which clients still send
        "owner-id": "OwnerId",
        "state": "State",
        "tag": "Tags",
        "vpc-id": "VpcId",
    },
)


class _New(NamedTuple):
    """A new VPC: its CIDR block in its usual form, and whether it gets an IPv6 block too."""

    cidr: str
    ipv6: bool


def _read_new(settings: Settings, req: Mapping[str, Any]) -> _New:
    block = cidr_blocks.asked(req, code="InvalidVpc.Range", missing=cidr_blocks.NO_BLOCK)
    return _New(str(block), vpc_block.check(settings, req))


@action(
    supports="CidrBlock InstanceTenancy AmazonProvidedIpv6CidrBlock TagSpecifications",
    values={"InstanceTenancy": only("default"), vpc_block.AMAZONS: vpc_block.NEEDS_SETTING},
    read=creates(VPC, read=_read_new),
)
async def create_vpc(call: Call, asked: CreateRequest[_New]) -> Mapping[str, Any]:
    """Create a router with the VPC's facts as tags, the VPC's default security group, and what holds its IPv6 block.

    The router's name is the half-done mark until the last call.
    """
    (cidr, ipv6), new, network = asked.read, creating(call, asked), call.cloud.network
    marked = half_done_name("vpc", cidr)
    strings = new.strings(facts.written(facts.CIDR, cidr))

    async def find(_: Mapping[str, str]) -> list[tuple[cloud.Router, Mapping[str, str]]]:
        return [(one, {HALF_DONE: ""}) for one in await network.routers() if one.name == marked]

    async with new.once(find, name=cidr):
        await gather_all(_remove(call, one) for one in new.half_done)
        router = await network.create_router(marked)
        new.undo(_remove, call, router)
        name = facts.name(new.tags, f"vpc {cidr}")
        if ipv6:
            block = await vpc_block.reserve(call, router.id, f"ipv6 of {router.id}")
            strings.append(facts.written(facts.IPV6, block))
        await network.set_tags("routers", router.id, strings)
        await create_default_group(call, router.id, ipv6=ipv6)
        await network.rename_router(router.id, name)
    made = replace(router, tags=tuple(strings))
    row = _row(call, ids.aws("vpc", router.id), made, (), None)
    pending = [{**one, "Ipv6CidrBlockState": {"State": "associating"}} for one in row["Ipv6CidrBlockAssociationSet"]]
    return {"Vpc": {**row, "Ipv6CidrBlockAssociationSet": pending, "State": "pending"}}


@action(supports="VpcId")
async def delete_vpc(call: Call, req: Mapping[str, Any]) -> None:
    """Delete a VPC whose router has no ports on subnets, no internet gateway, and only its default group."""
    vpc, network = req["VpcId"], call.cloud.network
    uuid = ids.uuid(VPC, vpc)
    routers, networks, ports, groups, pools = await gather(
        network.routers(),
        network.networks(),
        network.ports(device_owners=ROUTER_PORTS),
        network.security_groups(),
        network.subnet_pools(),
    )
    layout = vpc_layout_of(networks, ports, name=call.settings.default_network, project_id=call.caller.project_id)
    router = next((one for one in routers if one.id == uuid and is_vpc(one)), None)
    if router is None and vpc not in layout.vpcs.values():
        await vpc_block.release_lost(call, networks, routers, uuid)
        raise ids.missing(VPC, [vpc])
    inside = [one for one in groups if facts.written(facts.VPC, uuid) in one.tags]
    if (
        router is None
        or router.gateway is not None
        or vpc in layout.vpcs.values()
        or any(facts.NAT in one.tags and facts.one(one.tags, facts.VPC) == uuid for one in routers)
        or any(DEFAULT_TAG not in one.tags for one in inside)
        or any(facts.written(facts.VPC, uuid) in pool.tags for pool in pools)
    ):
        raise AwsError("DependencyViolation", f"The vpc '{vpc}' has dependencies and cannot be deleted.")
    async with undoing() as undo:
        for group in inside:
            await absent_is(None, network.delete_security_group(group.id))
            undo(partial(create_default_group, call, uuid, ipv6=vpc_block.of_router(router) is not None))
        await _delete_router(call, uuid)
    await vpc_block.release(call, vpc_block.holding(networks, uuid))
    await vpc_block.release_lost(call, networks, routers, uuid)
    # The records of the VPC's own route table and network ACL.
    own = [pool.id for pool in pools if facts.written(facts.OWN, uuid) in pool.tags]
    await gather_all(absent_is(None, network.delete_subnet_pool(one)) for one in own)
    known = {one.id for one in routers}
    left = [one for one in groups if DEFAULT_TAG in one.tags and facts.one(one.tags, facts.VPC) not in known]
    await gather_all(_remove_left(call, one) for one in left)


async def _remove_left(call: Call, group: cloud.SecurityGroup) -> None:
    """Delete the default group of a VPC that OpenStack's own tools deleted; the VPC may be newer than the list."""
    vpc = facts.one(group.tags, facts.VPC)
    if group.project_id != call.caller.project_id or not vpc:
        return
    if await absent_is(None, call.cloud.network.router(vpc)) is None:
        with suppress(BackendError):  # an interface or a rule may use it
            await call.cloud.network.delete_security_group(group.id)


async def _delete_router(call: Call, uuid: str) -> None:
    """Delete a router.  A failed call may have taken effect: then the VPC's group must not be made anew."""
    try:
        await call.cloud.network.delete_router(uuid)
    except BackendError:
        if await absent_is(None, call.cloud.network.router(uuid)) is not None:
            raise


async def _remove(call: Call, router: cloud.Router) -> None:
    """Delete a VPC that is half done: its default group first, which only the router leads to.

    What holds its IPv6 block goes last: the router's tag may name the block, which no other VPC may get meanwhile.
    """
    network = call.cloud.network
    groups, networks = await gather(network.security_groups(), network.networks(external=False))
    inside = [one for one in groups if belongs_to(one, router.id)]
    await gather_all(absent_is(None, network.delete_security_group(one.id)) for one in inside)
    await absent_is(None, network.delete_router(router.id))
    await vpc_block.release(call, vpc_block.holding(networks, router.id))


@describes(VPCS, supports="VpcIds Filters MaxResults NextToken")
async def describe_vpcs(call: Call, asked: Question) -> list[Row]:
    """Describe VPCs: four concurrent OpenStack calls.

    A single VPC takes one if CreateVpc made it, two if it is a router of OpenStack's own tools and its networks are
    known, three if CreateDefaultVpc made it and four if it is a network: neither whether that is still there, nor which
    VPC is the default one, may be remembered.
    """
    if len(asked.ids) == 1:
        return await _single(call, ids.uuid(VPC, asked.ids[0]))
    layout, routers, subnets = await gather(
        vpc_layout(call), call.cloud.network.routers(), call.cloud.network.subnets()
    )
    return rows(call, layout, routers, subnets)


async def _single(call: Call, uuid: str) -> list[Row]:
    """Read the row of one VPC, or of several; none if there is no such VPC."""
    router = await absent_is(None, call.cloud.network.router(uuid))
    made = router is not None and bool(facts.cidrs(router.tags))
    default = router is not None and facts.DEFAULT in router.tags
    if router is not None and made and not default:  # no network that EC2 names is the default one
        return [_row(call, ids.aws("vpc", uuid), router, (), None)] if is_vpc(router) else []
    subnets = [] if made else await call.cloud.network.subnets()
    if router is None or default:
        layout = await vpc_layout(call)
    else:
        layout = await known.layout(call, {one.network_id for one in subnets})
    return rows(call, layout, [router] if router is not None else (), subnets)


def rows(call: Call, layout: VpcLayout, routers: Sequence[cloud.Router], subnets: Sequence[cloud.Subnet]) -> list[Row]:
    """Write each router, and each network without one, as a VPC."""
    found: dict[str, cloud.Router | cloud.Network] = {ids.aws("vpc", one.id): one for one in routers if is_vpc(one)}
    for network_id, vpc in layout.vpcs.items():
        if vpc == ids.aws("vpc", network_id):
            found[vpc] = layout.networks[network_id]
    inside: dict[str, list[cloud.Subnet]] = {}
    for subnet in subnets:
        if subnet.network_id in layout.networks:
            inside.setdefault(layout.vpc_of(subnet.network_id), []).append(subnet)
    return [_row(call, vpc, thing, inside.get(vpc, ()), layout) for vpc, thing in found.items()]


def is_vpc(router: cloud.Router) -> bool:
    """Tell whether a router is a VPC: it is not half done and not that of a NAT gateway."""
    return not is_half_done(router.name) and facts.NAT not in router.tags


def blocks(thing: cloud.Router | cloud.Network, subnets: Iterable[cloud.Subnet]) -> list[str]:
    """Return a VPC's IPv4 CIDR blocks, the first one first.

    A router has no CIDR block, so one that OpenStack's own tools made shows those of its subnets.
    """
    return facts.cidrs(thing.tags) or sorted({one.cidr for one in subnets if one.version == 4}, key=ip_network)


def ipv6_blocks(thing: cloud.Router | cloud.Network, subnets: Iterable[cloud.Subnet]) -> dict[str, bool]:
    """Return a VPC's IPv6 blocks, and whether each is of the operator's pool.

    A VPC that OpenStack's own tools made has no block of its own but may have IPv6 subnets, whose blocks it shows.
    """
    own = vpc_block.of_router(thing) if isinstance(thing, cloud.Router) else None
    if own is not None or facts.cidrs(thing.tags):
        return {str(own): True} if own else {}
    return dict.fromkeys(sorted({one.cidr for one in subnets if one.version == 6}, key=ip_network), False)


def _row(
    call: Call, vpc: str, thing: cloud.Router | cloud.Network, subnets: Sequence[cloud.Subnet], layout: VpcLayout | None
) -> dict[str, Any]:
    ranges = blocks(thing, subnets)
    options = facts.one(thing.tags, facts.DHCP_OPTIONS)
    return {
        "VpcId": vpc,
        "State": "available",
        **({"CidrBlock": ranges[0]} if ranges else {}),
        "CidrBlockAssociationSet": [
            {
                "AssociationId": ids.derived("vpc-cidr-assoc", vpc, cidr),
                "CidrBlock": cidr,
                "CidrBlockState": {"State": "associated"},
            }
            for cidr in ranges
        ],
        "Ipv6CidrBlockAssociationSet": subnet_block.vpc_members(vpc, call.region, ipv6_blocks(thing, subnets)),
        "IsDefault": layout is not None
        # The default VPC that EC2 made is still that one when its subnets are deleted.
        and (vpc == layout.default_vpc or (layout.default_vpc is None and facts.DEFAULT in thing.tags)),
        "OwnerId": owner_of(call, thing.project_id),
        "InstanceTenancy": "default",
        "DhcpOptionsId": ids.aws("dopt", options) if options else "default",  # AWS's value if no options are set
        "Tags": tag_rules.shown(from_neutron(thing.tags)),
    }
