"""Reads parts of a completed multipart object by number, where Swift itself cannot (nested manifests)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from adapters.errors import BackendError, Fault, absent_is
from adapters.ports.objects import ObjectStore
from adapters.types.objects import Segment, Stored
from shim.concurrency import gather_all
from shim.context import Call
from shim.errors import AwsError
from shim.s3 import names
from shim.s3.encryption import envelope
from shim.s3.encryption.envelope import MARK
from shim.s3.objects import checksums, segments
from shim.s3.objects.headers import IN_STEP, UPLOAD, etag_of

_AT_ONCE: Final = 4


def count(stored: Stored) -> int | None:
    """Return the number of parts, from the object's ETag; None if the ETag has none."""
    number = etag_of(stored).rpartition("-")[2]
    return int(number) if number.isdecimal() and "-" in etag_of(stored) else None


def is_whole(stored: Stored) -> bool:
    """Return whether an object was stored in one piece: also one whose only segment lies under another policy."""
    if MARK in stored.content_type:
        found = envelope.of(stored.content_type)
        return found is not None and not found.seal
    return stored.layout == "plain" or "-" not in etag_of(stored)


def unknown_to_swift(stored: Stored) -> bool:
    """Return whether Swift's answer to a request by part number is not S3's part.

    Swift's parts are the first manifest's segments, which may be manifests themselves; Swift before 2.33 returns the
    whole object.
    """
    if stored.layout != "static":
        return False
    return stored.parts == 0 or count(stored) not in (None, stored.parts)


async def by_manifest(call: Call, req: Mapping[str, Any], stored: Stored) -> Stored:
    """Return the description with the range of the requested part; 416 if there is no such part."""
    number: int = req["PartNumber"]
    sizes = []
    if stored.layout == "static":
        found = await flat(call.cloud.objects, req["Bucket"], req["Key"], stored.pin)
        sizes = [segment.bytes for segment in found]
        if MARK in stored.content_type:
            sizes = list(map(envelope.size_of_stream, sizes))
        if sum(sizes) != stored.size:  # a manifest of another client, which this Swift does not show or that has ranges
            raise BackendError(Fault.UNSUPPORTED, service="object-store", resource="manifest", id=req["Key"])
    if number > len(sizes):
        raise no_such_part(number)
    start = sum(sizes[: number - 1])
    return ranged(stored, start, start + sizes[number - 1] - 1, len(sizes))


async def checksum(call: Call, req: Mapping[str, Any], stored: Stored) -> dict[str, str]:
    """Return the checksum of the requested part, if it was uploaded with one."""
    if not req.get("PartNumber") or req.get("ChecksumMode") != "ENABLED" or IN_STEP not in stored.metadata:
        return {}
    upload_id = stored.metadata.get(UPLOAD, "")
    if not names.is_upload_id(upload_id):  # another client of Swift wrote these headers
        return {}
    whole = checksums.of(stored)
    if whole is None:
        return {}
    name = names.part(req["Key"], upload_id, req["PartNumber"])
    segment = await absent_is(None, call.cloud.objects.head(names.parts(req["Bucket"], upload_id), name))
    if segment is None:  # an empty part has no segment
        return {}
    found = checksums.of_part(segment.content_type)
    return {checksums.member(found.algorithm): found.value, "ChecksumType": whole.kind} if found else {}


async def flat(store: ObjectStore, container: str, name: str, version: str = "") -> list[Segment]:
    """Return the segments of a static large object in order, with nested manifests replaced by their segments."""
    found = await segments.laid(store, container, name, version)
    nested = {segment.name: segment for segment in found if segment.nested}
    reads = await gather_all((store.segments(one.container, one.name) for one in nested.values()), most=_AT_ONCE)
    below = dict(zip(nested, reads, strict=True))
    return [leaf for segment in found for leaf in (below[segment.name] if segment.nested else [segment])]


def ranged(stored: Stored, start: int, end: int, parts: int = 0) -> Stored:
    """Return an object's description for the range from its first to its last byte."""
    return stored._replace(
        content_range=f"bytes {start}-{end}/{stored.size}", length=end - start + 1, parts=parts or stored.parts
    )


def no_such_part(number: int) -> AwsError:
    """Return the error for a part number beyond the object's parts."""
    return AwsError(
        "InvalidPartNumber",
        "The requested partnumber is not satisfiable",
        416,
        extra={"PartNumberRequested": str(number)},
    )
