"""Stores an object under another storage policy than its bucket: a segment with its bytes, and a manifest.

So it is laid out as an upload of one part is, and whatever reads, replaces, lists and deletes multipart objects does so
here.  Its S3 ETag is that of the segment, kept where multipart objects keep theirs.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from adapters.errors import BackendError, Fault, absent_is
from adapters.ports.objects import ObjectWriter
from adapters.types.objects import Description, Segment, Stored, Written
from shim.context import Call
from shim.s3 import names
from shim.s3.config.configuration import SWIFT_VERSIONS, configuration
from shim.s3.encryption.envelope import has_no_md5
from shim.s3.objects import segments, versions
from shim.s3.objects.headers import kept_etag
from shim.s3.placement import places

log = logging.getLogger(__name__)

_BYTES: Final = Description("application/octet-stream")
# These prove that the manifest was not stored.
_REFUSED: Final = frozenset((Fault.INVALID, Fault.TOO_LARGE, Fault.QUOTA, Fault.FORBIDDEN, Fault.NOT_FOUND))


async def writer(call: Call, bucket: str, policy: str) -> ObjectWriter:
    """Return what stores new objects of a bucket under a storage policy, '' for the bucket's own."""
    if not policy:
        return call.cloud.objects
    await places.prepare(call, bucket, policy)
    return _Elsewhere(call, policy)


async def take_back(call: Call, store: ObjectWriter, target: tuple[str, str], version: str) -> None:
    """Remove what a writer has just stored and what another write overtook: its version, if it is one, and its segment.

    Whatever other object is there stays.
    """
    if version:
        await versions.remove(call, *target, version, ())
    if isinstance(store, _Elsewhere):
        for segment in store.made:
            await store.settled(*target, segment, removed=bool(version))


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """Stores objects under a storage policy.

    Empty ones, which have no bytes to lie anywhere, and those whose keys leave no room for the name of a segment are
    stored in the bucket itself.
    """

    call: Call
    policy: str
    made: list[Segment] = field(default_factory=list)  # of objects that were stored

    async def put(
        self,
        container: str,
        name: str,
        body: bytes | AsyncIterable[bytes],
        length: int | None,
        description: Description,
    ) -> Written:
        """Store an object."""
        store = self.call.cloud.objects
        place, segment = self._segment(container, name)
        if length == 0 or await self._is_too_long(segment):
            return await store.put(container, name, body, length, description)
        if isinstance(body, bytes):
            written = await self._written(container, lambda: store.put(place, segment, body, length, _BYTES))
            return await self._shown(container, name, Segment(place, segment, len(body), written.etag), description)
        counted = _Counted(body)
        written = await self._written(
            container, lambda: store.put(place, segment, aiter(counted), length, _BYTES), repeatable=False
        )
        return await self._shown(container, name, Segment(place, segment, counted.bytes, written.etag), description)

    async def copy(
        self,
        source: tuple[str, str],
        target: tuple[str, str],
        description: Description,
        *,
        seen: Stored,
        span: str = "",
        version: str = "",
    ) -> Written:
        """Copy an object."""
        store = self.call.cloud.objects
        place = self._segment(*target)
        if not seen.size or await self._is_too_long(place[1]):
            return await store.copy(source, target, description, seen=seen, span=span, version=version)
        written = await self._written(
            target[0], lambda: store.copy(source, place, _BYTES, seen=seen, span=span, version=version)
        )
        return await self._shown(*target, Segment(*place, seen.size, written.etag), description)

    def _segment(self, bucket: str, key: str) -> tuple[str, str]:
        """Return the container and the name of a new segment, which are those of an upload's first part."""
        return names.segments(bucket, self.policy), names.part(key, names.new_upload_id(self.policy), 1)

    async def _is_too_long(self, segment: str) -> bool:
        limits = await self.call.cloud.objects.limits()
        return len(segment.encode("utf-8", "surrogateescape")) > limits.name_bytes

    async def _written(
        self, bucket: str, write: Callable[[], Awaitable[Written]], *, repeatable: bool = True
    ) -> Written:
        """Write a segment; make its container again if it is gone, though it is remembered to be there."""
        written = await absent_is(None, write(), resource="container")
        if written is None:
            await places.make(self.call, bucket, self.policy)  # raises for a missing bucket
            if not repeatable:
                detail = "the container of the segments was gone"
                raise BackendError(Fault.UNAVAILABLE, service="object-store", resource="object", detail=detail)
            written = await write()
        return written

    async def _shown(self, bucket: str, key: str, segment: Segment, description: Description) -> Written:
        """Write the manifest; its result has the ETag that S3 shows."""
        store, content_type = self.call.cloud.objects, description.content_type
        etag = kept_etag(content_type)  # what reads will show
        if not etag and not has_no_md5(content_type):
            etag = segment.etag
            description = description._replace(content_type=f"{content_type}; s3_etag={etag}")
        try:
            written = await store.put_manifest(bucket, key, [segment], description)
        except BackendError as error:
            written = await self._written_before(bucket, key, segment, error)
        self.made.append(segment)
        return written._replace(etag=etag) if etag else written

    async def _written_before(self, bucket: str, key: str, segment: Segment, error: BackendError) -> Written:
        """Return what Swift has stored although its answer is this error; else raise, without the segment if it can go.

        An answer may be lost, and the request sent again: then what is in the way is the very manifest.
        """
        unread = error.fault is Fault.INVALID and names.segments(bucket) in unquote(error.detail)
        if unread or error.fault is Fault.PRECONDITION:
            found = await self.settled(bucket, key, segment)
            if found:
                return Written(found.etag, found.modified, found.version)
        elif error.fault in _REFUSED:
            await self._drop(segment)
        if not unread:
            raise error
        # Swift could not look at the segment, which it has just stored.
        log.warning("request %s: Swift does not accept a segment: %s", self.call.request_id, error)
        raise BackendError(Fault.UNAVAILABLE, service=error.service, resource=error.resource) from error

    async def settled(self, bucket: str, key: str, segment: Segment, *, removed: bool = False) -> Stored | None:
        """Return the object if it has the segment; else delete the segment, unless an older version may have it.

        With `removed` no older version has it.
        """
        store = self.call.cloud.objects
        stored = await absent_is(None, store.head(bucket, key))
        if stored and stored.layout == "static":
            laid: list[Segment] = await absent_is([], segments.laid(store, bucket, key, stored.pin))
            if (segment.container, segment.name) in ((one.container, one.name) for one in laid):
                return stored
        versioned = stored.version if stored else SWIFT_VERSIONS in await configuration(self.call, bucket)
        if removed or not versioned:
            await self._drop(segment)
        return None

    async def _drop(self, segment: Segment) -> None:
        """Delete a segment whose manifest was refused; what cannot be deleted is left to the sweep."""
        try:
            await self.call.cloud.objects.delete(segment.container, segment.name)
        except BackendError as error:
            log.warning("request %s: a segment in %s stays behind: %s", self.call.request_id, segment.container, error)


class _Counted:
    """Pieces of a body, and how many bytes they have had."""

    def __init__(self, pieces: AsyncIterable[bytes]) -> None:
        self._pieces = pieces
        self.bytes = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._pieces:
            self.bytes += len(piece)
            yield piece
