"""Terminated instances: the servers that Nova deleted recently, read once and then cached.

EC2 shows an instance for about an hour after its termination.  Nova takes some milliseconds to list a deleted server,
and a deleted server does not change, so each replica caches a project's deleted servers and asks Nova only for those
that changed since its last request.  Either of two signs shows that a server was deleted:

- Nova lists it as changed since the last request, or in the minute before, because clocks differ a little.
- Nova listed it as living before and no longer lists it.  If the first sign is missing, all servers that were deleted
  within the visible time are read again.

A server that Nova purges from its database stays visible here until its visible time ends.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from adapters.types.compute import Server
from shim.cache import weight
from shim.context import Call

OVERLAP = timedelta(seconds=60)
_KEY = ("terminated",)
ID_BYTES = 120  # an id in a set or a mapping


@dataclass(frozen=True, slots=True)
class Gone:
    """A deleted server, and the time until which it is shown."""

    server: Server
    until: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Known:
    """What is cached for a project: `asked` is the time of the last request, `living` are the ids that Nova listed."""

    asked: datetime
    living: frozenset[str] = frozenset()
    gone: Mapping[str, Gone] = field(default_factory=dict)


async def terminated(call: Call, *, living: Collection[str] | None, absent: Collection[str] = ()) -> list[Server]:
    """Read the servers that were deleted within the visible time.

    `living` are the ids of all servers that Nova listed before this call (so a server that is deleted between the two
    requests is in one of the answers), or None if the list was not read.  `absent` are ids that Nova did not find.
    """
    now, visible = datetime.now(UTC), timedelta(seconds=call.settings.terminated_visible_seconds)
    if not visible:
        return []
    known = _known(call)
    since = max(known.asked - OVERLAP, now - visible) if known else now - visible
    found = await call.cloud.compute.deleted_servers(since)
    if known:
        lost = known.living.difference(living) if living is not None else known.living.intersection(absent)
        if lost.difference(known.gone, (one.id for one in found)):
            found = await call.cloud.compute.deleted_servers(now - visible)
    latest = _known(call)  # another call may have cached more meanwhile
    gone = {one: ended for one, ended in latest.gone.items() if ended.until > now} if latest else {}
    for server in found:
        if server.id not in gone:
            gone[server.id] = Gone(server, (server.terminated_at or now) + visible, weight(server))
    if living is not None:
        _remember(call, Known(max(now, latest.asked) if latest else now, frozenset(living), gone), visible)
    elif latest:
        _remember(call, replace(latest, gone=gone), visible)
    return [one.server for one in gone.values()]


def remembered(call: Call, ids: Collection[str]) -> list[Server]:
    """Return the cached deleted servers among some ids, without a call to Nova."""
    known, now = _known(call), datetime.now(UTC)
    found = [known.gone[one] for one in ids if one in known.gone] if known else []
    return [one.server for one in found if one.until > now]


def remembered_bytes(call: Call) -> int:
    """Return how many bytes of the account's share of the cache deleted servers use."""
    known = _known(call)
    return _size(known) if known else 0


def _known(call: Call) -> Known | None:
    found: Known | None = call.cache.get(call.caller.project_id, _KEY)
    return found


def _remember(call: Call, known: Known, visible: timedelta) -> None:
    call.cache.put(call.caller.project_id, _KEY, known, size=_size(known), seconds=visible.total_seconds())


def _size(known: Known) -> int:
    return sum(one.size + ID_BYTES for one in known.gone.values()) + len(known.living) * ID_BYTES
