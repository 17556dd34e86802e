"""What becomes of a segment when Swift does not say whether it has stored the manifest."""

import asyncio

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.objects import Segment, Stored, Written
from shim.s3.objects.elsewhere import writer
from tests.s3.placement.small_swift import COLD, TOLD, SmallSwift, mapped
from tests.s3.small_store import WHEN

NEW = TOLD._replace(if_absent=True)

REFUSED = (Fault.INVALID, Fault.TOO_LARGE, Fault.QUOTA, Fault.FORBIDDEN, Fault.NOT_FOUND)


def put(store: SmallSwift) -> Written:
    async def run() -> Written:
        return await (await writer(mapped(store), "bbb", "cold")).put("bbb", "k", b"bytes", 5, NEW)

    return asyncio.run(run())


@pytest.mark.parametrize("version", ["", "1767312000.00000"], ids=["no versions", "a version"])
def test_a_manifest_that_a_repeated_request_finds_is_the_request_s_own(version: str) -> None:
    """Its first answer was lost; the repetition meets what the first one has stored."""
    store = SmallSwift()
    store.says, store.version = Fault.PRECONDITION, version
    written = put(store)
    assert (written.etag, written.version) == ("4b3a6218bb3e3a7303e8a171a60fcf92", version)
    assert [one.name for one in store.manifests["k"]] == store.cold


@pytest.mark.parametrize(
    "other",
    [Stored(1, "e", WHEN, "a/b"), Stored(1, "e", WHEN, "a/b", "static"), None],
    ids=["plain", "of other segments", "gone again"],
)
def test_a_segment_goes_if_another_object_is_there(other: Stored | None) -> None:
    store = SmallSwift()
    store.says, store.stores = Fault.PRECONDITION, False
    if other:
        store.held["bbb"]["k"] = other
        store.manifests["k"] = [Segment(COLD, "another", 1, "e")]
    with pytest.raises(BackendError) as refused:
        put(store)
    assert (refused.value.fault, store.cold) == (Fault.PRECONDITION, [])


def test_a_segment_stays_if_an_older_version_may_have_it() -> None:
    store = SmallSwift()
    store.says, store.stores = Fault.PRECONDITION, False
    store.held["bbb"]["k"] = Stored(1, "e", WHEN, "a/b", version="1767312000.00000")
    with pytest.raises(BackendError):
        put(store)
    assert len(store.cold) == 1


def test_a_segment_stays_if_nobody_can_look() -> None:
    store = SmallSwift()
    store.says, store.stores, store.faults = Fault.PRECONDITION, False, {"head": Fault.UNAVAILABLE}
    with pytest.raises(BackendError) as refused:
        put(store)
    assert (refused.value.fault, len(store.cold)) == (Fault.UNAVAILABLE, 1)


@pytest.mark.parametrize(
    ("says", "kept"),
    [(fault, fault not in REFUSED) for fault in Fault if fault is not Fault.PRECONDITION],
)
def test_a_segment_goes_only_if_the_manifest_was_refused(says: Fault, kept: bool) -> None:
    store = SmallSwift()
    store.says, store.stores = says, False
    with pytest.raises(BackendError) as refused:
        put(store)
    assert (refused.value.fault, len(store.cold)) == (says, kept)


@pytest.mark.parametrize("stores", [False, True])
def test_a_segment_that_swift_cannot_look_at_is_no_mistake_of_the_client(
    stores: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Swift's middleware for large objects answers 400 wherever its HEAD of a segment fails."""
    store = SmallSwift()
    store.says, store.stores = Fault.INVALID, stores
    store.detail = "/bbb%2Bsegments%2Bcold/k/u1_cold/1: 503 Service Unavailable"
    if stores:
        assert put(store).etag == "4b3a6218bb3e3a7303e8a171a60fcf92"
        assert len(store.cold) == 1
        return
    with pytest.raises(BackendError) as refused:
        put(store)
    assert (refused.value.fault, refused.value.detail, store.cold) == (Fault.UNAVAILABLE, "", [])
    assert "503 Service Unavailable" in caplog.text
