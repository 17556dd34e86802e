"""ListObjectVersions for unversioned buckets: every object is its own latest version, with the id `null`.

Tools that empty a bucket call this without checking whether versioning was ever enabled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shim.context import Call
from shim.s3 import names
from shim.s3.buckets.listing import answer, contents, page_of
from shim.s3.errors import invalid_argument
from shim.s3.owners import owner
from shim.s3.paging import coder, column_coder, max_keys
from shim.s3.service import NOT_ARCHIVED, action

NULL = "null"


@action(
    supports="Bucket Delimiter EncodingType KeyMarker MaxKeys Prefix VersionIdMarker ExpectedBucketOwner",
    ignores=NOT_ARCHIVED,
)
async def list_object_versions(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """List the one version of every object after a key."""
    bucket, limit, code = names.bucket(call, req), max_keys(req.get("MaxKeys")), coder(req)
    if req.get("VersionIdMarker") and not req.get("KeyMarker"):
        raise invalid_argument(
            "A version-id marker cannot be specified without a key marker.", "version-id-marker", req["VersionIdMarker"]
        )
    page = await page_of(call, bucket, req, req.get("KeyMarker") or "", limit)
    place = {
        "KeyMarker": code(req.get("KeyMarker") or ""),
        "VersionIdMarker": req.get("VersionIdMarker") or "",
        "NextKeyMarker": code(page.next) if page.next else None,
        "NextVersionIdMarker": NULL if page.next else None,
    }
    rows = contents(page, column_coder(req), Owner=owner(call), VersionId=NULL, IsLatest=True)
    return answer(req, page, limit, place, {"Versions": rows})
