"""What DHCP tells the instances of a VPC: the name servers of its subnets, which follow the tags of its router."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any

from adapters.errors import absent_is
from adapters.types import network as cloud
from shim.context import Call
from shim.ec2.network import facts
from shim.ec2.routing.state import read_state
from shim.undo import undoing

Undo = Callable[..., None]


async def retag(call: Call, router: cloud.Router, *, gone: Collection[str] = (), new: Collection[str] = ()) -> None:
    """Change tags of a VPC's router, and bring the VPC's subnets in line with them; or take all back.

    The caller holds the lock of the VPC's routes: two changes at once would leave the tags of one and the name servers
    of the other.  Each call is undone although it seems to fail: an answer can be lost when the work is done.
    """
    tags = [tag for tag in (*router.tags, *new) if tag not in gone]
    async with undoing() as undo:
        await _replace(call, undo, "routers", router.id, gone, new)
        # Read after the tags are written: CreateSubnet reads them last, so the later of both sees the other.
        state = await read_state(call)
        for version in facts.NO_SERVER:
            before, after = facts.name_servers(router.tags, version), facts.name_servers(tags, version)
            for subnet in state.inside(router.id, version) if version == 4 or before != after else ():
                undo(_set_name_servers, call, subnet.id, before)
                await _set_name_servers(call, subnet.id, after)


async def _set_name_servers(call: Call, subnet_id: str, servers: Sequence[str]) -> None:
    """Give a subnet name servers, unless it is deleted meanwhile, as `terraform destroy` does."""
    await absent_is(None, call.cloud.network.set_name_servers(subnet_id, servers), resource="subnet")


async def _replace(call: Call, undo: Undo, resource: str, id: str, gone: Iterable[str], new: Iterable[str]) -> None:
    network = call.cloud.network
    for tag in gone:
        undo(_if_there, network.add_tag, resource, id, tag)
        await absent_is(None, network.remove_tag(resource, id, tag))
    for tag in new:
        undo(_if_there, network.remove_tag, resource, id, tag)
        await network.add_tag(resource, id, tag)


async def _if_there(step: Callable[..., Awaitable[None]], *args: Any) -> None:
    """Take a step back, unless what it changed is not there: the tag, or the resource that had it."""
    await absent_is(None, step(*args))
