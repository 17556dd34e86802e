"""Conditional requests: reads follow RFC 9110's precedence; writes take a lock.

Swift ignores If-Match on PUT and DELETE, and two simultaneous writers can both pass its `If-None-Match: *`.  So a
conditional write checks the object and commits under a lock that all gateways share: among conditional writers exactly
one wins.  A write without conditions, or by Swift's own API, takes no lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import datetime
from email.utils import format_datetime
from typing import Any, TypeVar

from adapters.errors import absent_is
from adapters.types.objects import Stored, Written
from shim.context import Call
from shim.errors import AwsError
from shim.protocol.headers import safe
from shim.s3.errors import no_such_key, precondition_failed
from shim.s3.objects.headers import etag_of, with_plain_size
from shim.s3.objects.s3_middleware import with_s3_etag
from shim.undo import to_the_end

T = TypeVar("T")
LastCheck = Callable[[], Awaitable[None]]

_READING = tuple(
    frozenset(prefix + name for name in ("IfMatch", "IfNoneMatch", "IfModifiedSince", "IfUnmodifiedSince"))
    for prefix in ("", "CopySource")
)
# Headers of a 304, by the response-* parameters that override them.
_CACHING = {"Cache-Control": "ResponseCacheControl", "Expires": "ResponseExpires"}
WRITING = frozenset({"IfMatch", "IfNoneMatch", "IfMatchLastModifiedTime", "IfMatchSize"})
_FREE = nullcontext()


def matches(header: str, etag: str) -> bool:
    """Return whether a list of entity tags, or `*`, matches this ETag (without quotes)."""
    wanted = (piece.strip().removeprefix("W/").strip('"') for piece in header.split(","))
    return any(tag in ("*", etag) for tag in wanted)


def check_read(req: Mapping[str, Any], stored: Stored, *, copying: bool = False) -> None:
    """Check a read's conditions (with `copying`, those on the source) against an object.

    Raises 412, or 304 if If-None-Match or If-Modified-Since fails; a copy's source always fails with 412 (CopyObject).
    RFC 9110, 13.2.2: If-Match before If-Unmodified-Since, If-None-Match before If-Modified-Since, and the second of
    each pair only without the first.
    """
    if _READING[copying].isdisjoint(req):
        return
    prefix = "CopySource" if copying else ""
    name = "x-amz-copy-source-{}" if copying else "{}"
    etag = etag_of(stored)
    modified = stored.modified
    match, unmodified = req.get(prefix + "IfMatch"), req.get(prefix + "IfUnmodifiedSince")
    if match is not None:
        if not matches(match, etag):
            raise precondition_failed(name.format("If-Match"))
    elif isinstance(unmodified, datetime) and modified > unmodified:
        raise precondition_failed(name.format("If-Unmodified-Since"))
    none, since = req.get(prefix + "IfNoneMatch"), req.get(prefix + "IfModifiedSince")
    if none is not None:
        if matches(none, etag):
            raise precondition_failed(name.format("If-None-Match")) if copying else not_modified(req, stored)
    elif isinstance(since, datetime) and modified <= since:
        raise precondition_failed(name.format("If-Modified-Since")) if copying else not_modified(req, stored)


def same_for_range(req: Mapping[str, Any], stored: Stored) -> bool:
    """Return whether a range may be served: If-Range is absent or matches the object.

    RFC 9110, 13.1.5: the comparison is strong, so a weak tag never matches, and a date must equal Last-Modified.
    """
    told = req.get("IfRange")
    etag = etag_of(stored)
    return told is None or told.strip() in (f'"{etag}"', etag, _last_modified(stored))


def _last_modified(stored: Stored) -> str:
    return format_datetime(stored.modified, usegmt=True)


def not_modified(req: Mapping[str, Any], stored: Stored) -> AwsError:
    """Return the 304 that tells a cache that its copy is valid.

    "The server generating a 304 response MUST generate any of the following header fields that would have been sent in
    a 200 (OK) response to the same request: Content-Location, Date, ETag, and Vary; Cache-Control and Expires" (RFC
    9110, 15.4.5).  S3 sends Last-Modified as well.  Objects have no Content-Location and no Vary.
    """
    headers = {"ETag": f'"{etag_of(stored)}"', "Last-Modified": _last_modified(stored)}
    for name, asked in _CACHING.items():
        value = req.get(asked) or stored.headers.get(name.lower())
        if value:
            headers[name] = safe(format_datetime(value, usegmt=True) if isinstance(value, datetime) else value)
    return AwsError("NotModified", "Not Modified", 304, headers=headers)


class WriteCondition:
    """The condition that must hold when an object is written or deleted."""

    def __init__(self, req: Mapping[str, Any]) -> None:
        self.match: str | None = req.get("IfMatch")
        self.none: str | None = req.get("IfNoneMatch")
        self.modified: datetime | None = req.get("IfMatchLastModifiedTime") or req.get("LastModifiedTime")
        self.size: int | None = req.get("IfMatchSize") if "IfMatchSize" in req else req.get("Size")
        if "IfMatch" not in req and "ETag" in req:  # DeleteObjects names it so
            self.match = req["ETag"]

    def __bool__(self) -> bool:
        return not (self.match is None and self.none is None and self.modified is None and self.size is None)

    @property
    def if_absent(self) -> bool:
        """Whether the condition is `If-None-Match: *`, which Swift checks too."""
        return self.none is not None and self.none.strip() == "*"

    def check(self, key: str, stored: Stored | None, *, deleting: bool = False) -> None:
        """Raise 412, or 404 if an object that must match is absent (None); deleting an absent object is no error.

        "If the ETag matches or if the object doesn't exist, the operation will return a 204" (DeleteObject).  AWS
        documents If-None-Match of a write for `*` alone; entity tags mean what RFC 9110, 13.1.2 says.
        """
        if stored is None:
            if deleting:
                return
            if self.match is not None or self.modified is not None or self.size is not None:
                raise no_such_key(key)
            return
        if self.none is not None and matches(self.none, etag_of(stored)):
            raise precondition_failed("If-None-Match")
        if self.match is not None and not matches(self.match, etag_of(stored)):
            raise precondition_failed("If-Match")
        if self.modified is not None and self.modified.replace(microsecond=0) != stored.modified:
            raise precondition_failed("x-amz-if-match-last-modified-time")
        if self.size is not None and self.size != stored.size:
            raise precondition_failed("x-amz-if-match-size")


def on_write(req: Mapping[str, Any]) -> WriteCondition | None:
    """Return the condition of a write request, or None."""
    return None if WRITING.isdisjoint(req) else WriteCondition(req)


def holding(
    call: Call,
    bucket: str,
    key: str,
    condition: WriteCondition | None,
    *,
    deleting: bool = False,
    always: bool = False,
    last: LastCheck | None = None,
) -> AbstractAsyncContextManager[Stored | None]:
    """Check a condition and run the block that writes under its lock; the block gets the object that was checked.

    Without a condition just run the block, under the lock if `always`; it gets None.  `last` is a further check, which
    is done under that lock and may raise.
    """
    return _held(call, bucket, key, condition, deleting, last) if condition or always else _FREE


@asynccontextmanager
async def _held(
    call: Call, bucket: str, key: str, condition: WriteCondition | None, deleting: bool, last: LastCheck | None
) -> AsyncIterator[Stored | None]:
    async with call.locks.hold(*lock_of(call, bucket, key)):
        seen = await present(call, bucket, key) if condition else None
        if condition:
            condition.check(key, seen, deleting=deleting)
        if last:
            await last()
        yield seen


def lock_of(call: Call, bucket: str, key: str) -> tuple[str, ...]:
    """Return the name of the lock for conditional writes of an object."""
    return "s3", call.caller.project_id, bucket, key


async def present(call: Call, bucket: str, key: str) -> Stored | None:
    """Return the object, or None if it is absent; raise if the bucket is missing."""

    async def found() -> Stored:
        stored = await with_s3_etag(call, bucket, key, await call.cloud.objects.head(bucket, key))
        return with_plain_size(stored)

    return await absent_is(None, found(), resource="object")


async def check_not_overtaken(call: Call, target: tuple[str, str], written: Written) -> None:
    """Raise ConditionalRequestConflict if another write happened while a long upload was received.

    Swift orders writes by their start.  The condition held at the start and at the end, but in between the object may
    have been created and deleted, or changed and changed back.  "If a conflicting operation occurs during the upload S3
    returns a 409 ConditionalRequestConflict response" (PutObject).
    """
    found = await present(call, *target)
    # A server that was down may still show an older object.  Both times are in whole seconds, so equal times prove
    # nothing.
    mine = found is not None and written.etag in (found.etag, etag_of(found))
    if found is None or (not mine and found.modified >= written.modified):
        raise conflict()


def conflict() -> AwsError:
    """Return the error for a conditional request that another one overtook."""
    return AwsError(
        "ConditionalRequestConflict",
        "The conditional request cannot succeed due to a conflicting operation against this resource.",
        409,
    )


async def write_when_held(
    body: AsyncIterator[bytes],
    write: Callable[[AsyncIterator[bytes]], Awaitable[T]],
    hold: Callable[[], AbstractAsyncContextManager[Any]],
) -> T:
    """Write a long body and enter `hold()` only for its last piece, so that a slow client does not hold the lock.

    Nothing is stored before that, and a `hold` that raises aborts the upload.  After that the write runs to its end
    even if its caller is cancelled: the lock must not be released during a write.
    """
    reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def pieces() -> AsyncIterator[bytes]:
        last = b""
        async for piece in body:
            if last:
                yield last
            last = piece
        reached.set_result(None)
        await granted
        yield last

    writing = asyncio.ensure_future(write(pieces()))
    try:
        waiting: set[asyncio.Future[Any]] = {writing, reached}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if writing.done():
            return await writing
        try:
            async with hold():
                granted.set_result(None)
                return await to_the_end(writing)
        except AwsError as refused:
            if not granted.done():
                granted.set_exception(refused)
            return await writing
    finally:
        if not granted.done():
            granted.cancel()
        if not writing.done():
            writing.cancel()
            await asyncio.wait({writing})
