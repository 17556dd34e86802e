"""AssociateSubnetCidrBlock and DisassociateSubnetCidrBlock: the IPv6 block of a subnet that exists."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from adapters.errors import absent_is
from adapters.types import network as cloud
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import SUBNET, SUBNET_CIDR_ASSOCIATION
from shim.ec2.network import facts
from shim.ec2.network.ipv6 import subnet_block, vpc_block
from shim.ec2.network.layout import ROUTER_PORTS, is_inner
from shim.ec2.routing import acls
from shim.ec2.routing.state import read_state
from shim.ec2.service import action
from shim.ec2.subnets.subnets import NEUTRONS_OWN
from shim.errors import AwsError
from shim.undo import undoing


def _read(settings: Any, principal: Any, operation: str, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parameters with the block in place of its text."""
    ids.check(SUBNET, req["SubnetId"])
    block = subnet_block.read(req.get("Ipv6CidrBlock"))
    if block is None:
        raise AwsError(
            "MissingParameter", "The request must contain the parameter ipv6CidrBlock", refused="Ipv6CidrBlock"
        )
    return {**req, "Ipv6CidrBlock": block}


@action(supports="SubnetId Ipv6CidrBlock", read=_read)
async def associate_subnet_cidr_block(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give a subnet an IPv6 block of its VPC's."""
    network, state = call.cloud.network, await read_state(call)
    subnet = state.subnet(req["SubnetId"])
    home, marked = state.homes[subnet.id], subnet_block.marked(subnet.id)
    async with vpc_block.changing(call, home), undoing() as undo:
        router, subnets, ports = await gather(
            network.router(home), network.subnets(), network.ports(device_owners=ROUTER_PORTS)
        )
        left = [one for one in subnets if one.name == marked]
        await subnet_block.remove_half_done(call, left, ports)
        if subnet_block.partners(subnets).get(subnet.id):
            raise AwsError(
                "CidrLimitExceeded", f"This subnet '{req['SubnetId']}' has met its maximum number of allowed CIDRs: 1"
            )
        if any(one.version == 6 and one.network_id == subnet.network_id and one not in left for one in subnets):
            # Neutron gives a router one port for all IPv6 subnets of a network, so they could not be closed singly.
            raise AwsError(
                "UnsupportedOperation",
                f"The network of the subnet '{req['SubnetId']}' has an IPv6 subnet already, which is another subnet's.",
            )
        inside = {fixed.subnet_id for port in ports if port.device_id == home for fixed in port.fixed}
        here = [one for one in subnets if one.id in inside and one not in left]
        subnet_block.check_place(req["Ipv6CidrBlock"], router, here)
        made = await subnet_block.add(call, undo, router, subnet, req["Ipv6CidrBlock"], marked)
        made = await subnet_block.name_it(call, made, subnet.name)
        await _catch_up(call, router, made)
    return {
        "SubnetId": req["SubnetId"],
        "Ipv6CidrBlockAssociation": subnet_block.association(made, "associating"),
    }


@action(supports="AssociationId")
async def disassociate_subnet_cidr_block(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take the IPv6 block from a subnet; no interface may have an address of it."""
    network, wanted = call.cloud.network, req["AssociationId"]
    uuid = ids.uuid(SUBNET_CIDR_ASSOCIATION, wanted)
    networks, subnets, ports = await gather(network.networks(external=False), network.subnets(), network.ports())
    inner = {one.id for one in networks if is_inner(one)}
    homes = {one.id: home for home, found in subnet_block.partners(subnets).items() for one in found}
    by_id = {one.id: one for one in subnets if one.network_id in inner}
    if uuid not in by_id or uuid not in homes:
        raise ids.missing(SUBNET_CIDR_ASSOCIATION, [wanted])
    here = [port for port in ports if any(fixed.subnet_id == uuid for fixed in port.fixed)]
    if any(port.device_owner not in (*ROUTER_PORTS, *NEUTRONS_OWN) for port in here):
        raise AwsError(
            "InvalidCidrBlock.InUse",
            f"The subnet CIDR block with association ID {wanted} has addresses in use and cannot be disassociated.",
        )
    async with undoing() as undo:
        holder = by_id.get(homes[uuid])
        if holder is not None and facts.ASSIGN_IPV6 in holder.tags:
            await absent_is(None, network.remove_tag("subnets", holder.id, facts.ASSIGN_IPV6))
            undo(network.add_tag, "subnets", holder.id, facts.ASSIGN_IPV6)
        for port in here:
            if port.device_owner in ROUTER_PORTS:
                await network.remove_interface(port.device_id, subnet_id=uuid)
                undo(partial(network.add_interface, port.device_id, subnet_id=uuid))
        await network.delete_subnet(uuid)
    return {
        "SubnetId": ids.aws(SUBNET.prefix, homes[uuid]),
        "Ipv6CidrBlockAssociation": subnet_block.association(by_id[uuid], "disassociating"),
    }


async def _catch_up(call: Call, before: cloud.Router, made: cloud.Subnet) -> None:
    """Switch the router's port off if the subnet's network ACL lets no IPv6 pass, and follow the VPC's DNS support.

    A change of either is written before it lists subnets, and this reads it after the subnet is made: the later of
    both sees the other.
    """
    state = await read_state(call)
    if before.id in state.vpcs:
        servers = facts.name_servers(state.vpcs[before.id].tags, 6)
        if servers != facts.name_servers(before.tags, 6):
            await call.cloud.network.set_name_servers(made.id, servers)
    there = state.subnets.get(made.id)
    if there is not None and not acls.used_by(acls.acls(state), state, there).passes(6):
        await call.cloud.network.switch_interface(state.doors[made.id], up=False)
