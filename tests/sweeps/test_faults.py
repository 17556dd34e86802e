"""Sweeps while things break: Swift is down, one bucket is damaged, the sweeper is killed, objects and rules change."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest

from adapters.errors import BackendError, Fault
from shim.config import Settings
from shim.locks import Locks
from shim.s3.lifecycle.evaluation import Days
from shim.s3.lifecycle.registry import CONTAINER
from shim.s3.names import marker, new_upload_id
from shim.sweeps.pace import Pace
from shim.sweeps.sweeping import lead
from shim.sweeps.tools import Tools
from tests.sweeps.memory import NOW, OLD, Memory
from tests.sweeps.versioned import Versioned

T = TypeVar("T")
RULE = {"ID": "r", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}
TAGGED = {**RULE, "Filter": {"Tag": {"Key": "stage", "Value": "test"}}}
ABORTING = {"ID": "r", "Status": "Enabled", "Filter": {}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}
DOWN = BackendError(Fault.UNAVAILABLE, service="object-store", detail="down")


class Counts:
    """Counts in memory."""

    def __init__(self) -> None:
        self.actions: Counter[str] = Counter()
        self.buckets: Counter[str] = Counter()

    def lifecycle_action(self, action: str, outcome: str) -> None:
        self.actions[outcome] += 1

    def lifecycle_bucket(self, outcome: str) -> None:
        self.buckets[outcome] += 1


class Clouds:
    """The project `p` and the gateway's own, both in memory; `down` breaks all logins."""

    def __init__(self) -> None:
        self.project, self.service_project = Versioned(), Memory()
        self.down = False

    def _cloud(self, store: Memory) -> Any:
        if self.down:
            raise DOWN
        return SimpleNamespace(objects=store)

    async def service(self, project_id: str, request_id: str, *, contained: bool = False) -> Any:
        return self._cloud(self.project)

    async def shared(self, request_id: str) -> Any:
        return self._cloud(self.service_project)

    async def own(self, request_id: str) -> Any:
        return self._cloud(self.service_project)


class World:
    """Two buckets with rules, and what a sweeper acts with."""

    def __init__(self, directory: Path) -> None:
        self.clouds, self.counts = Clouds(), Counts()
        self.swift = self.clouds.project
        self.task: asyncio.Task[Any] | None = None
        self.url = f"file://{directory}"
        self.settings: dict[str, Any] = {}
        for bucket in ("one", "two"):
            for key in ("a", "b", "c"):
                self.swift.add(bucket, key)
            self.set_rules(bucket, [RULE])
            self.clouds.service_project.add(CONTAINER, f"p/{bucket}", body=b"")

    def set_rules(self, bucket: str, rules: list[dict[str, Any]] | None) -> None:
        document = json.dumps({"Rules": rules, "Smallest": ""}, separators=(",", ":"))
        self.swift.metadata[bucket] = {} if rules is None else {"s3-config-lifecycle": document}

    async def connected(self, work: Callable[[Tools, Locks], Awaitable[T]]) -> T:
        """Run work with tools and a leader's locks."""
        settings = Settings.model_validate(self.settings)
        self.task = asyncio.current_task()
        locks, leader = Locks(self.url), Locks(self.url, 0.1)
        await locks.start()
        await leader.start()
        try:
            tools = Tools(settings, self.clouds, locks, self.counts, Pace(1e9), Days(), now=lambda: NOW)
            return await work(tools, leader)
        finally:
            await leader.stop()
            await locks.stop()

    def sweep(self) -> bool:
        """Sweep once, as a process of its own does."""
        return asyncio.run(self.connected(lead))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_what_is_due_goes_and_what_is_not_stays(world: World) -> None:
    world.swift.add("one", "young", NOW)
    assert world.sweep()
    assert (world.swift.names("one"), world.swift.names("two")) == (["young"], [])
    assert (world.counts.actions, world.counts.buckets) == ({"done": 6}, {"swept": 2})


def test_a_bucket_that_is_broken_holds_up_no_other(world: World) -> None:
    def broken(method: str, args: tuple[Any, ...]) -> None:
        if method == "objects" and args[0] == "one":
            raise DOWN

    world.swift.before = broken
    assert not world.sweep()
    assert (world.swift.names("one"), world.swift.names("two")) == (["a", "b", "c"], [])
    assert world.counts.buckets == {"failed": 1, "swept": 1}
    world.swift.before = lambda _, __: None
    assert world.sweep()
    assert world.swift.names("one") == []


@pytest.mark.parametrize("document", ["[1]", '{"Rules":[{}]}', "{"])
def test_a_document_that_swifts_users_damaged_holds_up_no_other(world: World, document: str) -> None:
    world.swift.metadata["one"] = {"s3-config-lifecycle": document}
    world.sweep()
    assert world.swift.names("one") == ["a", "b", "c"]
    assert world.swift.names("two") == []


def test_after_an_outage_the_next_sweep_does_all(world: World) -> None:
    world.clouds.down = True
    assert not world.sweep()
    world.clouds.down = False
    number = iter(range(100))

    def fails(method: str, args: tuple[Any, ...]) -> None:
        if method == "delete" and next(number) >= 2:
            raise DOWN

    world.swift.before = fails
    assert not world.sweep()
    assert len(world.swift.names("one") + world.swift.names("two")) == 4
    world.swift.before = lambda _, __: None
    assert world.sweep()
    assert world.swift.names("one") + world.swift.names("two") == []


def test_a_sweeper_that_is_stopped_leaves_the_rest_to_the_next(world: World) -> None:
    def stopped(method: str, args: tuple[Any, ...]) -> None:
        if method == "delete" and world.task is not None and not world.task.cancelling():
            world.task.cancel()

    for number in range(100):
        world.swift.add("one", f"k{number:02}")
    world.swift.before = stopped
    with pytest.raises(asyncio.CancelledError):
        world.sweep()
    assert 50 < len(world.swift.names("one")) < 103  # those under way ended
    world.swift.before = lambda _, __: None
    assert world.sweep()
    assert world.swift.names("one") + world.swift.names("two") == []


def test_an_object_that_is_overwritten_after_the_listing_stays(world: World) -> None:
    def overwritten(method: str, args: tuple[Any, ...]) -> None:
        if method == "head" and args == ("one", "b"):
            world.swift.add("one", "b", NOW)

    world.swift.before = overwritten
    assert world.sweep()
    assert world.swift.names("one") == ["b"]
    assert world.counts.actions == {"done": 5, "kept": 1}


def test_a_rule_that_is_removed_during_a_sweep_stops(world: World) -> None:
    for number in range(1500):
        world.swift.add("one", f"k{number:04}")

    def removed(method: str, args: tuple[Any, ...]) -> None:
        if method == "delete" and args == ("one", "k0500"):
            world.set_rules("one", None)

    world.swift.before = removed
    assert world.sweep()
    left = world.swift.names("one")
    assert left[-1] == "k1499"
    assert 1500 - 501 - 8 < len(left) <= 1500 - 501  # those under way ended


def test_a_rule_that_is_removed_stops_the_aborts_of_uploads(world: World) -> None:
    world.set_rules("one", [ABORTING])
    for number in range(100):
        world.swift.add("one+segments", marker(f"k{number:03}", new_upload_id()), body=b"")
    swept = 0

    def removed(method: str, args: tuple[Any, ...]) -> None:
        nonlocal swept
        if method == "delete" and args[0] == "one+segments":
            swept += 1
            world.set_rules("one", None)

    world.swift.before = removed
    assert world.sweep()
    assert 1 <= swept <= 8
    assert len(world.swift.names("one+segments")) == 100 - swept


def test_an_object_whose_record_is_damaged_is_left_and_the_others_go(world: World) -> None:
    world.set_rules("one", [TAGGED])
    for key in ("a", "b", "c"):
        world.swift.tag("one", key, stage="test")
    world.swift.add("one+records", "b/null", body=b"{")
    assert world.sweep()
    assert (world.swift.names("one"), world.swift.names("two")) == (["b"], [])
    assert world.counts.actions == {"done": 5, "failed": 1}
    assert world.counts.buckets == {"swept": 2}


def test_an_object_whose_tag_is_removed_after_it_was_read_stays(world: World) -> None:
    world.set_rules("one", [TAGGED])
    for key in ("a", "b", "c"):
        world.swift.tag("one", key, stage="test")

    def changed(method: str, args: tuple[Any, ...]) -> None:
        if method == "head" and args == ("one+records", "b/null"):  # the object itself was read right before
            world.swift.tag("one", "b", stage="prod")

    world.swift.before = changed
    assert world.sweep()
    assert world.swift.names("one") == ["b"]
    assert world.counts.actions == {"done": 5, "kept": 1}


def test_an_interrupted_sweep_goes_on_where_its_note_says(world: World) -> None:
    world.clouds.service_project.add(CONTAINER, "p/one", body=b'{"marker": "b"}')
    assert world.sweep()
    assert world.swift.names("one") == ["a", "b"]
    assert world.sweep()  # from the beginning again
    assert world.swift.names("one") == []


@pytest.mark.parametrize("rules", [None, "no bucket"])
def test_an_entry_without_rules_is_removed(world: World, rules: str | None) -> None:
    if rules is None:
        world.set_rules("one", None)
    else:
        del world.swift.containers_["one"]
    assert world.sweep()
    assert world.clouds.service_project.names(CONTAINER) == ["p/two"]
    assert world.counts.buckets == {"released": 1, "swept": 1}


def test_a_bucket_that_swift_says_is_gone_and_still_lists_keeps_its_entry(world: World) -> None:
    def unread(method: str, args: tuple[Any, ...]) -> None:
        if method == "container" and args == ("one",):
            raise BackendError(Fault.NOT_FOUND, service="object-store", resource="container", id="one")

    world.swift.before = unread
    assert not world.sweep()
    assert world.clouds.service_project.names(CONTAINER) == ["p/one", "p/two"]
    assert world.counts.buckets == {"failed": 1, "swept": 1}
    world.swift.before = lambda _, __: None
    assert world.sweep()
    assert world.swift.names("one") == []


def test_the_bucket_that_waited_longest_comes_first(world: World) -> None:
    world.clouds.service_project.add(CONTAINER, "p/one", NOW, body=b"")
    seen: list[str] = []
    world.swift.before = lambda method, args: seen.append(args[0]) if method == "delete" else None
    assert world.sweep()
    assert seen[0] == "two"


def test_one_of_two_sweepers_sweeps(world: World) -> None:
    async def beside(tools: Tools, leader: Locks) -> tuple[bool, int]:
        other = Locks(world.url, 0.1)
        await other.start()
        try:
            async with other.hold("sweep", "", "lifecycle"):
                return await lead(tools, leader), len(world.swift.names("one"))
        finally:
            await other.stop()

    assert asyncio.run(world.connected(beside)) == (True, 3)
    assert world.counts.buckets == {}
    assert world.sweep()
    assert world.swift.names("one") == []


def test_no_entries_are_no_work(world: World) -> None:
    world.clouds.service_project.containers_.clear()
    assert world.sweep()
    assert world.counts.buckets == {}
    assert OLD < NOW
