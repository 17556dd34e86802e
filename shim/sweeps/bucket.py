"""Sweeps one bucket: reads its listing page by page and does what its rules say is due."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple, TypeVar

from adapters.errors import BackendError, Fault, absent_is
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
from shim.s3.objects import records, versions
from shim.s3.objects.headers import TAGGING
from shim.s3.paging import MOST_KEYS
from shim.sweeps.acting import abort, act, telling
from shim.sweeps.listed import Found, Reader, chains, plain, second
from shim.sweeps.tools import Tools
from shim.sweeps.unchanged import check_unchanged

T = TypeVar("T")

OPERATION: Final = "Lifecycle"
RELEASED: Final = "released"
SWEPT: Final = "swept"
_AT_ONCE: Final = 8
_PAGES_BETWEEN_NOTES: Final = 10
_GONE: Final = object()


class Place(NamedTuple):
    """A place in a listing: behind a key, or behind a version of it."""

    key: str = ""
    version: str = ""


async def sweep_bucket(tools: Tools, own: ObjectStore, entry: Entry) -> str:
    """Do what is due in a bucket, or remove the entry of one without rules; return which of both.

    `own` is the store that holds the registry.  The rules are read again before each page, and before each few
    actions (`_AT_ONCE`), so that of a rule that is removed only the actions under way are still done.  A sweep that was
    interrupted goes on where its last note says: behind the last key all versions of which were read.
    """
    call = await tools.call(entry, OPERATION)
    if await _rules(call, entry) is None:
        return await _release(call, entry)
    await _sweep_uploads(tools, call, entry)
    reader, number = Reader(), 0
    complete = await registry.marker(own, entry)
    place = Place(complete)
    while (rows := await _page(call, entry, place)) is not None:
        state = await versions.state_of(call, entry.bucket)
        await _sweep_page(tools, call, entry, reader.read(rows, state) if state.status else plain(rows))
        complete = _complete(place, rows) or complete
        place, number = Place(rows[-1]["name"], rows[-1].get("version_id", "")), number + 1
        if number % _PAGES_BETWEEN_NOTES == 0:
            await registry.note(own, entry, complete)
    await registry.note(own, entry, "")
    return SWEPT


def _complete(place: Place, rows: Sequence[ObjectRow]) -> str:
    """Return the last key of a page of which no versions can follow; '' if it has none."""
    last = rows[-1]["name"]
    if "version_id" not in rows[-1]:
        return last
    before = next((row["name"] for row in reversed(rows) if row["name"] != last), "")
    return before or (place.key if place.key != last else "")


async def _rules(call: Call, entry: Entry) -> list[Rule] | None:
    """Return the bucket's rules, or None if there are none or the bucket is gone."""
    return await absent_is(None, rules.current(call, entry.bucket), resource="container")


async def _release(call: Call, entry: Entry) -> str:
    """Remove the entry of a bucket without rules, unless it gets some at this moment.

    Swift's proxy answers 404 for a container, too, while it cannot read the account.  So an account that still lists
    the bucket keeps the entry, whatever the container says.
    """
    async with registry.alone(call, entry.bucket):
        found = await absent_is(_GONE, rules.current(call, entry.bucket), resource="container")
        if found is _GONE and await _listed(call, entry.bucket):
            why = "the account lists a container that is not found"
            raise BackendError(Fault.UNAVAILABLE, service="object-store", id=entry.bucket, detail=why)
        if found in (None, _GONE):
            await registry.leave(call, entry.bucket)
    return RELEASED


async def _listed(call: Call, bucket: str) -> bool:
    return bucket in [one.name for one in await call.cloud.objects.containers(prefix=bucket, limit=1)]


async def _expiring(call: Call, entry: Entry) -> list[Rule]:
    """Return the bucket's rules that expire objects or versions, as Swift holds them now."""
    wanted = await _rules(call, entry) or ()
    versioned = bool((await versions.state_of(call, entry.bucket)).status) if wanted else False
    return [rule for rule in wanted if rule.expires(versioned=versioned)]


async def _page(call: Call, entry: Entry, place: Place) -> list[ObjectRow] | None:
    """Return the next rows behind a place that rules may cover; None if there are no more."""
    store = call.cloud.objects
    wanted = await _expiring(call, entry)
    for prefix in prefixes(wanted):
        if prefix < place.key and not place.key.startswith(prefix):
            continue  # all its keys are before that place
        want = Listing(prefix=prefix, limit=MOST_KEYS)
        if place.key.startswith(prefix):
            want = replace(want, marker=place.key, version_marker=place.version)
        if (await versions.state_of(call, entry.bucket)).status:
            reading = store.versions(entry.bucket, want)
        else:
            reading = store.objects(entry.bucket, want)
        if rows := await absent_is(list[ObjectRow](), reading):
            return rows
    return None


async def _sweep_page(tools: Tools, call: Call, entry: Entry, page: Iterable[Found]) -> None:
    """Do what is due of a page, from its end: the oldest version of a key first.

    So the version that made another one noncurrent is still there when that one is deleted.  The versions of one key
    have their turns one after the other.
    """
    now = tools.now()
    wanted = await _expiring(call, entry)
    found = [one for one in page if _may_be_due(tools, wanted, one.version, now)]
    for batch in _batches(found[::-1]):
        wanted = await _expiring(call, entry)
        if not wanted:
            return
        work = [_expire_all(tools, call, entry, wanted, chain, now) for chain in chains(batch)]
        await gather_all(work, most=_AT_ONCE)


def _may_be_due(tools: Tools, wanted: Sequence[Rule], version: Version, now: datetime) -> bool:
    return due(wanted, version, now, tools.days) is not None or wants_tags(wanted, version, now, tools.days)


async def _expire_all(
    tools: Tools, call: Call, entry: Entry, wanted: Sequence[Rule], chain: Sequence[Found], now: datetime
) -> None:
    for found in chain:
        await _expire(tools, call, entry, wanted, found, now)


async def _expire(tools: Tools, call: Call, entry: Entry, wanted: Sequence[Rule], found: Found, now: datetime) -> None:
    """Delete a version if it is due; where its tags decide, they are read now, and again under the key's lock."""
    version, by_tags = found.version, wants_tags(wanted, found.version, now, tools.days)

    async def decided() -> Due | None:
        if not by_tags:
            return due(wanted, version, now, tools.days)
        which = found.id if version.noncurrent_since else ""
        stored = await absent_is(None, records.exact(call, entry.bucket, version.key, version=which))
        if stored is None:
            return None
        tagged = replace(version, tags=tags.of_stored(stored.metadata.get(TAGGING, "")))
        return due(wanted, tagged, now, tools.days)

    async def still_due() -> None:
        await check_unchanged(call, entry.bucket, found, wanted)
        if await decided() is None:
            raise precondition_failed("Tags")

    with_all_tags = due([replace(rule, tags=()) for rule in wanted], version, now, tools.days)
    if with_all_tags is None:  # the rule that it was found by has been removed
        return
    planned = None
    async with telling(tools, entry, with_all_tags, version.key, found.shown):
        planned = await decided()
    if planned:
        await act(tools, call, entry, planned, found, still_due)


def _batches(found: Sequence[T]) -> Iterator[Sequence[T]]:
    return (found[start : start + _AT_ONCE] for start in range(0, len(found), _AT_ONCE))


async def _sweep_uploads(tools: Tools, call: Call, entry: Entry) -> None:
    now = tools.now()
    for prefix in prefixes(await _aborting(call, entry)):
        for batch in _batches(await open_uploads(call, entry.bucket, prefix)):
            wanted = await _aborting(call, entry)
            if not wanted:
                return
            work = []
            for one in batch:
                initiated = second(one.initiated)
                if found := due_upload(wanted, one.key, initiated, now, tools.days):
                    work.append(abort(tools, call, entry, found, one.key, one.id, initiated))
            await gather_all(work, most=_AT_ONCE)


async def _aborting(call: Call, entry: Entry) -> list[Rule]:
    return [rule for rule in await _rules(call, entry) or () if rule.abort_days is not None]
