"""The way of a VPC's IPv6 to the internet: the router's IPv6 address on the external network.

Every IPv6 address is public, so what the router forwards leaves and comes in.  It has a default route of IPv6, and the
networks outside can reach it, while it has an IPv6 address on the external network.  So it has one while a route table
of the VPC leads ::/0 to the VPC's internet gateway.  Neutron gives a router an address of each IP version; the
gateway's own user may choose them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from adapters.errors import BackendError
from adapters.types import network as cloud
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.network import facts
from shim.ec2.network.ipv6 import vpc_block
from shim.ec2.routing.external import NOT_GRANTED, gateway_ids
from shim.errors import AwsError
from shim.undo import if_there

ANYWHERE = "::/0"


def is_wanted(pools: Iterable[cloud.SubnetPool], router_id: str, gateway: str) -> bool:
    """Tell whether a route table of a VPC (a record among the pools) leads ::/0 to an internet gateway, by its id."""
    route, owners = (
        facts.written(facts.ROUTE, f"{ANYWHERE}={gateway}"),
        {facts.written(name, router_id) for name in (facts.VPC, facts.OWN)},
    )
    return any(route in pool.tags for pool in pools if owners & set(pool.tags))


async def settle(
    call: Call, undo: Callable[..., None], router_id: str, *, expected: bool = False, without: str = ""
) -> None:
    """Open or close the way of a VPC with an IPv6 block, as its route tables are now.

    Raises UnsupportedOperation if that is not possible.  The caller is `settling`; the block may be `expected` only,
    and the table whose record is `without` is about to go.
    """
    router, pools = await gather(call.cloud.network.router(router_id), call.cloud.network.subnet_pools())
    if router.gateway is None or (vpc_block.of_router(router) is None and not expected):
        return
    old = tuple(one for one in router.gateway.addresses if ":" not in one)
    wanted = is_wanted(
        (one for one in pools if one.id != without), router_id, gateway_ids([router], pools).get(router_id, "")
    )
    if wanted is (old != router.gateway.addresses):
        return
    if not wanted and not old:  # Neutron would choose again
        raise _ipv6_alone()
    outside = _of(await call.cloud.network.subnets(), router.gateway.network_id, 6)[:1] if wanted else []
    if wanted and not outside:
        raise _no_ipv6()
    gateway = replace(router.gateway, addresses=old, subnets=tuple(outside))
    try:
        own = await call.clouds.own(call.request_id)
        undo(if_there, own.network.set_gateway, router_id, router.gateway)  # also where only the answer is lost
        await own.network.set_gateway(router_id, gateway)
    except BackendError as error:
        if error.fault not in NOT_GRANTED:
            raise
        raise not_granted() from error


async def subnets(call: Call, network_id: str, *, opened: bool) -> tuple[str, ...]:
    """Return those subnets of the external network of which the router of a VPC with an IPv6 block needs an address.

    None where that has IPv4 alone: then Neutron opens no way of IPv6.
    """
    found = await call.cloud.network.subnets()
    four, six = (_of(found, network_id, version) for version in (4, 6))
    if not six and opened:
        raise _no_ipv6()
    if six and not four and not opened:
        raise _ipv6_alone()
    return (*four[:1], *(six[:1] if opened else ())) if six else ()


def not_granted() -> AwsError:
    """Return the error where the gateway's own user may not choose the addresses of routers outside."""
    return AwsError("UnsupportedOperation", "This cloud lets nobody open or close the way of IPv6 to the internet.")


def _no_ipv6() -> AwsError:
    return AwsError(
        "UnsupportedOperation",
        f"The external network of this cloud has no IPv6, so a route of {ANYWHERE} cannot lead there.",
    )


def _ipv6_alone() -> AwsError:
    return AwsError("UnsupportedOperation", "The external network of this cloud has IPv6 alone: it stays open.")


def _of(found: Iterable[cloud.Subnet], network_id: str, version: int) -> list[str]:
    """Return the subnets of a network that are of one IP version."""
    return sorted(one.id for one in found if one.network_id == network_id and one.version == version)
