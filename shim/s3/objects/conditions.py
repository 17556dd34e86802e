"""Conditions: on reads by RFC 9110's precedence, on writes under a lock, for Swift has only `If-None-Match: *`.

Swift silently ignores If-Match on PUT and DELETE, and lets two writers pass `If-None-Match: *` who come at once.  So a
conditional write looks at the object and commits while a lock is held that all gateways share: among conditional
writers exactly one wins.  A write without conditions, or by Swift's own API, takes no lock.
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
from shim.protocol.values import only
from shim.s3.errors import no_such_key, precondition_failed
from shim.s3.objects.headers import etag_of
from shim.s3.objects.s3_middleware import with_s3_etag
from shim.undo import to_the_end

T = TypeVar("T")

_READING = tuple(
    frozenset(prefix + name for name in ("IfMatch", "IfNoneMatch", "IfModifiedSince", "IfUnmodifiedSince"))
    for prefix in ("", "CopySource")
)
# Headers of a 304, by the parameters that ask for another value than the object's.
_CACHING = {"Cache-Control": "ResponseCacheControl", "Expires": "ResponseExpires"}
# "Expects the '*' (asterisk) character" (PutObject).
ABSENT = {"IfNoneMatch": only("*")}
WRITING = frozenset({"IfMatch", "IfNoneMatch", "IfMatchLastModifiedTime", "IfMatchSize"})
_FREE = nullcontext()


def matches(header: str, etag: str) -> bool:
    """Say whether a list of entity tags, or `*`, names this ETag (given without quotes)."""
    wanted = (piece.strip().removeprefix("W/").strip('"') for piece in header.split(","))
    return any(tag in ("*", etag) for tag in wanted)


def check_read(req: Mapping[str, Any], stored: Stored, *, copying: bool = False) -> None:
    """Hold a read's conditions (with `copying`, those on the source) against an object.

    Raises 412, or 304 for what a cache asks; a source always fails with 412 (CopyObject).  RFC 9110, 13.2.2: If-Match
    before If-Unmodified-Since, If-None-Match before If-Modified-Since, and the second of each pair only without the
    first.
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
    """Say whether a range may be taken from this object: If-Range, of a download that goes on, names no other one.

    RFC 9110, 13.1.5: a strong comparison, so that a weak tag names none, and a date must be Last-Modified exactly.
    """
    told = req.get("IfRange")
    etag = etag_of(stored)
    return told is None or told.strip() in (f'"{etag}"', etag, _last_modified(stored))


def _last_modified(stored: Stored) -> str:
    return format_datetime(stored.modified, usegmt=True)


def not_modified(req: Mapping[str, Any], stored: Stored) -> AwsError:
    """Tell a cache that its copy is valid.

    "The server generating a 304 response MUST generate any of the following header fields that would have been sent in
    a 200 (OK) response to the same request: Content-Location, Date, ETag, and Vary; Cache-Control and Expires" (RFC
    9110, 15.4.5).  S3 sends Last-Modified as well, and no object has a Content-Location or Vary.
    """
    headers = {"ETag": f'"{etag_of(stored)}"', "Last-Modified": _last_modified(stored)}
    for name, asked in _CACHING.items():
        value = req.get(asked) or stored.headers.get(name.lower())
        if value:
            headers[name] = safe(format_datetime(value, usegmt=True) if isinstance(value, datetime) else value)
    return AwsError("NotModified", "Not Modified", 304, headers=headers)


class WriteCondition:
    """What must hold of an object, `None` where it is absent, at the moment when it is written or deleted."""

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
        """Whether Swift can hold the condition as well."""
        return self.none is not None

    def check(self, key: str, stored: Stored | None, *, deleting: bool = False) -> None:
        """Raise 412, or 404 where an object that must match is not there; to delete that is no error.

        "If the ETag matches or if the object doesn't exist, the operation will return a 204" (DeleteObject).
        """
        if stored is None:
            if deleting:
                return
            if self.match is not None or self.modified is not None or self.size is not None:
                raise no_such_key(key)
            return
        if self.none is not None:
            raise precondition_failed("If-None-Match")
        if self.match is not None and not matches(self.match, etag_of(stored)):
            raise precondition_failed("If-Match")
        if self.modified is not None and self.modified.replace(microsecond=0) != stored.modified:
            raise precondition_failed("x-amz-if-match-last-modified-time")
        if self.size is not None and self.size != stored.size:
            raise precondition_failed("x-amz-if-match-size")


def on_write(req: Mapping[str, Any]) -> WriteCondition | None:
    """Return what a request demands of the object that it writes; None where it demands nothing, as most do."""
    return None if WRITING.isdisjoint(req) else WriteCondition(req)


def holding(
    call: Call, bucket: str, key: str, condition: WriteCondition | None, *, deleting: bool = False
) -> AbstractAsyncContextManager[None]:
    """Run a block that writes an object while its condition holds; without a condition, just run it."""
    return _held(call, bucket, key, condition, deleting) if condition else _FREE


@asynccontextmanager
async def _held(call: Call, bucket: str, key: str, condition: WriteCondition, deleting: bool) -> AsyncIterator[None]:
    async with call.locks.hold(*lock_of(call, bucket, key)):
        condition.check(key, await present(call, bucket, key), deleting=deleting)
        yield


def lock_of(call: Call, bucket: str, key: str) -> tuple[str, ...]:
    """Name the lock of those who write an object on condition."""
    return "s3", call.caller.project_id, bucket, key


async def present(call: Call, bucket: str, key: str) -> Stored | None:
    """Return the object, or None where there is none; a missing bucket is an error all the same."""

    async def found() -> Stored:
        return await with_s3_etag(call, bucket, key, await call.cloud.objects.head(bucket, key))

    return await absent_is(None, found(), resource="object")


async def check_not_overtaken(call: Call, target: tuple[str, str], written: Written) -> None:
    """Raise ConditionalRequestConflict where a long write was stored behind what others did while it came.

    Its condition held at its beginning and at its end, but Swift orders by beginnings: the object may have been made
    and deleted in between, or changed back.  "If a conflicting operation occurs during the upload S3 returns a 409
    ConditionalRequestConflict response" (PutObject).
    """
    found = await present(call, *target)
    # An older object is what a server that was down still shows.  Both times are whole seconds, so equal ones tell
    # nothing.
    if found is None or (found.etag != written.etag and found.modified >= written.modified):
        raise AwsError(
            "ConditionalRequestConflict",
            "The conditional request cannot succeed due to a conflicting operation against this resource.",
            409,
        )


async def write_when_held(
    body: AsyncIterator[bytes],
    write: Callable[[AsyncIterator[bytes]], Awaitable[T]],
    hold: Callable[[], AbstractAsyncContextManager[Any]],
) -> T:
    """Write a long body, entering `hold()` only for its last piece, so that a slow client keeps nobody waiting.

    Until then nothing is stored, and a `hold` that raises breaks the upload off.  From then on the write goes to its
    end even where its caller is cancelled: nobody else may hold what is still being written.
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
