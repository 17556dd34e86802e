"""A DeleteBucket whose gateway dies between two of its calls: what it leaves goes with the next bucket of that name."""

import asyncio

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.objects import Stored
from shim.s3.buckets.buckets import create_bucket
from shim.s3.buckets.deletion import delete_bucket
from tests.s3.machine.killing import Killed, Mortal
from tests.s3.small_store import WHEN, SmallStore, call_of

# Of others.
KEPT: dict[str, dict[str, Stored]] = {
    "bbb+mine": {}, "bbb+segmentsmine": {}, "bbb+segments+mine": {}, "bbbb+segments": {},
}  # fmt: skip
POLICY = {"s3-config-policy-cold": "yes"}


def bucket() -> SmallStore:
    part = Stored(1, "e", WHEN, "a/b")
    further = {"bbb+segments+cold": {"k/u_cold/1": part}, "bbb+records": {"k/1": part}, "bbb+configuration": {}}
    return SmallStore({"bbb": {}, "bbb+segments": {}, **further, **KEPT}, dict(POLICY))


def delete(store: SmallStore, kill: int | None = None) -> None:
    call = call_of(store, "DeleteBucket")
    if kill is not None:
        call.cloud.objects = Mortal(store, kill)  # type: ignore[misc]
    asyncio.run(delete_bucket(call, {"Bucket": "bbb"}))


def interrupted(kill: int) -> SmallStore | None:
    """Return what a deletion leaves that is killed instead of its call of that number; None if it ends before."""
    store = bucket()
    try:
        delete(store, kill)
    except Killed:
        return store
    return None


def create(store: SmallStore) -> None:
    asyncio.run(create_bucket(call_of(store, "CreateBucket"), {"Bucket": "bbb"}))


def test_it_is_finished_with_the_next_bucket_of_that_name() -> None:
    kills = 0
    while store := interrupted(kills):
        kills += 1
        if "bbb" not in store.held:
            store.metadata.clear()  # of the old bucket
            create(store)
        delete(store)
        assert store.held == KEPT
    assert kills > 8


def test_a_bucket_that_is_not_there_has_nothing_deleted() -> None:
    """Swift's proxy answers 404 for a container, too, while it cannot read the account."""
    store = interrupted(5)
    assert store is not None
    assert "bbb" not in store.held
    held = {name: dict(objects) for name, objects in store.held.items()}
    assert "bbb+segments+cold" in held
    store.seen.clear()
    with pytest.raises(BackendError) as refused:
        delete(store)
    assert refused.value.fault is Fault.NOT_FOUND
    assert (store.held, store.seen) == (held, [("container", "bbb")])


def test_nothing_is_deleted_where_the_account_cannot_be_listed() -> None:
    store = bucket()
    before = set(store.held)
    store.faults["containers"] = Fault.UNAVAILABLE
    with pytest.raises(BackendError):
        delete(store)
    assert set(store.held) == before
