"""ListObjects and ListObjectsV2: one page of Swift's listing in S3's format.

Swift and S3 both list in the byte order of UTF-8, so a page is one request to Swift.  The listing may lag behind writes
and deletions while a container server is busy or down; S3's listings are consistent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from adapters.types.objects import Listing, ObjectRow
from shim.context import Call
from shim.protocol.xml.rows import Table
from shim.s3 import names
from shim.s3.objects.headers import listed_classes, listed_etags, listed_sizes, listed_times
from shim.s3.owners import owner
from shim.s3.paging import check_prefix, coder, column_coder, max_keys, opened, sealed
from shim.s3.placement.storage_classes import STANDARD
from shim.s3.service import NOT_ARCHIVED, action

Encode = Callable[[list[str]], Sequence[str]]

_name: Callable[[ObjectRow], str] = itemgetter("name")
_last_modified: Callable[[ObjectRow], str] = itemgetter("last_modified")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing: objects, common prefixes, and its last name if more pages follow."""

    objects: list[ObjectRow]
    prefixes: list[str]
    next: str = ""


async def page_of(call: Call, bucket: str, req: Mapping[str, Any], marker: str, limit: int) -> Page:
    """Read one page after `marker`, with one extra row that shows whether another page follows."""
    store = call.cloud.objects
    check_prefix(req)
    if limit == 0:
        await store.container(bucket)
        return Page([], [])
    prefix, delimiter = req.get("Prefix") or "", req.get("Delimiter") or ""
    want = Listing(prefix, delimiter, _behind(marker, prefix, delimiter), limit=limit + 1)
    rows = await store.objects(bucket, want)
    more = len(rows) > limit
    if more:
        rows = rows[:limit]
    last = rows[-1] if more else None
    return Page(
        [row for row in rows if "name" in row] if delimiter else rows,
        [row["subdir"] for row in rows if "subdir" in row] if delimiter else [],
        (last.get("name") or last.get("subdir") or "") if last else "",
    )


def _behind(marker: str, prefix: str, delimiter: str) -> str:
    """Return where a page begins: after the whole common prefix that contains the marker.

    "CommonPrefixes is filtered out from results if it is not lexicographically greater than the key-marker"; Swift
    excludes only the common prefix that equals the marker.
    """
    end = marker.find(delimiter, len(prefix)) if delimiter and marker.startswith(prefix) else -1
    return marker if end < 0 else marker[: end + len(delimiter)]


def contents(page: Page, encode: Encode, **same: Any) -> Table:
    """Return the answer's rows for a page's objects; `same` are further members, equal in all rows."""
    rows = page.objects
    columns = {
        "Key": encode(list(map(_name, rows))),
        "LastModified": listed_times(list(map(_last_modified, rows))),
        "ETag": listed_etags(rows),
        "Size": listed_sizes(rows),
    }
    if classes := listed_classes(rows):
        return Table({**columns, "StorageClass": classes}, same)
    return Table(columns, {"StorageClass": STANDARD, **same})


def answer(
    req: Mapping[str, Any], page: Page, limit: int, place: Mapping[str, Any], rows: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the members that all listings of objects share; `place` are the members that identify the page.

    They are in the order of the API reference's examples, so that a client that parses the answer as a stream knows
    everything else before the first row.
    """
    code = coder(req)
    return {
        "Name": req["Bucket"],
        "Prefix": code(req.get("Prefix") or ""),
        **place,
        "MaxKeys": limit,
        "Delimiter": code(req["Delimiter"]) if req.get("Delimiter") else None,
        "EncodingType": req.get("EncodingType") or None,
        "IsTruncated": bool(page.next),
        **rows,
        "CommonPrefixes": [{"Prefix": code(prefix)} for prefix in page.prefixes],
    }


@action(
    supports="Bucket Delimiter EncodingType Marker MaxKeys Prefix ExpectedBucketOwner",
    ignores=NOT_ARCHIVED,
)
async def list_objects(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """List objects after a marker.

    "This element is returned only if you have the delimiter request parameter specified" (NextMarker): otherwise
    the last key is the next marker.
    """
    bucket, limit, code = names.bucket(call, req), max_keys(req.get("MaxKeys")), coder(req)
    page = await page_of(call, bucket, req, req.get("Marker") or "", limit)
    place = {
        "Marker": code(req.get("Marker") or ""),
        "NextMarker": code(page.next) if page.next and req.get("Delimiter") else None,
    }
    return answer(req, page, limit, place, {"Contents": contents(page, column_coder(req), Owner=owner(call))})


@action(
    supports="Bucket Delimiter EncodingType MaxKeys Prefix ContinuationToken FetchOwner StartAfter ExpectedBucketOwner",
    ignores=NOT_ARCHIVED,
)
async def list_objects_v2(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """List objects after a continuation token or, on the first page, after a key."""
    bucket, limit, code = names.bucket(call, req), max_keys(req.get("MaxKeys")), coder(req)
    marker = opened(req.get("ContinuationToken")) or req.get("StartAfter") or ""
    page = await page_of(call, bucket, req, marker, limit)
    place = {
        "StartAfter": code(req["StartAfter"]) if req.get("StartAfter") else None,
        "ContinuationToken": req.get("ContinuationToken"),
        "NextContinuationToken": sealed(page.next) if page.next else None,
        "KeyCount": len(page.objects) + len(page.prefixes),
    }
    shown = {"Owner": owner(call)} if req.get("FetchOwner") else {}
    return answer(req, page, limit, place, {"Contents": contents(page, column_coder(req), **shown)})
