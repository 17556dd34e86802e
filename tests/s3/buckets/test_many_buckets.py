"""ListBuckets with more buckets than a page has, from a scripted Swift."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.types.objects import Container
from shim.config import Settings
from shim.context import Call, Caller
from shim.locks import Locks
from shim.s3.buckets.buckets import list_buckets

NAMES = [f"bucket-{number:05d}" for number in range(10_003)]
ROWS = 4_000  # the most rows of one answer of Swift


class Account:
    """A Swift that has many containers."""

    async def containers(self, *, prefix: str = "", marker: str = "", limit: int = 0) -> list[Container]:
        found = [name for name in NAMES if name > marker and name.startswith(prefix)]
        return [Container(name, datetime(2026, 1, 1, tzinfo=UTC), 0, 0) for name in found[:ROWS]]


class Cloud:
    objects = Account()


def listed(**asked: Any) -> Any:
    cloud: Any = Cloud()
    caller = Caller("key", "user", "user", "project", "project", "0" * 12, frozenset())
    call = Call(cloud, caller, "id", "us-east-1", "ListBuckets", Settings.model_validate({}), Locks(""))
    return asyncio.run(list_buckets(call, asked))


def test_who_asks_for_nothing_gets_all_and_no_regions() -> None:
    answer = listed()
    assert [one["Name"] for one in answer["Buckets"]] == NAMES
    assert answer["ContinuationToken"] is None
    assert not any("BucketRegion" in one for one in answer["Buckets"])


@pytest.mark.parametrize("asked", [{"Prefix": "bucket"}, {"BucketRegion": "us-east-1"}, {"MaxBuckets": 10_000}])
def test_who_asks_for_some_gets_a_page_with_regions(asked: dict[str, Any]) -> None:
    first = listed(**asked)
    assert [one["Name"] for one in first["Buckets"]] == NAMES[:10_000]
    assert {one["BucketRegion"] for one in first["Buckets"]} == {"us-east-1"}
    rest = listed(**asked, ContinuationToken=first["ContinuationToken"])
    assert [one["Name"] for one in rest["Buckets"]] == NAMES[10_000:]
    assert rest["ContinuationToken"] is None
