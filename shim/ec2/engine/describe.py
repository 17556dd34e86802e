"""The common part of Describe* actions: an action reads OpenStack and writes one row for each resource.

    @describes(VOLUMES, supports="VolumeIds Filters MaxResults NextToken")
    async def describe_volumes(call: Call, asked: Question) -> list[Row]: ...

This module checks the request (form of ids, filters, page size, page token) before the action calls OpenStack.
Afterwards it selects the rows by ids and filters, sorts them and cuts them into pages.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids, listings, paging
from shim.ec2.engine.filters import Filter, Path, Row, Turns, compiled, select
from shim.ec2.engine.resource_types import ResourceType
from shim.ec2.service import Forbidden, action
from shim.errors import AwsError
from shim.protocol.operation import Read
from shim.protocol.values import Values


def _unchanged(rows: list[Row]) -> list[Row]:
    return rows


@dataclass(frozen=True, slots=True)
class Table:
    """What is particular to one Describe action.

    `items` is the answer's list, `id` the member that identifies and sorts its rows, `ids` the request's list of wanted
    ids ('' if there is none), `filters` a path into the row for each filter's name (see `filters.compiled`).
    MaxResults is at least `least`, and one above `most` is cut to `most` if AWS does so (`cut`), else refused.
    `paged_ids` is false if on AWS MaxResults and the wanted ids exclude each other.  `check` makes further checks that
    need no cloud and raises AwsError, and `shown` converts the rows of a page to the answer's items.
    """

    items: str
    id: str
    resource_type: ResourceType
    filters: Mapping[str, Path]
    ids: str = ""
    least: int = paging.MIN_RESULTS
    most: int = 1000
    cut: bool = False
    paged_ids: bool = True
    check: Callable[[Mapping[str, Any]], None] | None = None
    shown: Callable[[list[Row]], Sequence[Row]] = _unchanged


@dataclass(slots=True)
class Question:
    """A Describe request that was checked.  The action may add to `ids` and `filters`.

    `ids` are the wanted ids, each once; an empty list means all.  `limit` is the page's size (None: no limit), and the
    page begins after the id `after`.  A page's token is bound to `sealed`, and `key` identifies the cached listing;
    both are empty if the request does not page.
    """

    req: Mapping[str, Any]
    ids: list[str]
    filters: list[Filter]
    limit: int | None
    after: str
    sealed: bytes
    key: bytes

    async def admits(self, known: Mapping[str, str | None]) -> bool:
        """Tell whether a row can pass the filters if its values for some of them are `known` (None: it has no value).

        The value for `tag` is used for the filters `tag:<key>` too.
        """
        turns = Turns()
        for one in self.filters:
            name = "tag" if one.name.startswith("tag:") else one.name
            if name in known and ((value := known[name]) is None or not await one.matches(value, turns)):
                return False
        return True


Rows = Callable[[Call, Question], Awaitable[Sequence[Row]]]
Describe = Callable[[Call, Question], Coroutine[Any, Any, Mapping[str, Any]]]


def describes(
    table: Table,
    *,
    supports: str,
    ignores: Mapping[str, str] | None = None,
    values: Mapping[str, Values | tuple[Values, ...]] | None = None,
    forbids: Sequence[Forbidden] = (),
) -> Callable[[Rows], Describe]:
    """Register a function that reads the rows as the Describe action of its name."""

    def register(rows: Rows) -> Describe:
        @wraps(rows)
        async def describe(call: Call, asked: Question) -> Mapping[str, Any]:
            return await answer(call, table, rows, asked)

        return action(supports=supports, ignores=ignores, values=values, forbids=forbids, read=_reading(table))(
            describe
        )

    return register


async def answer(call: Call, table: Table, rows: Rows, asked: Question) -> dict[str, Any]:
    """Answer a Describe action: the selected rows under `table.items`, and NextToken if more follow."""
    page, last = await _page(call, table, asked, rows)
    token = {"NextToken": paging.seal(_page_key(call.settings), asked.sealed, last)} if last else {}
    return {table.items: table.shown(page), **token}


def question(settings: Settings, project_id: str, operation: str, table: Table, req: Mapping[str, Any]) -> Question:
    """Check a request without calling a cloud; raises AwsError."""
    limit = _limit(table, req)
    named = wanted(table, req)
    # Two actions, of flow logs and NAT gateways, spell the name in the singular.
    filters: Sequence[Mapping[str, Any]] = req.get("Filters") or req.get("Filter") or ()
    ready = compiled(filters, table.filters)
    if table.check is not None:
        table.check(req)
    token = req.get("NextToken") or ""
    if not token and limit is None:  # the answer is a single page and needs no token
        return Question(req, named, ready, None, "", b"", b"")
    sealed = paging.question(operation, project_id, filters)
    after = paging.unseal(_page_key(settings), sealed, token) if token else ""
    return Question(req, named, ready, limit, after, sealed, _key(req))


def _reading(table: Table) -> Read:
    """Return the function that reads a request before its dry run and its action."""

    def read(settings: Settings, principal: Any, operation: str, req: Mapping[str, Any]) -> Question:
        return question(settings, principal.project_id, operation, table, req)

    return read


async def _page(call: Call, table: Table, asked: Question, rows: Rows) -> tuple[list[Row], str]:
    """Return a page's rows and its last id, from a cached listing, else from OpenStack."""
    kept = listings.recall(call, asked.key) if asked.after else None
    page = kept.page(asked.after, asked.limit) if kept else None
    if page is not None:
        return page
    found = only(table, await rows(call, asked), asked.ids)
    read = listings.listing(await select(found, asked.filters), table.id)
    page = read.page(asked.after, asked.limit)
    assert page is not None  # the listing is whole
    if page[1]:
        await listings.remember(call, asked.key, read, page[1])
    return page


def wanted(table: Table, req: Mapping[str, Any]) -> list[str]:
    """Return the ids a request names, each once and well formed; raises the resource type's Malformed."""
    named = list(dict.fromkeys(req.get(table.ids) or ())) if table.ids else []
    for one in named:
        ids.check(table.resource_type, one)
    return named


def only(table: Table, rows: Iterable[Row], named: Sequence[str]) -> list[Row]:
    """Return the named rows, or all if none is named; raises NotFound with every id that is missing."""
    if not named:
        return list(rows)
    by_id = {row[table.id]: row for row in rows}
    absent = [one for one in named if one not in by_id]
    if absent:
        raise ids.missing(table.resource_type, absent)
    return [by_id[one] for one in dict.fromkeys(named)]


def _limit(table: Table, req: Mapping[str, Any]) -> int | None:
    asked: int | None = req.get("MaxResults")
    if asked is None:
        return None
    if table.ids and req.get(table.ids) and not table.paged_ids:
        # "You cannot specify this parameter and the instance IDs parameter in the same request."
        raise AwsError(
            "InvalidParameterCombination",
            # As seen in https://github.com/getmoto/moto/issues/6282; there EC2 shows the list's internal name.
            f"The parameter {table.ids} cannot be used with the parameter maxResults",
            refused="MaxResults",
        )
    return paging.limit(min(asked, table.most) if table.cut else asked, table.most, least=table.least)


def _key(req: Mapping[str, Any]) -> bytes:
    """Return a digest of all parameters except those of the page."""
    asked = {name: value for name, value in req.items() if name not in ("MaxResults", "NextToken", "DryRun")}
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).digest()


def _page_key(settings: Settings) -> bytes:
    return settings.page_token_key.get_secret_value().encode()
