"""What Swift's own users change of encrypted objects is noticed, and what they may do without harm does none."""

import json
import os
from typing import Any

import pytest
from botocore.exceptions import ClientError
from openstack.connection import Connection

from tests.s3.client_errors import refused
from tests.s3.encryption.keys import ONE, given
from tests.support.names import unique

BLOCK = (1 << 16) + 48
PART = 5 << 20


class Native:
    """Swift's API for one container, as its own clients use it."""

    def __init__(self, connection: Connection, container: str) -> None:
        self._swift, self._container = connection.object_store, container

    def get(self, name: str, query: str = "", container: str = "") -> tuple[bytes, str]:
        """Return an object's bytes and content type."""
        answer = self._swift.get(f"/{container or self._container}/{name}{query}")
        assert answer.status_code == 200
        return answer.content, answer.headers["Content-Type"]

    def put(self, name: str, body: bytes, content_type: str, query: str = "", container: str = "") -> None:
        """Store bytes under a content type."""
        path = f"/{container or self._container}/{name}{query}"
        answer = self._swift.put(path, data=body, headers={"Content-Type": content_type})
        assert answer.status_code == 201, answer.text

    def post(self, name: str, headers: dict[str, str]) -> None:
        """Replace an object's metadata."""
        assert self._swift.post(f"/{self._container}/{name}", headers=headers).status_code == 202


@pytest.fixture
def native(openstack_main: Connection, shared: str) -> Native:
    return Native(openstack_main, shared)


def assert_unreadable(s3: Any, bucket: str, key: str) -> None:
    """A read ends with an error, before its first byte or at the end, and HEAD never lies about a size it knows."""
    with refused("InternalError", 500):
        s3.get_object(Bucket=bucket, Key=key, **given(ONE))


def test_objects_cannot_be_exchanged(s3: Any, shared: str, native: Native) -> None:
    for name in ("first", "second"):
        s3.put_object(Bucket=shared, Key=name, Body=name.encode() * 10, **given(ONE))
    native.put("first", *native.get("second"))
    assert_unreadable(s3, shared, "first")
    assert s3.get_object(Bucket=shared, Key="second", **given(ONE))["Body"].read() == b"second" * 10


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda stored: stored[BLOCK : 2 * BLOCK] + stored[:BLOCK] + stored[2 * BLOCK :], id="reordered"),
        pytest.param(lambda stored: stored[:BLOCK], id="cut between blocks"),
        pytest.param(lambda stored: b"\0" + stored[1:], id="changed"),
        pytest.param(lambda stored: b"", id="emptied"),
        pytest.param(lambda stored: b"plain text", id="replaced"),
    ],
)
def test_blocks_cannot_be_rearranged(s3: Any, shared: str, native: Native, change: Any) -> None:
    s3.put_object(Bucket=shared, Key="blocks", Body=os.urandom(3 * 65536 - 1000), **given(ONE))
    stored, content_type = native.get("blocks")
    native.put("blocks", change(stored), content_type)
    assert_unreadable(s3, shared, "blocks")


def test_an_object_that_is_cut_in_its_last_block_is_not_read_to_its_end(s3: Any, shared: str, native: Native) -> None:
    """The error may come after the first blocks, which are right."""
    s3.put_object(Bucket=shared, Key="cut", Body=os.urandom(3 * 65536 - 1000), **given(ONE))
    stored, content_type = native.get("cut")
    native.put("cut", stored[:-1], content_type)
    with pytest.raises(Exception, match=r"total bytes expected|Connection broken|InternalError"):  # noqa: PT012
        answer = s3.get_object(Bucket=shared, Key="cut", **given(ONE))
        answer["Body"].read()


def test_a_change_behind_the_first_block_breaks_the_answer_off(s3: Any, shared: str, native: Native) -> None:
    body = os.urandom(40 * 65536)
    s3.put_object(Bucket=shared, Key="late", Body=body, **given(ONE))
    stored, content_type = native.get("late")
    native.put("late", stored[: 30 * BLOCK] + bytes(10) + stored[30 * BLOCK + 10 :], content_type)
    got = b""
    with pytest.raises(Exception, match=r"total bytes expected|Connection broken"):  # noqa: PT012
        for piece in s3.get_object(Bucket=shared, Key="late", **given(ONE))["Body"].iter_chunks(65536):
            got += piece
    assert len(got) < len(body)
    assert body.startswith(got)
    answer = s3.get_object(Bucket=shared, Key="late", Range=f"bytes=0-{65536 * 30 - 1}", **given(ONE))
    assert answer["Body"].read() == body[: 65536 * 30]


def test_an_object_that_says_it_is_plain_is_not_read_with_a_key(s3: Any, shared: str, native: Native) -> None:
    s3.put_object(Bucket=shared, Key="plain", Body=b"x", **given(ONE))
    native.put("plain", b"somebody else's", "text/plain")
    with refused("InvalidRequest", 400):
        s3.get_object(Bucket=shared, Key="plain", **given(ONE))


def test_metadata_of_swifts_own_users_does_no_harm(s3: Any, shared: str, native: Native) -> None:
    """A POST replaces all metadata and keeps the content type, where the encryption is described."""
    s3.put_object(Bucket=shared, Key="posted", Body=b"still here", **given(ONE))
    native.post("posted", {"X-Object-Meta-Colour": "blue"})
    got = s3.get_object(Bucket=shared, Key="posted", **given(ONE))
    assert (got["Body"].read(), got["Metadata"]) == (b"still here", {"colour": "blue"})


@pytest.mark.parametrize("parameter", ["s3_sse=2.c.AAAA.AAAA", "s3_sse=1.c", "s3_sse=1.c.A.A", "s3_sse=1.s.none.AAAA"])
def test_a_description_that_nobody_can_read(s3: Any, shared: str, native: Native, parameter: str) -> None:
    native.put("described", b"x" * 100, f"text/plain; {parameter}")
    for more in ({}, given(ONE)):
        with pytest.raises(ClientError) as caught:
            s3.get_object(Bucket=shared, Key="described", **more)
        assert caught.value.response["Error"]["Code"] in {"InternalError", "InvalidRequest", "AccessDenied"}
    assert s3.list_objects_v2(Bucket=shared, Prefix="described")["Contents"][0]["Key"] == "described"


def uploaded(s3: Any, bucket: str, key: str, bodies: list[bytes]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    made = s3.create_multipart_upload(Bucket=bucket, Key=key, **given(ONE))
    where = {"Bucket": bucket, "Key": key, "UploadId": made["UploadId"]}
    return where, [part(s3, where, number, body) for number, body in enumerate(bodies, 1)]


def part(s3: Any, where: dict[str, Any], number: int, body: bytes) -> dict[str, Any]:
    stored = s3.upload_part(**where, PartNumber=number, Body=body, **given(ONE))
    told = {name: value for name, value in stored.items() if name.startswith("Checksum")}
    return {"PartNumber": number, "ETag": stored["ETag"], **told}


def manifest(native: Native, name: str) -> list[dict[str, Any]]:
    rows = json.loads(native.get(name, "?multipart-manifest=get")[0])
    return [{"path": row["name"], "etag": row["hash"], "size_bytes": row["bytes"]} for row in rows]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda rows: rows[:1], id="without the last part"),
        pytest.param(lambda rows: rows[1:], id="without the first part"),
        pytest.param(lambda rows: rows[::-1], id="reordered"),
        pytest.param(lambda rows: [*rows, rows[0]], id="with a part twice"),
    ],
)
def test_parts_cannot_be_rearranged(s3: Any, shared: str, native: Native, change: Any) -> None:
    key = unique("parts")
    where, parts = uploaded(s3, shared, key, [os.urandom(PART), os.urandom(PART)])
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts}, **given(ONE))
    rows = manifest(native, key)
    content_type = native.get(key)[1]
    native.put(key, json.dumps(change(rows)).encode(), content_type, "?multipart-manifest=put")
    assert_unreadable(s3, shared, key)
    with refused("InternalError", 500):
        s3.get_object(Bucket=shared, Key=key, Range="bytes=0-9", **given(ONE))


def test_an_earlier_upload_of_a_part_cannot_come_back(s3: Any, shared: str, native: Native) -> None:
    key = unique("parts")
    where, parts = uploaded(s3, shared, key, [os.urandom(PART), b"last"])
    name, container = f"{key}/{where['UploadId']}/1", f"{shared}+segments"
    old = native.get(name, container=container)
    parts[0] = part(s3, where, 1, os.urandom(PART))
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts}, **given(ONE))
    assert s3.get_object(Bucket=shared, Key=key, Range="bytes=0-9", **given(ONE))["ContentLength"] == 10
    content_type, rows = native.get(key)[1], manifest(native, key)
    native.put(name, *old, container=container)
    del rows[0]["etag"]
    native.put(key, json.dumps(rows).encode(), content_type, "?multipart-manifest=put")
    assert_unreadable(s3, shared, key)
