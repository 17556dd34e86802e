"""The way of a VPC's IPv6 to the internet: the router's IPv6 address on the external network.

Every IPv6 address is public, so what the router forwards leaves and comes in.  It has a default route of IPv6, and the
networks outside can reach it, while it has an IPv6 address on the external network.  So it has one while a route table
of the VPC leads ::/0 to the VPC's internet gateway.  Neutron gives a router an address of each IP version; the
gateway's own user may choose them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace

from adapters.errors import BackendError
from adapters.types import network as cloud
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.network import facts
from shim.ec2.network.ipv6 import vpc_block
from shim.ec2.routing.external import NOT_GRANTED
from shim.errors import AwsError

log = logging.getLogger(__name__)

ANYWHERE = "::/0"


def is_wanted(pools: Iterable[cloud.SubnetPool], router_id: str) -> bool:
    """Tell whether a route table of a VPC (a record among the pools) leads ::/0 to an internet gateway."""
    route, owners = (
        f"{facts.written(facts.ROUTE, ANYWHERE)}=igw-",
        {facts.written(name, router_id) for name in (facts.VPC, facts.OWN)},
    )
    return any(tag.startswith(route) for pool in pools if owners & set(pool.tags) for tag in pool.tags)


async def settle(call: Call, undo: Callable[..., None], router_id: str) -> None:
    """Open or close the way of a VPC with an IPv6 block, as its route tables are now.

    Raises UnsupportedOperation if it cannot be opened.  The caller is `settling`, or has just connected the router.
    """
    router, pools = await gather(call.cloud.network.router(router_id), call.cloud.network.subnet_pools())
    if router.gateway is None or vpc_block.of_router(router) is None:
        return
    old = tuple(one for one in router.gateway.addresses if ":" not in one)
    wanted, there = is_wanted(pools, router_id), old != router.gateway.addresses
    if wanted is there:
        return
    outside = await _outside(call, router.gateway) if wanted else ()
    gateway = replace(router.gateway, addresses=old, subnets=outside)
    try:
        own = await call.clouds.own(call.request_id)
        await own.network.set_gateway(router_id, gateway)
    except BackendError as error:
        if error.fault not in NOT_GRANTED:
            raise
        if wanted:
            raise AwsError(
                "UnsupportedOperation", "This cloud lets nobody open the way of IPv6 to the internet."
            ) from error
        log.warning("IPv6 of router %s leads outside: the gateway's user may not change that (%s)", router_id, error)
        return
    undo(own.network.set_gateway, router_id, router.gateway)


async def _outside(call: Call, gateway: cloud.Gateway) -> tuple[str, ...]:
    """Return an IPv6 subnet of the external network."""
    found = sorted(
        one.id
        for one in await call.cloud.network.subnets()
        if one.network_id == gateway.network_id and one.version == 6
    )
    if not found:
        raise AwsError(
            "UnsupportedOperation",
            "The external network of this cloud has no IPv6.",
            refused="DestinationIpv6CidrBlock",
        )
    return tuple(found[:1])
