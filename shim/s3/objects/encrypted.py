"""Reads encrypted objects: the description that S3 shows of them, and their plain bytes or a range of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from adapters.errors import BackendError, Fault
from adapters.types.objects import Download, Segment, Stored
from shim.context import Call
from shim.s3 import names
from shim.s3.encryption import opening
from shim.s3.encryption.blocks import Place, Span, Stream, TamperedError, plain_size, span, whole
from shim.s3.encryption.customer import CustomerKey
from shim.s3.encryption.opening import Opened
from shim.s3.encryption.parts import StoredPart, check_seal, streams
from shim.s3.objects import parts
from shim.s3.objects.headers import with_plain_size

_SORT: Final = "parts"  # the name of these look-ups in the metrics
_KEEP_SECONDS: Final = 600.0
_STREAM_BYTES: Final = 300  # about what a stream takes in memory


@dataclass(frozen=True, slots=True, repr=False)
class Encrypted:
    """An encrypted object whose key is found.

    `stored` is its description with the plain size, and neither range nor part; `members` are the members of an answer
    that tell how it is encrypted.
    """

    bucket: str
    key: str
    stored: Stored
    opened: Opened
    members: Mapping[str, str]

    async def read(self, call: Call, first: int, last: int) -> Download:
        """Open the plain bytes from the first to the last."""
        if not self.stored.size:  # its one block is empty, and no range names it
            return Download(self.stored, b"", lambda: None)
        try:
            wanted = span(await self._streams(call), first, last)
        except TamperedError as error:
            raise opening.damaged(call, error) from None
        download = await call.cloud.objects.get(self.bucket, self.key, span=wanted.range, version=self.stored.pin)
        call.at_end.append(download.close)
        if download.stored.etag != self.stored.etag:
            detail = "it was replaced while it was read"
            raise BackendError(Fault.UNAVAILABLE, service="object-store", resource="object", detail=detail)
        return await self._decrypted(call, download, wanted)

    async def read_all(self, call: Call, download: Download) -> Download:
        """Decrypt the whole object, which is open."""
        try:
            wanted = whole(await self._streams(call))
        except TamperedError as error:
            raise opening.damaged(call, error) from None
        return await self._decrypted(call, download, wanted)

    async def _decrypted(self, call: Call, download: Download, wanted: Span) -> Download:
        body = await opening.decrypted(call, self.opened.root, wanted, download.body)
        return Download(self.stored, body, download.close)

    async def _streams(self, call: Call) -> list[Stream]:
        place, seal = Place(self.bucket, self.key), self.opened.envelope.seal
        if not seal:
            return [Stream(place, self.stored.size)]
        # A client reads a large object by many ranges.  Of another list the seal or Swift's ETag is another one.
        kept = (_SORT, self.bucket, self.key, seal, self.stored.etag)
        known: list[Stream] | None = call.cache.get(call.caller.project_id, kept)
        if known is not None:
            return known
        found = await parts.flat(call.cloud.objects, self.bucket, self.key, self.stored.pin)
        listed = [_part(self.bucket, self.key, segment) for segment in found]
        uploads = {upload for upload, _ in listed}
        if len(uploads) != 1:
            raise TamperedError("the parts are not of one upload")
        upload, stored = place._replace(upload=uploads.pop()), [part for _, part in listed]
        check_seal(self.opened.root, upload, stored, seal)
        known = streams(upload, stored)
        call.cache.put(call.caller.project_id, kept, known, size=_STREAM_BYTES * len(known), seconds=_KEEP_SECONDS)
        return known


def _part(bucket: str, key: str, segment: Segment) -> tuple[str, StoredPart]:
    """Return the upload of a segment and the part that it is."""
    name, _, number = segment.name.rpartition("/")
    upload = name.removeprefix(f"{key}/")
    if not names.has_segments(segment.container, bucket) or upload == name or not number.isdecimal():
        raise TamperedError("a segment is no part of an upload of the object")
    return upload, StoredPart(int(number), segment.bytes, segment.etag)


async def opened(call: Call, where: tuple[str, str], stored: Stored, key: CustomerKey | None) -> Encrypted:
    """Return an encrypted object; raise for a request with another key, without one, or with one for a plain object."""
    found = await opening.opened(call, stored, key)
    try:
        if not found.envelope.seal:
            plain_size(stored.size)
    except TamperedError as error:
        raise opening.damaged(call, error) from None
    shown = with_plain_size(stored)._replace(content_range="", parts=0)
    return Encrypted(*where, shown, found, key.members if key else opening.members(call, found.envelope))
