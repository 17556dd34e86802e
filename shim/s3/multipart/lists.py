"""ListParts and ListMultipartUploads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adapters.errors import absent_is
from adapters.types.objects import Listing, ObjectRow
from shim.context import Call
from shim.s3 import names
from shim.s3.encryption.customer import BY_CUSTOMER, MEMBERS
from shim.s3.multipart import uploads
from shim.s3.objects import checksums
from shim.s3.objects.headers import listed_time, storage_class
from shim.s3.owners import named, owner
from shim.s3.paging import check_prefix, coder, max_keys, not_below_zero
from shim.s3.service import action

# Objects below an upload (its parts), which the listing skips.
_BELOW: Final = re.compile(r"(.*/[^/]+)/[0-9]+", re.DOTALL)


@dataclass(frozen=True, slots=True, order=True)
class Open:
    """An open upload, in S3's order: by key, then by id."""

    key: str
    id: str
    initiated: str
    storage_class: str
    initiator: uploads.Initiator | None = None


@action(supports=f"Bucket Key MaxParts PartNumberMarker UploadId ExpectedBucketOwner {BY_CUSTOMER}")
async def list_parts(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """List an upload's parts in order of their numbers."""
    limit = max_keys(req.get("MaxParts"), "max-parts")
    marker = not_below_zero(req.get("PartNumberMarker"), "part-number-marker")
    upload = await uploads.opened(call, req)
    if not MEMBERS.isdisjoint(req):  # it is not needed, but must be the upload's
        await upload.sealing(call, req)
    found = await uploads.parts_of(call, upload.bucket, upload.key, upload.id)
    page, place = uploads.page_of_parts(found, marker, limit)
    return {
        "Bucket": upload.bucket,
        "Key": upload.key,
        "UploadId": upload.id,
        **place,
        "Parts": [_shown(part) for part in page],
        **_people(call, upload.initiator),
        "StorageClass": storage_class(upload.stored.content_type),
        "ChecksumAlgorithm": upload.algorithm or None,
        "ChecksumType": upload.kind if upload.algorithm else None,
    }


def _people(call: Call, initiator: uploads.Initiator | None) -> dict[str, Any]:
    """Return who began an upload, and who is to own its object."""
    mine = owner(call)
    begun_by = named(call, initiator.project, initiator.name) if initiator else mine
    return {"Initiator": begun_by, "Owner": begun_by if initiator and initiator.owns else mine}


def _shown(part: uploads.Part) -> dict[str, Any]:
    checksum = part.checksum
    return {
        "PartNumber": part.number,
        "LastModified": listed_time(part.row["last_modified"]),
        "ETag": f'"{part.etag}"',
        "Size": part.size,
        **({checksums.member(checksum.algorithm): checksum.value} if checksum else {}),
    }


@action(supports="Bucket Delimiter EncodingType KeyMarker MaxUploads Prefix UploadIdMarker ExpectedBucketOwner")
async def list_multipart_uploads(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """List open uploads by key and id; keys that share a prefix up to the delimiter become one common prefix."""
    bucket, limit, code = names.bucket(call, req), max_keys(req.get("MaxUploads"), "max-uploads"), coder(req)
    prefix, delimiter = req.get("Prefix") or "", req.get("Delimiter") or ""
    key_marker, id_marker = req.get("KeyMarker") or "", req.get("UploadIdMarker") or ""
    check_prefix(req)
    await call.cloud.objects.container(bucket)
    found = [one for one in await open_uploads(call, bucket, prefix) if _after(one, key_marker, id_marker)]
    page = _fold(sorted(found), prefix, delimiter, key_marker)
    more = 0 < limit < len(page)
    page = page[:limit]
    last = page[-1] if page else None
    return {
        "Bucket": bucket,
        "KeyMarker": code(key_marker),
        "UploadIdMarker": id_marker,
        "NextKeyMarker": code(last.key if isinstance(last, Open) else last or "") if more else None,
        "NextUploadIdMarker": (last.id if isinstance(last, Open) else "") if more else None,
        "Prefix": code(prefix),
        "Delimiter": code(delimiter) if delimiter else None,
        "MaxUploads": limit,
        "IsTruncated": more,
        "Uploads": [
            {
                "UploadId": one.id,
                "Key": code(one.key),
                "Initiated": listed_time(one.initiated),
                "StorageClass": one.storage_class,
                **_people(call, one.initiator),
            }
            for one in page
            if isinstance(one, Open)
        ],
        "CommonPrefixes": [{"Prefix": code(one)} for one in page if isinstance(one, str)],
        "EncodingType": req.get("EncodingType") or None,
    }


def _after(one: Open, key_marker: str, id_marker: str) -> bool:
    if not key_marker:
        return True
    if id_marker:
        return (one.key, one.id) > (key_marker, id_marker)
    return one.key > key_marker


def _fold(found: Sequence[Open], prefix: str, delimiter: str, key_marker: str) -> list[Open | str]:
    """Replace uploads whose key contains the delimiter by their common prefix, once."""
    page: list[Open | str] = []
    for one in found:
        end = one.key.find(delimiter, len(prefix)) if delimiter else -1
        if end < 0:
            page.append(one)
            continue
        folded = one.key[: end + len(delimiter)]
        if folded > key_marker and (not page or page[-1] != folded):
            page.append(folded)
    return page


async def open_uploads(call: Call, bucket: str, prefix: str) -> list[Open]:
    """Return all open uploads below a prefix, skipping parts and segments.

    All are needed because Swift orders by `<key>/<id>` and S3 by key: `a-b/` is before `a/`, but `a` before `a-b`.
    """
    store, container, marker = call.cloud.objects, names.segments(bucket), ""
    found: list[Open] = []
    while True:
        page = Listing(prefix=prefix, marker=marker, limit=1000)
        rows: list[ObjectRow] = await absent_is([], store.objects(container, page))
        for row in rows:
            if not _BELOW.fullmatch(row["name"]):
                key, _, upload_id = row["name"].rpartition("/")
                if key.startswith(prefix) and key:
                    told = row["content_type"]
                    begun_by = uploads.initiator(told)
                    found.append(Open(key, upload_id, row["last_modified"], storage_class(told), begun_by))
        if len(rows) < 1000:
            return found
        marker = rows[-1]["name"]
        below = _BELOW.fullmatch(marker)
        if below:
            marker = below[1] + "/:"  # ":" follows "9": after everything below this upload
