"""The cache: bounded for each owner and in all, with expiry."""

from collections import defaultdict
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.cache import Cache, weight


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_value_is_kept_until_its_time() -> None:
    clock, counts = Clock(), defaultdict[tuple[str, ...], float](float)
    cache = Cache(clock=clock, lookups=counts)
    cache.put("a", ("rows", 1), "x", size=1, seconds=10)
    clock.now = 9.9
    assert cache.get("a", ("rows", 1)) == "x"
    assert cache.get("b", ("rows", 1)) is None
    clock.now = 10.0
    assert cache.get("a", ("rows", 1)) is None
    assert cache.bytes == 0
    assert counts == {("rows", "hit"): 1, ("rows", "miss"): 2}


def test_an_owner_drives_out_its_own_values_alone() -> None:
    cache = Cache(total_bytes=100_000, owner_bytes=10_000)
    cache.put("quiet", ("k",), "x", size=9000, seconds=10)
    for number in range(100):
        cache.put("loud", ("k", number), number, size=2000, seconds=10)
    assert cache.get("quiet", ("k",)) == "x"
    assert cache.get("loud", ("k", 99)) == 99
    assert cache.get("loud", ("k", 0)) is None


def test_the_owner_used_longest_ago_goes_first() -> None:
    cache = Cache(total_bytes=30_000, owner_bytes=10_000)
    for owner in "abc":
        cache.put(owner, ("k",), owner, size=9000, seconds=10)
    assert cache.get("a", ("k",)) == "a"
    cache.put("d", ("k",), "d", size=9000, seconds=10)
    assert [cache.get(owner, ("k",)) for owner in "abcd"] == ["a", None, "c", "d"]


def test_what_is_too_large_is_not_kept_and_drives_nothing_out() -> None:
    counts = defaultdict[tuple[str, ...], float](float)
    cache = Cache(owner_bytes=10_000, lookups=counts)
    cache.put("a", ("small",), 1, size=10, seconds=10)
    cache.put("a", ("large",), 2, size=10_000, seconds=10)
    assert (cache.get("a", ("small",)), cache.get("a", ("large",))) == (1, None)
    assert counts == {("large", "too large"): 1, ("small", "hit"): 1, ("large", "miss"): 1}


@pytest.mark.parametrize(
    ("total", "owner"),
    [(0, 0), (1000, 500), (8 << 20, 4 << 20), (32 << 20, 8 << 20), (64 << 20, 8 << 20), (1 << 30, 128 << 20)],
)
def test_an_owner_has_a_larger_part_of_a_smaller_cache(total: int, owner: int) -> None:
    assert Cache(total_bytes=total).owner_bytes == owner


def test_a_value_that_is_larger_than_the_whole_cache_drives_nothing_out() -> None:
    cache = Cache(total_bytes=10_000, owner_bytes=20_000)
    cache.put("a", ("small",), 1, size=10, seconds=10)
    cache.put("b", ("large",), 2, size=15_000, seconds=10)
    assert (cache.get("a", ("small",)), cache.get("b", ("large",))) == (1, None)


owned = st.tuples(st.sampled_from("abcdef"), st.integers(0, 5), st.integers(0, 6000), st.booleans())


@given(st.lists(owned, max_size=60))
def test_bounds_hold_whatever_is_put(work: list[tuple[str, int, int, bool]]) -> None:
    cache = Cache(total_bytes=20_000, owner_bytes=6000)
    for owner, key, size, read in work:
        if read:
            assert cache.get(owner, ("rows", key)) in (None, (owner, key))
        else:
            cache.put(owner, ("rows", key), (owner, key), size=size, seconds=10)
        assert cache.bytes == sum(e.size for entries in cache._owners.values() for e in entries.values()) <= 20_000
        assert all(sum(e.size for e in entries.values()) <= 6000 for entries in cache._owners.values())
        assert cache._owners.keys() == cache._sizes.keys()


def test_weight_counts_what_a_value_holds() -> None:
    @dataclass(frozen=True, slots=True)
    class Pair:
        left: str
        right: list[str]

    assert weight("x" * 1000) > 1000
    assert weight({"k": ["x" * 1000, "y" * 1000]}) > 2000
    assert weight(Pair("x" * 1000, ["y" * 1000])) > 2000
