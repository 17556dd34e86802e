"""Sweeps of versions while things change: by other clients, by new rules, or as the sweeper is interrupted."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shim.s3.lifecycle.registry import CONTAINER
from shim.s3.objects.headers import marked_null
from tests.sweeps.memory import NOW, OLD
from tests.sweeps.test_faults import DOWN, World
from tests.sweeps.versioned import Versioned

BUCKET = "kept"
NONCURRENT = "NoncurrentVersionExpiration"
MARKERS = {"ID": "r", "Status": "Enabled", "Filter": {}, "Expiration": {"ExpiredObjectDeleteMarker": True}}
MINUTE = timedelta(minutes=1)


def noncurrent(days: int = 1, **more: int) -> dict[str, Any]:
    return {"ID": "r", "Status": "Enabled", "Filter": {}, NONCURRENT: {"NoncurrentDays": days, **more}}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A bucket with versions and a rule of noncurrent ones, and a sweeper."""
    world = World(tmp_path)
    world.swift.containers_.clear()
    world.clouds.service_project.containers_.clear()
    world.swift.containers_[BUCKET] = {}
    world.clouds.service_project.add(CONTAINER, f"p/{BUCKET}", body=b"")
    world.set_rules(BUCKET, [noncurrent()])
    return world


def written(swift: Versioned, key: str, count: int) -> list[str]:
    """Write some old versions of a key, and return their ids, the oldest first."""
    return [swift.write(BUCKET, key, OLD + number * MINUTE) for number in range(count)]


def at_first(world: World, wanted: str, key: str, change: Callable[[], None]) -> None:
    """Change something right before the first call of a method for a key."""
    done: list[bool] = []

    def before(method: str, args: tuple[Any, ...]) -> None:
        if method == wanted and args == (BUCKET, key) and not done:
            done.append(True)
            change()

    world.swift.before = before


def test_all_noncurrent_versions_go_in_one_sweep(world: World) -> None:
    ids = written(world.swift, "k", 30)
    other = written(world.swift, "other", 1)
    assert world.sweep()
    assert (world.swift.left(BUCKET, "k"), world.swift.left(BUCKET, "other")) == (ids[-1:], other)
    assert world.counts.actions == {"done": 29}


def test_an_overwrite_right_before_the_deletion_stays_current_in_a_suspended_bucket(world: World) -> None:
    since = OLD.timestamp() - 86_400
    world.set_rules(BUCKET, [{"ID": "r", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}])
    world.swift.metadata[BUCKET]["s3-config-versioning"] = f"Suspended {since:.3f} {since:.3f}-"
    world.swift.content_type = marked_null("text/plain")
    written(world.swift, "k", 1)
    new: list[str] = []
    at_first(world, "delete", "k", lambda: new.append(world.swift.write(BUCKET, "k", NOW - MINUTE)))
    assert world.sweep()
    assert new[0] in world.swift.left(BUCKET, "k")
    assert world.swift.links[BUCKET]["k"] == new[0]
    assert world.counts.actions == {"kept": 1}
    world.swift.before = lambda *_: None
    (gone,) = written(world.swift, "other", 1)
    assert world.sweep()
    assert gone not in world.swift.left(BUCKET, "other")


def test_a_version_that_became_current_stays(world: World) -> None:
    first, second = written(world.swift, "k", 2)

    def deleted() -> None:
        world.swift.drop(BUCKET, "k", second)
        world.swift.links[BUCKET]["k"] = first

    at_first(world, "head", "k", deleted)
    assert world.sweep()
    assert world.swift.left(BUCKET, "k") == [first]
    assert world.counts.actions == {"kept": 1}


def test_a_version_that_swifts_own_tools_made_current_stays(world: World) -> None:
    ids = written(world.swift, "k", 2)
    at_first(world, "head", "k", lambda: world.swift.links[BUCKET].update(k=ids[0]))
    assert world.sweep()
    assert world.swift.left(BUCKET, "k") == ids[::-1]
    assert world.sweep()
    assert world.swift.left(BUCKET, "k") == ids[::-1]
    assert world.counts.actions == {"kept": 1}


def test_a_version_that_became_noncurrent_later_stays(world: World) -> None:
    first, second = written(world.swift, "k", 2)
    third = world.swift.write(BUCKET, "k", NOW)
    at_first(world, "head", "k", lambda: world.swift.drop(BUCKET, "k", second))
    assert world.sweep()
    assert world.swift.left(BUCKET, "k") == [third, first]
    assert world.counts.actions == {"kept": 1}
    assert world.sweep()
    assert world.swift.left(BUCKET, "k") == [third, first]


def test_a_version_that_now_counts_among_the_newest_stays(world: World) -> None:
    world.set_rules(BUCKET, [noncurrent(NewerNoncurrentVersions=2)])
    ids = written(world.swift, "k", 5)
    at_first(world, "head", "k", lambda: world.swift.drop(BUCKET, "k", ids[3]))
    assert world.sweep()
    assert world.swift.left(BUCKET, "k") == [ids[4], ids[2], ids[1]]  # as `ids[1]` is one of the newest two now


def test_a_marker_under_which_something_was_found_stays(world: World) -> None:
    world.set_rules(BUCKET, [MARKERS])
    marker = world.swift.write(BUCKET, "k", OLD, is_marker=True)
    other = world.swift.write(BUCKET, "other", OLD, is_marker=True)
    new: list[str] = []
    called: list[str] = []

    def before(method: str, args: tuple[Any, ...]) -> None:
        if method == "versions" and args[1].prefix == "k" and not new:
            new.append(world.swift.write(BUCKET, "k", NOW))
        called.append(method)

    world.swift.before = before
    assert world.sweep()
    assert (world.swift.left(BUCKET, "k"), world.swift.left(BUCKET, "other")) == ([new[0], marker], [])
    assert other not in world.swift.left(BUCKET, "other")
    assert world.counts.actions == {"done": 1, "kept": 1}


def test_an_object_that_is_gone_gets_no_second_marker(world: World) -> None:
    world.set_rules(BUCKET, [{"ID": "r", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}])
    [first] = written(world.swift, "k", 1)
    markers: list[str] = []
    at_first(world, "head", "k", lambda: markers.append(world.swift.write(BUCKET, "k", NOW, is_marker=True)))
    assert world.sweep()
    assert world.swift.left(BUCKET, "k") == [*markers, first]
    assert world.counts.actions == {"kept": 1}


def test_the_version_that_is_left_without_a_link_expires(world: World) -> None:
    world.set_rules(BUCKET, [{"ID": "r", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}])
    first, second = written(world.swift, "k", 2)
    world.swift.drop(BUCKET, "k", second)  # and then the gateway died
    assert world.sweep()
    marker, left = world.swift.left(BUCKET, "k")
    assert (left, world.swift.histories[BUCKET]["k"][0].is_marker) == (first, True)
    assert world.counts.actions == {"done": 1}
    assert marker != second


@pytest.mark.parametrize("rules", [None, [noncurrent(3000)], [{**noncurrent(), "Status": "Disabled"}]])
def test_a_rule_that_changes_during_a_sweep_stops(world: World, rules: list[dict[str, Any]] | None) -> None:
    for number in range(100):
        written(world.swift, f"k{number:02}", 2)
    at_first(world, "delete", "k50", lambda: world.set_rules(BUCKET, rules))
    assert world.sweep()
    left = [key for key, history in world.swift.histories[BUCKET].items() if len(history) == 2]
    assert left[0] == "k00"
    assert 50 - 8 < len(left) <= 50  # the sweep goes through a page from its end, and those under way ended


def test_an_interrupted_sweep_goes_on_with_the_key_that_was_not_read_whole(world: World) -> None:
    written(world.swift, "a", 2)
    ids = written(world.swift, "k", 10_500)
    world.set_rules(BUCKET, [noncurrent(3000)])
    pages: list[str] = []

    def fails(method: str, args: tuple[Any, ...]) -> None:
        if method == "versions":
            pages.append(args[1].marker)
            if len(pages) == 11:
                raise DOWN

    world.swift.before = fails
    assert not world.sweep()
    note = world.clouds.service_project.containers_[CONTAINER][f"p/{BUCKET}"]
    assert json.loads(note.body) == {"marker": "a"}
    world.set_rules(BUCKET, [noncurrent()])
    world.swift.histories[BUCKET]["k"] = world.swift.histories[BUCKET]["k"][-3:]
    world.swift.links[BUCKET]["k"] = ids[2]
    assert world.sweep()
    assert world.swift.left(BUCKET, "k") == [ids[2]]
    assert len(world.swift.left(BUCKET, "a")) == 2  # it is in front of the note, and its turn is in the next sweep
    assert world.sweep()
    assert len(world.swift.left(BUCKET, "a")) == 1


def test_only_what_rules_cover_is_listed(world: World) -> None:
    for key in ("a", "logs/a", "tmp/a", "z"):
        written(world.swift, key, 2)
    world.set_rules(BUCKET, [{**noncurrent(), "Filter": {"Prefix": "logs/"}}])
    listed: list[Any] = []
    world.swift.before = lambda method, args: listed.append(args[1].prefix) if method == "versions" else None
    assert world.sweep()
    assert set(listed) == {"logs/"}
    assert [len(world.swift.left(BUCKET, key)) for key in ("a", "logs/a", "tmp/a", "z")] == [2, 1, 2, 2]
