"""Reading a manifest of as many segments as S3 has parts does not delay the calls of others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from adapters.errors import BackendError, Fault
from adapters.openstack.swift.swift import Swift
from tests.s3.in_process import OneToken
from tests.security.stranger import Address, assert_unfelt
from tests.security.test_large_completions import Answered

SEGMENTS = 10_000
INFO = b'{"slo": {"min_segment_size": 1}}'  # of a Swift that returns its manifests
HEAD = {"x-static-large-object": "True", "x-timestamp": "1795424399.12345", "content-length": "0", "etag": '"0"'}
ROW = {"hash": "0" * 32, "last_modified": "2026-11-23T09:00:00.000000", "bytes": 5 << 20, "content_type": "a/b"}


class Manifested:
    """A Swift that has one static large object."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def request(self, method: str, endpoint: str, path: str, headers: Mapping[str, str], **_: Any) -> Answered:
        """Answer with the manifest, in a later turn of the loop."""
        await asyncio.sleep(0)
        return Answered(200, HEAD, INFO if path == "/info" else self._body)


def swift(body: bytes) -> Swift:
    return Swift(Manifested(body), "http://swift/v1/AUTH_p1", OneToken("t"), "r")  # type: ignore[arg-type]


def test_a_manifest_of_ten_thousand_segments_is_not_felt() -> None:
    body = json.dumps([{**ROW, "name": f"/bucket+segments/key/u/{number}"} for number in range(SEGMENTS)]).encode()

    async def hostile(_: Address) -> None:
        found = await swift(body).segments("bucket", "key")
        assert [segment.name for segment in found] == [f"key/u/{number}" for number in range(SEGMENTS)]

    assert_unfelt(hostile, most_calls=2000)


@pytest.mark.parametrize("name", ['}, {"name": "', "é世", "\ud800", "a\\", "]"])
def test_names_of_segments_with_json_in_them(name: str) -> None:
    body = json.dumps([{**ROW, "name": f"/c/{name}{number}"} for number in range(3)]).encode()
    found = asyncio.run(swift(body).segments("bucket", "key"))
    assert [segment.name for segment in found] == [f"{name}{number}" for number in range(3)]


@pytest.mark.parametrize("body", [b"", b"{}", b"[", b'[{"name": "/c/n"}, ', b"[1]", b'[{"name"', b"[]x", b"\xff"])
def test_a_broken_manifest_is_no_bug_of_ours(body: bytes) -> None:
    with pytest.raises(BackendError) as raised:
        asyncio.run(swift(body).segments("bucket", "key"))
    assert raised.value.fault == Fault.UNAVAILABLE


def test_an_empty_manifest() -> None:
    assert asyncio.run(swift(b"[]").segments("bucket", "key")) == []
