"""Made-up names of buckets: a caller who does not sign causes a bounded number of look-ups, and delays nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.objects import Container
from shim.auth.unknown_keys import UnknownLimit
from shim.cache import Cache
from shim.config import Settings
from shim.context import NO_CLOUD, NOBODY, Call, Caller
from shim.locks import Locks
from shim.s3 import name_registry

SOMEBODY = Caller("k", "u", "user", "p1", "main", "1" * 12, frozenset({"member"}))


class Registry:
    """A registry of names that has one name; it counts the look-ups."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.seconds = 0.0
        self.cache = Cache(clock=lambda: self.seconds)
        self.limit = UnknownLimit(1.0, lambda: self.seconds, service="object-store", resource="bucket name")
        self.objects = self

    async def container(self, name: str) -> Container:
        self.asked.append(name)
        if name != "name:known":
            raise BackendError(Fault.NOT_FOUND, service="object-store", resource="container")
        return Container(name, datetime.now(UTC), 0, 0, {"passerelle-owner": "p2"})

    async def shared(self, request_id: str) -> Any:
        return self

    def look(self, name: str, caller: Caller = NOBODY) -> Coroutine[Any, Any, str | None]:
        call = Call(
            NO_CLOUD, caller, "id", "us-east-1", "GetObject", Settings.model_validate({}), Locks(""),
            cache=self.cache, requester=caller, clouds=SimpleNamespace(shared=self.shared), unknown_names=self.limit,
        )  # fmt: skip
        return name_registry.owner(call, name)


async def refused(looking: Coroutine[Any, Any, str | None]) -> bool:
    with pytest.raises(BackendError) as caught:
        await looking
    return caught.value.fault is Fault.THROTTLED


def test_names_that_nobody_has_are_looked_up_no_faster_than_allowed() -> None:
    async def scenario() -> None:
        names = Registry()
        assert await names.look("known") == "p2"
        for number in range(5):  # five seconds' worth at once
            assert await names.look(f"guess-{number}") == ""
        assert all([await refused(names.look(f"more-{number}")) for number in range(100)])
        assert await names.look("guess-4") == ""  # a miss is remembered
        assert len(names.asked) == 6
        assert [await names.look(f"mine-{number}", SOMEBODY) for number in range(20)] == [""] * 20  # who signs is known
        names.seconds = 61.0
        for number in range(5):
            assert await names.look(f"guess-{number}") == ""
        assert await refused(names.look("one-more"))
        assert await names.look("known") == "p2"  # what was found once waits for no guesses
        assert names.asked[-1] == "name:known"

    asyncio.run(scenario())


def test_a_name_that_no_bucket_can_have_is_not_looked_up() -> None:
    names = Registry()
    for name in ("b", "b/../c", "bucket+segments", "é" * 5):
        assert asyncio.run(names.look(name)) == ""
    assert not names.asked


def test_an_access_key_that_is_named_without_proof_does_not_pass_the_limit() -> None:
    async def scenario() -> None:
        names = Registry()
        named = SOMEBODY._replace(access_key="")
        for number in range(5):
            assert await names.look(f"guess-{number}", named) == ""
        assert await refused(names.look("one-more", named))
        assert await names.look("guess-4") == ""  # its misses are kept for nobody
        assert len(names.asked) == 5

    asyncio.run(scenario())
