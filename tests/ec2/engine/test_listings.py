"""Later pages come from a bounded cache, and are read again if the cache has lost them."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.cache import Cache
from shim.context import Call
from shim.ec2.engine import listings
from shim.ec2.engine import resource_types as resource_types
from shim.ec2.engine.describe import Question, Table
from shim.ec2.engine.filters import Row
from shim.ec2.engine.listings import Listing, listing
from tests.ec2.engine.test_describe import answered, call

TABLE = Table("Volumes", "VolumeId", resource_types.VOLUME, {"size": "Size"}, ids="VolumeIds", paged_ids=True)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Store:
    """Volumes that a client describes page by page, through one replica or several; `reads` counts whole listings."""

    def __init__(self, count: int, *caches: Cache) -> None:
        self.rows = [{"VolumeId": f"vol-{number:032x}", "Size": number % 2} for number in range(count)]
        self.caches = caches or (Cache(),)
        self.reads = self.asked = 0

    async def read(self, _: Call, __: Question) -> list[Row]:
        self.reads += 1
        return list(self.rows)

    def page(self, by: Call | None = None, **req: Any) -> tuple[list[str], str]:
        here = by or call()
        here.cache = self.caches[self.asked % len(self.caches)]
        self.asked += 1
        found = answered(here, TABLE, self.read, req)
        return [row["VolumeId"] for row in found["Volumes"]], found.get("NextToken", "")

    def walk(self, **req: Any) -> list[str]:
        seen, token = self.page(**req)
        while token:
            page, token = self.page(**req, NextToken=token)
            seen += page
        return seen

    @property
    def ids(self) -> list[str]:
        return [str(row["VolumeId"]) for row in self.rows]


def test_460_in_pages_of_five_are_read_once() -> None:
    store = Store(460)
    assert store.walk(MaxResults=5) == store.ids
    assert (store.asked, store.reads) == (92, 1)


def test_every_walk_begins_with_what_is_there_now() -> None:
    store = Store(20)
    store.walk(MaxResults=5)
    store.rows.pop()
    assert store.walk(MaxResults=5) == store.ids
    assert store.reads == 2


def test_what_all_fits_on_a_page_is_not_remembered() -> None:
    store = Store(20)
    store.walk(MaxResults=20)
    store.walk()
    assert store.caches[0].bytes == 0


def test_each_replica_reads_once() -> None:
    store = Store(100, Cache(), Cache(), Cache())
    assert store.walk(MaxResults=5) == store.ids
    assert store.reads == 3


def test_a_listing_whose_time_is_over_is_read_again() -> None:
    clock = Clock()
    store = Store(40, Cache(clock=clock))
    seen, token = store.page(MaxResults=5)
    for _ in range(7):
        clock.now += listings.SECONDS / 2
        page, token = store.page(MaxResults=5, NextToken=token)
        seen += page
    assert (seen, token) == (store.ids, "")
    assert 3 <= store.reads <= 5


def test_a_listing_that_is_larger_than_its_share_is_read_in_parts() -> None:
    store = Store(200, Cache(owner_bytes=20_000))
    assert store.walk(MaxResults=5) == store.ids
    assert 2 <= store.reads <= 15
    assert store.caches[0].bytes <= 20_000


def test_a_cache_without_room_changes_no_answer() -> None:
    store = Store(30, Cache(owner_bytes=0))
    assert store.walk(MaxResults=5) == store.ids
    assert store.reads == 6


def test_the_rest_without_a_size() -> None:
    store = Store(30)
    first, token = store.page(MaxResults=5)
    rest, end = store.page(NextToken=token)
    assert (first + rest, end, store.reads) == (store.ids, "", 1)


def test_other_questions_and_other_keys_read_for_themselves() -> None:
    store = Store(40)
    _, token = store.page(MaxResults=5)
    odd = [{"Name": "size", "Values": ["1"]}]
    assert store.walk(MaxResults=5, Filters=odd) == store.ids[1::2]
    assert store.walk(MaxResults=5, VolumeIds=store.ids[:12]) == store.ids[:12]
    assert store.reads == 3
    stranger = call()
    stranger.caller = stranger.caller._replace(access_key="another")
    assert store.page(stranger, MaxResults=5, NextToken=token)[0] == store.ids[5:10]
    assert store.reads == 4


names = st.sets(st.integers(0, 99).map(lambda number: f"{number:02d}"))


@given(names, st.integers(1, 7), st.integers(0, 99), st.integers(0, 99))
def test_a_remembered_part_cuts_pages_as_the_whole_does(ids: set[str], limit: int, start: int, count: int) -> None:
    whole = listing([{"Id": one} for one in ids], "Id")
    after = f"{start:02d}"
    kept = [row for row in whole.rows if row["Id"] > after][:count]
    part = Listing(after, [row["Id"] for row in kept], kept, whole=bool(kept) and kept[-1] == whole.rows[-1])
    for place in ids:
        if (page := part.page(place, limit)) is not None:
            assert page == whole.page(place, limit)


@pytest.mark.parametrize("size", [0, 1, 300])
def test_a_turn_is_given_while_rows_are_weighed(size: int) -> None:
    found = listing([{"Id": f"{number:03d}"} for number in range(size)], "Id")

    async def run() -> int:
        turns, ended = 0, asyncio.ensure_future(listings.remember(call(), "k", found, ""))
        while not ended.done():
            await asyncio.sleep(0)
            turns += 1
        return turns

    assert asyncio.run(run()) >= size // 20
