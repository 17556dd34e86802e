"""GetObjectAttributes: the information of HeadObject and the list of parts, in one document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.types.objects import Stored
from shim.context import Call
from shim.s3 import names
from shim.s3.encryption.customer import BY_CUSTOMER, MEMBERS, customer_key
from shim.s3.encryption.envelope import MARK
from shim.s3.multipart import uploads
from shim.s3.objects import checksums, encrypted, parts, versions
from shim.s3.objects.headers import UPLOAD, etag_of, storage_class
from shim.s3.objects.s3_middleware import with_s3_etag
from shim.s3.paging import max_keys, not_below_zero
from shim.s3.service import action


@action(supports=f"Bucket Key VersionId MaxParts PartNumberMarker ExpectedBucketOwner ObjectAttributes {BY_CUSTOMER}")
async def get_object_attributes(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the requested attributes; ObjectParts only for an object that was uploaded in parts."""
    bucket, key, wanted = names.bucket(call, req), req["Key"], frozenset(req["ObjectAttributes"])
    version = versions.asked(req)
    limit = max_keys(req.get("MaxParts"), "x-amz-max-parts")
    marker = not_below_zero(req.get("PartNumberMarker"), "x-amz-part-number-marker")
    secret = None if MEMBERS.isdisjoint(req) else customer_key(call, req, reading=True)
    stored = await with_s3_etag(call, bucket, key, await versions.head(call, bucket, key, version))
    if secret or MARK in stored.content_type:
        stored = (await encrypted.opened(call, (bucket, key), stored, secret)).stored
    checksum = checksums.of(stored)
    members: dict[str, Any] = {"LastModified": stored.modified}
    if stored.version:
        members["VersionId"] = await versions.shown(call, bucket, stored)
    if "ETag" in wanted:
        members["ETag"] = etag_of(stored)
    if "Checksum" in wanted and checksum is not None:
        members["Checksum"] = checksum.members
    if "ObjectParts" in wanted and parts.count(stored) is not None:
        members["ObjectParts"] = await _parts(call, req, stored, marker, limit)
    if "StorageClass" in wanted:
        members["StorageClass"] = storage_class(stored.content_type)
    if "ObjectSize" in wanted:
        members["ObjectSize"] = stored.size
    return members


async def _parts(call: Call, req: Mapping[str, Any], stored: Stored, marker: int, limit: int) -> dict[str, Any]:
    """Return the number of parts, and their sizes if the parts have checksums, as S3 does."""
    total = parts.count(stored)
    checksum = checksums.of(stored)
    if checksum is None or stored.layout != "static":
        return {"TotalPartsCount": total}
    upload_id = stored.metadata.get(UPLOAD, "")
    known = names.is_upload_id(upload_id)  # another client of Swift may have written this header
    found = await uploads.parts_of(call, req["Bucket"], req["Key"], upload_id) if known else {}
    page, place = uploads.page_of_parts(found, marker, limit)
    return {
        "TotalPartsCount": total,
        **place,
        "Parts": [
            {
                "PartNumber": part.number,
                "Size": part.size,
                **({checksums.member(part.checksum.algorithm): part.checksum.value} if part.checksum else {}),
            }
            for part in page
        ],
    }
