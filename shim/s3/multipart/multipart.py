"""CreateMultipartUpload, UploadPart, UploadPartCopy and AbortMultipartUpload."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

from adapters.errors import BackendError, Fault, absent_is
from adapters.types.objects import Description, Written
from shim.authz.acl import parsed
from shim.context import Call
from shim.protocol.values import but
from shim.s3 import names
from shim.s3.encryption import kms
from shim.s3.encryption.blocks import Place
from shim.s3.encryption.bucket import algorithms
from shim.s3.encryption.customer import BY_CUSTOMER, MEMBERS
from shim.s3.encryption.sealing import ENCRYPTING, NO_BUCKET_KEYS, Sealing, check_same
from shim.s3.encryption.sealing import sealing as new_sealing
from shim.s3.errors import invalid_request, precondition_failed
from shim.s3.multipart import uploads
from shim.s3.multipart.storing import PartWrite, put_part, stream_part
from shim.s3.multipart.uploads import ALGORITHM, KIND, Upload
from shim.s3.objects import checksums, conditions, object_lock, ranges, records, segments
from shim.s3.objects.copying import SOURCE_CONDITIONS, Source, check_copy_size, computed, source_of, source_version
from shim.s3.objects.headers import ACL, CHECKSUM, DESCRIBING, IN_STEP, PLACING, UPLOAD, description
from shim.s3.objects.objects import NO_ENCRYPTION, SMALL, check_size, header_checksum
from shim.s3.placement import places, storage_classes
from shim.s3.service import ENCRYPTION_OF_WRITES, action
from shim.undo import to_the_end

# The upload's existence is checked at the end of each part; for a part longer than this also at its beginning, so that
# the client does not send it in vain, unless this process saw it lately.
LOOKED_AT_FIRST: Final = 16 << 20
_ROOM: Final = "-" * len("SHA256:COMPOSITE:" + "=" * 44 + "-10000")  # as long as the longest composite checksum


@action(
    supports=f"Bucket Key ExpectedBucketOwner ChecksumAlgorithm ChecksumType {DESCRIBING} {ENCRYPTING}",
    values={"ChecksumAlgorithm": but(*checksums.NOT_OF_PARTS), "ServerSideEncryption": algorithms(), **PLACING},
    ignores=NO_BUCKET_KEYS,
)
async def create_multipart_upload(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Open an upload with the description of the future object."""
    bucket, key, store = names.bucket(call, req), req["Key"], call.cloud.objects
    upload_id = names.new_upload_id(policy := await storage_classes.policy(call, req))
    limits = await store.limits()
    # The longest name that the upload may store.
    names.check_key(key, behind=names.sub_manifest("", upload_id, 0), limit=limits.name_bytes)
    storage_classes.check(call, req)
    internal, told = _checksums(req)
    sealing = await new_sealing(call, req, bucket)
    # Swift limits metadata: check now that the completion's items will fit, before the client sends all parts.
    internal |= {UPLOAD: upload_id, IN_STEP: "yes", CHECKSUM: _ROOM, **await object_lock.items(call, bucket, req)}
    if call.acl:
        internal[ACL] = call.acl
    told_object, spilled = records.fitted(description(req, internal=internal), limits)
    if sealing:
        told_object, told = sealing.described(told_object), {**told, **sealing.members}
    if call.requester.project_id != call.caller.project_id:
        sender = call.requester
        owns = parsed(call.acl).owner == sender.project_id
        begun_by = uploads.Initiator(sender.project_id, owns, sender.project_name)
        told_object = told_object._replace(content_type=begun_by.noted(told_object.content_type))
    marker, body = names.marker(key, upload_id), uploads.spilled_text(spilled)
    container = names.segments(bucket)
    if not await store.has_container(container):
        await store.create_container(container, like=bucket)
    else:
        await store.container(bucket)
    if policy:
        await places.prepare(call, bucket, policy)
    if await absent_is(None, store.put(container, marker, body, len(body), told_object)) is None:
        # The cached existence of the containers is older than their deletion.
        await store.create_container(container, like=bucket)
        if policy:
            await places.make(call, bucket, policy)
        await store.put(container, marker, body, len(body), told_object)
    return {"Bucket": bucket, "Key": key, "UploadId": upload_id, **told}


def _checksums(req: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the metadata and the answer's members for the object's checksum."""
    algorithm, asked = req.get("ChecksumAlgorithm"), req.get("ChecksumType")
    if not algorithm:
        if asked:
            raise invalid_request(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
            )
        return {}, {}
    kind = checksums.kind_of(algorithm, asked)
    return {ALGORITHM: algorithm, KIND: kind}, {"ChecksumAlgorithm": algorithm, "ChecksumType": kind}


@action(
    supports="Bucket Key Body ContentLength ContentMD5 ChecksumAlgorithm PartNumber UploadId ExpectedBucketOwner "
    f"{BY_CUSTOMER} {' '.join(ENCRYPTION_OF_WRITES)}",
    values=NO_ENCRYPTION,
)
async def upload_part(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Store a part; a part of the same number is replaced."""
    body, bucket = req["Body"], names.bucket(call, req)
    name = names.part(req["Key"], req["UploadId"], req["PartNumber"])
    target = names.parts(bucket, req["UploadId"]), name, Place(bucket, req["Key"], req["UploadId"], req["PartNumber"])
    await uploads.check_number(call, req["PartNumber"])
    check_size(body.require_length())
    data = await body.small(SMALL) if body.length <= SMALL else None
    async with _placed(call, req):
        if data is not None:
            async with _allowed(call, req) as upload:
                part = PartWrite(*target, await upload.sealing(call, req))
                written = await to_the_end(put_part(call, part, data, checksums.first(body.checksums)))
        else:
            part, written = await _stream(call, req, target)
    checksum = checksums.first(body.checksums)
    members = part.sealing.members if part.sealing else {}
    told = {checksums.member(checksum.algorithm): checksum.value} if checksum else {}
    return {"ETag": f'"{written.etag}"', **told, **members}


@asynccontextmanager
async def _placed(call: Call, req: Mapping[str, Any]) -> AsyncIterator[None]:
    """Make the container of an open upload's storage policy if it is gone; then the client has to send the part again.

    Its bytes are read already, and without the container no part could ever be stored.
    """
    try:
        yield
    except BackendError as error:
        policy = names.policy(req["UploadId"])
        if not policy or error.fault is not Fault.NOT_FOUND or error.resource != "container":
            raise
        await uploads.opened(call, req)
        await places.make(call, req["Bucket"], policy)
        detail = "the container of the parts was gone"
        raise BackendError(Fault.UNAVAILABLE, service="object-store", resource="object", detail=detail) from error


async def _stream(call: Call, req: Mapping[str, Any], target: tuple[str, str, Place]) -> tuple[PartWrite, Written]:
    """Stream a long part to Swift; check that its upload is open before the last piece."""
    body = req["Body"]
    sealing = None
    # What is encrypted must be known before the first piece is sent.
    keys = call.keys is not None or kms.is_available(call)
    if body.length > LOOKED_AT_FIRST or keys or not MEMBERS.isdisjoint(req):
        upload = await uploads.lately_opened(call, req)
        _check_algorithm(upload, body)
        sealing = await upload.sealing(call, req)
    part = PartWrite(*target, sealing)

    async def write(pieces: AsyncIterator[bytes]) -> Written:
        return await stream_part(
            call, part, pieces, body.length, header_checksum(body), lambda: checksums.first(body.checksums)
        )

    try:
        return part, await conditions.write_when_held(aiter(body), write, lambda: _still_allowed(call, req, sealing))
    except BackendError as error:
        if error.fault is Fault.NOT_FOUND:
            await uploads.opened(call, req)  # raises for what is missing: the upload or its bucket
        raise


@asynccontextmanager
async def _allowed(call: Call, req: Mapping[str, Any]) -> AsyncIterator[Upload]:
    async with uploads.storing(call, req) as upload:
        _check_algorithm(upload, req["Body"])
        yield upload


@asynccontextmanager
async def _still_allowed(call: Call, req: Mapping[str, Any], sealing: Sealing | None) -> AsyncIterator[None]:
    async with _allowed(call, req) as upload:
        if sealing is None:
            await upload.sealing(call, req)  # raises for an upload with a customer's key
        check_same(upload.stored.content_type, sealing)
        yield


def _check_algorithm(upload: Upload, body: Any) -> None:
    algorithm = body.expected_checksum.algorithm if body.expected_checksum else None
    if upload.algorithm and algorithm != upload.algorithm:
        raise invalid_request(
            f"Checksum Type mismatch occurred, expected checksum Type: {upload.algorithm.lower()}, actual checksum "
            f"Type: {algorithm.lower() if algorithm else 'null'}"
        )


@action(
    supports=f"Bucket Key PartNumber UploadId CopySourceRange ExpectedBucketOwner {SOURCE_CONDITIONS} {BY_CUSTOMER}",
    keeps_connection_alive=True,
)
async def upload_part_copy(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Make a part from an object, or from a range of it: inside Swift, unless one of them is encrypted."""
    name = names.part(req["Key"], req["UploadId"], req["PartNumber"])
    await uploads.check_number(call, req["PartNumber"])
    # A copy cannot be aborted in Swift, so a completion must wait for its end.
    async with _placed(call, req), uploads.storing(call, req) as upload:
        sealing = await upload.sealing(call, req)
        source = await source_of(call, req)
        span = req.get("CopySourceRange") or ""
        if span:
            span = ranges.copied(span, source.stored.size)
        start, end = ranges.bounds(span, source.stored.size) if span else (0, source.stored.size - 1)
        check_copy_size(end - start + 1)
        checksum = await _copied_checksum(call, upload, source, span)
        place = Place(upload.bucket, upload.key, upload.id, req["PartNumber"])
        part = PartWrite(upload.container, name, place, sealing)
        written = await to_the_end(_copied(call, source, span, part, checksum))
    result = {"ETag": f'"{written.etag}"', "LastModified": written.modified}
    if checksum:
        result[checksums.member(checksum.algorithm)] = checksum.value
    return {"CopyPartResult": result, **source_version(source), **(sealing.members if sealing else {})}


async def _copied(
    call: Call, source: Source, span: str, part: PartWrite, checksum: checksums.Checksum | None
) -> Written:
    if part.sealing is None and source.encrypted is None and call.source is None:
        told, target = Description(checksums.part_type(checksum)), (part.container, part.name)
        place, version = (source.bucket, source.key), source.stored.pin
        return await call.cloud.objects.copy(place, target, told, seen=source.stored, span=span, version=version)
    download = await source.open(call, span)
    try:
        if isinstance(download.body, bytes):
            return await put_part(call, part, download.body, checksum)
        start, end = ranges.bounds(span, source.stored.size) if span else (0, source.stored.size - 1)
        return await stream_part(call, part, download.body, end - start + 1, checksum)
    finally:
        download.close()


async def _copied_checksum(call: Call, upload: Upload, source: Source, span: str) -> checksums.Checksum | None:
    if not upload.algorithm:
        return None
    kept = checksums.of(source.stored)
    if not span and kept is not None and (kept.algorithm, kept.kind) == (upload.algorithm, checksums.FULL):
        return kept
    return await computed(call, source, upload.algorithm, span)


@action(supports="Bucket Key UploadId ExpectedBucketOwner IfMatchInitiatedTime")
async def abort_multipart_upload(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Abort an upload and delete its parts.

    The upload's own object is deleted last, so that a failed abort can be repeated; then parts added meanwhile.
    """
    async with uploads.alone(call, req):
        await _abort(call, req)
    return {}


async def _abort(call: Call, req: Mapping[str, Any]) -> None:
    upload = await uploads.opened(call, req)
    initiated = req.get("IfMatchInitiatedTime")
    if isinstance(initiated, datetime) and initiated != upload.stored.modified:
        raise precondition_failed("x-amz-if-match-initiated-time")
    await _free(call, upload)
    await uploads.close(call, upload)
    await _free(call, upload)


async def _free(call: Call, upload: Upload) -> None:
    """Delete an upload's parts, except segments of the object and of its versions."""
    found = await uploads.contents(call, upload)
    if not found:
        return
    kept = await uploads.in_use(call, upload)
    gone = [name for name in found if segments.path(upload.container, name) not in kept]
    left = await call.cloud.objects.delete_many(upload.container, gone)
    if left:
        fault = Fault.FORBIDDEN if all(one.status == 403 for one in left) else Fault.UNAVAILABLE
        raise BackendError(fault, service="object-store", resource="object", detail="parts are left")
