"""Documents of a bucket's configuration, on a Swift that tests can change between any two calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.objects import Container, Description, Download, Limits, Stored, Written
from shim.cache import Cache
from shim.context import Call, Caller
from shim.errors import AwsError
from shim.locks import Locks
from shim.s3.config import documents

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LONG = {"rules": ["x" * 200]}
OTHER = {"rules": ["y" * 200]}


class Swift:
    """The containers `b` and `b+configuration`; `before` runs ahead of a named step, once."""

    def __init__(self) -> None:
        self.items: dict[str, str] = {}
        self.objects: dict[str, bytes] = {}
        self.made = False
        self.before: dict[str, Callable[[], Awaitable[None]]] = {}

    async def _step(self, name: str) -> None:
        if step := self.before.pop(name, None):
            await step()

    async def limits(self) -> Limits:
        return Limits()

    async def container(self, name: str) -> Container:
        await self._step("HEAD")
        return Container(name, NOW, 0, 0, dict(self.items))

    async def set_container_metadata(self, name: str, metadata: Mapping[str, str]) -> None:
        await self._step("POST")
        self.items = {key: value for key, value in {**self.items, **metadata}.items() if value}

    async def create_container(self, name: str) -> bool:
        self.made = True
        return True

    async def put(self, container: str, name: str, body: bytes, length: int, description: Description) -> Written:
        if not self.made:
            raise BackendError(Fault.NOT_FOUND, service="object-store", resource="container")
        self.objects[name] = body
        return Written("etag", NOW)

    async def get(self, container: str, name: str) -> Download:
        await self._step("GET")
        if name not in self.objects:
            raise BackendError(Fault.NOT_FOUND, service="object-store", resource="object")
        body = self.objects[name]
        return Download(Stored(len(body), "etag", NOW, "application/json"), body, lambda: None)

    async def delete(self, container: str, name: str) -> None:
        if self.objects.pop(name, None) is None:
            raise BackendError(Fault.NOT_FOUND, service="object-store", resource="object")


def calling(swift: Swift, cache: Cache | None = None) -> Call:
    cloud = type("Cloud", (), {"objects": swift})()
    caller = Caller("", "", "", "project", "", "", frozenset())
    return Call(cloud, caller, "r", "", "PutBucketTagging", cast(Any, None), Locks(""), cache=cache or Cache())


def write(swift: Swift, content: Any) -> Awaitable[None]:
    return documents.write(calling(swift), "b", "cors", content)


def read(swift: Swift) -> Any:
    return asyncio.run(documents.current(calling(swift), "b", "cors"))


@pytest.mark.parametrize("content", [{}, {"a": "ü"}, ["x"], LONG])
def test_what_is_written_is_read(content: Any) -> None:
    swift = Swift()
    assert read(swift) is None
    asyncio.run(_run(write(swift, content)))
    assert read(swift) == content
    assert len(swift.objects) == (content is LONG)
    assert all(len(value) <= 128 for value in swift.items.values())


async def _run(work: Awaitable[Any]) -> Any:
    return await work


def test_of_two_documents_one_after_another_the_last_stays() -> None:
    swift = Swift()
    for content in (LONG, OTHER, {"short": 1}, LONG):
        asyncio.run(_run(write(swift, content)))
        assert read(swift) == content
    assert len(swift.objects) == 1
    assert asyncio.run(documents.delete(calling(swift), "b", "cors"))
    assert (swift.objects, swift.items, read(swift)) == ({}, {}, None)
    assert not asyncio.run(documents.delete(calling(swift), "b", "cors"))


def test_a_document_that_is_replaced_under_a_reader_is_read_again() -> None:
    swift = Swift()
    asyncio.run(_run(write(swift, LONG)))
    swift.before["GET"] = lambda: _run(write(swift, OTHER))
    assert read(swift) == OTHER


def test_an_object_that_is_gone_is_told_and_can_be_replaced() -> None:
    swift = Swift()
    asyncio.run(_run(write(swift, LONG)))
    swift.objects.clear()
    with pytest.raises(AwsError, match="cannot be read"):
        read(swift)
    asyncio.run(_run(write(swift, OTHER)))
    assert read(swift) == OTHER


@pytest.mark.parametrize("text", [b"[" * 100_000, b"{", b'"' + b"x" * (256 << 10) + b'"'])
def test_what_swifts_users_wrote_instead_is_told(text: bytes) -> None:
    swift = Swift()
    asyncio.run(_run(write(swift, LONG)))
    swift.objects = dict.fromkeys(swift.objects, text)
    with pytest.raises(AwsError, match="cannot be read"):
        read(swift)


def test_a_document_that_is_too_long_is_refused_before_it_is_stored() -> None:
    swift = Swift()
    with pytest.raises(AwsError, match="too big"):
        asyncio.run(_run(write(swift, ["x" * (256 << 10)])))
    assert (swift.objects, swift.items) == ({}, {})


@pytest.mark.parametrize("arrives", [False, True])
def test_a_change_that_fails_leaves_the_document_that_the_bucket_names(arrives: bool) -> None:
    swift = Swift()
    asyncio.run(_run(write(swift, LONG)))

    async def break_off() -> None:
        if arrives:  # the change succeeds and its answer is lost
            [new] = [name.rpartition("/")[2] for name in swift.objects if name.rpartition("/")[2] != before]
            swift.items["s3-config-cors"] = new
        raise BackendError(Fault.UNAVAILABLE, service="object-store")

    before = swift.items["s3-config-cors"]
    swift.before["POST"] = break_off
    with pytest.raises(BackendError):
        asyncio.run(_run(write(swift, OTHER)))
    assert read(swift) == (OTHER if arrives else LONG)
    assert f"cors/{swift.items['s3-config-cors']}" in swift.objects
