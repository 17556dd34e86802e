"""CompleteMultipartUpload: checks the parts, then makes them segments of one object."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Final, NamedTuple

from adapters.errors import BackendError, Fault, absent_is
from adapters.types.objects import NULL_VERSION, Description, Segment, Stored, Written
from shim.concurrency import gather, gather_all
from shim.context import Call
from shim.errors import AwsError
from shim.protocol.restparse import malformed_xml
from shim.s3 import names
from shim.s3.config.configuration import configuration
from shim.s3.config.object_lock import check_kept
from shim.s3.encryption.blocks import Place
from shim.s3.encryption.customer import BY_CUSTOMER
from shim.s3.encryption.parts import StoredPart
from shim.s3.errors import invalid_argument, invalid_request
from shim.s3.lifecycle import expiration
from shim.s3.multipart import uploads
from shim.s3.multipart.storing import etag_of_part, size_of_part
from shim.s3.multipart.uploads import Upload
from shim.s3.notifications.events import COMPLETE
from shim.s3.notifications.noting import created
from shim.s3.objects import checksums, conditions, records, segments, versions
from shim.s3.objects.headers import (
    IN_STEP,
    TAGGING,
    UPLOAD,
    etag_of,
    marked_null,
    storage_class,
    typed,
    with_plain_size,
)
from shim.s3.service import action

log = logging.getLogger(__name__)

SMALLEST_PART: Final = 5 << 20  # "each part must be at least 5 MB in size, except the last part"
_MD5: Final = re.compile(r"[0-9a-f]{32}")
_AT_ONCE: Final = 8
_ASKED_TOGETHER: Final = 64  # each look-up is a task, and 10,000 tasks would block the event loop
_NAMING: Final = frozenset({"PartNumber", "ETag"})


class Named(NamedTuple):
    """A part as named in the request; the ETag is without quotes."""

    number: int
    etag: str
    checksum: tuple[str, str] | None


class Completion(NamedTuple):
    """A parsed request; `etag` is the future object's, or '' if a part's ETag is not an MD5."""

    parts: Sequence[Named]
    etag: str
    condition: conditions.WriteCondition


class Found(NamedTuple):
    """A part: its ETag and size as S3 shows them, and how Swift has it."""

    number: int
    etag: str
    size: int
    checksum: checksums.Checksum | None
    stored: StoredPart


class Assembly(NamedTuple):
    """The object to be written: its segments and its checksum.

    `in_step` is true if its parts are numbered 1, 2, 3 ... without a gap; `unneeded` are the stored parts that do not
    become segments.  `size` are its plain bytes, `stored` the parts as Swift has them.
    """

    laid: list[Segment]
    checksum: checksums.Checksum | None
    in_step: bool
    unneeded: list[str]
    size: int
    stored: list[StoredPart]


@action(
    supports=f"Bucket Key MultipartUpload UploadId ChecksumType MpuObjectSize ExpectedBucketOwner IfMatch IfNoneMatch "
    f"{BY_CUSTOMER} "
    + " ".join(f"Checksum{name}" for name in checksums.ALGORITHMS if name not in checksums.NOT_OF_PARTS),
    keeps_connection_alive=True,
)
async def complete_multipart_upload(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Complete an upload; a repetition gives the same answer while the object is still this upload's."""
    parts = (req.get("MultipartUpload") or {}).get("Parts") or ()
    asked = await uploads.for_many(call, len(parts), partial(_read, req))
    # Two completions, or a completion and an abort, would each delete segments that the other needs.
    async with uploads.alone(call, req):
        answer, size = await _complete(call, req, asked)
    await created(call, req["Bucket"], req["Key"], COMPLETE, answer, size)
    return answer


async def _complete(call: Call, req: Mapping[str, Any], asked: Completion) -> tuple[Mapping[str, Any], int]:
    """Return the answer and the object's size."""
    wanted, etag, condition = asked
    bucket, key = names.bucket(call, req), req["Key"]
    try:
        upload, listed, old = await gather(
            uploads.opened(call, req),
            absent_is({}, uploads.parts_of(call, bucket, key, req["UploadId"])),  # `opened` says what is missing
            segments.behind(call, bucket, key),
        )
    except AwsError as error:
        if error.code == "NoSuchUpload" and (repeated := await _repeated(call, req, etag)):
            return repeated
        raise
    sealing = await upload.sealing(call, req)
    _check_order(wanted, upload.id)
    found = await _verified(call, upload, wanted, listed)
    assembly = await uploads.for_many(call, len(found) + len(listed), partial(_assembled, req, upload, found, listed))
    internal = {UPLOAD: upload.id, **(assembly.checksum.stored if assembly.checksum else {})}
    if assembly.in_step:
        internal[IN_STEP] = "yes"
    told = upload.description(internal)
    check_kept(await configuration(call, upload.bucket))
    null = await versions.is_suspended(call, upload.bucket)
    content_type = typed(told.content_type, etag, storage_class(told.content_type))
    told = told._replace(
        content_type=marked_null(content_type) if null else content_type, if_absent=condition.if_absent
    )
    if sealing:
        told = sealing.completed(told, Place(upload.bucket, upload.key, upload.id), assembly.size, assembly.stored)
    there = await conditions.present(call, upload.bucket, upload.key) if condition else None
    mine = await _mine(call, upload, req, etag, there)
    version = mine.version if mine else ""
    if not mine:  # else an interrupted completion had only the upload left to close
        condition.check(upload.key, there)
        version = (await _write(call, upload, assembly.laid, told)).version
    # Python needs milliseconds to free 10,000 rows: the worker frees them, not the event loop after the action.
    rows: list[Any] = [req["MultipartUpload"], wanted, found, listed, assembly.laid, assembly.stored]
    await uploads.for_many(call, len(wanted), lambda: [some.clear() for some in rows])
    if items := await uploads.spilled(call, upload):
        await records.add(call, upload.bucket, upload.key, told, items, version=version)
    # Not part of the clean-up, which may fail: a part of a still open upload could replace a segment in use.
    await uploads.close(call, upload)
    await _clean(call, upload, assembly.unneeded, old, version)
    if null and version:
        await versions.drop_nulls(call, upload.bucket, upload.key, version)
    answer = _answer(call, req, etag, assembly.checksum, "" if null else version)
    if expiration.may_be_told(call, upload.bucket):
        answer |= await _expiration(call, upload, assembly.size)
    return {**answer, **(sealing.members if sealing else {})}, assembly.size


async def _expiration(call: Call, upload: Upload, size: int) -> dict[str, str]:
    """Return the member that says when the object expires; none if it cannot be described now, as it is complete."""
    try:
        stored = await records.head(call, upload.bucket, upload.key)
    except (AwsError, BackendError) as error:
        log.warning("request %s: no expiration is told in %s: %s", call.request_id, upload.bucket, error)
        return {}
    tagging = stored.metadata.get(TAGGING, "")
    return await expiration.members(call, upload.bucket, upload.key, size, stored.modified, tagging)


async def _mine(call: Call, upload: Upload, req: Mapping[str, Any], etag: str, there: Stored | None) -> Stored | None:
    """Return the object, or a version of it, that an interrupted completion of this upload made."""
    if _is_mine(there, req, etag):
        return there
    if not (await versions.state_of(call, upload.bucket)).status:
        return None
    return next((one for one in await uploads.versions_made(call, upload) if etag_of(one) == etag), None)


def multipart_etag(etags: Sequence[str]) -> str:
    """Return a multipart object's ETag: the MD5 of its parts' MD5s, and their number; '' if an ETag is not an MD5.

    >>> multipart_etag(["d41d8cd98f00b204e9800998ecf8427e"])
    '59adb24ef3cdbe0297f05b395827453f-1'
    """
    if not all(map(_MD5.fullmatch, etags)):
        return ""
    whole = hashlib.md5(usedforsecurity=False)
    for etag in etags:
        whole.update(bytes.fromhex(etag))
    return f"{whole.hexdigest()}-{len(etags)}"


def _read(req: Mapping[str, Any]) -> Completion:
    """Parse the condition and the list of parts: at least one, each with a number and an ETag."""
    parts = (req.get("MultipartUpload") or {}).get("Parts") or []
    if not parts or not all(part.keys() >= _NAMING for part in parts):
        raise malformed_xml()
    named = [
        Named(part["PartNumber"], part["ETag"].strip('"'), checksums.named(part) if len(part) > len(_NAMING) else None)
        for part in parts
    ]
    return Completion(named, multipart_etag([part.etag for part in named]), conditions.WriteCondition(req))


def _check_order(wanted: Sequence[Named], upload_id: str) -> None:
    """Refuse parts that are not in ascending order; S3 checks this after the upload and before the parts."""
    if any(after.number <= before.number for before, after in pairwise(wanted)):
        sentence = "The list of parts was not in ascending order. Parts must be ordered by part number."
        raise AwsError("InvalidPartOrder", sentence, extra={"UploadId": upload_id})
    if wanted[0].number < 1:
        raise invalid_argument("PartNumber must be >= 1", "PartNumber", wanted[0].number)


def _invalid_part(upload_id: str, number: object, etag: object) -> AwsError:
    sentence = (
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified "
        "entity tag may not match the part's entity tag."
    )
    return AwsError(
        "InvalidPart", sentence, extra={"UploadId": upload_id, "PartNumber": str(number), "ETag": str(etag)}
    )


async def _verified(
    call: Call, upload: Upload, wanted: Sequence[Named], listed: Mapping[int, uploads.Part]
) -> list[Found]:
    """Compare the named parts with the stored ones.

    The listing may lag behind, so a part that differs there is looked up itself before it is refused.
    """
    found, doubtful = await uploads.for_many(call, len(wanted), partial(_compared, wanted, listed))
    for start in range(0, len(doubtful), _ASKED_TOGETHER):
        some = doubtful[start : start + _ASKED_TOGETHER]
        for one in await gather_all((_asked(call, upload, part) for part in some), most=_AT_ONCE):
            found[one.number] = one
    return [found[part.number] for part in wanted]


def _compared(wanted: Sequence[Named], listed: Mapping[int, uploads.Part]) -> tuple[dict[int, Found], list[Named]]:
    """Return the parts that match the listing, by number, and the remaining ones."""
    found: dict[int, Found] = {}
    doubtful: list[Named] = []
    for part in wanted:
        row = listed.get(part.number)
        if row is not None and row.etag == part.etag and _agree(part, checksum := row.checksum):
            stored = StoredPart(part.number, row.row["bytes"], row.row["hash"])
            found[part.number] = Found(part.number, part.etag, row.size, checksum, stored)
        else:
            doubtful.append(part)
    return found, doubtful


def _agree(part: Named, checksum: checksums.Checksum | None) -> bool:
    return part.checksum is None or (checksum is not None and part.checksum == (checksum.algorithm, checksum.value))


async def _asked(call: Call, upload: Upload, part: Named) -> Found:
    wrong = _invalid_part(upload.id, part.number, part.etag)
    if part.number > names.PARTS or not _MD5.fullmatch(part.etag):
        raise wrong
    stored = await absent_is(
        None, call.cloud.objects.head(upload.container, names.part(upload.key, upload.id, part.number))
    )
    if stored is None:
        raise wrong
    checksum = checksums.of_part(stored.content_type)
    if etag_of_part(stored.content_type, stored.etag) != part.etag or not _agree(part, checksum):
        raise wrong
    as_stored = StoredPart(part.number, stored.size, stored.etag)
    return Found(part.number, part.etag, size_of_part(stored.content_type, stored.size), checksum, as_stored)


def _assembled(
    req: Mapping[str, Any], upload: Upload, found: Sequence[Found], listed: Mapping[int, uploads.Part]
) -> Assembly:
    """Return the object to be made of the parts; raise AwsError if S3 would refuse it."""
    _check_sizes(found)
    checksum = _checksum(req, upload, found)
    size = sum(part.size for part in found)
    if "MpuObjectSize" in req and req["MpuObjectSize"] != size:
        raise invalid_request("The provided 'x-amz-mp-object-size' header does not match what was computed.")
    prefix = names.marker(upload.key, upload.id)
    # Swift refuses empty segments, and an object without segments is not a large object.
    stored = [part.stored for part in found if part.stored.stored]
    laid = [Segment(upload.container, f"{prefix}/{number}", size, etag) for number, size, etag in stored]
    used = {part.number for part in found}
    below = segments.path(upload.container, prefix)
    unused = [f"{below}/{number}" for number in listed if number not in used]
    empty = [f"{below}/{number}" for number, part in listed.items() if number in used and not part.row["bytes"]]
    in_step = [part.number for part in found] == list(range(1, len(found) + 1))
    return Assembly(laid, checksum, in_step, [*unused, *empty], size, stored)


def _check_sizes(found: Sequence[Found]) -> None:
    """Refuse a part below the minimum size, unless it is the last."""
    for one in found[:-1]:
        if one.size < SMALLEST_PART:
            raise AwsError(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                400,
                extra={
                    "ProposedSize": str(one.size),
                    "MinSizeAllowed": str(SMALLEST_PART),
                    "PartNumber": str(one.number),
                    "ETag": one.etag,
                },
            )


def _checksum(req: Mapping[str, Any], upload: Upload, found: Sequence[Found]) -> checksums.Checksum | None:
    """Compute the object's checksum, if every part has one, and compare it with the request's."""
    claimed = checksums.named(req)
    algorithm = upload.algorithm or (claimed[0] if claimed else "")
    if not algorithm and found[0].checksum is not None:
        algorithm = found[0].checksum.algorithm
    if not algorithm:
        return None
    kind = upload.kind if upload.algorithm else checksums.kind_of(algorithm, req.get("ChecksumType"))
    if req.get("ChecksumType") not in (None, kind):
        raise invalid_request(
            f"The upload was created using the {kind} checksum mode. The complete request must use the same checksum "
            "mode."
        )
    checksum = checksums.joined(algorithm, kind, [(part.checksum, part.size) for part in found])
    if claimed and (checksum is None or claimed != (checksum.algorithm, checksum.value)):
        raise checksums.bad_digest(claimed[0])
    return checksum


async def _write(call: Call, upload: Upload, laid: Sequence[Segment], told: Description) -> Written:
    """Write the manifest; where it is too long for Swift, write nested manifests."""
    store = call.cloud.objects
    try:
        if not laid:
            return await store.put(upload.bucket, upload.key, b"", 0, told)
        groups = await uploads.for_many(call, len(laid), partial((await store.limits()).in_manifests, laid))
        if len(groups) > 1:
            laid = await _folded(call, upload, groups)
        return await store.put_manifest(upload.bucket, upload.key, laid, told)
    except BackendError as error:
        if error.fault is Fault.INVALID and ("Etag Mismatch" in error.detail or "404 Not Found" in error.detail):
            raise _invalid_part(upload.id, "", "") from error  # replaced or aborted after the check
        raise


async def _folded(call: Call, upload: Upload, groups: Sequence[Sequence[Segment]]) -> list[Segment]:
    store, container = call.cloud.objects, upload.container
    made = []
    for number, group in enumerate(groups):
        name = names.sub_manifest(upload.key, upload.id, number)
        written = await store.put_manifest(container, name, group, Description("application/octet-stream"))
        made.append(Segment(container, name, sum(segment.bytes for segment in group), written.etag, nested=True))
    return made


async def _clean(call: Call, upload: Upload, unneeded: Sequence[str], old: Sequence[str], version: str) -> None:
    """Delete parts that were not used and segments of the replaced object, which in versioned buckets is not gone."""
    # In a repeated completion, the object's segments are this upload's own.
    mine = segments.path(upload.container, f"{names.marker(upload.key, upload.id)}/")
    if version:
        old = ()
        if unneeded:
            used = await uploads.used_by_versions(call, upload, but=version)
            unneeded = [name for name in unneeded if name not in used]
    await segments.remove(call, upload.bucket, [*unneeded, *(name for name in old if not name.startswith(mine))])


async def _repeated(call: Call, req: Mapping[str, Any], etag: str) -> tuple[Mapping[str, Any], int] | None:
    """Return the answer and size if this upload made the object: its client repeats a request whose answer was lost."""
    bucket = names.bucket(call, req)
    made = await conditions.present(call, bucket, req["Key"])
    if made is None or not _is_mine(made, req, etag):
        return None
    version = await versions.shown(call, bucket, made)
    answer = _answer(call, req, etag, checksums.of(made), version if version != NULL_VERSION else "")
    return answer, with_plain_size(made).size


def _is_mine(stored: Stored | None, req: Mapping[str, Any], etag: str) -> bool:
    return stored is not None and stored.metadata.get(UPLOAD) == req["UploadId"] and etag_of(stored) == etag


def _answer(
    call: Call, req: Mapping[str, Any], etag: str, checksum: checksums.Checksum | None, version: str
) -> dict[str, Any]:
    return {
        "Location": names.location(call, req["Bucket"], req["Key"]),
        "Bucket": req["Bucket"],
        "Key": req["Key"],
        "ETag": f'"{etag}"',
        **(checksum.members if checksum else {}),
        **({"VersionId": version} if version else {}),
    }
