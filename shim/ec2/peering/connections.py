"""VPC peering connections: made, accepted, rejected, deleted and described.

A connection is a network with one subnet between the routers of two VPCs.  The router of the VPC that asks is on it
from the beginning, and that of the other VPC from when the connection is accepted.  What Neutron has no field for are
tags of the subnet, whose UUID the connection's id has.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any
from uuid import uuid4

from adapters.types import network as cloud
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.ended import ended, keep
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import PEERING, VPC
from shim.ec2.network import facts
from shim.ec2.peering import rows
from shim.ec2.routing import applied, hops
from shim.ec2.routing.state import Peering, State, read_peerings, read_state
from shim.ec2.service import action
from shim.ec2.subnets.making import remove_networks
from shim.ec2.tags.creating import HALF_DONE, CreateRequest, creates, creating, half_done_name
from shim.errors import AwsError
from shim.protocol.values import OTHER_ACCOUNT, but, depends
from shim.undo import if_there, undoing

_INFO = {"cidr-block": "CidrBlock", "owner-id": "OwnerId", "vpc-id": "VpcId"}
PEERINGS = Table(
    items="VpcPeeringConnections",
    id="VpcPeeringConnectionId",
    ids="VpcPeeringConnectionIds",
    resource_type=PEERING,
    filters={
        "expiration-time": "ExpirationTime",
        "status-code": "Status.Code",
        "status-message": "Status.Message",
        "tag": "Tags",
        "vpc-peering-connection-id": "VpcPeeringConnectionId",
        **{f"accepter-vpc-info.{name}": f"AccepterVpcInfo.{member}" for name, member in _INFO.items()},
        **{f"requester-vpc-info.{name}": f"RequesterVpcInfo.{member}" for name, member in _INFO.items()},
    },
)
# The networks between routers.  RFC 2544 keeps 198.18.0.0/15 for benchmarks, so no network of a project needs it.
_BETWEEN = IPv4Network("198.19.0.0/16")
_LENGTH = 30  # two addresses


def _read_new(settings: Settings, req: Mapping[str, Any]) -> None:
    """Check the forms of both ids."""
    ids.check(VPC, req["VpcId"])
    if not req.get("PeerVpcId"):
        raise AwsError("MissingParameter", "The request must contain the parameter peerVpcId", refused="PeerVpcId")
    ids.check(VPC, req["PeerVpcId"])


@action(
    supports="VpcId PeerVpcId PeerOwnerId PeerRegion TagSpecifications",
    values={
        "PeerOwnerId": but(
            OTHER_ACCOUNT,
            code="UnsupportedOperation",
            message="A peering connection with a VPC of another account is not supported.",
        ),
        "PeerRegion": depends(when="it is the region of the request"),
    },
    read=creates(PEERING, read=_read_new),
)
async def create_vpc_peering_connection(call: Call, asked: CreateRequest[None]) -> Mapping[str, Any]:
    """Create the network between two VPCs and put the first one's router on it.

    The names of network and subnet are the half-done mark until the last calls.
    """
    req, new, network = asked.params, creating(call, asked), call.cloud.network
    _check_peer(call, req)
    requester, accepter = ids.uuid(VPC, req["VpcId"]), ids.uuid(VPC, req["PeerVpcId"])
    marked = half_done_name("peering", *sorted((requester, accepter)))

    async def find(_: Mapping[str, str]) -> list[tuple[cloud.Network, Mapping[str, str]]]:
        return [(one, {HALF_DONE: ""}) for one in await network.networks(external=False) if one.name == marked]

    async with new.once(find, name=marked):
        await remove_networks(call, [one.id for one in new.half_done])
        state = await read_state(call)
        for vpc in (req["VpcId"], req["PeerVpcId"]):
            state.vpc(vpc)
        _check_new(state, requester, accepter)
        for one in state.peerings.values():
            if rows.forgotten(one):
                async with _settling(call, one):
                    await _end(call, await read_state(call), one)
        told = {facts.REQUESTER: requester, facts.ACCEPTER: accepter, facts.ASKED: str(int(time.time()))}
        strings = new.strings(*(facts.written(name, value) for name, value in told.items()))
        if _overlap(state, requester, accepter):
            return _failed(call, state, strings, requester, accepter)
        made = await network.create_network(marked)
        new.undo(network.delete_network, made.id)
        subnet = await network.create_subnet(_between(marked, made.id, state, requester, accepter))
        await network.set_tags("subnets", subnet.id, strings)
        await network.set_tags("networks", made.id, [facts.PEERING])
        peering = Peering(replace(subnet, tags=tuple(strings)), requester, accepter, {})
        await network.add_interface(requester, subnet_id=subnet.id)
        new.undo(_leave, call, requester, subnet.id)
        shown = facts.name(new.tags, f"peering of {req['VpcId']} and {req['PeerVpcId']}")
        if shown == call.settings.default_network:  # this name makes a network the default one
            shown = f"peering {shown}"
        await network.rename_subnet(subnet.id, shown)
        await network.rename_network(made.id, shown)
    return {"VpcPeeringConnection": rows.row(call, state, peering, "initiating-request")}


@describes(PEERINGS, supports="VpcPeeringConnectionIds Filters MaxResults NextToken")
async def describe_vpc_peering_connections(call: Call, asked: Question) -> list[Row]:
    """Describe connections, and those that this replica ended within the last hours: three OpenStack calls."""
    state = await read_peerings(call)
    found = [rows.row(call, state, one, rows.status(one)) for one in state.peerings.values() if not rows.forgotten(one)]
    return [*found, *ended(call, PEERING)]


@action(supports="VpcPeeringConnectionId")
async def accept_vpc_peering_connection(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Put the other VPC's router on the network; routes to the connection that are there take effect."""
    async with _named_alone(call, req, rows.PENDING, "provisioning") as (state, peering), undoing() as undo:
        port = await _door(call, undo, peering)
        await applied.put_on(call, undo, peering.accepter, port.id)
        after = await read_state(call)
        for router in (peering.requester, peering.accepter):
            await hops.apply(call, undo, router, [state], after)
    return {"VpcPeeringConnection": rows.row(call, state, peering, "provisioning")}


@action(supports="VpcPeeringConnectionId")
async def reject_vpc_peering_connection(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Delete the network of a connection that nobody has accepted."""
    async with _named_alone(call, req, rows.PENDING, "rejected") as (state, peering):
        await _end(call, state, peering)
    keep(call, PEERING, rows.row(call, state, peering, "rejected"), rows.ENDED_SECONDS)
    return {"Return": True}


@action(supports="VpcPeeringConnectionId")
async def delete_vpc_peering_connection(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Delete the network of a connection; routes to it stay in their tables and lead nowhere."""
    async with _named_alone(call, req, "", "deleting") as (state, peering):
        await _end(call, state, peering)
    keep(call, PEERING, rows.row(call, state, peering, "deleted"), rows.ENDED_SECONDS)
    return {"Return": True}


async def _door(call: Call, undo: applied.Undo, peering: Peering) -> cloud.Port:
    """Return a port for the accepter's router: a new one, or that of a gateway that was killed before it was used.

    A failure takes only a new one away: the other may be somebody's.
    """
    network, address = call.cloud.network, peering.address(peering.accepter)
    for one in await network.ports(network_ids=[peering.subnet.network_id]):
        if not one.device_owner and address in [fixed.address for fixed in one.fixed]:
            return one
    wanted = cloud.WantedAddress(peering.subnet.id, address)
    made = await network.create_port(cloud.NewPort(peering.subnet.network_id, (wanted,), ()))
    undo(if_there, network.delete_port, made.id)
    return made


@asynccontextmanager
async def _named_alone(
    call: Call, req: Mapping[str, Any], must: str, wanted: str
) -> AsyncIterator[tuple[State, Peering]]:
    """Yield the connection that a request names (`named`) and the state, while no routes of both VPCs change."""
    async with _settling(call, named(await read_peerings(call), req, must, wanted)):
        state = await read_state(call)
        yield state, named(state, req, must, wanted)


def _settling(call: Call, peering: Peering) -> AbstractAsyncContextManager[None]:
    """Hold the locks under which the routes of both VPCs are changed and applied.

    A route that is written meanwhile would else be applied by neither: its request sees the connection as it was.
    """
    return call.locks.hold_all(applied.lock(call, router) for router in (peering.requester, peering.accepter))


def _check_peer(call: Call, req: Mapping[str, Any]) -> None:
    """Refuse a peer in another account or region; the table refuses what has the form of another account's id."""
    if (owner := req.get("PeerOwnerId")) and owner != call.caller.account_id:
        raise AwsError(
            "UnsupportedOperation",
            "A peering connection with a VPC of another account is not supported.",
            refused="PeerOwnerId",
        )
    if (region := req.get("PeerRegion")) and region != call.region:
        raise AwsError(
            "UnsupportedOperation",
            "A peering connection with a VPC in another region is not supported.",
            refused="PeerRegion",
        )


def _check_new(state: State, requester: str, accepter: str) -> None:
    for one in state.peerings.values():
        if {one.requester, one.accepter} == {requester, accepter} and rows.status(one) != rows.EXPIRED:
            raise AwsError(
                "VpcPeeringConnectionAlreadyExists",
                f"A VPC peering connection between the VPCs already exists: {ids.aws(PEERING.prefix, one.subnet.id)}",
            )


def _overlap(state: State, requester: str, accepter: str) -> bool:
    """Tell whether two VPCs have addresses in common, or one has those of the networks between routers."""
    ours, theirs = (list(map(IPv4Network, state.blocks(one))) for one in (requester, accepter))
    return any(one.overlaps(other) for one in ours for other in theirs) or any(
        one.overlaps(_BETWEEN) for one in (*ours, *theirs)
    )


def _between(name: str, network_id: str, state: State, requester: str, accepter: str) -> cloud.NewSubnet:
    """Return a subnet whose block no connection of the two VPCs has."""
    taken = {
        one.subnet.cidr for one in state.peerings.values() if {one.requester, one.accepter} & {requester, accepter}
    }
    block = next((one for one in _BETWEEN.subnets(new_prefix=_LENGTH) if str(one) not in taken), None)
    if block is None:
        raise AwsError(PEERING.quota, "The maximum number of VPC peering connections has been reached.")
    return cloud.NewSubnet(
        name, network_id, 4, str(block), str(block[1]), ((str(block[2]), str(block[2])),), dhcp=False
    )


def _failed(call: Call, state: State, tags: Iterable[str], requester: str, accepter: str) -> Mapping[str, Any]:
    """Answer for two VPCs that cannot be connected: the failure is seen when connections are described."""
    owner = state.vpcs[requester].project_id
    nowhere = cloud.Subnet(str(uuid4()), "", owner, "", 4, str(_BETWEEN), None, (), tuple(tags))
    peering = Peering(nowhere, requester, accepter, {})
    keep(call, PEERING, rows.row(call, state, peering, "failed"), rows.ENDED_SECONDS)
    return {"VpcPeeringConnection": rows.row(call, state, peering, "initiating-request")}


def named(state: State, req: Mapping[str, Any], must: str, wanted: str) -> Peering:
    """Return the connection that a request names; InvalidStateTransition unless its state is `must` ('': any)."""
    peering = req["VpcPeeringConnectionId"]
    found = state.peerings.get(ids.uuid(PEERING, peering))
    if found is None or rows.forgotten(found):
        raise ids.missing(PEERING, [peering])
    if must and rows.status(found) != must:
        raise AwsError(
            "InvalidStateTransition",
            f"Invalid state transition for {peering}, attempted to transition from {rows.status(found)} to {wanted}",
        )
    return found


async def _end(call: Call, state: State, peering: Peering) -> None:
    """Take away the routes of both VPCs to a connection, its routers' ports and its network."""
    left = {uuid: one for uuid, one in state.peerings.items() if uuid != peering.subnet.id}
    after = replace(state, peerings=left)
    async with undoing() as undo:
        for router in (peering.requester, peering.accepter):
            if router in state.vpcs:
                await hops.apply(call, undo, router, [state], after)
    await remove_networks(call, [peering.subnet.network_id])


async def _leave(call: Call, router_id: str, subnet_id: str) -> None:
    await call.cloud.network.remove_interface(router_id, subnet_id=subnet_id)
