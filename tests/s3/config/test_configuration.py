"""A bucket's configuration: read once per request, cached, and without cost for a bucket that has none."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.objects import Container
from shim.cache import Cache
from shim.context import Call, Caller
from shim.s3.config.configuration import KEEP_SECONDS, configuration, configure, forget, read


class Store:
    """A Swift with one container that records its requests."""

    def __init__(self, **metadata: str) -> None:
        self.metadata = {name.replace("_", "-"): value for name, value in metadata.items()}
        self.asked: list[str] = []

    async def container(self, name: str) -> Container:
        self.asked.append("HEAD")
        if name != "b":
            raise BackendError(Fault.NOT_FOUND, service="object-store", resource="container")
        return Container(name, datetime.now(UTC), 0, 0, dict(self.metadata))

    async def set_container_metadata(self, name: str, metadata: Mapping[str, str]) -> None:
        self.asked.append("POST")
        self.metadata = {key: value for key, value in {**self.metadata, **metadata}.items() if value}


class House:
    """One gateway's cache, and the requests that share it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = 0.0
        self.looked = defaultdict[tuple[str, ...], float](float)
        self.cache = Cache(clock=lambda: self.now, lookups=self.looked)

    def call(self, project: str = "1") -> Call:
        cloud = type("Cloud", (), {"objects": self.store})()
        caller = Caller("", "", "", project, "", "", frozenset())
        none = cast(Any, None)
        return Call(cloud, caller, "r", "", "GetObject", none, none, cache=self.cache)


def test_a_request_reads_it_once_and_later_requests_not_at_all() -> None:
    house = House(Store(s3_config_cors="rules", quota_bytes="9"))

    async def run() -> None:
        call = house.call()
        assert await configuration(call, "b") == {"cors": "rules"}
        house.cache.drop("1", ("bucket", "b"))
        assert await configuration(call, "b") == {"cors": "rules"}
        for _ in range(10):
            await read_again()

    async def read_again() -> None:
        assert await configuration(house.call(), "b") == {"cors": "rules"}

    asyncio.run(run())
    assert house.store.asked == ["HEAD", "HEAD"]  # the second after the cache had dropped it
    assert house.looked["bucket", "hit"] == 9


def test_a_bucket_without_configuration_is_remembered_as_well() -> None:
    house = House(Store())
    for _ in range(10):
        assert asyncio.run(configuration(house.call(), "b")) == {}
    assert house.store.asked == ["HEAD"]


def test_it_is_read_again_after_a_while() -> None:
    house = House(Store())
    asyncio.run(configuration(house.call(), "b"))
    house.store.metadata["s3-config-cors"] = "new"
    house.now = KEEP_SECONDS - 1
    assert asyncio.run(configuration(house.call(), "b")) == {}
    house.now = KEEP_SECONDS
    assert asyncio.run(configuration(house.call(), "b")) == {"cors": "new"}


def test_own_changes_show_at_once() -> None:
    house = House(Store(s3_config_tags="x", quota_bytes="9"))
    asyncio.run(configuration(house.call(), "b"))
    call = house.call()
    asyncio.run(configure(call, "b", {"cors": "rules", "tags": ""}))
    assert asyncio.run(configuration(call, "b")) == {"cors": "rules"}
    assert asyncio.run(configuration(house.call(), "b")) == {"cors": "rules"}
    assert house.store.metadata["quota-bytes"] == "9"
    assert house.store.asked == ["HEAD", "POST", "HEAD"]


def test_what_was_read_before_a_change_is_not_kept() -> None:
    house = House(Store(s3_config_tags="old"))

    class Late(Store):
        """A Swift that answers a HEAD with the state before a concurrent change."""

        async def container(self, name: str) -> Container:
            before = await super().container(name)
            if self.asked.count("HEAD") == 1:
                await configure(house.call(), "b", {"tags": "new"})
            return before

    house.store = Late(s3_config_tags="old")
    assert asyncio.run(configuration(house.call(), "b")) == {"tags": "old"}
    assert asyncio.run(configuration(house.call(), "b")) == {"tags": "new"}


def test_what_shows_it_reads_it_anew() -> None:
    house = House(Store())
    asyncio.run(configuration(house.call(), "b"))
    house.store.metadata["s3-config-cors"] = "new"
    assert asyncio.run(read(house.call(), "b")) == {"cors": "new"}
    assert asyncio.run(configuration(house.call(), "b")) == {"cors": "new"}


def test_another_project_has_a_bucket_of_that_name_of_its_own() -> None:
    house = House(Store())
    asyncio.run(configuration(house.call("1"), "b"))
    asyncio.run(configuration(house.call("2"), "b"))
    assert house.store.asked == ["HEAD", "HEAD"]


def test_a_bucket_that_is_gone_is_not_remembered() -> None:
    house = House(Store())
    for _ in range(2):
        with pytest.raises(BackendError):
            asyncio.run(configuration(house.call(), "other"))
    assert house.store.asked == ["HEAD", "HEAD"]
    asyncio.run(configuration(house.call(), "b"))
    forget(house.call(), "b")
    asyncio.run(configuration(house.call(), "b"))
    assert house.store.asked == ["HEAD"] * 4
