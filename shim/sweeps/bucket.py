"""Sweeps one bucket: reads its listing page by page and does what its rules say is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from adapters.errors import absent_is
from adapters.ports.objects import ObjectStore
from adapters.types.objects import Listing, ObjectRow
from shim.concurrency import gather_all
from shim.context import Call
from shim.s3 import tags
from shim.s3.lifecycle import registry, rules
from shim.s3.lifecycle.evaluation import Rule, Version, due, due_upload, prefixes, wants_tags
from shim.s3.lifecycle.registry import Entry
from shim.s3.multipart.lists import open_uploads
from shim.s3.objects import records
from shim.s3.objects.headers import TAGGING, listed_sizes
from shim.s3.paging import MOST_KEYS
from shim.sweeps.acting import abort, expire
from shim.sweeps.tools import Tools

OPERATION: Final = "Lifecycle"
RELEASED: Final = "released"
SWEPT: Final = "swept"
_AT_ONCE: Final = 8
_PAGES_BETWEEN_NOTES: Final = 10


async def sweep_bucket(tools: Tools, own: ObjectStore, entry: Entry) -> str:
    """Do what is due in a bucket, or remove the entry of one without rules; return which of both.

    `own` is the store that holds the registry.  The rules are read again before each page, so that a rule that is
    removed stops at once.  A sweep that was interrupted goes on where its last note says.
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


async def _page(call: Call, entry: Entry, reached: str) -> tuple[list[Rule], list[ObjectRow]] | None:
    """Return the rules, and the next rows after `reached` that they may cover; None if there are no more."""
    wanted = [rule for rule in await _rules(call, entry) or () if rule.days is not None or rule.date is not None]
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
    work = []
    for row in rows:
        version = _version(row)
        if wants_tags(wanted, version, now, tools.days):
            work.append(_with_tags(tools, call, entry, wanted, version, now))
        elif found := due(wanted, version, now, tools.days):
            work.append(expire(tools, call, entry, found, version.key, version.modified))
    await gather_all(work, most=_AT_ONCE)


async def _with_tags(
    tools: Tools, call: Call, entry: Entry, wanted: Sequence[Rule], version: Version, now: datetime
) -> None:
    """Read the tags of an object on which its fate hangs, and do what is due then."""
    stored = await absent_is(None, records.exact(call, entry.bucket, version.key))
    if stored is None:
        return
    tagged = replace(version, tags=tags.of_stored(stored.metadata.get(TAGGING, "")))
    if found := due(wanted, tagged, now, tools.days):
        await expire(tools, call, entry, found, version.key, version.modified)


def _version(row: ObjectRow) -> Version:
    """Return an object as a row of a listing shows it; its age counts from the second that Last-Modified shows."""
    (size,) = listed_sizes([row])
    return Version(row["name"], size, _second(row["last_modified"]))


def _second(text: str) -> datetime:
    return datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)


async def _sweep_uploads(tools: Tools, call: Call, entry: Entry) -> None:
    wanted = [rule for rule in await _rules(call, entry) or () if rule.abort_days is not None]
    now = tools.now()
    work = []
    for prefix in prefixes(wanted):
        for one in await open_uploads(call, entry.bucket, prefix):
            initiated = _second(one.initiated)
            found = due_upload(wanted, one.key, initiated, now, tools.days)
            if found is not None:
                work.append(abort(tools, call, entry, found, one.key, one.id, initiated))
    await gather_all(work, most=_AT_ONCE)
