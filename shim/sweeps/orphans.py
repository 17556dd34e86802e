"""Removes the segments that no object uses: what a gateway leaves that dies between two of its requests to Swift.

The order makes it safe beside clients: first the segments are listed, then the uploads in progress, then the manifests
of all objects and versions.  A completion writes its manifest before it closes its upload, so one of both is seen.
Then, for each upload whose segments seem unused, the key's lock is taken, which completions hold too, and all is looked
at again, on all servers that have a copy.

Of versions that are not current only the listing tells, which Swift reads from any one container server, and that may
have been down.  So where versions are or were kept nothing goes, unless the operator vouches for the listings.

Segments are judged by the upload that they are of: all of them stay if one is used, or is younger than a day.  What is
not named as the gateway names it is left alone.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Final, NamedTuple
from urllib.parse import unquote

from adapters.errors import BackendError, Fault, absent_is
from adapters.ports.objects import ObjectStore
from adapters.types.objects import Listing, ObjectRow
from shim import log as lines
from shim.concurrency import gather_all
from shim.context import Call
from shim.errors import AwsError
from shim.s3 import names
from shim.s3.config.configuration import read
from shim.s3.lifecycle.registry import Entry
from shim.s3.objects import segments, versions
from shim.s3.objects.conditions import lock_of
from shim.s3.paging import MOST_KEYS, pages
from shim.s3.placement import places
from shim.sweeps.acting import LOCKS, OF_THE_BUCKET
from shim.sweeps.counts import DONE, FAILED, KEPT
from shim.sweeps.listed import second
from shim.sweeps.tools import Tools
from shim.undo import to_the_end

log = logging.getLogger(__name__)

ACTION: Final = "remove-segments"
FOUND: Final = "found"  # it would be done
# Not the day of lifecycle rules, which a setting shortens: an upload of a part or a PUT may be under way for hours.
DAY: Final = timedelta(days=1)
_OPERATION: Final = "SweepSegments"
_AT_ONCE: Final = 8
_BATCH: Final = 100  # segments that are deleted while the key's lock is held
_DEEPEST: Final = 10  # Swift reads manifests in manifests down to here
# <key>/<upload id> is an upload in progress, <key>/<upload id>/<number> a segment.
_named: Final = re.compile(r"(.*)/(u[0-9a-f]{47}(?:_[a-z0-9-]{1,64})?)(?:/([1-9][0-9]{0,5}))?", re.DOTALL).fullmatch


class Group(NamedTuple):
    """The segments of one upload."""

    container: str
    key: str
    upload: str

    @property
    def prefix(self) -> str:
        """What their names begin with."""
        return f"{self.key}/{self.upload}/"

    def has(self, name: str) -> bool:
        """Return whether an object of the container is one of them."""
        found = _named(name)
        return found is not None and (found[1], found[2]) == (self.key, self.upload) and found[3] is not None

    @property
    def path(self) -> str:
        """What their paths begin with."""
        return segments.path(self.container, self.prefix)


class Way(NamedTuple):
    """How buckets are swept: `dry` only tells what would go; `versions_too` trusts the listings of versions.

    What is younger than `age` stays.
    """

    dry: bool
    versions_too: bool
    age: timedelta


async def sweep_segments(
    tools: Tools,
    targets: Iterable[str],
    *,
    dry: bool = False,
    versions_too: bool = False,
    age: timedelta = DAY,
) -> bool:
    """Sweep buckets, or all of a project; return whether all could be done.

    A target is `<project id>/<bucket>` or `<project id>`.
    """
    way = Way(dry, versions_too, age)
    fine = True
    for target in targets:
        project, slash, bucket = target.partition("/")
        if not project or (slash and not bucket):  # not all of a project for a variable that was not set
            log.warning("segments: %r is neither a project nor a project and a bucket", target)
            fine = False
            continue
        try:
            entries = [Entry(project, bucket)] if bucket else await _of_project(tools, project)
        except BackendError as error:
            log.warning("segments: project %s is left: %s", project, error)
            fine = False
            continue
        for entry in entries:
            fine = await _told(tools, entry, way) and fine
    return fine


async def _of_project(tools: Tools, project: str) -> list[Entry]:
    """Return the buckets of a project that have segments."""
    call = await tools.call(Entry(project, ""), _OPERATION)
    found, marker = set[str](), ""
    while page := await call.cloud.objects.containers(marker=marker, limit=MOST_KEYS):
        marker = page[-1].name
        found.update(one.name for one in page)
    return [Entry(project, bucket) for bucket in sorted(found) if names.segments(bucket) in found]


async def _told(tools: Tools, entry: Entry, way: Way) -> bool:
    """Sweep a bucket and write how it ended; return whether nothing failed."""
    try:
        found = await sweep_bucket(tools, entry, way)
    except (BackendError, AwsError) as error:
        log.warning("segments: bucket %s of project %s is left: %s", entry.bucket, entry.project, error)
        return False
    said = ", ".join(f"{number} {outcome}" for outcome, number in sorted(found.items())) or "none without an object"
    log.info("segments: bucket %s of project %s: uploads: %s", entry.bucket, entry.project, said)
    return not found[FAILED]


async def sweep_bucket(tools: Tools, entry: Entry, way: Way) -> Counter[str]:
    """Remove a bucket's unused segments; return for how many uploads it ended how."""
    call, outcomes = await tools.call(entry, _OPERATION), Counter[str]()
    await read(call, entry.bucket)  # raises for a missing bucket, with which its segments went
    if not (await call.cloud.objects.limits()).manifests:
        raise AwsError("NotImplemented", "This object store does not show which segments an object has.", 501)
    if (await versions.state_of(call, entry.bucket)).status and not way.versions_too:
        raise AwsError("NotImplemented", "It has versions, of which only listings tell: see --versions-too.", 501)
    unused = await _old(tools, call, entry.bucket, way)
    if unused:
        await _spare_used(tools, call, entry.bucket, unused)
    if unused and await _has_dynamic(tools, call, entry.bucket):
        log.warning("segments: bucket %s has dynamic large objects, whose segments are not known", entry.bucket)
        return Counter({KEPT: len(unused)})
    for group in sorted(unused):
        outcomes[await _act(tools, call, entry, group, way)] += 1
    return outcomes


async def _old(tools: Tools, call: Call, bucket: str, way: Way) -> set[Group]:
    """Return the uploads that have segments, and none younger than the age asked for, and are not in progress.

    The bucket's own container comes last: uploads in progress are noted there.
    """
    before = tools.now() - way.age
    old, young, in_progress = set[Group](), set[Group](), set[tuple[str, str]]()

    async def read(container: str) -> None:
        async for page in pages(call.cloud.objects, container):
            for row in page:
                if not (found := _named(row["name"])):
                    continue
                if found[3] is None:
                    in_progress.add((found[1], found[2]))
                    continue
                (old if second(row["last_modified"]) < before else young).add(Group(container, found[1], found[2]))

    for container in reversed(await places.containers(call, bucket)):
        await absent_is(None, read(container))
    return {one for one in old - young if (one.key, one.upload) not in in_progress}


async def _spare_used(tools: Tools, call: Call, bucket: str, unused: set[Group]) -> None:
    """Take out what any object or version of the bucket uses, whatever its key.

    Swift's own tools may have copied a manifest under another name, so one that is listed and cannot be read may use
    anything: UNAVAILABLE is raised.
    """
    by_path = {group.path: group for group in unused}

    async def spare(row: ObjectRow) -> None:
        version = row.get("version_id", "")
        await tools.pace.turn()
        used = await absent_is(None, _used(call.cloud.objects, bucket, row["name"], version))
        if used is None and await _is_listed(call, bucket, row):
            detail = f"large object {row['name']!r} is listed and cannot be read, so what it uses is not known"
            raise BackendError(Fault.UNAVAILABLE, service="object-store", resource="object", detail=detail)
        for path in {path.rpartition("/")[0] + "/" for path in used or ()}:
            if path in by_path:
                unused.discard(by_path[path])

    async for rows in _rows(call, bucket):
        await gather_all((spare(row) for row in rows if "slo_etag" in row), most=_AT_ONCE)
        for linked in (unquote(str(row.get("symlink_path", ""))) for row in rows):
            path = linked.split("/", 3)[-1].rpartition("/")[0] + "/"  # of /v1/<account>/<container>/<name>
            if path in by_path:
                unused.discard(by_path[path])


async def _is_listed(call: Call, bucket: str, row: ObjectRow) -> bool:
    """Return whether a listing still has a row: no more if the object was deleted since the first one."""
    if "version_id" in row:
        return any(one["version_id"] == row["version_id"] for one in await versions.of_key(call, bucket, row["name"]))
    rows = await call.cloud.objects.objects(bucket, Listing(prefix=row["name"], limit=1))
    return any(one["name"] == row["name"] for one in rows)


async def _has_dynamic(tools: Tools, call: Call, bucket: str) -> bool:
    """Return whether the bucket has dynamic large objects, which name their segments by a prefix alone."""

    async def is_dynamic(row: ObjectRow) -> bool:
        await tools.pace.turn()
        reading = call.cloud.objects.head(bucket, row["name"], version=row.get("version_id", ""))
        stored = await absent_is(None, reading)
        return stored is not None and stored.layout == "dynamic"

    async for rows in _rows(call, bucket):
        empty = [row for row in rows if not row["bytes"] and "slo_etag" not in row and not versions.is_marker(row)]
        if any(await gather_all(map(is_dynamic, empty), most=_AT_ONCE)):
            return True
    return False


async def _rows(call: Call, bucket: str) -> AsyncIterator[Sequence[ObjectRow]]:
    """Yield all objects of a bucket, with all versions where it has or had them."""
    store, want = call.cloud.objects, Listing(limit=MOST_KEYS)
    versioned = bool((await versions.state_of(call, bucket)).status)
    while rows := await (store.versions(bucket, want) if versioned else store.objects(bucket, want)):
        yield rows
        want = replace(want, marker=rows[-1]["name"], version_marker=rows[-1].get("version_id", ""))


async def _act(tools: Tools, call: Call, entry: Entry, group: Group, way: Way) -> str:
    """Remove an upload's segments if they still are unused; write and return the outcome."""
    code, number = "", 0
    try:
        outcome, number = await to_the_end(_remove(tools, call, entry.bucket, group, way))
    except AwsError as error:
        outcome, code = FAILED, error.code
    except BackendError as error:
        held = error.service == LOCKS
        if error.fault in OF_THE_BUCKET and not held:
            raise
        outcome, code = KEPT if held else FAILED, error.fault.value
    tools.counts.lifecycle_action(ACTION, outcome)
    lines.write_audit(
        ACTION,
        project=entry.project,
        bucket=entry.bucket,
        container=group.container,
        key=group.key,
        upload=group.upload,
        segments=number,
        outcome=outcome,
        code=code,
    )
    return outcome


async def _remove(tools: Tools, call: Call, bucket: str, group: Group, way: Way) -> tuple[str, int]:
    """Remove the segments if they still are unused; return the outcome and how many they are.

    The key's lock is free between the batches, so that clients' writes of the key do not wait for long.
    """
    store, before = call.cloud.objects, tools.now() - way.age
    found, gone = list[str](), 0
    while True:
        await tools.pace.turn()
        async with call.locks.hold(*lock_of(call, bucket, group.key)):
            if await _is_used(call, bucket, group, way, before):
                return KEPT, gone
            found = found or await _names(store, group, before)
            if not found:
                return KEPT, gone
            if way.dry:
                return FOUND, len(found)
            batch, found = found[:_BATCH], found[_BATCH:]
            left = await store.delete_many(group.container, batch)
        gone += len(batch) - len(left)
        if left or not found:
            return (FAILED if left else DONE), gone


async def _names(store: ObjectStore, group: Group, before: datetime) -> list[str]:
    """Return the names of an upload's segments; none if one of them is young."""
    rows = [row async for page in pages(store, group.container, group.prefix) for row in page]
    rows = [row for row in rows if group.has(row["name"])]  # other keys may begin so
    young = any(second(row["last_modified"]) >= before for row in rows)
    return [] if young else [row["name"] for row in rows]


async def _is_used(call: Call, bucket: str, group: Group, way: Way, before: datetime) -> bool:
    """Look again, under the key's lock; return whether segments of an upload may be used or come to be used.

    An object of the key from after `before` counts as one that uses them: something may still be under way.
    """
    store, key = call.cloud.objects, group.key
    await read(call, bucket)  # versions may have been enabled since
    versioned = bool((await versions.state_of(call, bucket)).status)
    if versioned and not way.versions_too:
        return True
    in_progress = store.head(names.segments(bucket), names.marker(key, group.upload), newest=True)
    if await absent_is(None, in_progress) is not None:
        return True
    current = await absent_is(None, store.head(bucket, key, newest=True), resource="object")
    if current is not None:
        unknown = current.modified >= before or (current.version and not versioned)
        if unknown or (current.layout == "static" and await _uses(store, bucket, group)):
            return True
    if versioned:
        for row in await versions.of_key(call, bucket, key):
            if "slo_etag" in row and await _uses(store, bucket, group, row["version_id"]):
                return True
    return False


async def _uses(store: ObjectStore, bucket: str, group: Group, version: str = "") -> bool:
    """Return whether the newest copy of a manifest of the key uses a segment of an upload, or cannot be read."""
    used = await absent_is(None, _used(store, bucket, group.key, version, newest=True))
    return used is None or any(path.startswith(group.path) for path in used)


async def _used(
    store: ObjectStore, container: str, name: str, version: str = "", *, newest: bool = False, below: int = _DEEPEST
) -> list[str]:
    """Return the paths of all that a manifest uses, and the manifests that it names.

    Other than for a deletion, a manifest in it that is missing is NOT_FOUND: a server may be down.
    """
    laid = await store.segments(container, name, version=version, newest=newest)
    nested = [one for one in laid if one.nested and below]
    deeper = (_used(store, one.container, one.name, newest=newest, below=below - 1) for one in nested)
    found = await gather_all(deeper, most=_AT_ONCE)
    return [*(segments.path(one.container, one.name) for one in laid), *chain.from_iterable(found)]
