"""Stores a part, encrypted if its upload is.

The content type of an encrypted part says so, and with SSE-S3 has the MD5 of its plain bytes, which is the part's ETag.
The MD5 of a long part is known only when its bytes are stored; like a checksum in a trailer it is added afterwards,
while nobody else can use the part.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, NamedTuple

from adapters.types.objects import Description, Written
from shim.context import Call
from shim.s3.encryption.blocks import Place
from shim.s3.encryption.envelope import MARK, size_of_stream
from shim.s3.encryption.sealing import Sealing, md5_of, stored_length
from shim.s3.objects import checksums
from shim.s3.objects.headers import kept_etag

_PART: Final = f"; {MARK}=1"


class PartWrite(NamedTuple):
    """Where a part is stored, and how it is encrypted."""

    container: str
    name: str
    place: Place
    sealing: Sealing | None


async def put_part(call: Call, part: PartWrite, data: bytes, checksum: checksums.Checksum | None) -> Written:
    """Store a short part."""
    store, sealing, md5 = call.cloud.objects, part.sealing, ""
    if sealing:
        md5 = md5_of(data) if sealing.shows_md5 else ""
        data = sealing.encrypted(part.place, data)
    written = await store.put(part.container, part.name, data, len(data), _described(part, checksum, md5))
    return written._replace(etag=md5 or written.etag)


async def stream_part(
    call: Call,
    part: PartWrite,
    pieces: AsyncIterator[bytes],
    size: int | None,
    checksum: checksums.Checksum | None,
    trailing: Callable[[], checksums.Checksum | None] = lambda: None,
) -> Written:
    """Store a long part; `trailing` returns the checksum that is known when the body has ended."""
    store, sealing = call.cloud.objects, part.sealing
    digest: Any = None
    if sealing:
        if sealing.shows_md5:
            digest = hashlib.md5(usedforsecurity=False)
            pieces = _hashed(pieces, digest)
        pieces, size = sealing.encrypting(part.place, pieces), stored_length(size)
    written = await store.put(part.container, part.name, pieces, size, _described(part, checksum, ""))
    late = trailing() if checksum is None else None
    md5 = digest.hexdigest() if digest else ""
    if late or md5:
        await store.replace_description(part.container, part.name, _described(part, checksum or late, md5))
    return written._replace(etag=md5 or written.etag)


def _described(part: PartWrite, checksum: checksums.Checksum | None, md5: str) -> Description:
    told = checksums.part_type(checksum)
    if part.sealing:
        told += f"; s3_etag={md5}{_PART}" if md5 else _PART
    return Description(told)


async def _hashed(pieces: AsyncIterator[bytes], digest: Any) -> AsyncIterator[bytes]:
    async for piece in pieces:
        digest.update(piece)
        yield piece


def etag_of_part(content_type: str, stored: str) -> str:
    """Return a part's ETag as S3 shows it; `stored` is Swift's."""
    return kept_etag(content_type) or stored


def size_of_part(content_type: str, stored: int) -> int:
    """Return a part's size as S3 shows it; `stored` are its bytes in Swift."""
    return size_of_stream(stored) if MARK in content_type else stored
