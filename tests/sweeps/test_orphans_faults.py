"""Sweeps of segments while uploads are completed, objects change and Swift cannot be read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.objects import Container, Listing, ObjectRow, Segment, Stored
from shim.s3.lifecycle.registry import Entry
from shim.s3.names import marker, new_upload_id, part, segments
from shim.s3.objects.conditions import lock_of
from shim.sweeps.orphans import sweep_segments
from shim.sweeps.pace import Pace
from tests.sweeps.memory import NOW, OLD
from tests.sweeps.test_faults import DOWN, World
from tests.sweeps.versioned import Versioned

HOME, COLD = segments("one"), segments("one", "cold")
UPLOAD, PLACED = new_upload_id(), new_upload_id("cold")


@dataclass
class Large(Versioned):
    """Swift with static large objects: of each the segments.

    Of the names in `behind` no listing tells, and only those know whom all servers are asked for.
    """

    manifests: dict[tuple[str, str], list[Segment]] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    behind: set[str] = field(default_factory=set)
    forgets_versions: bool = False  # the container server that answers was down when they were enabled

    def link(self, key: str, container: str, name: str) -> None:
        """Make an object of one segment."""
        self.add("one", key)
        self.manifests["one", key] = [Segment(container, name, 1, "h")]

    async def objects(self, container: str, want: Listing) -> list[ObjectRow]:
        rows = [row for row in await super().objects(container, want) if row["name"] not in self.behind]
        return [{**row, "slo_etag": '"e"'} if (container, row["name"]) in self.manifests else row for row in rows]

    async def versions(self, container: str, want: Listing) -> list[ObjectRow]:
        rows = await super().versions(container, want)
        return [{**row, "slo_etag": '"e"'} if (container, row["name"]) in self.manifests else row for row in rows]

    async def container(self, name: str) -> Container:
        found = await super().container(name)
        return replace(found, versions=None) if self.forgets_versions else found

    async def head(self, container: str, name: str, *, newest: bool = False, **rest: Any) -> Stored:
        self._refuse(name, newest=newest)
        stored = await super().head(container, name, **rest)
        return stored._replace(layout="static") if (container, name) in self.manifests else stored

    def _refuse(self, name: str, *, newest: bool) -> None:
        if name in self.unreadable or (name in self.behind and not newest):
            raise BackendError(Fault.NOT_FOUND, service="object-store", resource="object", id=name)

    async def containers(self, *, prefix: str = "", marker: str = "", limit: int = 0) -> list[Container]:
        self.before("containers", (marker,))
        found = [name for name in sorted(self.containers_) if name > marker]
        return [Container(name, OLD, 0, 0) for name in found[:limit]]

    async def segments(self, container: str, name: str, *, version: str = "", newest: bool = False) -> list[Segment]:
        self.before("segments", (container, name))
        self._refuse(name, newest=newest)
        self._object(container, name)
        return self.manifests.get((container, name), [])


@pytest.fixture
def world(tmp_path: Path) -> World:
    found = World(tmp_path)
    swift = found.clouds.project = found.swift = Large()
    swift.add("one", "plain")
    swift.add(HOME, part("k", UPLOAD, 1), OLD)
    swift.add(COLD, part("k", PLACED, 1), OLD)
    swift.metadata["one"] = {"s3-config-policy-cold": "yes"}
    return found


def swept(world: World, *targets: str, dry: bool = False, versions_too: bool = False) -> bool:
    async def work(tools: Any, _: Any) -> bool:
        return await sweep_segments(tools, targets or ("p/one",), dry=dry, versions_too=versions_too)

    return asyncio.run(world.connected(work))


def left(world: World) -> list[str]:
    """Return the segments that are left."""
    return [name for container in (HOME, COLD) for name in world.swift.names(container) if name.count("/") == 2]


def at(world: World, method: str, container: str, then: Any) -> None:
    """Do something once, before the first such call."""
    pending = [then]

    def before(called: str, args: Sequence[Any]) -> None:
        if (called, args[0]) == (method, container) and pending:
            pending.pop()()

    world.swift.before = before


def test_segments_without_an_object_go(world: World) -> None:
    assert swept(world, dry=True)
    assert (len(left(world)), world.counts.actions) == (2, {"found": 2})
    assert swept(world)
    assert (left(world), world.counts.actions) == ([], {"found": 2, "done": 2})


def test_what_is_young_or_used_or_in_progress_stays(world: World) -> None:
    assert isinstance(world.swift, Large)
    world.swift.link("another key", COLD, part("k", PLACED, 1))
    world.swift.add(HOME, part("k", UPLOAD, 2), NOW)
    world.swift.add(HOME, part("l", UPLOAD, 1), OLD)
    world.swift.add(HOME, marker("l", UPLOAD), OLD)
    world.swift.add(HOME, "segments/of/others/1", OLD)
    assert swept(world)
    assert (len(left(world)), world.counts.actions) == (4, {})
    assert "segments/of/others/1" in world.swift.names(HOME)


@pytest.mark.parametrize("container", [HOME, "one"])
def test_an_upload_that_is_completed_meanwhile_stays(world: World, container: str) -> None:
    """Its manifest is there before it is no longer in progress."""
    swift = world.swift
    assert isinstance(swift, Large)
    swift.add(HOME, marker("k", PLACED), OLD)
    swift.add(HOME, marker("k", UPLOAD), OLD)

    def completed() -> None:
        swift.link("k", COLD, part("k", PLACED, 1))
        swift.containers_[HOME].pop(marker("k", PLACED))

    at(world, "objects", container, completed)
    assert swept(world)
    assert (len(left(world)), world.counts.actions) == (2, {})


def test_what_is_used_in_the_last_moment_stays(world: World) -> None:
    assert isinstance(world.swift, Large)
    swift = world.swift
    at(world, "head", HOME, lambda: swift.link("k", HOME, part("k", UPLOAD, 1)))
    assert swept(world)
    assert left(world) == [part("k", UPLOAD, 1)]
    assert world.counts.actions == {"kept": 1, "done": 1}


def test_an_object_that_is_listed_and_cannot_be_read_keeps_all_of_its_bucket(world: World) -> None:
    """Swift's own tools may have moved a manifest, so it may use segments of any key."""
    assert isinstance(world.swift, Large)
    world.swift.link("another", HOME, part("k", UPLOAD, 1))
    world.swift.unreadable.add("another")
    assert not swept(world)
    assert len(left(world)) == 2


def test_an_object_that_is_deleted_meanwhile_keeps_nothing(world: World) -> None:
    assert isinstance(world.swift, Large)
    world.swift.link("another", HOME, part("k", UPLOAD, 1))
    at(world, "segments", "one", lambda: world.swift.containers_["one"].pop("another"))
    assert swept(world)
    assert left(world) == []


def test_a_version_that_is_listed_and_cannot_be_read_keeps_all_of_its_bucket(world: World) -> None:
    assert isinstance(world.swift, Large)
    world.swift.write("one", "another", OLD)
    world.swift.manifests["one", "another"] = [Segment(HOME, part("k", UPLOAD, 1), 1, "h")]
    world.swift.unreadable.add("another")
    assert not swept(world, versions_too=True)
    assert len(left(world)) == 2


@pytest.mark.parametrize("method", ["objects", "segments", "head"])
def test_what_fails_is_left(world: World, method: str) -> None:
    assert isinstance(world.swift, Large)
    world.swift.link("other", HOME, part("other", UPLOAD, 1))

    def broken(called: str, _: Any) -> None:
        if called == method:
            raise DOWN

    world.swift.before = broken
    assert not swept(world)
    assert len(left(world)) == 2
    world.swift.before = lambda _, __: None
    assert swept(world, "p")
    assert left(world) == []


def test_a_bucket_that_is_missing_is_left(world: World) -> None:
    assert not swept(world, "p/absent", "p/one")
    assert left(world) == []


def test_where_versions_are_nothing_goes_unless_told_to(world: World) -> None:
    """A container server that was down may list no row of a version, and nothing else tells of it."""
    world.swift.write("one", "another", OLD)
    assert not swept(world)
    assert (len(left(world)), world.counts.actions) == (2, {})
    assert swept(world, versions_too=True)
    assert left(world) == []


def test_where_versions_begin_meanwhile_nothing_goes(world: World) -> None:
    at(world, "head", HOME, lambda: world.swift.write("one", "another", OLD))
    assert swept(world)
    assert len(left(world)) == 1  # of the upload that was under way when they began
    assert world.counts.actions["kept"] == 1


@pytest.mark.parametrize("unseen", ["k", marker("k", UPLOAD)], ids=["object", "upload"])
def test_the_last_look_asks_all_servers(world: World, unseen: str) -> None:
    """The first that answers may hold an older copy, or none."""
    assert isinstance(world.swift, Large)
    world.swift.link("k", HOME, part("k", UPLOAD, 1))
    world.swift.add(HOME, marker("k", UPLOAD), OLD)
    for name in {"k", marker("k", UPLOAD)} - {unseen}:
        world.swift.containers_[HOME if name != "k" else "one"].pop(name)
    world.swift.behind.add(unseen)
    assert swept(world)
    assert left(world) == [part("k", UPLOAD, 1)]


def test_all_of_a_key_stays_that_was_written_today(world: World) -> None:
    world.swift.add("one", "k", NOW)
    assert swept(world)
    assert (len(left(world)), world.counts.actions) == (2, {"kept": 2})


def test_what_a_manifest_in_a_manifest_uses_stays(world: World) -> None:
    assert isinstance(world.swift, Large)
    swift = world.swift
    swift.link("another", HOME, "below")
    swift.manifests["one", "another"] = [Segment(HOME, "below", 1, "h", nested=True)]
    swift.add(HOME, "below")
    swift.manifests[HOME, "below"] = [Segment(HOME, part("k", UPLOAD, 1), 1, "h")]
    assert swept(world)
    assert left(world) == [part("k", UPLOAD, 1)]


def test_a_key_that_begins_as_the_segments_do_keeps_its_own(world: World) -> None:
    """S3's keys may have any name, so also one in which an upload's id stands."""
    assert isinstance(world.swift, Large)
    swift, beside = world.swift, f"k/{UPLOAD}/x"
    swift.add(HOME, marker(beside, UPLOAD), OLD)
    swift.add(HOME, part(beside, UPLOAD, 1), OLD)
    swift.add(HOME, f"k/{UPLOAD}/of others", OLD)
    assert swept(world)
    expected = {marker(beside, UPLOAD), part(beside, UPLOAD, 1), f"k/{UPLOAD}/of others"}
    assert set(swift.names(HOME)) == expected


def test_an_upload_that_gets_a_part_meanwhile_stays(world: World) -> None:
    at(world, "head", HOME, lambda: world.swift.add(HOME, part("k", UPLOAD, 2), NOW))
    assert swept(world)
    assert left(world) == [part("k", UPLOAD, 1), part("k", UPLOAD, 2)]


def test_what_is_younger_than_a_day_stays_however_short_the_days_of_rules_are(world: World) -> None:
    world.settings["lifecycle_day_seconds"] = 1
    for container, upload in ((HOME, UPLOAD), (COLD, PLACED)):
        world.swift.add(container, part("k", upload, 1), NOW - timedelta(hours=23))
    assert swept(world)
    assert len(left(world)) == 2


@pytest.mark.parametrize("target", ["p/", "/one", "/", ""])
def test_half_a_target_is_none(world: World, target: str) -> None:
    """A variable of a shell that is not set leaves half of it."""
    assert not swept(world, target)
    assert len(left(world)) == 2


def test_a_key_whose_lock_somebody_holds_keeps_its_segments_alone(world: World) -> None:
    world.swift.add(HOME, part("j", UPLOAD, 1), OLD)

    async def work(tools: Any, locks: Any) -> bool:
        call = await tools.call(Entry("p", "one"), "Test")
        async with locks.hold(*lock_of(call, "one", "j")):
            return await sweep_segments(replace(tools, locks=locks), ["p/one"])

    assert asyncio.run(world.connected(work))
    assert left(world) == [part("j", UPLOAD, 1)]
    assert world.counts.actions == {"kept": 1, "done": 2}


def test_the_lock_is_free_between_batches_and_all_is_looked_at_again(world: World) -> None:
    """Deleting ten thousand segments takes minutes, for which a PUT of the key would wait."""
    assert isinstance(world.swift, Large)
    swift = world.swift
    for number in range(2, 251):
        swift.add(HOME, part("k", UPLOAD, number), OLD)
    looks: list[int] = []

    def before(called: str, args: Sequence[Any]) -> None:
        if called == "head" and args[1] == marker("k", UPLOAD):
            looks.append(len(left(world)))

    swift.before = before
    swift.containers_[COLD].clear()
    assert swept(world)
    assert (looks, left(world), world.counts.actions) == ([250, 150, 50], [], {"done": 1})


def test_a_version_keeps_all_of_its_key_if_its_container_knows_of_none(world: World) -> None:
    assert isinstance(world.swift, Large)
    world.swift.write("one", "k", OLD)
    world.swift.forgets_versions = True
    assert swept(world)
    assert (len(left(world)), world.counts.actions) == (2, {"kept": 2})


def test_reads_of_large_objects_have_their_turns_too(world: World) -> None:
    """Many buckets have a million, and none that is unused."""
    assert isinstance(world.swift, Large)
    for key in ("x", "y", "z"):
        world.swift.link(key, COLD, part(key, PLACED, 1))
    turns: list[str] = []

    class Counting(Pace):
        async def turn(self) -> None:
            turns.append("turn")

    async def work(tools: Any, _: Any) -> bool:
        return await sweep_segments(replace(tools, pace=Counting(1)), ["p/one"], dry=True)

    assert asyncio.run(world.connected(work))
    assert len(turns) == 3 + 2  # and one for each upload that is unused
