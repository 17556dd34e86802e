"""A bucket that is made again while the old one of its name is being deleted."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapters.errors import Fault
from adapters.types.objects import Stored
from shim.s3.buckets.buckets import create_bucket
from shim.s3.buckets.deletion import delete_bucket
from tests.s3.small_store import WHEN, SmallStore, call_of, failure


class SlowStore(SmallStore):
    """A store whose deletion of many names waits until other requests have done what they can."""

    def __init__(self, held: dict[str, dict[str, Stored]]) -> None:
        super().__init__(held)
        self.gone = asyncio.Event()

    async def delete_container(self, name: str) -> None:
        await super().delete_container(name)
        self.gone.set()

    async def delete_many(self, container: str, names: Sequence[str]) -> list[Any]:
        for _ in range(20):
            await asyncio.sleep(0)
        return await super().delete_many(container, names)


async def _both(store: SlowStore) -> None:
    deleting, making = call_of(store, "DeleteBucket"), call_of(store, "CreateBucket")
    making.locks = deleting.locks

    async def make_again() -> None:
        await store.gone.wait()
        await create_bucket(making, {"Bucket": "bbb"})

    await asyncio.gather(delete_bucket(deleting, {"Bucket": "bbb"}), make_again())


def test_what_a_new_bucket_stores_stays() -> None:
    part = Stored(1, "e", WHEN, "a/b")
    store = SlowStore({"bbb": {}, "bbb+segments": {"k/upload/1": part}, "bbb+records": {"k/null": part}})
    asyncio.run(_both(store))
    calls = [call[:2] for call in store.seen]
    assert store.held == {"bbb": {}}
    made = calls.index(("create_container", "bbb"))
    assert all(place < made for place, call in enumerate(calls) if call[0].startswith("delete"))


@dataclass
class NoOwnCloud:
    """The clouds of a gateway's user that cannot be reached."""

    asked: int = 0

    async def own(self, request_id: str) -> Any:
        self.asked += 1
        raise failure(Fault.UNAVAILABLE)

    async def shared(self, request_id: str) -> Any:
        return None


def test_a_deletion_succeeds_though_its_lifecycle_entry_stays() -> None:
    store = SmallStore({"bbb": {}}, {"s3-config-lifecycle": "[]"})
    call, clouds = call_of(store, "DeleteBucket"), NoOwnCloud()
    call.clouds = clouds  # type: ignore[assignment]
    asyncio.run(delete_bucket(call, {"Bucket": "bbb"}))
    assert (store.held, clouds.asked) == ({}, 1)
