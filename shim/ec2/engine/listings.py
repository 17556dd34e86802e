"""Listings that are remembered for a short while, so that a page costs a page.

Every page of a Describe needs the whole listing, because filters and order are ours.  So the first page keeps what
follows it, as much as the account's share of the cache holds, and later pages are cut from that.  What is not kept (its
time is over, the request reached another replica, the share was full) is read again from OpenStack.  A page begins
behind an id, in the order of ids, so rows come once and in one order either way; a remembered page shows its rows as
they were when the listing was read.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shim.cache import weight
from shim.context import Call

Row = Mapping[str, Any]

SECONDS = 60.0  # of a listing's age; clients ask for the next page at once
_ROWS_A_TURN = 20  # weighed before other requests have their turn


@dataclass(frozen=True, slots=True)
class Listing:
    """The rows behind the id `after`, in the order of `ids`; `whole` where no other row follows them."""

    after: str
    ids: Sequence[str]
    rows: Sequence[Row]
    whole: bool

    def page(self, after: str, limit: int | None) -> tuple[list[Row], str] | None:
        """Cut a page: its rows, and the id where it ends ('' at the end); None where the listing does not reach."""
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
    """Return what is remembered for a request, if anything."""
    found: Listing | None = call.cache.get(call.caller.project_id, _key(call, key))
    return found


async def remember(call: Call, key: Hashable, found: Listing, after: str) -> None:
    """Keep the rows behind the id `after`, as far as the account's share of the cache reaches."""
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


def _key(call: Call, key: Hashable) -> tuple[Hashable, ...]:
    # Two keys of one account may be allowed to see different things.
    return "listing", call.operation, call.caller.access_key, call.region, key
