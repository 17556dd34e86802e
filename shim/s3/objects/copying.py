"""CopyObject: Swift copies server-side; the gateway reads the bytes only to compute a missing checksum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from adapters.errors import BackendError, Fault
from adapters.types.objects import Stored
from shim.context import Call
from shim.errors import AwsError
from shim.protocol.s3_router import not_implemented
from shim.s3 import names, tags
from shim.s3.encryption.envelope import MARK
from shim.s3.errors import invalid_argument, invalid_request, no_such_key, precondition_failed
from shim.s3.objects import checksums, conditions, records, segments, storage_classes
from shim.s3.objects.headers import DESCRIBING, PLACING, TAGGING, copied, description, redirect
from shim.s3.objects.s3_middleware import with_s3_etag
from shim.s3.service import action

LARGEST_COPY: Final = 5 << 30
SOURCE_CONDITIONS: Final = (
    "CopySource CopySourceIfMatch CopySourceIfModifiedSince CopySourceIfNoneMatch CopySourceIfUnmodifiedSince "
    "ExpectedSourceBucketOwner"
)


@dataclass(frozen=True, slots=True)
class Source:
    """The source of a copy: its location, and its description when its conditions were checked."""

    bucket: str
    key: str
    stored: Stored


def parse_source(header: str) -> tuple[str, str]:
    """Return bucket and key of x-amz-copy-source, percent-encoded or not, with or without a leading slash.

    A plus means a space, as in S3: the key `a+b` must be written `a%2Bb`.

    >>> parse_source("/here/a%20b+c%2Bd?versionId=null")
    ('here', 'a b c+d')
    """
    path, _, version = header.partition("?versionId=")
    try:
        # Header text is latin-1.  Strictly UTF-8: with replacement characters another object would be copied.
        named = unquote_to_bytes(path.encode("latin-1").replace(b"+", b" ")).decode()
    except UnicodeError:
        named = ""
    bucket, slash, key = named.removeprefix("/").partition("/")
    if not (bucket and slash and key) or not names.is_bucket(bucket):
        raise invalid_argument(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey", "x-amz-copy-source", header
        )
    if version not in ("", "null"):
        raise AwsError("NoSuchVersion", "The specified version does not exist.", 404, extra={"Key": key})
    return bucket, key


async def source_of(call: Call, req: Mapping[str, Any]) -> Source:
    """Return the source after checking the request's conditions on it."""
    bucket, key = parse_source(req["CopySource"])
    owner = req.get("ExpectedSourceBucketOwner")
    if owner is not None and owner != call.caller.account_id:
        raise AwsError("AccessDenied", "Access Denied", 403)
    try:
        stored = await with_s3_etag(call, bucket, key, await records.head(call, bucket, key))
    except BackendError as error:
        if error.fault is not Fault.NOT_FOUND:
            raise
        if error.resource == "object":
            raise no_such_key(key) from error
        raise AwsError(
            "NoSuchBucket", "The specified bucket does not exist", 404, extra={"BucketName": bucket}
        ) from error
    if MARK in stored.content_type:  # a copy inside Swift would be of no use
        raise not_implemented("x-amz-copy-source-server-side-encryption-customer-key")
    conditions.check_read(req, stored, copying=True)
    return Source(bucket, key, stored)


def check_copy_size(size: int) -> None:
    """Refuse a copy that is larger than one request may make."""
    if size > LARGEST_COPY:
        raise invalid_request(
            f"The specified copy source is larger than the maximum allowable size for a copy source: {LARGEST_COPY}"
        )


@action(
    supports=f"Bucket Key ChecksumAlgorithm MetadataDirective TaggingDirective IfMatch IfNoneMatch ExpectedBucketOwner "
    f"{SOURCE_CONDITIONS} {DESCRIBING}",
    values=PLACING | conditions.ABSENT,
    keeps_connection_alive=True,
)
async def copy_object(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Copy an object of up to 5 GiB; the copy of a multipart object has no parts, as in S3."""
    bucket, key = names.bucket(call, req), req["Key"]
    names.check_key(key)
    condition = conditions.WriteCondition(req)
    storage_classes.check(call, req)
    replacing = req.get("MetadataDirective") == "REPLACE"
    changing = replacing or req.get("StorageClass") or req.get("WebsiteRedirectLocation")
    if parse_source(req["CopySource"]) == (bucket, key) and not changing:
        raise invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes."
        )
    source = await source_of(call, req)
    check_copy_size(source.stored.size)
    checksum = await _checksum(call, source, req.get("ChecksumAlgorithm"))
    internal = {**(checksum.stored if checksum else {}), **_tags(req, source.stored)}
    if replacing:
        told = description({**req, "Tagging": None}, internal=internal)
    else:
        told = copied(source.stored, internal | redirect(req), req.get("StorageClass"))
    told, spilled = records.fitted(told)
    old = await segments.behind(call, bucket, key)
    async with conditions.holding(call, bucket, key, condition):
        written = await call.cloud.objects.copy(
            (source.bucket, source.key), (bucket, key), replace(told, if_absent=False), seen=source.stored
        )
    if spilled:
        async with records.alone(call, bucket, key):
            await records.add(call, bucket, key, told, spilled)
    await segments.remove(call, bucket, old)
    result = {"ETag": f'"{written.etag}"', "LastModified": written.modified}
    return {"CopyObjectResult": {**result, **(checksum.members if checksum else {})}}


def _tags(req: Mapping[str, Any], source: Stored) -> dict[str, str]:
    """Return the metadata for the copy's tags: the source's, unless the request replaces them.

    "If you choose COPY for the x-amz-tagging-directive, you don't need to set the x-amz-tagging header" (CopyObject):
    then it has no effect.
    """
    if req.get("TaggingDirective") == "REPLACE":
        text = tags.stored(tags.of_header(req.get("Tagging") or ""))
    else:
        text = records.checked(source).metadata.get(TAGGING, "")
    return {TAGGING: text} if text else {}


async def _checksum(call: Call, source: Source, algorithm: str | None) -> checksums.Checksum | None:
    """Return the copy's checksum: the source's if it is of the whole object, else one computed as requested."""
    kept = checksums.of(source.stored)
    if kept is not None and kept.kind == checksums.FULL and algorithm in (None, kept.algorithm):
        return kept
    return await computed(call, source, algorithm) if algorithm else None


async def computed(call: Call, source: Source, algorithm: str, span: str = "") -> checksums.Checksum:
    """Compute a checksum by reading a source, or a range of it."""
    download = await call.cloud.objects.get(source.bucket, source.key, span=span)
    try:
        if download.stored.etag != source.stored.etag:
            raise precondition_failed("x-amz-copy-source-If-Match")
        return await checksums.computed(algorithm, download.body)
    finally:
        download.close()
