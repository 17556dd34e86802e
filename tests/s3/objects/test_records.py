"""Side records: changes, replacements and deletions at the same time, on a Swift that tests can change."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.errors import BackendError, Fault
from adapters.types.objects import (
    Container,
    Description,
    Download,
    Limits,
    Listing,
    ObjectRow,
    Refused,
    Stored,
    Written,
)
from shim.context import Call, Caller
from shim.errors import AwsError
from shim.locks import Locks
from shim.s3.objects import records
from shim.s3.objects.deleting import delete_object
from shim.s3.objects.headers import RECORD, TAGGING

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = st.text("/a!0é", min_size=1, max_size=4)
USUAL = Limits()
LONG = "é" * 512


class Swift:
    """The bucket `bkt` and its containers; `before` runs ahead of a named step, once."""

    def __init__(self) -> None:
        self.items: dict[str, str] = {}
        self.containers: dict[str, dict[str, tuple[bytes, Stored]]] = {"bkt": {}}
        self.before: dict[str, Callable[[], Awaitable[Any]]] = {}
        self.steps: list[str] = []
        self.open = 0
        self._writes = 0

    async def _step(self, name: str) -> None:
        self.steps.append(name)
        await asyncio.sleep(0)
        if step := self.before.pop(name, None):
            await step()

    def _found(self, container: str, name: str) -> tuple[bytes, Stored]:
        if name not in self.containers.get(container, {}):
            raise BackendError(Fault.NOT_FOUND, service="object-store", resource="object")
        body, stored = self.containers[container][name]
        return body, stored

    async def container(self, name: str) -> Container:
        await self._step("HEAD bkt")
        return Container(name, NOW, 0, 0, dict(self.items))

    async def has_container(self, name: str) -> bool:
        return name in self.containers

    async def set_container_metadata(self, name: str, metadata: Mapping[str, str]) -> None:
        await self._step("POST bkt")
        self.items |= metadata

    async def create_container(self, name: str) -> bool:
        self.containers[name] = {}
        return True

    async def head(self, container: str, name: str, *, part: int = 0, version: str = "") -> Stored:
        await self._step(f"HEAD {container}/{name}")
        return self._found(container, name)[1]

    async def get(
        self,
        container: str,
        name: str,
        *,
        span: str = "",
        part: int = 0,
        version: str = "",
        tell_missing: bool = True,
    ) -> Download:
        await self._step(f"GET {container}/{name}")
        body, stored = self._found(container, name)
        self.open += 1

        def close() -> None:
            self.open -= 1

        return Download(stored, body, close)

    async def put(self, container: str, name: str, body: bytes, length: int, told: Description) -> Written:
        await self._step(f"PUT {container}/{name}")
        if container not in self.containers:
            raise BackendError(Fault.NOT_FOUND, service="object-store", resource="container")
        self._writes += 1
        stored = Stored(
            len(body), "etag", NOW, "a/b", metadata=told.metadata, timestamp=f"1795424400.{self._writes:05}"
        )
        self.containers[container][name] = body, stored
        return Written("etag", NOW)

    async def delete(self, container: str, name: str, *, tell_missing: bool = True) -> str:
        self._found(container, name)
        del self.containers[container][name]
        await self._step(f"DELETED {container}/{name}")
        return ""

    async def delete_many(self, container: str, names: list[str]) -> list[Refused]:
        raise AssertionError(names)

    async def objects(self, container: str, want: Listing) -> list[ObjectRow]:
        within = sorted(self.containers.get(container, {}), key=str.encode)
        end = want.end_marker.encode()
        return [ObjectRow(name=one) for one in within if want.marker.encode() < one.encode() < end][:2]


def calling(swift: Swift, locks: Locks | None = None) -> Call:
    """Return a call of a gateway of its own; gateways share locks and no caches."""
    cloud = type("Cloud", (), {"objects": swift})()
    caller = Caller("", "", "", "project", "", "", frozenset())
    return Call(cloud, caller, "r", "", "PutObjectTagging", cast(Any, None), locks or Locks(""))


def stored(swift: Swift, key: str = "k", **metadata: str) -> None:
    asyncio.run(put(swift, key, **metadata))


async def put(swift: Swift, key: str = "k", **metadata: str) -> None:
    await swift.put("bkt", key, b"", 0, Description("a/b", metadata))


async def change(call: Call, key: str = "k", **items: str) -> None:
    await records.change(call, "bkt", key, lambda _: items)


def read(swift: Swift, key: str = "k") -> Mapping[str, str]:
    return asyncio.run(records.exact(calling(swift), "bkt", key)).metadata


def test_items_take_the_place_of_metadata() -> None:
    swift = Swift()
    stored(swift, user="1", kept="2", gone="3")
    asyncio.run(change(calling(swift), kept="4", gone="", new="5"))
    assert read(swift) == {"user": "1", "kept": "4", "new": "5"}
    asyncio.run(change(calling(swift), gone="6"))
    assert read(swift) == {"user": "1", "kept": "4", "new": "5", "gone": "6"}


def test_of_two_changes_at_the_same_time_none_is_lost() -> None:
    swift, locks = Swift(), Locks("")
    stored(swift)

    async def both() -> None:
        await asyncio.gather(*(change(calling(swift, locks), **{name: name}) for name in "abcd"))

    asyncio.run(both())
    assert read(swift) == {name: name for name in "abcd"}


def test_a_record_says_nothing_about_the_next_object() -> None:
    swift = Swift()
    stored(swift)
    swift.before["PUT bkt+records/k/null"] = lambda: put(swift, new="1")
    asyncio.run(change(calling(swift), old="1"))
    assert read(swift) == {"new": "1"}
    asyncio.run(change(calling(swift), later="1"))
    assert read(swift) == {"new": "1", "later": "1"}


def test_the_bucket_says_that_it_has_records_before_it_has_one() -> None:
    swift = Swift()
    stored(swift)
    swift.steps.clear()
    asyncio.run(change(calling(swift), a="1"))
    writes = [step for step in swift.steps if step.startswith(("POST", "PUT"))]
    assert writes == ["POST bkt", "PUT bkt+records/k/null", "PUT bkt+records/k/null"]  # the container has to be made


def test_another_gateway_reads_what_it_does_not_know_of() -> None:
    swift = Swift()
    stored(swift)
    other = calling(swift)

    async def scenario() -> None:
        assert (await records.head(other, "bkt", "k")).metadata == {}
        await change(calling(swift), a="1")
        assert (await records.exact(other, "bkt", "k")).metadata == {"a": "1"}
        assert (await records.head(calling(swift), "bkt", "k")).metadata == {"a": "1"}

    asyncio.run(scenario())


def test_reads_of_a_bucket_without_records_cost_nothing() -> None:
    swift, call = Swift(), calling(Swift())
    stored(swift)
    call.cloud = calling(swift).cloud

    async def scenario() -> None:
        await records.head(call, "bkt", "k")
        swift.steps.clear()
        await records.head(call, "bkt", "k")
        (await records.get(call, "bkt", "k")).close()

    asyncio.run(scenario())
    assert swift.steps == ["HEAD bkt/k", "GET bkt/k"]


def test_a_change_while_the_object_is_deleted_and_made_anew_is_kept() -> None:
    swift, locks = Swift(), Locks("")
    stored(swift)
    asyncio.run(change(calling(swift), a="1"))

    async def scenario() -> None:
        later: list[asyncio.Future[None]] = []

        async def made_anew() -> None:
            await put(swift)
            later.append(asyncio.ensure_future(change(calling(swift, locks), b="2")))
            for _ in range(50):
                await asyncio.sleep(0)

        swift.before["DELETED bkt/k"] = made_anew
        await delete_object(calling(swift, locks), {"Bucket": "bkt", "Key": "k"})
        await later[0]

    asyncio.run(scenario())
    assert read(swift) == {"b": "2"}


def test_deleting_an_object_again_deletes_a_record_that_was_left() -> None:
    swift = Swift()
    stored(swift)
    asyncio.run(change(calling(swift), a="1"))
    del swift.containers["bkt"]["k"]
    asyncio.run(delete_object(calling(swift), {"Bucket": "bkt", "Key": "k"}))
    assert swift.containers["bkt+records"] == {}


def test_a_record_that_cannot_be_read_leaves_no_download_open() -> None:
    swift = Swift()
    stored(swift)
    asyncio.run(change(calling(swift), a="1"))
    swift.containers["bkt+records"]["k/null"] = b"broken", swift.containers["bkt+records"]["k/null"][1]
    with pytest.raises(AwsError, match="cannot be read"):
        asyncio.run(_got(swift))
    assert swift.open == 0


async def _got(swift: Swift) -> Download:
    return await records.get(calling(swift), "bkt", "k")


# --- what does not fit into an object's metadata ---


def test_what_does_not_fit_is_added_after_the_write() -> None:
    swift = Swift()
    told, items = records.fitted(Description("a/b", {"user": "u" * 2000, TAGGING: "t" * 3000}), USUAL)
    assert (items, set(told.metadata)) == ({TAGGING: "t" * 3000}, {"user", RECORD})

    async def scenario() -> None:
        await swift.put("bkt", "k", b"", 0, told)
        with pytest.raises(AwsError, match="not finished"):
            await records.exact(calling(swift), "bkt", "k")
        (await records.get(calling(swift), "bkt", "k")).close()  # its bytes can be read
        await records.add(calling(swift), "bkt", "k", told, items)
        swift.items.clear()  # also by a gateway that does not know of the record
        download = await records.get(calling(swift), "bkt", "k")
        download.close()
        assert download.stored.metadata == (await records.head(calling(swift), "bkt", "k")).metadata

    asyncio.run(scenario())
    assert read(swift) == {"user": "u" * 2000, TAGGING: "t" * 3000}
    assert swift.open == 0


def test_what_fits_stays() -> None:
    told = Description("a/b", {"user": "u" * 2000, TAGGING: "t" * 1000})
    assert records.fitted(told, USUAL) == (told, {})


@pytest.mark.parametrize("limits", [Limits(metadata_bytes=1500), Limits(metadata_items=14), Limits(value_bytes=12)])
def test_lower_limits_leave_less_room(limits: Limits) -> None:
    told = Description("a/b", {"user": "u", TAGGING: "t" * 1000})
    assert records.fitted(told, USUAL) == (told, {})
    assert records.fitted(told, limits)[1] == {TAGGING: "t" * 1000}


def test_what_was_changed_meanwhile_stays() -> None:
    swift = Swift()
    told, items = records.fitted(Description("a/b", {TAGGING: "t" * 4000}), USUAL)

    async def scenario() -> None:
        await swift.put("bkt", "k", b"", 0, told)
        await change(calling(swift), **{TAGGING: "new"})
        await records.add(calling(swift), "bkt", "k", told, items)

    asyncio.run(scenario())
    assert read(swift) == {TAGGING: "new"}


@pytest.mark.parametrize("replaced", [True, False])
def test_an_object_that_is_gone_gets_no_record(replaced: bool) -> None:
    swift = Swift()
    told, items = records.fitted(Description("a/b", {TAGGING: "t" * 4000}), USUAL)
    if replaced:
        stored(swift)
    asyncio.run(records.add(calling(swift), "bkt", "k", told, items))
    assert "bkt+records" not in swift.containers


# --- names ---


@given(st.frozensets(NAMES, min_size=1), st.frozensets(NAMES), st.booleans())
def test_the_records_of_many_keys_are_found(keys: frozenset[str], recorded: frozenset[str], long: bool) -> None:
    swift = Swift()
    if long:
        keys, recorded = keys | {LONG}, recorded | {LONG}
    for key in recorded:
        stored(swift, key)
        asyncio.run(change(calling(swift), key, a="1"))
    found = asyncio.run(records.candidates(calling(swift), "bkt", list(keys)))
    assert found == keys & recorded
    assert all(len(name.encode()) <= 1024 for name in swift.containers.get("bkt+records", ()))
