"""Lists containers and objects: in as many requests as a Swift's limits ask for, and with what its rows lack."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from adapters.concurrency import gather_all
from adapters.errors import absent_is
from adapters.openstack.swift import headers as codec
from adapters.openstack.swift.http import SwiftHttp, listing_of, query_of
from adapters.types.objects import Container, Limits, Listing, ObjectRow, Stored

Head = Callable[[str], Awaitable[Mapping[str, str]]]  # gives a container's headers

_AT_ONCE: Final = 16  # look-ups of what rows lack
_OF_NOTHING: Final = "d41d8cd98f00b204e9800998ecf8427e"  # the MD5 of no bytes


async def objects(
    http: SwiftHttp, container: str, want: Listing, limits: Limits, head: Callable[[str], Awaitable[Stored]]
) -> list[ObjectRow]:
    """List one page of a container; `head` describes one of its objects."""
    rows = await _paged(http, container, want, limits)
    if not limits.manifests:
        await _describe_large(rows, head)
    return rows


async def versions(http: SwiftHttp, container: str, want: Listing, limits: Limits) -> list[ObjectRow]:
    """List one page of the versions of a container's objects."""
    return await _paged(http, container, want, limits, "&versions")


async def _paged(http: SwiftHttp, container: str, want: Listing, limits: Limits, sort: str = "") -> list[ObjectRow]:
    """List up to `want.limit` rows.  Swift answers 412 where one request asks for more than it lists at once."""
    if want.limit <= limits.rows:
        return await http.rows(listing_of(container, want) + sort)
    rows: list[ObjectRow] = []
    while len(rows) < want.limit:
        few = min(want.limit - len(rows), limits.rows)
        page: list[ObjectRow] = await http.rows(listing_of(container, replace(want, limit=few)) + sort)
        rows += page
        if len(page) < few:
            break
        last = page[-1]
        marker = last["name"] if "name" in last else last["subdir"]
        want = replace(want, marker=marker, version_marker=last.get("version_id", ""))
    return rows


async def _describe_large(rows: list[ObjectRow], head: Callable[[str], Awaitable[Stored]]) -> None:
    """Put ETag and size of static large objects into their rows.

    radosgw lists them with the hash of nothing and the size of their manifest, which no other object has.
    """

    async def describe(row: ObjectRow) -> None:
        found = await absent_is(None, head(row["name"]))
        if found is not None:
            row.update({"bytes": found.size, "slo_etag": f'"{found.etag}"'})

    large = [row for row in rows if row.get("hash") == _OF_NOTHING and row["bytes"]]
    await gather_all((describe(row) for row in large), most=_AT_ONCE)


async def containers(http: SwiftHttp, query: Mapping[str, str], limit: int, most: int, head: Head) -> list[Container]:
    """List containers of the account, at most `most` in one request; none where Swift has not made the account yet."""
    rows: list[dict[str, Any]] = []
    few, marker = min(limit, most), query["marker"]
    while True:
        path = query_of("", format="json", prefix=query["prefix"], marker=marker, limit=few or "")
        page: list[dict[str, Any]] = await absent_is([], http.rows(path))
        rows += page
        few, full = min(limit - len(rows), most), len(page) == few
        if few <= 0 or not full:
            return codec.container_rows(await _dated(rows, head))
        marker = page[-1]["name"]


async def _dated(rows: list[dict[str, Any]], head: Head) -> list[dict[str, Any]]:
    """Return rows of containers with the time at which each was made, which radosgw's rows lack."""

    async def date(row: dict[str, Any]) -> None:
        headers = await absent_is(None, head(row["name"]))
        row["last_modified"] = codec.container(row["name"], headers).modified.isoformat() if headers else ""

    undated = [row for row in rows if "last_modified" not in row]
    await gather_all((date(row) for row in undated), most=_AT_ONCE)
    return [row for row in rows if row["last_modified"]] if undated else rows
