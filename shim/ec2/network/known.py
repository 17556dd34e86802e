"""What changes seldom and is named by every interface: read again when it is old, or when one wanted is not in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from adapters.types.compute import Zone
from adapters.types.network import Network, SecurityGroup
from shim.cache import weight
from shim.context import Call

_SECONDS = 10.0  # for as long a name that was changed may still be shown


class _Named(Protocol):
    @property
    def id(self) -> str: ...


N = TypeVar("N", bound=_Named)
T = TypeVar("T")


async def zones(call: Call) -> Sequence[Zone]:
    """Return Nova's zones."""
    return await _kept(call, "zones", call.cloud.compute.zones, lambda found: bool(found))


async def networks(call: Call, wanted: Collection[str]) -> Sequence[Network]:
    """Return the networks that the project sees, the wanted ones among them if they exist."""
    return await _with(call, "networks", call.cloud.network.networks, wanted)


async def groups(call: Call, wanted: Collection[str]) -> Sequence[SecurityGroup]:
    """Return the security groups that the project sees, without rules; the wanted ones are among them if they exist."""

    async def read() -> list[SecurityGroup]:
        return [replace(group, rules=()) for group in await call.cloud.network.security_groups()]

    return await _with(call, "security groups", read, wanted)


async def _with(call: Call, what: str, read: Callable[[], Awaitable[list[N]]], wanted: Collection[str]) -> Sequence[N]:
    return await _kept(call, what, read, lambda found: {*wanted} <= {one.id for one in found})


async def _kept(
    call: Call, what: str, read: Callable[[], Awaitable[list[T]]], has_all: Callable[[list[T]], bool]
) -> list[T]:
    kept: list[T] | None = call.cache.get(call.caller.project_id, (what,))
    if kept is not None and has_all(kept):
        return kept
    found = await read()
    call.cache.put(call.caller.project_id, (what,), found, size=weight(found), seconds=_SECONDS)
    return found
