"""PutObject, GetObject and HeadObject.

Once a PUT is answered, every later GET and HEAD sees it (if all of Swift's replicas are up); a listing may lag behind.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, NamedTuple

from adapters.errors import BackendError, Fault
from adapters.ports.objects import ObjectWriter
from adapters.types.objects import Description, Download, Stored, Written
from shim.context import Call
from shim.errors import AwsError
from shim.protocol.values import but, only
from shim.s3 import names
from shim.s3.config import object_lock as bucket_lock
from shim.s3.config.configuration import configuration
from shim.s3.config.versioning import is_suspended
from shim.s3.encryption import customer
from shim.s3.encryption.blocks import Place
from shim.s3.encryption.bucket import SETTING, algorithms
from shim.s3.encryption.customer import CustomerKey, customer_key
from shim.s3.encryption.envelope import MARK
from shim.s3.encryption.sealing import ASKING, ENCRYPTING, NO_BUCKET_KEYS, Sealing, md5_of, stored_length
from shim.s3.encryption.sealing import sealing as new_sealing
from shim.s3.lifecycle import expiration
from shim.s3.notifications.events import POST, PUT
from shim.s3.notifications.noting import NAME, created
from shim.s3.objects import (
    checksums,
    conditions,
    encrypted,
    object_lock,
    parts,
    ranges,
    records,
    segments,
    versions,
)
from shim.s3.objects.elsewhere import take_back, writer
from shim.s3.objects.headers import DESCRIBING, PLACING, TAGGING, marked_null, object_members
from shim.s3.objects.s3_middleware import with_s3_etag
from shim.s3.objects.writing import object_write
from shim.s3.placement import storage_classes
from shim.s3.service import ENCRYPTION_OF_WRITES, action

LARGEST_PUT: Final = 5 << 30  # "Amazon S3 allows single PUT uploads up to 5 GB" (PutObject)
# A body this small is read whole before it is sent to Swift, so that a checksum in its trailer can be stored with it.
SMALL: Final = 1 << 20

READING: Final = (
    "Bucket Key IfMatch IfModifiedSince IfNoneMatch IfUnmodifiedSince IfRange Range ResponseCacheControl "
    "ResponseContentDisposition ResponseContentEncoding ResponseContentLanguage ResponseContentType ResponseExpires "
    "VersionId PartNumber ExpectedBucketOwner ChecksumMode "
    f"{' '.join(ENCRYPTION_OF_WRITES)} {customer.BY_CUSTOMER}"
)
_SELECTING: Final = frozenset({"Range", "PartNumber", "VersionId"}) | customer.MEMBERS
NO_ENCRYPTION: Final = {
    "ServerSideEncryption": but(
        *("AES256", "aws:backup", "aws:fsx", "aws:kms", "aws:kms:dsse"),
        code="InvalidArgument",
        message="x-amz-server-side-encryption header is not supported for this operation.",
    ),
    **{
        member: only(code="InvalidArgument", message=f"{header} header is not supported for this operation.")
        for member, header in (
            ("SSEKMSKeyId", "x-amz-server-side-encryption-aws-kms-key-id"),
            ("SSEKMSEncryptionContext", "x-amz-server-side-encryption-context"),
        )
    },
}
# Members of a PutObject that ask for more than the bytes and their description.
_SPECIAL: Final = ASKING | object_lock.ASKING | {"StorageClass"}
_WHOLE: Final[tuple[str, int, str, CustomerKey | None]] = ("", 0, "", None)
_OVERRIDES: Final = (
    ("ResponseCacheControl", "CacheControl"),
    ("ResponseContentDisposition", "ContentDisposition"),
    ("ResponseContentEncoding", "ContentEncoding"),
    ("ResponseContentLanguage", "ContentLanguage"),
    ("ResponseContentType", "ContentType"),
    ("ResponseExpires", "Expires"),
)
_OVERRIDING: Final = frozenset(asked for asked, _ in _OVERRIDES)


class _Special(NamedTuple):
    """What a request or its bucket's configuration asks of a new object: encryption, a lock, the version `null`.

    `store` is what stores it: Swift, or where its class has a storage policy of its own what writes there.
    """

    store: ObjectWriter
    sealing: Sealing | None
    locking: Mapping[str, str]
    null: bool

    def described(self, told: Description, md5: str | None) -> Description:
        """Return the description of such an object."""
        if self.sealing:
            told = self.sealing.described(told, md5)
        if self.locking:
            told = object_lock.locked(told, self.locking)
        return told._replace(content_type=marked_null(told.content_type)) if self.null else told


@action(
    supports=f"Bucket Key Body ContentLength ContentMD5 ChecksumAlgorithm IfMatch IfNoneMatch ExpectedBucketOwner "
    f"{DESCRIBING} {ENCRYPTING}",
    values=PLACING | {"ServerSideEncryption": algorithms()},
    ignores=NO_BUCKET_KEYS,
)
async def put_object(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Store an object; if the body ends early or fails its checks, the old object is unchanged."""
    (bucket, key, described, condition, spilled), body = object_write(call, req), req["Body"]
    configured = await configuration(call, bucket)
    special = None if not configured and _SPECIAL.isdisjoint(req) else await _special(call, req, bucket, configured)
    length = body.expected_length() or 0
    check_size(length)
    data = await body.small(SMALL) if length <= SMALL else None
    checksum = header_checksum(body) if data is None else checksums.first(body.checksums)
    if checksum or condition:
        metadata = {**described.metadata, **checksum.stored} if checksum else described.metadata
        if_absent = condition is not None and condition.if_absent
        described = Description(described.content_type, metadata, described.headers, if_absent)
    store: ObjectWriter = call.cloud.objects
    sealing = md5 = None
    if special:
        store, sealing = special.store, special.sealing
        if sealing:
            md5 = body.md5 if data is None else md5_of(data)
        described = special.described(described, md5)
    old = await segments.behind(call, bucket, key)
    if data is not None:
        if sealing:
            data = sealing.encrypted(Place(bucket, key), data)
        if condition:
            async with conditions.holding(call, bucket, key, condition):
                written = await store.put(bucket, key, data, len(data), described)
        else:
            written = await store.put(bucket, key, data, len(data), described)
    else:
        written = await _stream(call, store, (bucket, key), condition, body, described, sealing)
        checksum = checksums.first(body.checksums)
    if spilled:
        async with records.alone(call, bucket, key):
            await records.add(call, bucket, key, described, spilled, version=written.version)
    members = {"ETag": f'"{written.etag}"', **(checksum.members if checksum else {})}
    if old or written.version:
        members.update(await versions.written(call, (bucket, key), written, old, null=bool(special and special.null)))
    if configured and expiration.may_be_told(call, bucket):
        size, tagging = body.size, {**described.metadata, **spilled}.get(TAGGING, "")
        members |= await expiration.members(call, bucket, key, size, written.modified, tagging)
    told = {**members, **sealing.members, "ETag": f'"{sealing.etag(md5, written.etag)}"'} if sealing else members
    if configured and NAME in configured:
        await created(call, bucket, key, POST if body.open_ended else PUT, told, body.size)
    return told


async def _special(call: Call, req: Mapping[str, Any], bucket: str, configured: Mapping[str, str]) -> _Special:
    encrypts = SETTING in configured or not ASKING.isdisjoint(req)
    locks = bucket_lock.SETTING in configured or not object_lock.ASKING.isdisjoint(req)
    return _Special(
        await writer(call, bucket, await storage_classes.policy(call, req)),
        await new_sealing(call, req, bucket) if encrypts else None,
        await object_lock.items(call, bucket, req) if locks else {},
        is_suspended(configured),
    )


async def _stream(
    call: Call,
    store: ObjectWriter,
    target: tuple[str, str],
    condition: conditions.WriteCondition | None,
    body: Any,
    described: Description,
    sealing: Sealing | None,
) -> Written:
    async def write(pieces: AsyncIterator[bytes]) -> Written:
        length = body.length
        if sealing:
            pieces, length = sealing.encrypting(Place(*target), pieces), stored_length(length)
        written = await store.put(*target, pieces, length, described)
        if condition:
            try:
                await conditions.check_not_overtaken(call, target, written)
            except AwsError:
                await take_back(call, store, target, written.version)
                raise
        return written

    if not condition:
        return await write(body)
    # Check first, so that the client does not send a body that would be refused.
    condition.check(target[1], await conditions.present(call, *target))
    return await conditions.write_when_held(aiter(body), write, lambda: conditions.holding(call, *target, condition))


def check_size(length: int) -> None:
    """Refuse an upload that is longer than one request may store."""
    if length > LARGEST_PUT:
        raise AwsError(
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size",
            400,
            extra={"ProposedSize": str(length), "MaxSizeAllowed": str(LARGEST_PUT)},
        )


def header_checksum(body: Any) -> checksums.Checksum | None:
    """Return the checksum in the request's headers; one in the body's trailer is not known yet.

    It can be sent to Swift before the body: if the body does not match it, nothing is stored.
    """
    promise = body.expected_checksum
    return checksums.Checksum(promise.algorithm, promise.value) if promise is not None and promise.value else None


@action(supports=READING, values=NO_ENCRYPTION)
async def get_object(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an object's bytes: all, a range, or one part of a multipart object."""
    bucket, key = names.bucket(call, req), req["Key"]
    span, part, version, secret = _WHOLE if _SELECTING.isdisjoint(req) else _wanted(call, req)
    if span or part:
        return await _get_some(call, req, span, part, version, secret)
    download = await records.get(call, bucket, key, version=version)
    if not isinstance(download.body, bytes):
        call.at_end.append(download.close)
    stored = download.stored
    if secret or MARK in stored.content_type:
        found = await encrypted.opened(call, (bucket, key), stored, secret)
        conditions.check_read(req, found.stored)
        download = await found.read_all(call, download)
        more = {**await versions.members(call, bucket, stored), **await _expiration(call, req, found.stored)}
        return {**_answer(req, found.stored), **more, **found.members, "Body": download.body}
    if stored.layout == "static":
        stored = await with_s3_etag(call, bucket, key, stored)
    conditions.check_read(req, stored)
    answer = _answer(req, stored)
    if stored.version:
        answer["VersionId"] = await versions.shown(call, bucket, stored)
    if expiration.may_be_told(call, bucket):
        answer |= await _expiration(call, req, stored)
    answer["Body"] = download.body
    return answer


async def _get_some(
    call: Call, req: Mapping[str, Any], span: str, part: int, version: str, secret: CustomerKey | None
) -> Mapping[str, Any]:
    bucket, key, store = req["Bucket"], req["Key"], call.cloud.objects
    download: Download | None = None
    if secret:  # what Swift has at a range of the plain bytes would be of no use
        stored = await records.head(call, bucket, key, version=version)
        return await _get_some_decrypted(call, req, stored, span, part, secret)
    try:
        download = await records.get(call, bucket, key, span=span, part=part, version=version)
        call.at_end.append(download.close)
        stored = download.stored
        by_manifest = part > 0 and parts.unknown_to_swift(stored)
    except BackendError as error:
        if error.fault is not Fault.RANGE:
            raise
        stored = await records.head(call, bucket, key, version=version)
        by_manifest = part > 0
    if MARK in stored.content_type:
        return await _get_some_decrypted(call, req, stored, span, part, secret)
    stored = await with_s3_etag(call, bucket, key, stored)
    conditions.check_read(req, stored)
    if span and not conditions.same_for_range(req, stored):
        return await get_object(call, {**req, "Range": None})
    if not part and not ranges.all_of_nothing(span, stored.size) and (download is None or not stored.size):
        raise ranges.unsatisfiable(req["Range"], stored.size)
    if by_manifest or download is None:
        stored = await parts.by_manifest(call, req, stored)
        span = stored.content_range.replace(" ", "=").partition("/")[0]
        download = await store.get(bucket, key, span=span, version=stored.pin)
        call.at_end.append(download.close)
    return {**await _answer_for_part(call, req, stored, part), "Body": download.body}


async def _get_some_decrypted(
    call: Call, req: Mapping[str, Any], stored: Stored, span: str, part: int, secret: CustomerKey | None
) -> Mapping[str, Any]:
    """Return a range or a part of an encrypted object, which a second request to Swift reads."""
    found = await encrypted.opened(call, (req["Bucket"], req["Key"]), stored, secret)
    stored = found.stored
    conditions.check_read(req, stored)
    if part and stored.layout == "static":
        stored = await parts.by_manifest(call, req, stored)
    elif span and not ranges.all_of_nothing(span, stored.size) and conditions.same_for_range(req, stored):
        stored = parts.ranged(stored, *ranges.bounds(span, stored.size))
    answer = await _answer_for_part(call, req, stored, part)
    told = answer.get("ContentRange") or f"bytes 0-{stored.size - 1}"
    first, last = ranges.bounds(told.replace(" ", "=").partition("/")[0], stored.size) if stored.size else (0, -1)
    download = await found.read(call, first, last)
    return {**answer, **found.members, "Body": download.body}


@action(supports=READING, values=NO_ENCRYPTION)
async def head_object(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the headers that a GET with the same parameters returns."""
    bucket, key = names.bucket(call, req), req["Key"]
    span, part, version, secret = _WHOLE if _SELECTING.isdisjoint(req) else _wanted(call, req)
    if part:
        return await _head_part(call, req, part, version, secret)
    stored, found = await records.head(call, bucket, key, version=version), None
    if secret or MARK in stored.content_type:
        found = await encrypted.opened(call, (bucket, key), stored, secret)
        stored = found.stored
    if stored.layout == "static":
        stored = await with_s3_etag(call, bucket, key, stored)
    conditions.check_read(req, stored)
    # Swift ignores ranges on HEAD.
    if span and not ranges.all_of_nothing(span, stored.size) and conditions.same_for_range(req, stored):
        stored = parts.ranged(stored, *ranges.bounds(span, stored.size))
    answer = _answer(req, stored)
    if stored.version:
        answer["VersionId"] = await versions.shown(call, bucket, stored)
    if expiration.may_be_told(call, bucket):
        answer |= await _expiration(call, req, stored)
    return {**answer, **found.members} if found else answer


async def _head_part(
    call: Call, req: Mapping[str, Any], part: int, version: str, secret: CustomerKey | None
) -> Mapping[str, Any]:
    bucket, key = req["Bucket"], req["Key"]
    try:
        stored = await records.head(call, bucket, key, part=part, version=version)
        by_manifest = parts.unknown_to_swift(stored)
    except BackendError as error:
        if error.fault is not Fault.RANGE:
            raise
        stored = await records.head(call, bucket, key, version=version)
        by_manifest = True
    found = None
    if secret or MARK in stored.content_type:
        found = await encrypted.opened(call, (bucket, key), stored, secret)
        stored = found.stored
        by_manifest = stored.layout == "static"
    stored = await with_s3_etag(call, bucket, key, stored)
    conditions.check_read(req, stored)
    if by_manifest:
        stored = await parts.by_manifest(call, req, stored)
    answer = await _answer_for_part(call, req, stored, part)
    return {**answer, **found.members} if found else answer


def _wanted(call: Call, req: Mapping[str, Any]) -> tuple[str, int, str, CustomerKey | None]:
    """Return the range, the part, the version and the customer's key that a request names."""
    version = versions.asked(req)
    secret = customer_key(call, req, reading=True)
    part = req.get("PartNumber")
    if part is None:
        return ranges.single(req.get("Range")), 0, version, secret
    if req.get("Range") is not None:
        raise ranges.both_range_and_part()
    names.part("", "part", part)  # raises for a number that no upload may use
    return "", int(part), version, secret


async def _answer_for_part(call: Call, req: Mapping[str, Any], stored: Stored, part: int) -> dict[str, Any]:
    if part and not stored.content_range:
        if part > 1:
            raise parts.no_such_part(part)
        if stored.size:  # an object without parts is its own part 1, as in S3
            stored = parts.ranged(stored, 0, stored.size - 1)
    members = _answer(req, stored)
    if part and stored.parts and not parts.is_whole(stored):
        members["PartsCount"] = stored.parts
    members.update(await parts.checksum(call, req, stored))
    if stored.version:
        members["VersionId"] = await versions.shown(call, req["Bucket"], stored)
    return members | await _expiration(call, req, stored)


async def _expiration(call: Call, req: Mapping[str, Any], stored: Stored) -> dict[str, str]:
    """Return the member that says when the object expires; S3 does not say it of a version that is named."""
    if not expiration.may_be_told(call, req["Bucket"]) or req.get("VersionId") is not None:
        return {}
    tagging = stored.metadata.get(TAGGING, "")
    return await expiration.members(call, req["Bucket"], req["Key"], stored.size, stored.modified, tagging)


def _answer(req: Mapping[str, Any], stored: Stored) -> dict[str, Any]:
    members = object_members(stored)
    if stored.content_range:
        members["ContentRange"] = stored.content_range
        members["ContentLength"] = stored.length
        members["ResponseMetadata"] = {"HTTPStatusCode": 206}
    elif req.get("ChecksumMode") == "ENABLED":
        checksum = checksums.of(stored)
        if checksum:
            members.update(checksum.members)
    if not _OVERRIDING.isdisjoint(req):
        members.update({member: req[asked] for asked, member in _OVERRIDES if req.get(asked) is not None})
    return members
