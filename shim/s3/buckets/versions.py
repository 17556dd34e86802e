"""ListObjectVersions: one page of Swift's listing of versions in S3's format.

Tools that empty a bucket call this without checking whether versioning was ever enabled; then every object is its own
latest version, with the id `null`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from adapters.types.objects import NULL_VERSION, Listing, ObjectRow
from shim.context import Call
from shim.protocol.xml.rows import Table
from shim.s3 import names
from shim.s3.buckets.listing import Page, answer, contents
from shim.s3.config.versioning import State
from shim.s3.errors import invalid_argument
from shim.s3.objects import versions
from shim.s3.objects.headers import listed_time
from shim.s3.owners import owner
from shim.s3.paging import check_prefix, coder, column_coder, max_keys
from shim.s3.service import NOT_ARCHIVED, action

# Swift refuses delimiters with characters of its version ids.
_IN_IDS: Final = frozenset("0123456789.")
_LAST: Final = "\U0010ffff"  # behind all names that begin with what stands before it


@action(
    supports="Bucket Delimiter EncodingType KeyMarker MaxKeys Prefix VersionIdMarker ExpectedBucketOwner",
    ignores=NOT_ARCHIVED,
)
async def list_object_versions(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """List versions and delete markers by key, the newest of a key first, after a key or a version of it."""
    bucket, limit, code = names.bucket(call, req), max_keys(req.get("MaxKeys")), coder(req)
    check_prefix(req)
    key, after = req.get("KeyMarker") or "", req.get("VersionIdMarker") or ""
    if after:
        if not key:
            raise invalid_argument(
                "A version-id marker cannot be specified without a key marker.", "version-id-marker", after
            )
        versions.checked(after, "version-id-marker")
    state = await versions.state_of(call, bucket)
    rows: list[ObjectRow] = []
    if limit:
        rows = await _rows(call, bucket, req, await _start(call, bucket, key, after, state), limit + 1)
    else:
        await call.cloud.objects.container(bucket)
    more, rows = len(rows) > limit, rows[:limit]
    shown = _shown([row for row in rows if "name" in row], key if after else "", state)
    last = rows[-1] if more else None
    next_key = (last.get("name") or last.get("subdir") or "") if last else ""
    place = {
        "KeyMarker": code(key),
        "VersionIdMarker": after,
        "NextKeyMarker": code(next_key) if last else None,
        "NextVersionIdMarker": versions.id_of(last, state) if last and "name" in last else None,
    }
    page = Page([], [row["subdir"] for row in rows if "subdir" in row], next_key)
    return answer(req, page, limit, place, _members(call, shown, column_coder(req)))


async def _start(call: Call, bucket: str, key: str, after: str, state: State) -> tuple[str, str]:
    """Return Swift's markers for a page behind a key, or behind a version of it."""
    if after == NULL_VERSION and state.status:
        found = versions.nulls(await versions.of_key(call, bucket, key), state)
        return key, found[0]["version_id"] if found else ""
    return key, after if state.status else ""


async def _rows(call: Call, bucket: str, req: Mapping[str, Any], start: tuple[str, str], limit: int) -> list[ObjectRow]:
    """Read rows of versions and common prefixes."""
    store = call.cloud.objects
    prefix, delimiter, (marker, version) = req.get("Prefix") or "", req.get("Delimiter") or "", start
    if not delimiter:
        return await store.versions(bucket, Listing(prefix, "", marker, limit=limit, version_marker=version))
    end = marker.find(delimiter, len(prefix)) if marker.startswith(prefix) else -1
    if end >= 0:  # the page begins behind the whole common prefix that contains the marker
        marker, version = marker[: end + len(delimiter)] + _LAST, ""
    want = Listing(prefix, delimiter, marker, limit=limit, version_marker=version)
    if _IN_IDS.isdisjoint(delimiter):
        return await store.versions(bucket, want)
    return await _grouped(call, bucket, replace(want, delimiter=""), delimiter)


async def _grouped(call: Call, bucket: str, want: Listing, delimiter: str) -> list[ObjectRow]:
    """Group rows by a delimiter that Swift refuses: a request for each common prefix, and for the rows between."""
    found: list[ObjectRow] = []
    while len(found) < want.limit:
        rows = await call.cloud.objects.versions(bucket, want)
        for row in rows:
            end = row["name"].find(delimiter, len(want.prefix))
            if end >= 0:
                common = row["name"][: end + len(delimiter)]
                found.append({"subdir": common})
                want = replace(want, marker=common + _LAST, version_marker="")
                break
            found.append(row)
            want = replace(want, marker=row["name"], version_marker=row["version_id"])
        else:
            if len(rows) < want.limit:
                break
    return found[: want.limit]


def _shown(rows: Sequence[ObjectRow], begun: str, state: State) -> list[tuple[ObjectRow, str, bool]]:
    """Return the rows that S3 shows, with the version id and whether it is the latest of its key.

    `begun` is the key whose first versions were on the page before.  Swift's own `is_latest` is wrong for a delete
    marker behind the beginning of a page.
    """
    shown = []
    at, null = begun, False
    for row in rows:
        first = row["name"] != at
        if first:
            at, null = row["name"], False
        version = versions.id_of(row, state)
        if version == NULL_VERSION:
            if null:  # left over from when the newer one replaced it
                continue
            null = True
        shown.append((row, version, first and (row["is_latest"] or state.kept)))
    return shown


def _members(
    call: Call, shown: Sequence[tuple[ObjectRow, str, bool]], encode: Callable[[list[str]], Sequence[str]]
) -> dict[str, Any]:
    kept = [one for one in shown if not versions.is_marker(one[0])]
    markers = [one for one in shown if versions.is_marker(one[0])]
    table = contents(Page([row for row, _, _ in kept], []), encode, Owner=owner(call))
    columns: dict[str, Sequence[Any]] = {
        "VersionId": [version for _, version, _ in kept],
        "IsLatest": [latest for _, _, latest in kept],
    }
    keys = encode([row["name"] for row, _, _ in markers])
    return {
        "Versions": Table({**table.columns, **columns}, table.same),
        "DeleteMarkers": [
            {
                "Key": key,
                "LastModified": listed_time(row["last_modified"]),
                "VersionId": version,
                "IsLatest": latest,
                "Owner": owner(call),
            }
            for key, (row, version, latest) in zip(keys, markers, strict=True)
        ],
    }
