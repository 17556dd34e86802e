"""Cache listings for a short time, so that a later page does not read the whole listing again.

Every page of a Describe needs the whole listing, because the gateway filters and sorts it.  The first page caches the
rows that follow it, as many as fit the account's share of the cache, and later pages are cut from them.  Rows that are
not cached (they expired, the request reached another replica, the share was full) are read again from OpenStack.  A
page begins after an id, in the order of ids, so each row comes once and in the same order either way.  A cached page
shows its rows as they were when the listing was read.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shim.cache import Key, weight
from shim.context import Call

Row = Mapping[str, Any]

SECONDS = 60.0  # lifetime of a listing; clients ask for the next page at once
_ROWS_A_TURN = 20  # measured before the event loop runs other requests


@dataclass(frozen=True, slots=True)
class Listing:
    """The rows after the id `after`, sorted by `ids`; `whole` if no other row follows them."""

    after: str
    ids: Sequence[str]
    rows: Sequence[Row]
    whole: bool

    def page(self, after: str, limit: int | None) -> tuple[list[Row], str] | None:
        """Return a page's rows and its last id ('' at the end of the listing); None if the listing lacks some rows."""
        if after < self.after:
            return None
        start = bisect_right(self.ids, after) if after else 0
        end = len(self.ids) if limit is None else start + limit
        if end < len(self.ids):
            return list(self.rows[start:end]), self.ids[end - 1]
        return (list(self.rows[start:]), "") if self.whole else None


def listing(rows: Sequence[Row], id: str) -> Listing:
    """Order rows by their ids."""
    ordered = sorted(rows, key=lambda row: str(row[id]))
    return Listing("", [str(row[id]) for row in ordered], ordered, whole=True)


def recall(call: Call, key: Hashable) -> Listing | None:
    """Return the cached listing for a request, if there is one."""
    found: Listing | None = call.cache.get(call.caller.project_id, _key(call, key))
    return found


async def remember(call: Call, key: Hashable, found: Listing, after: str) -> None:
    """Cache the rows after the id `after`, as many as fit the account's share of the cache."""
    start = end = bisect_right(found.ids, after)
    room, size = call.cache.owner_bytes // 2, 0  # half: two such requests may take turns
    while end < len(found.ids):
        size += weight(found.rows[end]) + weight(found.ids[end])
        if size > room:
            break
        end += 1
        if (end - start) % _ROWS_A_TURN == 0:
            await asyncio.sleep(0)
    kept = Listing(after, found.ids[start:end], found.rows[start:end], whole=end == len(found.ids))
    call.cache.put(call.caller.project_id, _key(call, key), kept, size=size, seconds=SECONDS)


def _key(call: Call, key: Hashable) -> Key:
    # Two access keys of one account may be allowed to see different resources.
    return "listing", call.operation, call.caller.access_key, call.region, key
