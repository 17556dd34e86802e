"""What changes seldom and is named by every interface: read again when it is old, or when one wanted is not in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from adapters.types.compute import Zone
from adapters.types.network import Network, Port, SecurityGroup
from shim.cache import weight
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.network import facts
from shim.ec2.network.layout import ROUTER_PORTS, VpcLayout, vpc_layout_of
from shim.ec2.tags.creating import is_half_done

_SECONDS = 10.0  # for as long a name that was changed may still be shown


class _Named(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_Named)
T = TypeVar("T")


async def zones(call: Call) -> Sequence[Zone]:
    """Return Nova's zones."""
    return await _kept(call, "zones", call.cloud.compute.zones, lambda found: bool(found))


async def networks(call: Call, wanted: Collection[str]) -> Sequence[Network]:
    """Return the networks that the project sees; the wanted ones are among them if they exist, and not half done."""
    return await _with(call, "networks", call.cloud.network.networks, wanted)


async def groups(call: Call, wanted: Collection[str]) -> Sequence[SecurityGroup]:
    """Return the security groups that the project sees, without rules.

    The wanted ones are among them if they exist, and not under the name of a half-done one.
    """

    async def read() -> list[SecurityGroup]:
        return [replace(group, rules=()) for group in await call.cloud.network.security_groups()]

    return await _with(call, "security groups", read, wanted)


async def layout(call: Call, wanted: Collection[str]) -> VpcLayout:
    """Return the VPCs of the project's networks, at least of the wanted ones that exist."""
    networks, ports = await networks_and_router_ports(call, wanted)
    return vpc_layout_of(networks, ports, name=call.settings.default_network, project_id=call.caller.project_id)


async def router_ports(call: Call, wanted: Collection[str]) -> Sequence[Port]:
    """Return the ports of routers, at least those on the wanted networks."""
    return (await networks_and_router_ports(call, wanted))[1]


async def networks_and_router_ports(call: Call, wanted: Collection[str]) -> tuple[Sequence[Network], Sequence[Port]]:
    """Return what a layout is made of (`layout`): the networks that the project sees, and the ports of routers."""

    async def read() -> list[tuple[Sequence[Network], Sequence[Port]]]:
        net = call.cloud.network
        return [await gather(net.networks(), net.ports(device_owners=ROUTER_PORTS))]

    [found] = await _kept(call, "vpc layout", read, lambda kept: _settled(*kept[0], wanted))
    return found


def forget_networks(call: Call) -> None:
    """Forget the networks: one of them has changed in more than its name."""
    for what in ("networks", "vpc layout"):
        call.cache.drop(call.caller.project_id, (what,))


def _settled(networks: Sequence[Network], ports: Sequence[Port], wanted: Collection[str]) -> bool:
    """Tell whether the wanted networks were ready when they were read, each with the router that its tag names."""
    ready = {one.id: facts.one(one.tags, facts.VPC) for one in networks if not is_half_done(one.name)}
    joined = {(port.network_id, port.device_id) for port in ports}
    return all(one in ready and (ready[one] is None or (one, ready[one]) in joined) for one in wanted)


async def _with(call: Call, what: str, read: Callable[[], Awaitable[list[N]]], wanted: Collection[str]) -> Sequence[N]:
    """Return what is known; read it again if a wanted one is absent or was half done, as it has its name by now."""

    def enough(found: list[N]) -> bool:
        return {*wanted} <= {one.id for one in found if not is_half_done(one.name)}

    return await _kept(call, what, read, enough)


async def _kept(
    call: Call, what: str, read: Callable[[], Awaitable[list[T]]], has_all: Callable[[list[T]], bool]
) -> list[T]:
    def kept() -> list[T] | None:
        found: list[T] | None = call.cache.get(call.caller.project_id, (what,))
        return found if found is not None and has_all(found) else None

    async def reading() -> list[T]:
        found = await read()
        call.cache.put(call.caller.project_id, (what,), found, size=weight(found), seconds=_SECONDS)
        return found

    if (known := kept()) is not None:
        return known
    lock = call.locks.within("known", call.caller.project_id, what)
    if not lock.locked():
        async with lock:
            return await reading()
    async with lock:  # what another request reads now may do
        pass
    return known if (known := kept()) is not None else await reading()
