"""A DeleteBucket whose gateway dies between two of its calls: the next one finds what is left."""

import asyncio

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.objects import Stored
from shim.s3.buckets.buckets import create_bucket
from shim.s3.buckets.deletion import delete_bucket
from tests.s3.machine.killing import Killed, Mortal
from tests.s3.small_store import WHEN, SmallStore, call_of

KEPT: dict[str, dict[str, Stored]] = {"bbb+mine": {}, "bbb+segmentsmine": {}, "bbbb+segments": {}}  # of others
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


def test_it_is_finished_when_it_is_repeated() -> None:
    kills = 0
    while store := interrupted(kills):
        kills += 1
        gone = "bbb" not in store.held
        if gone:
            with pytest.raises(BackendError) as refused:
                delete(store)
            assert refused.value.fault is Fault.NOT_FOUND
        else:
            delete(store)
        assert store.held == KEPT
    assert kills > 8


def test_it_is_finished_with_the_next_bucket_of_that_name() -> None:
    store = interrupted(4)
    assert store is not None
    assert "bbb" not in store.held
    assert "bbb+segments+cold" in store.held
    store.metadata.clear()  # of the old bucket
    asyncio.run(create_bucket(call_of(store, "CreateBucket"), {"Bucket": "bbb"}))
    delete(store)
    assert store.held == KEPT


def test_a_bucket_that_was_made_meanwhile_keeps_what_it_has() -> None:
    class Slow(SmallStore):
        """Another gateway makes the bucket before the lock of this one is taken."""

        async def containers(self, *, prefix: str = "", marker: str = "", limit: int = 0) -> list[object]:  # type: ignore[override]
            found = await super().containers(prefix=prefix, marker=marker, limit=limit)
            self.held.setdefault("bbb", {})
            return list(found)

    store = Slow({"bbb+segments": {}})
    with pytest.raises(BackendError):
        delete(store)
    assert store.held == {"bbb": {}, "bbb+segments": {}}


def test_a_name_that_nothing_is_left_of_costs_a_listing() -> None:
    store = SmallStore()
    with pytest.raises(BackendError):
        delete(store)
    assert store.seen == [("container", "bbb"), ("containers", "bbb+")]
