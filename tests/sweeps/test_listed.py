"""What a sweep reads in a listing: current, noncurrent and `null` versions, delete markers, pages."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from adapters.types.objects import DELETE_MARKER, NULL_VERSION, ObjectRow
from shim.s3.config.versioning import ENABLED, SUSPENDED, State
from shim.sweeps.listed import Found, Reader, chains, plain

BEGAN = 1_700_000_000.0  # when versions were enabled
KEPT = State(ENABLED, kept=True, since=BEGAN)


def time(second: int) -> datetime:
    return datetime.fromtimestamp(BEGAN + second, UTC)


def row(key: str, second: int, *, latest: bool = False, marker: bool = False, **more: Any) -> ObjectRow:
    """A version that was written some seconds after versions were enabled."""
    found: Any = {
        "name": key,
        "bytes": 10,
        "hash": "h",
        "content_type": DELETE_MARKER if marker else "text/plain",
        "last_modified": time(second).replace(tzinfo=None).isoformat(timespec="microseconds"),
        "version_id": f"{BEGAN + second:.5f}",
        "is_latest": latest,
        **more,
    }
    return cast("ObjectRow", found)


def read(*rows: ObjectRow, state: State = KEPT) -> list[Found]:
    return list(Reader().read(rows, state))


def ages(found: list[Found]) -> list[tuple[datetime | None, int]]:
    return [(one.version.noncurrent_since, one.version.newer_noncurrent) for one in found]


def test_a_version_is_noncurrent_since_its_successor_was_made() -> None:
    found = read(row("k", 9, latest=True), row("k", 5), row("k", 2, marker=True), row("k", 1), row("l", 3, latest=True))
    assert ages(found) == [(None, 0), (time(9), 0), (time(5), 1), (time(2), 2), (None, 0)]
    assert [one.version.is_marker for one in found] == [False, False, True, False, False]
    assert [one.id[-7:] for one in found] == ["9.00000", "5.00000", "2.00000", "1.00000", "3.00000"]
    assert [one.successor[-7:] for one in found] == ["", "9.00000", "5.00000", "2.00000", ""]
    assert [one.version.size for one in found] == [10, 10, 0, 10, 10]


def test_a_marker_is_alone_if_it_is_the_only_version() -> None:
    rows = [row("a", 1, latest=True, marker=True), row("k", 2, latest=True, marker=True), row("k", 1)]
    assert [one.version.alone for one in read(*rows)] == [True, False, False]
    newest = [row("k", 2, latest=True, marker=True), row("k", 1, marker=True)]
    assert [one.version.alone for one in read(*newest)] == [False, False]


def test_the_version_null_from_before_is_as_old_as_its_id() -> None:
    copied = row("k", -5, last_modified=time(7).replace(tzinfo=None).isoformat(timespec="microseconds"))
    found = read(row("k", 7, latest=True), copied, row("k", -9))
    assert [one.shown for one in found[:2]] == [f"{BEGAN + 7:.5f}", NULL_VERSION]
    assert ages(found) == [(None, 0), (time(7), 0), (time(-5), 1)]


def test_an_object_in_the_container_itself_is_current() -> None:
    assert ages(read(row("k", -5, latest=True, version_id=NULL_VERSION))) == [(None, 0)]
    off = State(SUSPENDED, kept=False, since=BEGAN)
    found = read(row("k", 9, latest=True, version_id=NULL_VERSION), row("k", 5), state=off)
    assert ages(found) == [(None, 0), (time(9), 0)]
    assert found[1].successor == NULL_VERSION


def test_a_left_over_null_version_is_none() -> None:
    suspended = State(SUSPENDED, kept=True, since=BEGAN, suspended=((BEGAN, math.inf),))
    null: dict[str, Any] = {"content_type": "text/plain;s3_null=1"}
    rows = [row("k", 9, latest=True, marker=True), row("k", 5, **null), row("k", 3, **null)]
    found = read(*rows, state=suspended)
    assert [one.shown for one in found] == [NULL_VERSION]  # Swift's marker is the version `null` as well


def test_without_a_link_the_newest_version_is_current_if_swift_keeps_versions() -> None:
    [newest, older] = read(row("k", 9), row("k", 5))
    assert (newest.version.noncurrent_since, newest.linked) == (None, False)
    assert older.version.noncurrent_since == time(9)
    off = State(SUSPENDED, kept=False, since=BEGAN)
    assert [one.id for one in read(row("k", 9), row("k", 5), state=off)] == [older.id]


def test_what_swifts_own_tools_made_current_is_left_alone() -> None:
    found = read(row("k", 9), row("k", 5, latest=True), row("k", 1))
    assert [one.id[-7:] for one in found] == ["1.00000"]


def test_a_listing_that_lags_behind_makes_no_version_noncurrent() -> None:
    stale = row("k", -5, latest=True, version_id=NULL_VERSION)
    assert [one.id for one in read(stale, row("k", 9))] == [NULL_VERSION]


def test_objects_of_a_bucket_without_versions() -> None:
    [found] = plain([row("k", 3)])
    assert (found.version.key, found.version.modified, found.id, found.shown) == ("k", time(3), "", "")


def test_chains_keep_the_order_of_a_key() -> None:
    found = read(row("a", 2, latest=True), row("a", 1), row("b", 1, latest=True))
    assert [[one.id for one in chain] for chain in chains(found)] == [[found[0].id, found[1].id], [found[2].id]]


HISTORIES = st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=12)


@given(HISTORIES, st.integers(1, 5))
def test_pages_of_any_size_say_the_same(history: list[tuple[int, bool]], size: int) -> None:
    rows: list[ObjectRow] = []
    for number, (key, marker) in enumerate(sorted(history)):
        first = not rows or rows[-1]["name"] != f"k{key}"
        rows.append(row(f"k{key}", 1000 - number, latest=first, marker=marker))
    whole, reader, paged = read(*rows), Reader(), list[Found]()
    for start in range(0, len(rows), size):
        page = [replace_latest(one, start, rows) for one in rows[start : start + size]]
        paged += reader.read(page, KEPT)
    assert [without_alone(one) for one in paged] == [without_alone(one) for one in whole]
    assert all(not one.version.alone or other.version.alone for one, other in zip(whole, paged, strict=True))


def replace_latest(one: ObjectRow, start: int, rows: list[ObjectRow]) -> ObjectRow:
    """Return a row as Swift shows it where a page begins within the versions of its key: a marker seems the latest."""
    begun = rows[start - 1]["name"] if start else ""
    return {**one, "is_latest": True} if one["content_type"] == DELETE_MARKER and one["name"] == begun else one


def without_alone(found: Found) -> Found:
    return found._replace(version=replace(found.version, alone=False))
