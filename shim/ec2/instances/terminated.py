"""Terminated instances: the servers that Nova deleted lately, read once and then remembered.

EC2 shows an instance for about an hour after its end.  Nova lists deleted servers at some milliseconds each, and what
is deleted does not change, so each replica remembers a project's and asks Nova only for what was deleted since it
asked last.  The end of a server is noticed in two ways, of which one is enough:

- Nova lists it among what changed since the last question, a minute before that included: clocks differ a little.
- Nova listed it as living before and lists it no more.  If the first way did not tell of it, everything that was
  deleted within the visible time is read again.

What Nova purges from its database stays visible here until its time is over.
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
    """A deleted server, and until when it is shown."""

    server: Server
    until: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of a project: `asked` is when Nova was asked, `living` are the ids that it listed then."""

    asked: datetime
    living: frozenset[str] = frozenset()
    gone: Mapping[str, Gone] = field(default_factory=dict)


async def terminated(call: Call, *, living: Collection[str] | None, absent: Collection[str] = ()) -> list[Server]:
    """Read the servers that were deleted within the visible time.

    `living` are the ids of all servers that Nova listed before this call (so a server that ends between the two
    questions is in one of the answers), None where it was not asked for the list.  `absent` are ids that it did not
    find.
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
    latest = _known(call)  # another call may have remembered more meanwhile
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
    """Return those of some servers that are known to be deleted, without asking Nova."""
    known, now = _known(call), datetime.now(UTC)
    found = [known.gone[one] for one in ids if one in known.gone] if known else []
    return [one.server for one in found if one.until > now]


def remembered_bytes(call: Call) -> int:
    """Return what the account's share of the cache spends on deleted servers."""
    known = _known(call)
    return _size(known) if known else 0


def _known(call: Call) -> Known | None:
    found: Known | None = call.cache.get(call.caller.project_id, _KEY)
    return found


def _remember(call: Call, known: Known, visible: timedelta) -> None:
    call.cache.put(call.caller.project_id, _KEY, known, size=_size(known), seconds=visible.total_seconds())


def _size(known: Known) -> int:
    return sum(one.size + ID_BYTES for one in known.gone.values()) + len(known.living) * ID_BYTES
