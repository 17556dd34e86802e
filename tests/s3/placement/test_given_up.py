"""The segment of an object that was stored, overtaken, and refused to its client."""

import asyncio

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.objects import Stored
from shim.errors import AwsError
from shim.s3.objects.objects import SMALL, put_object
from tests.s3.placement.small_swift import KNOWN, SmallSwift, body_of, mapped
from tests.s3.small_store import WHEN

FIRST, SECOND = "1767312000.00000", "1767312001.00000"


def overtaken(store: SmallSwift, says: str = "ConditionalRequestConflict") -> list[str]:
    """Write a long object that another write overtakes; return the segments that are left."""
    call = mapped(store)
    call.configurations["bbb"] = {**KNOWN, "swift-versions": "on"} if store.version else KNOWN
    req = {"Bucket": "bbb", "Key": "k", "StorageClass": "STANDARD_IA", "Body": body_of(b"x" * (SMALL + 1))}
    with pytest.raises(AwsError if says else BackendError, match=says or None):
        asyncio.run(put_object(call, {**req, "IfNoneMatch": "*"}))
    return store.cold


@pytest.mark.parametrize(("mine", "other"), [("", ""), (FIRST, SECOND)], ids=["no versions", "versions"])
def test_it_goes_with_the_object(mine: str, other: str) -> None:
    store = SmallSwift()
    store.version, store.overtaking = mine, Stored(1, "e", WHEN, "a/b", version=other)
    assert overtaken(store) == []
    assert (("delete_version", "bbb", "k", FIRST) in store.seen) is bool(mine)


def test_it_stays_if_the_object_may_be_a_version() -> None:
    store = SmallSwift()
    store.overtaking = Stored(1, "e", WHEN, "a/b", version=SECOND)  # versions are kept since the write
    assert len(overtaken(store)) == 1


def test_it_stays_with_a_version_that_is_not_removed() -> None:
    store = SmallSwift()
    store.version, store.overtaking = FIRST, Stored(1, "e", WHEN, "a/b", version=SECOND)
    store.faults = {"delete_version": Fault.UNAVAILABLE}
    assert len(overtaken(store, says="")) == 1
