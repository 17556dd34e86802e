"""The whole of a Describe* call after its rows exist: ids, filters, order, pages.

An action reads OpenStack, writes one row for each resource, in the shape of the answer, and returns
`answer(call, TABLE, rows, req)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shim.context import Call
from shim.ec2.engine import ids, paging
from shim.ec2.engine.filters import Path, Row, select
from shim.ec2.engine.resource_types import Kind
from shim.errors import AwsError


@dataclass(frozen=True, slots=True)
class Table:
    """What is particular to one Describe action.

    `items` is the answer's list, `id` the member that orders and names its rows, `ids` the request's list of wanted
    ids ('' where there is none), `filters` a path into the row for each filter's name (see `filters.select`).
    Above `most` results a page is cut to `most` where AWS says so (`cut`), else refused.  Where AWS lets pages and
    wanted ids stand together, `paged_ids` is true.
    """

    items: str
    id: str
    kind: Kind
    filters: Mapping[str, Path]
    ids: str = ""
    most: int = 1000
    cut: bool = False
    paged_ids: bool = False


def answer(call: Call, table: Table, rows: Iterable[Row], req: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a Describe action: the chosen rows under `table.items`, and NextToken where more follow."""
    chosen, token = choose(call, table, rows, req)
    return {table.items: chosen, **({"NextToken": token} if token else {})}


def choose(call: Call, table: Table, rows: Iterable[Row], req: Mapping[str, Any]) -> tuple[list[Row], str]:
    """Choose the rows of one page, and the token of the next ('' at the end); for answers that group their rows."""
    most = _limit(table, req)
    filters: Sequence[Mapping[str, Any]] = req.get("Filters") or ()
    question = paging.question(call.operation, call.caller.project_id, filters)
    key = call.settings.page_token_key.get_secret_value().encode()
    token = req.get("NextToken") or ""
    after = paging.unseal(key, question, token) if token else ""
    found = select(only(table, rows, wanted(table, req)), filters, table.filters)
    page, last = paging.page(found, table.id, limit=most, after=after)
    return page, paging.seal(key, question, last) if last else ""


def wanted(table: Table, req: Mapping[str, Any]) -> list[str]:
    """Return the ids a request names, each once and well formed; raises the kind's Malformed.

    To be called before OpenStack is asked, by an action that can ask for one thing instead of all.
    """
    named = list(dict.fromkeys(req.get(table.ids) or ())) if table.ids else []
    for one in named:
        ids.check(table.kind, one)
    return named


def only(table: Table, rows: Iterable[Row], named: Sequence[str]) -> list[Row]:
    """Keep the rows that were named, or all of them; raises the kind's NotFound, naming all that are missing."""
    if not named:
        return list(rows)
    by_id = {row[table.id]: row for row in rows}
    absent = [one for one in named if one not in by_id]
    if absent:
        raise ids.missing(table.kind, absent)
    return [by_id[one] for one in named]


def _limit(table: Table, req: Mapping[str, Any]) -> int | None:
    asked: int | None = req.get("MaxResults")
    if asked is None:
        return None
    if table.ids and req.get(table.ids) and not table.paged_ids:
        # "You cannot specify this parameter and the instance IDs parameter in the same request."
        raise AwsError(
            "InvalidParameterCombination",
            f"The parameter {table.ids} cannot be used with the parameter MaxResults in the same request",
        )
    return paging.limit(min(asked, table.most) if table.cut else asked, table.most)
