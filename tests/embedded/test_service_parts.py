"""The parts of the service side which need no OpenStack."""

import os
from pathlib import Path

import pytest

from adapters.embedded.services import cache, sparse


def test_a_cached_value_is_there_until_it_expires() -> None:
    clock = [1000.0]
    store = cache.Cache(lambda: clock[0])
    store.set("short", "value", time=10)
    store.set("long", "value")
    clock[0] += 9
    assert store.get_multi(["short", "long", "none"]) == ["value", "value", None]
    clock[0] += 2
    assert store.get_multi(["short", "long"]) == [None, "value"]
    store.delete("long")
    assert store.get("long") is None


def test_counters_do_not_fall_below_zero() -> None:
    store = cache.Cache()
    assert store.incr("n", 3) == 3
    assert store.decr("n", 5) == 0


def test_a_full_cache_is_emptied_and_not_grown() -> None:
    store = cache.Cache(limit=3)
    store.set_multi({name: name for name in "abcd"})
    assert store.get_multi("abcd") == [None, None, None, "d"]


def test_a_volume_may_be_longer_than_any_file() -> None:
    assert sparse.length(8) == 8 << 30
    assert sparse.length(65536) == sparse.LONGEST


@pytest.mark.parametrize("written", [0, 1, 5000, 1 << 20])
def test_the_written_part_of_a_sparse_file(tmp_path: Path, written: int) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(b"x" * written)
    os.truncate(disk, 1 << 33)
    with sparse.WrittenPart(disk) as part:
        size = len(part)
        body = b"".join(iter(lambda: part.read(65536), b""))
    assert written <= size <= written + 65536
    assert len(body) == size
    assert body.rstrip(b"\0") == b"x" * written
