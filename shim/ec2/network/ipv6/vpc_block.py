"""The IPv6 block of a VPC: a part of the operator's subnet pool.

Neutron alone gives out the blocks of a pool, for all projects, and only to subnets.  So a block is held by a subnet on
a network that no router is on, `ec2:ipv6-of=<router>`; the router has the block as the tag `ec2:ipv6-block`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from ipaddress import IPv6Network
from typing import Any

from adapters.errors import BackendError, Fault, absent_is
from adapters.types import network as cloud
from shim.concurrency import gather_all
from shim.config import Settings
from shim.context import Call
from shim.ec2.network import facts
from shim.ec2.tags.creating import half_done_name
from shim.errors import AwsError
from shim.protocol.values import depends

NEEDS_SETTING = depends(True, when="the operator names a subnet pool of IPv6 (`PASSERELLE_EC2_IPV6_POOL`)")
AMAZONS = "AmazonProvidedIpv6CidrBlock"
_PREFIX_LENGTH = 56  # "an Amazon-provided IPv6 CIDR block with a /56 prefix length"


def check(settings: Settings, req: Mapping[str, Any]) -> bool:
    """Tell whether a request asks for an IPv6 block; refuse it where the operator names no pool."""
    if req.get(AMAZONS) and not settings.ec2_ipv6_pool:
        raise AwsError("UnsupportedOperation", "This cloud provides no IPv6 CIDR blocks.", refused=AMAZONS)
    return bool(req.get(AMAZONS))


def changing(call: Call, router_id: str) -> AbstractAsyncContextManager[None]:
    """Hold the lock under which a VPC's IPv6 block and those of its subnets come and go."""
    return call.locks.hold("ipv6", call.caller.project_id, router_id)


def of_router(router: cloud.Router) -> IPv6Network | None:
    """Return the IPv6 block of a VPC's router; None if the VPC has none.

    A tag that is not as EC2 writes it, of someone's own making, is none: nothing holds such a block.
    """
    for told in facts.every(router.tags, facts.IPV6):
        with suppress(ValueError):
            found = IPv6Network(told.replace("-", "/"))
            if facts.written(facts.IPV6, str(found)) in router.tags:
                return found
    return None


async def reserve(call: Call, router_id: str, name: str) -> str:
    """Take a block of the pool for a VPC, and return it; `name` is what OpenStack's tools show.

    The caller is `changing` the VPC, or the VPC is half done.  Also when this fails, `holding` finds what it made.
    """
    network, pool = call.cloud.network, await _pool(call)
    made = await network.create_network(_marked(router_id))
    await network.set_tags("networks", made.id, [facts.written(facts.IPV6_OF, router_id)])
    try:
        held = await network.create_subnet(
            cloud.NewSubnet(name, made.id, 6, "", None, (), dhcp=False, pool_id=pool, prefix_length=_PREFIX_LENGTH)
        )
    except BackendError as error:
        if error.fault is not Fault.NO_CAPACITY:
            raise
        raise AwsError("InsufficientCidrBlocks", "The pool of this cloud has no free IPv6 CIDR block.") from error
    await network.rename_network(made.id, name)
    return held.cidr


async def release(call: Call, networks: Iterable[cloud.Network]) -> None:
    """Give blocks back to the pool, by deleting the networks that hold them."""
    await gather_all(absent_is(None, call.cloud.network.delete_network(one.id)) for one in networks)


def holding(networks: Iterable[cloud.Network], router_id: str) -> list[cloud.Network]:
    """Return the networks that hold a block for a VPC, those that are half done among them."""
    mark, told = _marked(router_id), facts.written(facts.IPV6_OF, router_id)
    return [one for one in networks if one.name == mark or told in one.tags]


async def release_lost(
    call: Call, networks: Iterable[cloud.Network], routers: Iterable[cloud.Router], router_id: str
) -> None:
    """Give back the blocks of VPCs that OpenStack's own tools deleted; a VPC may be newer than the lists.

    A network without its tag yet tells by its name alone, which is that of `router_id` or not.
    """
    known, marked = {one.id for one in routers}, _marked(router_id)
    for one in networks:
        vpc = router_id if one.name == marked else facts.one(one.tags, facts.IPV6_OF)
        if not vpc or vpc in known or one.project_id != call.caller.project_id:
            continue
        if await absent_is(None, call.cloud.network.router(vpc)) is None:
            await release(call, [one])


async def _pool(call: Call) -> str:
    """Return the UUID of the operator's pool."""
    wanted = call.settings.ec2_ipv6_pool
    found = [one.id for one in await call.cloud.network.visible_subnet_pools() if wanted in (one.id, one.name)]
    if len(found) != 1:
        raise AwsError(
            "UnsupportedOperation", "The pool of IPv6 that this cloud names is not there, or there are several."
        )
    return found[0]


def _marked(router_id: str) -> str:
    return half_done_name("ipv6", router_id)
