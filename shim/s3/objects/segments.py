"""Lists the segments of a multipart object before it is replaced or deleted, and deletes them afterwards.

Swift deletes or replaces a manifest and keeps its segments.  The old object is looked up only if the bucket's container
of segments exists, so buckets without multipart uploads cost almost nothing.  Segments may also lie under other storage
policies, in containers beside that one.  Those elsewhere were stored by other clients of Swift and are kept.

A segment is named by its path here, which is its container, a slash and its name.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from adapters.errors import BackendError, Fault, absent_is
from adapters.ports.objects import ObjectStore
from adapters.types.objects import Segment, Stored
from shim.concurrency import gather_all
from shim.context import Call
from shim.s3 import names, paging
from shim.s3.objects.headers import UPLOAD
from shim.s3.placement import places

log = logging.getLogger(__name__)

_AT_ONCE = 8
_MOST_LISTED = 10_000


async def behind(call: Call, bucket: str, key: str) -> list[str]:
    """Return the paths of an object's segments in the bucket's containers of segments.

    A Swift symlink has none: a write or a deletion changes the link, not its target.
    """
    store = call.cloud.objects
    if not await places.may_be_there(call, bucket):
        return []
    # An absent object has no segments; the write that follows reports a missing bucket.
    stored = await absent_is(None, store.head(bucket, key, link=True))
    return await absent_is([], of(store, bucket, key, stored)) if stored else []


async def of(store: ObjectStore, bucket: str, key: str, stored: Stored) -> list[str]:
    """Return the segments' paths of an object with this description, nested manifests included."""
    return await of_manifest(store, bucket, key) if stored.layout == "static" else []


async def of_manifest(store: ObjectStore, bucket: str, key: str, version: str = "") -> list[str]:
    """Return the segments' paths of a static large object, or of a version of it; none for any other object."""
    mine = _of_bucket(bucket, await laid(store, bucket, key, version))
    for start in range(0, len(mine), _AT_ONCE):
        nested = [segment for segment in mine[start : start + _AT_ONCE] if segment.nested]
        # A missing nested manifest counts as empty; else its object could never be replaced or deleted.
        for below in await gather_all(absent_is([], store.segments(one.container, one.name)) for one in nested):
            mine += _of_bucket(bucket, below)
    return [path(segment.container, segment.name) for segment in mine]


def _of_bucket(bucket: str, found: Sequence[Segment]) -> list[Segment]:
    return [segment for segment in found if names.has_segments(segment.container, bucket)]


def path(container: str, name: str) -> str:
    """Return the path of a segment; no container's name has a slash."""
    return f"{container}/{name}"


async def laid(store: ObjectStore, bucket: str, key: str, version: str = "") -> list[Segment]:
    """Return the segments of a static large object in order, one level deep; none for any other object."""
    try:
        return await store.segments(bucket, key, version=version)
    except BackendError as error:
        if error.fault is not Fault.UNSUPPORTED:
            raise
    return await _parts(store, bucket, key, version)


async def _parts(store: ObjectStore, bucket: str, key: str, version: str) -> list[Segment]:
    """Return the parts of the upload that made an object, from their listing, for a server that shows no manifests.

    A completion deletes the parts that do not become segments.
    """
    stored = await store.head(bucket, key, version=version)
    upload = stored.metadata.get(UPLOAD, "")
    if stored.layout != "static" or not names.is_upload_id(upload):  # the latter: made by another client
        return []
    container, prefix, found = names.parts(bucket, upload), f"{names.marker(key, upload)}/", dict[int, Segment]()
    async for page in paging.pages(store, container, prefix):
        for row in page:
            if (number := row["name"][len(prefix) :]).isdecimal():
                found[int(number)] = Segment(container, row["name"], row["bytes"], row["hash"])
    return [segment for _, segment in sorted(found.items())]


async def remove(call: Call, bucket: str, gone: Sequence[str]) -> None:
    """Delete segments that no object uses any more.

    The object is already written or deleted, so a failure is only logged: the segments stay in their container.
    """
    by_container: dict[str, list[str]] = {}
    for container, _, name in (one.partition("/") for one in gone):
        by_container.setdefault(container, []).append(name)
    for container, found in by_container.items():
        try:
            left = len(await call.cloud.objects.delete_many(container, found))
        except BackendError as error:
            log.warning("request %s: segments of %s stay behind: %s", call.request_id, bucket, error)
            continue
        if left:
            log.warning("request %s: %d segments of %s stay behind", call.request_id, left, bucket)


async def candidates(call: Call, bucket: str, keys: Sequence[str]) -> frozenset[str]:
    """Return the keys that may have segments, from a listing, or all if the bucket has very many segments."""
    store = call.cloud.objects
    if not keys or not await places.may_be_there(call, bucket):
        return frozenset()
    every: set[str] = set()
    for container in await places.containers(call, bucket):
        # The container is absent: the cached answer was older than its deletion.
        found = await absent_is(set[str](), _with_segments(store, container))
        if found is None:
            return frozenset(keys)
        every |= found
    return frozenset(every.intersection(keys))


async def _with_segments(store: ObjectStore, container: str) -> set[str] | None:
    """Return the keys that the container has segments of, or None if it has more than _MOST_LISTED."""
    found: set[str] = set()
    listed = 0
    async for page in paging.pages(store, container):
        found.update(row["name"].rsplit("/", 2)[0] for row in page)
        listed += len(page)
        if listed > _MOST_LISTED:  # to look up each object costs no more
            return None
    return found
