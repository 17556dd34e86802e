"""A deletion of many names does not delay the calls of others; `stranger` measures it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from adapters.openstack.swift.swift import Swift
from tests.s3.in_process import OneToken
from tests.security.stranger import Address, assert_unfelt
from tests.security.test_large_completions import Answered

NAMES = [f"{'世' * 100}/{number}" for number in range(10_000)]  # parts of an upload, with a key to be quoted


class Deleting:
    """A Swift that deletes whatever it is asked to."""

    def __init__(self) -> None:
        self.deleted = 0

    async def request(
        self, method: str, endpoint: str, path: str, headers: Mapping[str, str], *, body: Any = b"", **_: object
    ) -> Answered:
        """Answer `/info` and the requests that delete, in a later turn of the loop."""
        await asyncio.sleep(0)
        if path == "/info":
            return Answered(200, {}, json.dumps({"bulk_delete": {"max_deletes_per_request": 10_000}}).encode())
        names = body.count(b"\n") + 1
        self.deleted += names
        return Answered(200, {}, json.dumps({"Number Deleted": names, "Errors": []}).encode())


def test_a_deletion_of_ten_thousand_names_is_not_felt() -> None:
    pool = Deleting()

    async def hostile(_: Address) -> None:
        swift = Swift(pool, "http://swift/v1/AUTH_p1", OneToken("t"), "r")  # type: ignore[arg-type]
        assert await swift.delete_many("bucket+segments", NAMES) == []

    assert_unfelt(hostile, most_calls=2000)
    assert pool.deleted == len(NAMES)
