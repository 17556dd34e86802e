"""Sweeps one bucket: reads its listing page by page and does what its rules say is due."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, TypeVar

from adapters.errors import absent_is
from adapters.ports.objects import ObjectStore
from adapters.types.objects import Listing, ObjectRow
from shim.concurrency import gather_all
from shim.context import Call
from shim.s3 import tags
from shim.s3.errors import precondition_failed
from shim.s3.lifecycle import registry, rules
from shim.s3.lifecycle.evaluation import Due, Rule, Version, due, due_upload, prefixes, wants_tags
from shim.s3.lifecycle.registry import Entry
from shim.s3.multipart.lists import open_uploads
from shim.s3.objects import records
from shim.s3.objects.headers import TAGGING, listed_sizes
from shim.s3.paging import MOST_KEYS
from shim.sweeps.acting import abort, expire, telling
from shim.sweeps.tools import Tools

T = TypeVar("T")

OPERATION: Final = "Lifecycle"
RELEASED: Final = "released"
SWEPT: Final = "swept"
_AT_ONCE: Final = 8
_PAGES_BETWEEN_NOTES: Final = 10


async def sweep_bucket(tools: Tools, own: ObjectStore, entry: Entry) -> str:
    """Do what is due in a bucket, or remove the entry of one without rules; return which of both.

    `own` is the store that holds the registry.  The rules are read again before each page, and before each few
    actions (`_AT_ONCE`), so that of a rule that is removed only the actions under way are still done.  A sweep that was
    interrupted goes on where its last note says.
    """
    call = await tools.call(entry, OPERATION)
    if await _rules(call, entry) is None:
        return await _release(call, entry)
    await _sweep_uploads(tools, call, entry)
    reached = await registry.marker(own, entry)
    number = 0
    while (page := await _page(call, entry, reached)) is not None:
        wanted, rows = page
        await _sweep_page(tools, call, entry, wanted, rows)
        reached, number = rows[-1]["name"], number + 1
        if number % _PAGES_BETWEEN_NOTES == 0:
            await registry.note(own, entry, reached)
    await registry.note(own, entry, "")
    return SWEPT


async def _rules(call: Call, entry: Entry) -> list[Rule] | None:
    """Return the bucket's rules, or None if there are none or the bucket is gone."""
    return await absent_is(None, rules.current(call, entry.bucket), resource="container")


async def _release(call: Call, entry: Entry) -> str:
    """Remove the entry of a bucket without rules, unless it gets some at this moment."""
    async with registry.alone(call, entry.bucket):
        if await _rules(call, entry) is None:
            await registry.leave(call, entry.bucket)
    return RELEASED


async def _expiring(call: Call, entry: Entry) -> list[Rule]:
    """Return the bucket's rules that expire objects, as Swift holds them now."""
    return [rule for rule in await _rules(call, entry) or () if rule.days is not None or rule.date is not None]


async def _page(call: Call, entry: Entry, reached: str) -> tuple[list[Rule], list[ObjectRow]] | None:
    """Return the rules, and the next rows after `reached` that they may cover; None if there are no more."""
    wanted = await _expiring(call, entry)
    for prefix in prefixes(wanted):
        if prefix < reached and not reached.startswith(prefix):
            continue  # all its keys are before `reached`
        want = Listing(prefix=prefix, marker=reached if reached.startswith(prefix) else "", limit=MOST_KEYS)
        rows = await absent_is(list[ObjectRow](), call.cloud.objects.objects(entry.bucket, want))
        if rows:
            return wanted, rows
    return None


async def _sweep_page(
    tools: Tools, call: Call, entry: Entry, wanted: Sequence[Rule], rows: Sequence[ObjectRow]
) -> None:
    now = tools.now()
    found = [version for version in map(_version, rows) if _may_be_due(tools, wanted, version, now)]
    for batch in _batches(found):
        wanted = await _expiring(call, entry)
        if not wanted:
            return
        work = [_expire(tools, call, entry, wanted, version, now) for version in batch]
        await gather_all(work, most=_AT_ONCE)


def _may_be_due(tools: Tools, wanted: Sequence[Rule], version: Version, now: datetime) -> bool:
    return due(wanted, version, now, tools.days) is not None or wants_tags(wanted, version, now, tools.days)


async def _expire(
    tools: Tools, call: Call, entry: Entry, wanted: Sequence[Rule], version: Version, now: datetime
) -> None:
    """Delete an object if it is due; where its tags decide, they are read now, and again under the key's lock."""
    if not wants_tags(wanted, version, now, tools.days):
        if found := due(wanted, version, now, tools.days):
            await expire(tools, call, entry, found, version)
        return

    async def by_tags() -> Due | None:
        stored = await absent_is(None, records.exact(call, entry.bucket, version.key))
        if stored is None:
            return None
        tagged = replace(version, tags=tags.of_stored(stored.metadata.get(TAGGING, "")))
        return due(wanted, tagged, now, tools.days)

    async def still_due() -> None:
        if await by_tags() is None:
            raise precondition_failed("Tags")

    found = None
    with_all_tags = due([replace(rule, tags=()) for rule in wanted], version, now, tools.days)
    assert with_all_tags is not None  # the tags decide
    async with telling(tools, entry, with_all_tags, version.key):
        found = await by_tags()
    if found:
        await expire(tools, call, entry, found, version, still_due)


def _batches(found: Sequence[T]) -> Iterator[Sequence[T]]:
    return (found[start : start + _AT_ONCE] for start in range(0, len(found), _AT_ONCE))


def _version(row: ObjectRow) -> Version:
    """Return an object as a row of a listing shows it; its age counts from the second that Last-Modified shows."""
    (size,) = listed_sizes([row])
    return Version(row["name"], size, _second(row["last_modified"]))


def _second(text: str) -> datetime:
    return datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)


async def _sweep_uploads(tools: Tools, call: Call, entry: Entry) -> None:
    now = tools.now()
    for prefix in prefixes(await _aborting(call, entry)):
        for batch in _batches(await open_uploads(call, entry.bucket, prefix)):
            wanted = await _aborting(call, entry)
            if not wanted:
                return
            work = []
            for one in batch:
                initiated = _second(one.initiated)
                if found := due_upload(wanted, one.key, initiated, now, tools.days):
                    work.append(abort(tools, call, entry, found, one.key, one.id, initiated))
            await gather_all(work, most=_AT_ONCE)


async def _aborting(call: Call, entry: Entry) -> list[Rule]:
    return [rule for rule in await _rules(call, entry) or () if rule.abort_days is not None]
