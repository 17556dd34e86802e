"""Internet gateways: a record, and while it is attached, the external gateway of the VPC's router.

On AWS only instances with a public address reach the internet through an internet gateway, so the router may not
translate the addresses of the others (`enable_snat` false).  Neutron lets administrators decide that, and whom its
policy names beside them: the gateway's own user.  Where that is not granted, the router translates, and the start of
the gateway tells it.

A router that OpenStack's tools connected to an external network shows an internet gateway with the router's UUID.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from typing import Any

from adapters.errors import BackendError, Fault
from adapters.types import network as cloud
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import INTERNET_GATEWAY, VPC
from shim.ec2.network import facts
from shim.ec2.network.ipv6 import vpc_block
from shim.ec2.network.security_groups import owner_of
from shim.ec2.network.vpcs import is_vpc
from shim.ec2.routing import ipv6_way, markers
from shim.ec2.routing.applied import settling
from shim.ec2.routing.external import NOT_GRANTED, attachments, external_network
from shim.ec2.routing.vpc_records import remove_tag
from shim.ec2.service import action
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.codec import from_neutron
from shim.ec2.tags.creating import CreateRequest, creates
from shim.errors import AwsError
from shim.undo import undoing

log = logging.getLogger(__name__)

GATEWAYS = Table(
    items="InternetGateways",
    id="InternetGatewayId",
    ids="InternetGatewayIds",
    resource_type=INTERNET_GATEWAY,
    filters={
        "attachment.state": "Attachments.State",
        "attachment.vpc-id": "Attachments.VpcId",
        "internet-gateway-id": "InternetGatewayId",
        "owner-id": "OwnerId",
        "tag": "Tags",
    },
)


@action(supports="TagSpecifications", read=creates(INTERNET_GATEWAY))
async def create_internet_gateway(call: Call, asked: CreateRequest[None]) -> Mapping[str, Any]:
    """Create a record; it is attached to nothing."""
    made = await markers.create_marker(call, asked, markers.IGW)
    return {"InternetGateway": _row(call, made.id, made.project_id, made.tags, None)}


@describes(GATEWAYS, supports="InternetGatewayIds Filters MaxResults NextToken")
async def describe_internet_gateways(call: Call, asked: Question) -> list[Row]:
    """Describe internet gateways: two concurrent OpenStack calls."""
    routers, pools = await gather(call.cloud.network.routers(), call.cloud.network.subnet_pools())
    return [_row(call, one.id, one.project_id, one.tags, router) for one, router in attachments(routers, pools)]


@action(supports="InternetGatewayId VpcId")
async def attach_internet_gateway(call: Call, req: Mapping[str, Any]) -> None:
    """Connect the VPC's router to the external network."""
    wanted = ids.uuid(INTERNET_GATEWAY, req["InternetGatewayId"]), ids.uuid(VPC, req["VpcId"])
    # Where VPCs may have IPv6, no route may come or go between the look at the route tables and the connection.
    async with settling(call, wanted[1]) if call.settings.ec2_ipv6_pool else nullcontext():
        await _attach(call, req, wanted)


async def _attach(call: Call, req: Mapping[str, Any], wanted: tuple[str, str]) -> None:
    gateway, vpc, network = req["InternetGatewayId"], req["VpcId"], call.cloud.network
    routers, pools, outside = await gather(network.routers(), network.subnet_pools(), external_network(call))
    router = next((one for one in routers if one.id == wanted[1] and is_vpc(one)), None)
    found = next((one for one in attachments(routers, pools) if one[0].id == wanted[0]), None)
    if found is None:
        raise ids.missing(INTERNET_GATEWAY, [gateway])
    if router is None:
        raise ids.missing(VPC, [vpc])
    if found[1] is not None:
        raise AwsError(
            "Resource.AlreadyAssociated",
            f"resource {gateway} is already attached to network {ids.aws('vpc', found[1].id)}",
        )
    if router.gateway is not None:
        raise AwsError("InvalidParameterValue", f"Network {vpc} already has an internet gateway attached")
    async with undoing() as undo:
        for old in facts.every(found[0].tags, facts.VPC):
            await _untag(call, wanted[0], old)
        undo(_untag, call, wanted[0], router.id)
        await network.add_tag("subnetpools", wanted[0], facts.written(facts.VPC, router.id))
        if vpc_block.of_router(router) is None:
            await connect(call, router.id, outside.id)
        else:
            opened = ipv6_way.is_wanted(pools, router.id, ids.aws(INTERNET_GATEWAY.prefix, wanted[0]))
            await connect(call, router.id, outside.id, await ipv6_way.subnets(call, outside.id, opened=opened))


@action(supports="InternetGatewayId VpcId")
async def detach_internet_gateway(call: Call, req: Mapping[str, Any]) -> None:
    """Disconnect the VPC's router from the external network; no floating IP may need it."""
    network = call.cloud.network
    gateway, vpc = req["InternetGatewayId"], req["VpcId"]
    wanted, router_id = ids.uuid(INTERNET_GATEWAY, gateway), ids.uuid(VPC, vpc)
    routers, pools = await gather(network.routers(), network.subnet_pools())
    found = next((one for one in attachments(routers, pools) if one[0].id == wanted), None)
    if found is None:
        raise ids.missing(INTERNET_GATEWAY, [gateway])
    if all(one.id != router_id for one in routers if is_vpc(one)):
        raise ids.missing(VPC, [vpc])
    if found[1] is None or found[1].id != router_id:
        raise AwsError("Gateway.NotAttached", f"resource {gateway} is not attached to network {vpc}")
    mapped = AwsError(
        "DependencyViolation",
        f"Network {vpc} has some mapped public address(es). "
        "Please unmap those public address(es) before detaching the gateway.",
    )
    if any(facts.NAT in one.tags and facts.one(one.tags, facts.VPC) == router_id for one in routers):
        raise mapped
    try:
        await network.set_gateway(router_id, None)
    except BackendError as error:
        if error.fault is not Fault.IN_USE:
            raise
        raise mapped from error
    if wanted != router_id:
        await _untag(call, wanted, router_id)


@action(supports="InternetGatewayId")
async def delete_internet_gateway(call: Call, req: Mapping[str, Any]) -> None:
    """Delete the record of an internet gateway that is attached to no VPC."""
    network, gateway = call.cloud.network, req["InternetGatewayId"]
    wanted = ids.uuid(INTERNET_GATEWAY, gateway)
    routers, pools = await gather(network.routers(), network.subnet_pools())
    found = next((one for one in attachments(routers, pools) if one[0].id == wanted), None)
    if found is None:
        raise ids.missing(INTERNET_GATEWAY, [gateway])
    if found[1] is not None:
        raise AwsError(INTERNET_GATEWAY.in_use, INTERNET_GATEWAY.in_use_says.format(id=gateway))
    await network.delete_subnet_pool(wanted)


async def connect(call: Call, router_id: str, network_id: str, subnets: tuple[str, ...] = ()) -> None:
    """Connect a router without translation by the gateway's own user; with translation where that is not granted.

    Its addresses are of `subnets`, which the gateway's own user alone may choose, or if there are none, of Neutron's
    choice.
    """
    try:
        own = await call.clouds.own(call.request_id)
        await own.network.set_gateway(router_id, cloud.Gateway(network_id, snat=False, subnets=subnets))
    except BackendError as error:
        if error.fault not in NOT_GRANTED:
            raise
        if subnets:
            raise ipv6_way.not_granted() from error
        log.warning("router %s translates addresses: the gateway's user may not change that (%s)", router_id, error)
        await call.cloud.network.set_gateway(router_id, cloud.Gateway(network_id, snat=True))


async def _untag(call: Call, pool_id: str, router_id: str) -> None:
    tag = facts.written(facts.VPC, router_id)
    await remove_tag(call, "subnetpools", pool_id, tag)


def _row(call: Call, uuid: str, project_id: str, tags: Iterable[str], router: cloud.Router | None) -> Row:
    own = router is not None and router.id == uuid  # its tags are the VPC's
    return {
        "InternetGatewayId": ids.aws(INTERNET_GATEWAY.prefix, uuid),
        "OwnerId": owner_of(call, project_id),
        "Attachments": [{"State": "available", "VpcId": ids.aws("vpc", router.id)}] if router else [],
        "Tags": [] if own else tag_rules.shown(from_neutron(tags)),
    }
