"""Reading what is gone, while listings still show it, ends with S3's error."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.objects import NULL_VERSION, ObjectRow
from shim.errors import AwsError
from shim.s3.objects import records, versions
from tests.s3.small_store import MARKER_ID, SmallStore, call_of, failure

STALE: ObjectRow = {
    "name": "k",
    "hash": "h",
    "bytes": 1,
    "content_type": "a/b",
    "last_modified": "2026-01-02T00:00:00.000000",
    "version_id": NULL_VERSION,
    "is_latest": True,
}
CONFIGURED = {"swift-versions": "on", "versioning": "Enabled 1.000"}


@pytest.mark.parametrize(
    "read", [partial(versions.head, version=NULL_VERSION), partial(records.head, version=NULL_VERSION)]
)
def test_a_stale_row_of_the_null_version(read: Callable[..., Awaitable[Any]]) -> None:
    store = SmallStore({"bbb": {}}, versions_kept=True, rows=[STALE])
    with pytest.raises(AwsError) as raised:
        asyncio.run(_read(read, store))
    assert raised.value.code == "NoSuchVersion"
    assert len([one for one in store.seen if one[0] == "head"]) == 1


async def _read(read: Callable[..., Awaitable[Any]], store: SmallStore) -> None:
    await read(call_of(store, "HeadObject", CONFIGURED), "bbb", "k")


def test_an_older_row_is_read_after_a_stale_one() -> None:
    row: ObjectRow = {**STALE, "version_id": "1767312000.00000", "content_type": "a/b; s3_null=yes"}
    store = SmallStore({"bbb": {}}, versions_kept=True, rows=[STALE, row])
    with pytest.raises(AwsError) as raised:
        asyncio.run(records.head(call_of(store, "HeadObject", CONFIGURED), "bbb", "k", version=NULL_VERSION))
    assert raised.value.code == "NoSuchVersion"
    assert [one[3] for one in store.seen if one[0] == "head"] == [NULL_VERSION, row["version_id"]]


class AllGone(SmallStore):
    """A store whose objects are gone whatever id is read, and which names the container's current version each time."""

    async def head(self, container: str, name: str, **asked: Any) -> Any:
        self._note("head", container, name, asked["version"])
        error = failure(Fault.NOT_FOUND)
        error.version = MARKER_ID
        raise error


@pytest.mark.parametrize("read", [partial(versions.head, version=""), records.head])
def test_a_current_version_that_is_gone_too(read: Callable[..., Awaitable[Any]]) -> None:
    store = AllGone({"bbb": {}}, versions_kept=True, rows=[{**STALE, "version_id": MARKER_ID}])
    with pytest.raises(BackendError) as raised:
        asyncio.run(_read(read, store))
    assert raised.value.fault is Fault.NOT_FOUND
    assert [one[3] for one in store.seen if one[0] == "head"] == ["", MARKER_ID]
