"""CopyObject: Swift copies server-side; the gateway reads the bytes only to compute a missing checksum."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from adapters.errors import BackendError, Fault
from adapters.ports.objects import ObjectWriter
from adapters.types.objects import Description, Download, Stored, Written
from shim.context import Call
from shim.errors import AwsError
from shim.s3 import names, tags
from shim.s3.encryption.blocks import Place
from shim.s3.encryption.bucket import algorithms
from shim.s3.encryption.customer import SOURCE, SOURCE_MEMBERS, customer_key
from shim.s3.encryption.envelope import MARK, STORE
from shim.s3.encryption.sealing import ASKING, ENCRYPTING, NO_BUCKET_KEYS, Sealing, md5_of, stored_length
from shim.s3.encryption.sealing import sealing as new_sealing
from shim.s3.errors import invalid_argument, invalid_request, no_such_bucket, no_such_key, precondition_failed
from shim.s3.lifecycle import expiration
from shim.s3.notifications.events import COPY
from shim.s3.notifications.noting import created
from shim.s3.objects import (
    checksums,
    conditions,
    encrypted,
    object_lock,
    ranges,
    records,
    segments,
    versions,
)
from shim.s3.objects.elsewhere import writer
from shim.s3.objects.encrypted import Encrypted
from shim.s3.objects.headers import (
    ACL,
    DESCRIBING,
    PLACING,
    TAGGING,
    copied,
    description,
    etag_of,
    marked_null,
    redirect,
)
from shim.s3.objects.s3_middleware import with_s3_etag
from shim.s3.placement import storage_classes
from shim.s3.service import action

LARGEST_COPY: Final = 5 << 30
SOURCE_CONDITIONS: Final = (
    "CopySource CopySourceIfMatch CopySourceIfModifiedSince CopySourceIfNoneMatch CopySourceIfUnmodifiedSince "
    f"ExpectedSourceBucketOwner {' '.join(sorted(SOURCE_MEMBERS))}"
)


@dataclass(frozen=True, slots=True)
class Source:
    """The source of a copy: its location, and its description when its conditions were checked.

    `shown` is its version as S3 shows it, '' in a bucket that never had versions.
    """

    bucket: str
    key: str
    stored: Stored
    encrypted: Encrypted | None = None
    shown: str = ""

    async def open(self, call: Call, span: str = "") -> Download:
        """Open the source's plain bytes, or a range of them; the caller closes it."""
        size = self.stored.size
        if self.encrypted is not None:
            first, last = ranges.bounds(span, size) if span else (0, size - 1)
            return await self.encrypted.read(call.source or call, first, last)
        download = await (call.source or call).cloud.objects.get(
            self.bucket, self.key, span=span, version=self.stored.pin
        )
        if download.stored.etag != self.stored.etag:
            download.close()
            raise precondition_failed("x-amz-copy-source-If-Match")
        return download


def parse_source(header: str) -> tuple[str, str, str]:
    """Return bucket, key and version of x-amz-copy-source, percent-encoded or not, with or without a leading slash.

    A plus means a space, as in S3: the key `a+b` must be written `a%2Bb`.

    >>> parse_source("/here/a%20b+c%2Bd?versionId=null")
    ('here', 'a b c+d', 'null')
    """
    path, versioned, version = header.partition("?versionId=")
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
    return bucket, key, versions.checked(version, "x-amz-copy-source") if versioned else ""


async def source_of(call: Call, req: Mapping[str, Any], *, with_tags: bool = False) -> Source:
    """Return the source after checking the request's conditions on it.

    With `with_tags` they are those that another gateway has just set, even where this one knows of none in the bucket.
    """
    bucket, key, version = parse_source(req["CopySource"])
    secret, reading = customer_key(call, req, SOURCE, reading=True), call.source or call
    describe = records.exact if with_tags else records.head
    try:
        stored = await with_s3_etag(reading, bucket, key, await describe(reading, bucket, key, version=version))
    except AwsError as error:
        if error.code != "MethodNotAllowed":
            raise
        raise invalid_request(
            "The source of a copy request may not specifically refer to a delete marker by version id."
        ) from error
    except BackendError as error:
        if error.fault is not Fault.NOT_FOUND:
            raise
        if error.resource == "object":
            raise no_such_key(key) from error
        raise no_such_bucket(bucket) from error
    found = None
    if secret or MARK in stored.content_type:
        found = await encrypted.opened(reading, (bucket, key), stored, secret)
        stored = found.stored
    conditions.check_read(req, stored, copying=True)
    return Source(bucket, key, stored, found, await versions.shown(reading, bucket, stored))


def check_copy_size(size: int) -> None:
    """Refuse a copy that is larger than one request may make."""
    if size > LARGEST_COPY:
        raise invalid_request(
            f"The specified copy source is larger than the maximum allowable size for a copy source: {LARGEST_COPY}"
        )


@action(
    supports=f"Bucket Key ChecksumAlgorithm MetadataDirective TaggingDirective IfMatch IfNoneMatch ExpectedBucketOwner "
    f"{SOURCE_CONDITIONS} {DESCRIBING} {ENCRYPTING}",
    values=PLACING | {"ServerSideEncryption": algorithms()},
    ignores=NO_BUCKET_KEYS,
    keeps_connection_alive=True,
)
async def copy_object(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Copy an object of up to 5 GiB; the copy of a multipart object has no parts, as in S3."""
    bucket, key = names.bucket(call, req), req["Key"]
    names.check_key(key)
    condition = conditions.WriteCondition(req)
    storage_classes.check(call, req)
    replacing = req.get("MetadataDirective") == "REPLACE"
    asked = "StorageClass", "WebsiteRedirectLocation"
    changing = replacing or any(map(req.get, asked)) or not ASKING.isdisjoint(req)
    if parse_source(req["CopySource"]) == (bucket, key, "") and not changing:
        raise invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes."
        )
    sealing = await new_sealing(call, req, bucket)
    policy = await storage_classes.policy(call, req)
    source = await source_of(call, req, with_tags=req.get("TaggingDirective") != "REPLACE")
    check_copy_size(source.stored.size)
    checksum = await _checksum(call, source, req.get("ChecksumAlgorithm"))
    internal = {**(checksum.stored if checksum else {}), **_tags(req, source.stored)}
    if call.acl:  # "the ACL is not preserved and is set to private" (CopyObject)
        internal[ACL] = call.acl
    if replacing:
        told = description({**req, "Tagging": None}, internal=internal)
    else:
        told = copied(source.stored, internal | redirect(req), req.get("StorageClass"))
    told = object_lock.locked(told, await object_lock.items(call, bucket, req))
    told, spilled = records.fitted(told, await call.cloud.objects.limits())
    null = await versions.is_suspended(call, bucket)
    if null:
        told = told._replace(content_type=marked_null(told.content_type))
    store = await writer(call, bucket, policy)
    old = await segments.behind(call, bucket, key)
    async with conditions.holding(call, bucket, key, condition):
        written = await _written(call, source, store, (bucket, key), told._replace(if_absent=False), sealing)
    if spilled:
        async with records.alone(call, bucket, key):
            await records.add(call, bucket, key, told, spilled, version=written.version)
    members = await versions.written(call, (bucket, key), written, old, null=null)
    result = {"ETag": f'"{written.etag}"', "LastModified": written.modified}
    if expiration.may_be_told(call, bucket):
        tagging = internal.get(TAGGING, "")
        members |= await expiration.members(call, bucket, key, source.stored.size, written.modified, tagging)
    await created(call, bucket, key, COPY, {**result, **members}, source.stored.size)
    return {
        "CopyObjectResult": {**result, **(checksum.members if checksum else {})},
        **members,
        **source_version(source),
        **(sealing.members if sealing else {}),
    }


def source_version(source: Source) -> dict[str, str]:
    """Return the answer's member that names the version of the source, if its bucket has or had versions."""
    return {"CopySourceVersionId": source.shown} if source.shown else {}


async def _written(
    call: Call, source: Source, store: ObjectWriter, target: tuple[str, str], told: Description, sealing: Sealing | None
) -> Written:
    """Write the copy: inside Swift if it is as plain as its source and in the same project, else through the gateway.

    Swift copies between two projects only for a token that may act in both, and no token is for two projects.
    """
    if sealing is None and source.encrypted is None and call.source is None:
        place, version = (source.bucket, source.key), source.stored.pin
        return await store.copy(place, target, told, seen=source.stored, version=version)
    download = await source.open(call)
    try:
        body, size = download.body, source.stored.size
        if sealing is None:
            return await store.put(*target, body, size, told)
        md5 = md5_of(body) if isinstance(body, bytes) else _md5_in(etag_of(source.stored), source)
        written = await _put_encrypted(store, target, body, size, sealing.described(told, md5), sealing)
        return written._replace(etag=sealing.etag(md5, written.etag))
    finally:
        download.close()


def _md5_in(etag: str, source: Source) -> str | None:
    """Return the MD5 of a source's plain bytes, if its ETag is that."""
    of_others = source.encrypted is not None and source.encrypted.opened.envelope.sort != STORE
    return None if of_others or "-" in etag else etag


async def _put_encrypted(
    store: ObjectWriter,
    target: tuple[str, str],
    body: bytes | AsyncIterator[bytes],
    size: int,
    told: Description,
    sealing: Sealing,
) -> Written:
    """Store `size` plain bytes encrypted."""
    place = Place(*target)
    if isinstance(body, bytes):
        stored = sealing.encrypted(place, body)
        return await store.put(*target, stored, len(stored), told)
    return await store.put(*target, sealing.encrypting(place, body), stored_length(size), told)


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
    download = await source.open(call, span)
    try:
        return await checksums.computed(algorithm, download.body)
    finally:
        download.close()
