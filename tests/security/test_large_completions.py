"""A completion of as many parts as S3 allows does not delay the calls of other clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import pytest

from adapters.openstack.swift.swift import Swift
from adapters.types.identity import Token
from tests.s3.in_process import ObjectsOnly, OneToken
from tests.security.door import Door
from tests.security.requests import Wire, signed
from tests.security.stranger import assert_within, felt, least, raw, sends

PARTS = 10_000
PAGE = 1000  # rows that the gateway asks for
PART_BYTES = 5 << 20
MD5 = "0" * 32
WRITTEN = {"etag": f'"{MD5}"', "last-modified": "Mon, 23 Nov 2026 09:00:00 GMT"}
OBJECT = {**WRITTEN, "content-length": "0", "content-type": "binary/octet-stream", "x-timestamp": "1795424399.12345"}
CONTAINER = {"x-timestamp": "1795424399.12345", "x-container-object-count": "1", "x-container-bytes-used": "1"}


@dataclass
class Answered:
    """An answer of Swift's whose body has come."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    complete: bool = True

    async def read(self) -> bytes:
        return self.body

    async def pieces(self) -> AsyncIterator[bytes]:
        yield self.body

    def close(self) -> None:
        """Hold no connection."""


def listing(checksum: str) -> dict[str, bytes]:
    """Return Swift's pages of all parts of the upload `u` of the object `key`, by the marker of each page.

    The order of the parts does not matter to a completion, so they are listed by number.
    """
    row = {"hash": MD5, "bytes": PART_BYTES, "content_type": f"application/octet-stream{checksum}"}
    rows = [{"name": f"key/u/{number}", **row} for number in range(1, PARTS + 1)]
    last = [f"key/u/{number}" for number in range(PAGE, PARTS, PAGE)]
    pages = [json.dumps(rows[start : start + PAGE]).encode() for start in range(0, PARTS, PAGE)]
    return dict(zip(["", *last], pages, strict=True))


class Uploaded:
    """A Swift that has all parts of an upload; `manifests` are the bodies that make large objects."""

    def __init__(self, checksum: str, most_segments: int, listed: bool = True) -> None:
        self._info = json.dumps({"slo": {"max_manifest_segments": most_segments}}).encode()
        self._pages = listing(checksum) if listed else {}
        self._part = {**OBJECT, "content-length": str(PART_BYTES), "content-type": f"a/b{checksum}"}
        self.manifests: list[bytes] = []

    async def request(
        self, method: str, endpoint: str, path: str, headers: Mapping[str, str], *, body: Any = b"", **_: object
    ) -> Any:
        """Answer what a completion asks, in a later turn of the loop."""
        await asyncio.sleep(0)
        path, query = [*path.split("?"), ""][:2]
        if method == "PUT":
            self.manifests.append(body)
            return Answered(201, WRITTEN)
        if method == "DELETE":
            return Answered(204)
        if path == "/info":
            return Answered(200, {}, self._info)
        if method == "GET":
            asked = parse_qs(query)
            assert asked["limit"] == [str(PAGE)]
            return Answered(200, {}, self._pages.get(asked.get("marker", [""])[0], b"[]"))
        if path in ("/bucket", "/bucket+segments"):
            return Answered(204, CONTAINER)
        if path == "/bucket/key":
            return Answered(404)
        return Answered(200, OBJECT if path.endswith("/u") else self._part)


@dataclass
class OneUpload(Door):
    """A gateway before that Swift."""

    pool: Any = None

    def tenant(self, tokens: Any, token: Token, request_id: str) -> Any:
        return ObjectsOnly(Swift(self.pool, "http://swift/v1/AUTH_p1", OneToken("t"), request_id))


def completion(etag: str = MD5) -> bytes:
    """Return a completion of all parts, signed."""
    rows = "".join(
        f"<Part><PartNumber>{n}</PartNumber><ETag>&quot;{etag}&quot;</ETag></Part>" for n in range(1, PARTS + 1)
    )
    body = f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()
    url = "http://localhost:8788/bucket/key?uploadId=u"
    return raw(signed(Wire("s3", "CompleteMultipartUpload", "POST", url, {"Connection": "close"}, body)))


CRC32 = "; s3_checksum=crc32.00000000"
RUNS = 3


def assert_unfelt(request: bytes, doors: list[OneUpload]) -> None:
    """Fail if another client's call waits long for the request in each of these doors."""
    assert_within(least(felt(sends(request), door=door, most_calls=20_000) for door in doors))


@pytest.mark.parametrize(
    ("checksum", "most_segments"),
    [("", PARTS), (CRC32, PARTS), (CRC32, 1000)],
    ids=["without checksums", "with checksums", "in nested manifests"],
)
def test_a_completion_of_ten_thousand_parts_is_not_felt(checksum: str, most_segments: int) -> None:
    doors = [OneUpload(pool=Uploaded(checksum, most_segments)) for _ in range(RUNS)]
    assert_unfelt(completion(), doors)
    for door in doors:
        assert [record.status for record in door.records if record.service == "s3"] == [200]
        laid = [row for manifest in door.pool.manifests for row in json.loads(manifest)]
        parts = [row for row in laid if row["size_bytes"] == PART_BYTES]
        assert [row["path"] for row in parts] == [f"/bucket+segments/key/u/{number}" for number in range(1, PARTS + 1)]


def test_a_completion_whose_parts_are_not_listed_yet_is_not_felt() -> None:
    doors = [OneUpload(pool=Uploaded("", PARTS, listed=False)) for _ in range(RUNS)]
    assert_unfelt(completion(), doors)
    assert [record.status for door in doors for record in door.records if record.service == "s3"] == [200] * RUNS


def test_a_completion_of_ten_thousand_wrong_parts_is_not_felt() -> None:
    doors = [OneUpload(pool=Uploaded("", PARTS)) for _ in range(RUNS)]
    assert_unfelt(completion("1" * 32), doors)
    assert [record.code for door in doors for record in door.records if record.service == "s3"] == [
        "InvalidPart"
    ] * RUNS
