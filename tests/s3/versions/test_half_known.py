"""What the gateway knows late: of the suspension of versioning, and of versions that a listing does not show yet."""

import asyncio
from typing import Any

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.objects import ObjectRow, Segment, Stored
from shim.s3 import names
from shim.s3.multipart.multipart import abort_multipart_upload
from shim.s3.objects.deleting import delete_object
from shim.s3.objects.headers import UPLOAD
from tests.s3.small_store import MARKER_ID, WHEN, SmallStore, call_of

NULL_ROW: ObjectRow = {
    "name": "k",
    "hash": "h",
    "bytes": 1,
    "content_type": "a/b; s3_null=yes",
    "last_modified": "2026-01-01T00:00:00.000000",
    "version_id": "1767225600.00000",
    "is_latest": False,
}
MARKER: ObjectRow = {
    **NULL_ROW,
    "content_type": "application/x-deleted;swift_versions_deleted=1",
    "version_id": MARKER_ID,
    "is_latest": True,
}
SUSPENDED = "Suspended 1.000 1.000-"
ENABLED = "Enabled 1.000 1.000-2.000"


@pytest.mark.parametrize(
    ("now", "listed", "faults", "goes"),
    [
        (SUSPENDED, [MARKER, NULL_ROW], {}, True),
        (ENABLED, [MARKER, NULL_ROW], {}, False),
        (SUSPENDED, [MARKER], {}, False),
        (SUSPENDED, [MARKER, NULL_ROW], {"versions": Fault.UNAVAILABLE}, False),
    ],
    ids=["suspended", "enabled meanwhile", "not listed yet", "unavailable"],
)
def test_the_record_goes_with_the_null_version(
    now: str, listed: list[ObjectRow], faults: dict[str, Fault], goes: bool
) -> None:
    record = Stored(1, "e", WHEN, "application/json")
    store = SmallStore({"bbb": {}, "bbb+records": {"k/null": record}}, {"s3-config-versioning": now}, True)
    store.rows, store.faults = listed, faults
    call = call_of(store, "DeleteObject", {"records": "yes", "versioning": SUSPENDED, "swift-versions": "on"})
    asyncio.run(delete_object(call, {"Bucket": "bbb", "Key": "k"}))
    assert (("delete_version", "bbb", "k", NULL_ROW["version_id"]) in store.seen) is goes
    assert ("k/null" not in store.held["bbb+records"]) is goes


class Marked(SmallStore):
    """A store whose key `k` has a delete marker."""

    async def head(self, container: str, name: str, *, version: str = "", link: bool = False, part: int = 0) -> Stored:
        try:
            return await super().head(container, name, version=version, link=link, part=part)
        except BackendError as error:
            error.version = MARKER_ID if version == MARKER_ID else ""
            raise


def test_the_record_of_an_older_null_version_goes_with_the_marker() -> None:
    """The version stayed when the marker was made, as no listing showed it yet."""
    record = Stored(1, "e", WHEN, "application/json")
    suspended = {"s3-config-versioning": SUSPENDED, "s3-config-records": "yes"}
    store = Marked({"bbb": {}, "bbb+records": {"k/null": record}}, suspended, True, [MARKER, NULL_ROW])
    req = {"Bucket": "bbb", "Key": "k", "VersionId": "null"}
    assert asyncio.run(delete_object(call_of(store, "DeleteObject"), req)) == {
        "VersionId": "null",
        "DeleteMarker": True,
    }
    assert ("delete_version", "bbb", "k", NULL_ROW["version_id"]) in store.seen
    assert store.held["bbb+records"] == {}


@pytest.mark.parametrize("version", ["", "1767312000.00000"], ids=["no versions", "a version"])
def test_an_abort_keeps_the_segments_of_an_object_that_no_listing_shows(version: str) -> None:
    """A completion wrote the object, and its gateway died before it closed the upload."""
    upload_id = names.new_upload_id()
    part, unused = (names.part("k", upload_id, number) for number in (1, 2))
    made = Stored(1, "e", WHEN, "a/b", "static", {UPLOAD: upload_id}, version=version)
    stored = Stored(1, "e", WHEN, "a/b")
    kept = {names.marker("k", upload_id): stored, part: stored, unused: stored}
    store = SmallStore({"bbb": {"k": made}, "bbb+segments": kept}, versions_kept=bool(version))
    store.manifests["k"] = [Segment("bbb+segments", part, 1, "e")]
    req: dict[str, Any] = {"Bucket": "bbb", "Key": "k", "UploadId": upload_id}
    asyncio.run(abort_multipart_upload(call_of(store, "AbortMultipartUpload", {}), req))
    assert list(store.held["bbb+segments"]) == [part]


def test_an_abort_deletes_the_parts_of_an_object_that_another_upload_made() -> None:
    upload_id = names.new_upload_id()
    part = names.part("k", upload_id, 1)
    stored = Stored(1, "e", WHEN, "a/b")
    made = Stored(1, "e", WHEN, "a/b", "static", {UPLOAD: "other"}, version="1767312000.00000")
    kept = {names.marker("k", upload_id): stored, part: stored}
    store = SmallStore({"bbb": {"k": made}, "bbb+segments": kept}, versions_kept=True)
    store.manifests["k"] = [Segment("bbb+segments", names.part("k", "other", 1), 1, "e")]
    req: dict[str, Any] = {"Bucket": "bbb", "Key": "k", "UploadId": upload_id}
    asyncio.run(abort_multipart_upload(call_of(store, "AbortMultipartUpload", {}), req))
    assert store.held["bbb+segments"] == {}


def test_a_conditional_deletion_lists_the_versions_once() -> None:
    stored = Stored(1, "h", WHEN, "a/b; s3_null=yes", timestamp=NULL_ROW["version_id"], version=NULL_ROW["version_id"])
    store = SmallStore({"bbb": {"k": stored}}, {"s3-config-versioning": SUSPENDED}, True)
    store.rows = [MARKER, NULL_ROW]
    call = call_of(store, "DeleteObject", {"versioning": SUSPENDED, "swift-versions": "on"})
    asyncio.run(delete_object(call, {"Bucket": "bbb", "Key": "k", "IfMatch": '"h"'}))
    assert store.seen.count(("versions", "bbb")) == 1
    assert ("delete_version", "bbb", "k", NULL_ROW["version_id"]) in store.seen
