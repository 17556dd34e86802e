"""The IPv6 block of a VPC that exists: given to it, and taken from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv6Network
from typing import Any

from adapters.errors import absent_is
from adapters.types import network as cloud
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import CIDR_ASSOCIATION, VPC
from shim.ec2.network import facts
from shim.ec2.network import ip_permissions as permissions
from shim.ec2.network.default_groups import DEFAULT_TAG
from shim.ec2.network.ipv6 import subnet_block, vpc_block
from shim.ec2.network.layout import vpc_layout
from shim.ec2.routing import acls, ipv6_way, markers
from shim.ec2.routing.applied import settling
from shim.ec2.routing.state import State, read_state
from shim.ec2.routing.vpc_records import remove_tag
from shim.errors import AwsError
from shim.undo import undoing

_ROUTERS, _POOLS = "routers", "subnetpools"


async def associate(call: Call, vpc: str) -> Mapping[str, Any]:
    """Give a VPC a block of the operator's pool.

    Its default network ACL lets IPv6 pass and its default security group lets IPv6 out, unless they were changed.
    """
    uuid, network = ids.uuid(VPC, vpc), call.cloud.network
    async with vpc_block.changing(call, uuid), undoing() as undo:
        before, networks, groups = await gather(
            read_state(call), network.networks(external=False), network.security_groups()
        )
        if vpc_block.of_router(before.vpc(vpc)) is not None:
            raise AwsError("CidrLimitExceeded", f"This network '{vpc}' has met its maximum number of allowed CIDRs: 1")
        _check_own(before, uuid)
        await vpc_block.release(call, vpc_block.holding(networks, uuid))  # what a killed gateway left
        undo(_give_back, call, uuid)
        cidr = await vpc_block.reserve(call, uuid, f"ipv6 of {uuid}")
        tag = facts.written(facts.IPV6, cidr)
        async with settling(call, uuid):  # from the look at the route tables until the VPC has the block
            # Nothing takes this back: without a block it makes no difference.
            await ipv6_way.settle(call, _nothing, uuid, expected=True)
            undo(remove_tag, call, _ROUTERS, uuid, tag)  # a call that fails may have taken effect
            await network.add_tag(_ROUTERS, uuid, tag)
        await _let_out(call, undo, groups, uuid)
        async with settling(call, uuid), undoing() as within:  # undone before another change of the ACL
            now = await read_state(call)
            await _let_pass(call, within, now, uuid)
            await acls.enforce(call, within, now, uuid)
    return {"VpcId": vpc, "Ipv6CidrBlockAssociation": _association(call, vpc, cidr, "associating")}


async def disassociate(call: Call, router_id: str, association: str) -> Mapping[str, Any]:
    """Take the IPv6 block from a VPC; no subnet may have a part of it.

    The tag goes first, and never comes back: the block may be free, and another VPC's.  What is left to hold the block
    goes with the next association, or with the VPC.
    """
    vpc, network = ids.aws(VPC.prefix, router_id), call.cloud.network
    async with vpc_block.changing(call, router_id):
        router, networks, layout, subnets = await gather(
            absent_is(None, network.router(router_id)),
            network.networks(external=False),
            vpc_layout(call),
            network.subnets(),
        )
        block = vpc_block.of_router(router) if router else None
        if router is None or block is None or association_id(router) != association:  # another request was faster
            raise ids.missing(CIDR_ASSOCIATION, [association])
        here = (one for one in subnets if one.version == 6 and one.network_id in layout.networks)
        if any(layout.vpc_of(one.network_id) == vpc and IPv6Network(one.cidr).overlaps(block) for one in here):
            raise AwsError(
                "InvalidCidrBlock.InUse", f"The vpc CIDR block '{block}' has subnets and cannot be disassociated."
            )
        await remove_tag(call, _ROUTERS, router_id, facts.written(facts.IPV6, str(block)))
        await vpc_block.release(call, vpc_block.holding(networks, router_id))
    return {"VpcId": vpc, "Ipv6CidrBlockAssociation": _association(call, vpc, str(block), "disassociating")}


def _check_own(before: State, router_id: str) -> None:
    """Refuse a VPC whose IPv6 is of OpenStack's own tools: the routes of EC2 would decide where it leads."""
    inside = [before.subnets[one] for one, home in before.homes.items() if home == router_id]
    theirs = any(one.version == 6 and not subnet_block.is_own(one) for one in inside)
    if theirs or not facts.cidrs(before.vpcs[router_id].tags):
        raise AwsError(
            "UnsupportedOperation",
            f"The vpc '{ids.aws(VPC.prefix, router_id)}' or a subnet of its IPv6 was made by OpenStack's own tools.",
        )


def association_id(router: cloud.Router) -> str | None:
    """Return the id of the association of a VPC's IPv6 block; None if it has none."""
    block = vpc_block.of_router(router)
    return ids.derived(CIDR_ASSOCIATION.prefix, ids.aws(VPC.prefix, router.id), str(block)) if block else None


async def _give_back(call: Call, router_id: str) -> None:
    """Release what was reserved for a VPC, unless the VPC has a block all the same: then no other one may get it."""
    network = call.cloud.network
    router, networks = await gather(absent_is(None, network.router(router_id)), network.networks(external=False))
    if router is None or vpc_block.of_router(router) is None:
        await vpc_block.release(call, vpc_block.holding(networks, router_id))


def _nothing(*_: object) -> None:
    """Take nothing back."""


def _association(call: Call, vpc: str, cidr: str, state: str) -> dict[str, Any]:
    [written] = subnet_block.vpc_members(vpc, call.region, {cidr: True}, state)
    return written


async def _let_out(
    call: Call, undo: Callable[..., None], groups: Iterable[cloud.SecurityGroup], router_id: str
) -> None:
    """Let IPv6 out of the VPC's default group: "we automatically add a rule that allows all outbound IPv6 traffic".

    "If you have modified the outbound rules [...], we do not automatically add an outbound rule for IPv6 traffic."
    """
    network, ours = call.cloud.network, {facts.written(facts.VPC, router_id), DEFAULT_TAG}
    for group in groups:
        out = tuple(one for one in permissions.fold(group.rules) if one.egress)
        if ours <= set(group.tags) and out == permissions.everything_out(ipv6=False):
            more = permissions.everything_out(ipv6=True)[-1]
            for made in await network.create_rules(permissions.rules(group.id, more)):
                undo(network.delete_rule, made.id)


async def _let_pass(call: Call, undo: Callable[..., None], before: State, router_id: str) -> None:
    """Let IPv6 pass the VPC's default network ACL, if it has a record and no entry of it was changed.

    "If you've modified the inbound or outbound rules of your default network ACL, we do not automatically add rules for
    IPv6 traffic".  An ACL without a record has what the router's tags say.
    """
    record, network = markers.own(before.pools, markers.ACL).get(router_id), call.cloud.network
    if record is None:
        return
    entries = {facts.written(markers.ENTRY, one) for one in facts.every(record.tags, markers.ENTRY)}
    if entries != {*markers.default_entries(())}:
        return
    for entry in markers.IPV6_ENTRIES:
        undo(remove_tag, call, _POOLS, record.id, entry)  # a call that fails may have taken effect
        await network.add_tag(_POOLS, record.id, entry)
