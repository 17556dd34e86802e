"""NAT gateways: routers that translate, each with an Elastic IP address as its address on the external network.

A router translates to its own address, and Neutron gives no floating IP's address to a router.  So the floating IP is
released, and its address and tags go to the router; when the NAT gateway is deleted, a floating IP with that address is
created again and keeps its allocation id by a tag.  Only the gateway's own user may choose addresses
(`adapters/openstack/neutron/policy.yaml`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from adapters.errors import BackendError, absent_is
from adapters.types import network as cloud
from shim.concurrency import gather
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import client_tokens, ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.ended import ended, keep
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import ALLOCATION, NAT_GATEWAY, SUBNET
from shim.ec2.network import facts
from shim.ec2.network.addresses import allocation_uuid, held_addresses, kept_tags, shown_addresses, tags_kept
from shim.ec2.network.layout import ROUTER_PORTS
from shim.ec2.routing import applied
from shim.ec2.routing.external import NOT_GRANTED, external_network
from shim.ec2.routing.state import read_state
from shim.ec2.service import action
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.codec import from_neutron
from shim.ec2.tags.creating import HALF_DONE, CreateRequest, Creation, creates, creating, half_done_name, is_half_done
from shim.errors import AwsError
from shim.protocol.values import only

NAT_GATEWAYS = Table(
    items="NatGateways",
    id="NatGatewayId",
    ids="NatGatewayIds",
    resource_type=NAT_GATEWAY,
    filters={
        "nat-gateway-id": "NatGatewayId",
        "state": "State",
        "subnet-id": "SubnetId",
        "tag": "Tags",
        "vpc-id": "VpcId",
    },
)
_DELETED_SECONDS = 3600.0  # "a deleted NAT gateway remains visible for about an hour"


def _read_new(settings: Settings, req: Mapping[str, Any]) -> None:
    if not req.get("SubnetId"):
        raise AwsError("MissingParameter", "The request must contain the parameter subnetId", refused="SubnetId")
    if not req.get("AllocationId"):
        raise AwsError(
            "MissingParameter", "The request must contain the parameter allocationId", refused="AllocationId"
        )
    ids.check(SUBNET, req["SubnetId"])
    ids.check(ALLOCATION, req["AllocationId"])


@action(
    supports="SubnetId AllocationId ConnectivityType ClientToken TagSpecifications",
    values={"ConnectivityType": only("public")},
    read=creates(NAT_GATEWAY, read=_read_new),
)
async def create_nat_gateway(call: Call, asked: CreateRequest[None]) -> Mapping[str, Any]:
    """Create a router with the address of a floating IP; its name is the half-done mark until the last call."""
    new, network = creating(call, asked), call.cloud.network
    marked = half_done_name("nat-gateway", asked.params["AllocationId"])
    routers: list[cloud.Router] = []

    async def find(token: Mapping[str, str]) -> list[tuple[cloud.Router, Mapping[str, str]]]:
        routers[:] = await network.routers()
        wanted = [f"{name}={value}" for name, value in token.items()]
        half = [(one, {HALF_DONE: "", **new.token}) for one in routers if one.name == marked]
        same = [one for one in routers if wanted and not is_half_done(one.name) and set(wanted) <= set(one.tags)]
        return half + [(one, _token(one.tags)) for one in same]

    async with new.once(find, name=marked):
        for one in new.half_done:
            await _remove(call, one)
        if new.earlier:
            return _answer(asked, _row(call, new.earlier[0], "available"))
        state, floating = await gather(read_state(call), network.floating_ips())
        subnet = state.subnet(asked.params["SubnetId"])
        vpc = state.vpcs[state.homes[subnet.id]]
        if vpc.gateway is None:
            raise AwsError("Gateway.NotAttached", f"Network {ids.aws('vpc', vpc.id)} has no Internet gateway attached")
        address = _free(call, routers, floating, asked.params["AllocationId"])
        made = await _make(call, new, address, marked, facts.written(facts.VPC, vpc.id), subnet.id)
        await network.rename_router(made.id, facts.name(new.tags, f"nat of {vpc.name}"[:255]))
    return _answer(asked, _row(call, made, "pending"))


@describes(NAT_GATEWAYS, supports="NatGatewayIds Filter MaxResults NextToken")
async def describe_nat_gateways(call: Call, asked: Question) -> list[Row]:
    """Describe NAT gateways, and those that this replica deleted within the last hour: one OpenStack call."""
    routers = await call.cloud.network.routers()
    found = [_row(call, one, "available") for one in routers if facts.NAT in one.tags and not is_half_done(one.name)]
    alive = {row["NatGatewayId"] for row in found}
    return found + [row for row in ended(call, NAT_GATEWAY) if row["NatGatewayId"] not in alive]


@action(supports="NatGatewayId")
async def delete_nat_gateway(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Delete the router, and give its address to a floating IP again."""
    uuid = ids.uuid(NAT_GATEWAY, req["NatGatewayId"])
    found = await absent_is(None, call.cloud.network.router(uuid))
    vpc = facts.one(found.tags, facts.VPC) or "" if found else ""
    async with applied.settling(call, vpc):
        state = await read_state(call)
        router = state.nats.get(uuid)
        if router is None:
            raise ids.missing(NAT_GATEWAY, [req["NatGatewayId"]])
        others = replace(state, nats={one: nat for one, nat in state.nats.items() if one != uuid})
        await applied.apply(call, others, vpc)
        await _remove(call, router)
    keep(call, NAT_GATEWAY, _row(call, router, "deleted"), _DELETED_SECONDS)
    return {"NatGatewayId": req["NatGatewayId"]}


async def restore_address(call: Call, router: cloud.Router) -> None:
    """Create the floating IP of a router's address again, with its tags and its allocation id.

    One that is there and has the id is left as it is; one whose id and tags an earlier attempt did not write gets them.
    """
    network = call.cloud.network
    address, held = facts.one(router.tags, facts.ADDRESS), facts.one(router.tags, facts.ALLOCATION)
    if not address or not held:
        return
    there = next((one for one in await network.floating_ips() if one.address == address), None)
    if there is not None and allocation_uuid(there) == held:
        return
    if there is None:
        outside = await external_network(call)
        own = await call.clouds.own(call.request_id)
        there = await own.network.restore_floating_ip(outside.id, address, router.project_id)
    await network.set_tags("floatingips", there.id, [facts.written(facts.ALLOCATION, held), *tags_kept(router.tags)])


async def _remove(call: Call, router: cloud.Router) -> None:
    """Delete the router of a NAT gateway, finished or not; the address comes back before the router's record goes."""
    network = call.cloud.network
    ports = await network.ports(device_ids=[router.id])
    for port in ports:
        if port.device_owner in ROUTER_PORTS:
            await absent_is(None, network.remove_interface(router.id, port_id=port.id))
    await absent_is(None, network.set_gateway(router.id, None))
    await restore_address(call, router)
    await absent_is(None, network.delete_router(router.id))


async def _make(
    call: Call, new: Creation[cloud.Router], address: cloud.FloatingIp, marked: str, vpc: str, subnet_id: str
) -> cloud.Router:
    """Create the router, and move the address from its floating IP to it."""
    network = call.cloud.network
    strings = new.strings(
        facts.NAT,
        vpc,
        facts.written(facts.NAT_SUBNET, subnet_id),
        facts.written(facts.ALLOCATION, allocation_uuid(address)),
        facts.written(facts.ADDRESS, address.address),
        *kept_tags(address.tags),
        *(f"{name}={value}" for name, value in new.token.items()),
    )
    router = await network.create_router(marked)
    new.undo(network.delete_router, router.id)
    await _check_granted(call, router.id)
    await network.set_tags("routers", router.id, strings)
    made = replace(router, tags=tuple(strings))
    # Each is undone although it seems to fail: an answer can be lost when the work is done.
    new.undo(restore_address, call, made)
    await network.delete_floating_ip(address.id)
    own = await call.clouds.own(call.request_id)
    outside = cloud.Gateway(address.network_id, snat=True, addresses=(address.address,))
    new.undo(network.set_gateway, router.id, None)
    await own.network.set_gateway(router.id, outside)
    return replace(made, gateway=outside)


async def _check_granted(call: Call, router_id: str) -> None:
    """Raise UnsupportedOperation where Neutron does not let the gateway's own user act on routers."""
    try:
        own = await call.clouds.own(call.request_id)
        await own.network.router(router_id)
    except BackendError as error:
        if error.fault not in NOT_GRANTED:
            raise
        raise AwsError(
            "UnsupportedOperation", "Neutron does not let this gateway give a router the address of an elastic IP."
        ) from error


def _free(
    call: Call, routers: Iterable[cloud.Router], floating: Iterable[cloud.FloatingIp], allocation: str
) -> cloud.FloatingIp:
    """Return the project's address with an allocation id; it may be associated with nothing."""
    uuid = ids.uuid(ALLOCATION, allocation)
    floating = list(floating)
    known = [*shown_addresses(call, floating), *held_addresses(routers, floating)]
    found = next((one for one in known if allocation_uuid(one) == uuid), None)
    if found is None:
        raise ids.missing(ALLOCATION, [allocation])
    if found.port_id:
        raise AwsError("Resource.AlreadyAssociated", f"elastic ip [{allocation}] is already associated")
    return found


def _token(tags: Iterable[str]) -> Mapping[str, str]:
    tags = list(tags)
    found = {name: facts.one(tags, name) for name in (client_tokens.TOKEN, client_tokens.DIGEST)}
    return {name: value for name, value in found.items() if value is not None}


def _answer(asked: CreateRequest[None], row: Row) -> Mapping[str, Any]:
    token = asked.params.get("ClientToken")
    return {"NatGateway": row, **({"ClientToken": token} if token else {})}


def _row(call: Call, router: cloud.Router, state: str) -> Row:
    allocation, address = facts.one(router.tags, facts.ALLOCATION), facts.one(router.tags, facts.ADDRESS)
    status = "succeeded" if state == "available" else "associating"
    return {
        "NatGatewayId": ids.aws(NAT_GATEWAY.prefix, router.id),
        "State": state,
        "ConnectivityType": "public",
        "VpcId": ids.aws("vpc", facts.one(router.tags, facts.VPC) or ""),
        "SubnetId": ids.aws("subnet", facts.one(router.tags, facts.NAT_SUBNET) or ""),
        "NatGatewayAddresses": [
            {
                "AllocationId": ids.aws(ALLOCATION.prefix, allocation or ""),
                "PublicIp": address,
                "IsPrimary": True,
                **({} if state == "deleted" else {"Status": status}),
            }
        ],
        "Tags": tag_rules.shown(from_neutron(router.tags)),
    }
