"""SSE-C: what a customer's key encrypts is read with that key alone, and Swift has only ciphertext."""

import os
from typing import Any

import pytest
from openstack.connection import Connection

from tests.s3.client_errors import refused
from tests.s3.encryption.keys import ONE, OTHER, given

BLOCK = 1 << 16
SIZES = [0, 1, 1000, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, (1 << 20) + 1, (5 << 20) + 7]


@pytest.mark.parametrize("size", SIZES)
def test_an_object_is_read_as_it_was_written(s3: Any, openstack_main: Connection, shared: str, size: int) -> None:
    body, key = os.urandom(size), f"size-{size}"
    put = s3.put_object(Bucket=shared, Key=key, Body=body, ContentType="text/x-own", Metadata={"a": "b"}, **given(ONE))
    got = s3.get_object(Bucket=shared, Key=key, **given(ONE))
    head = s3.head_object(Bucket=shared, Key=key, **given(ONE))
    assert got["Body"].read() == body
    for answer in (put, got, head):
        assert answer["SSECustomerAlgorithm"] == "AES256"
        assert answer["SSECustomerKeyMD5"] == given(ONE)["SSECustomerKeyMD5"]
        assert answer["ETag"] == put["ETag"]
    for answer in (got, head):
        assert (answer["ContentLength"], answer["ContentType"], answer["Metadata"]) == (size, "text/x-own", {"a": "b"})
    (row,) = s3.list_objects_v2(Bucket=shared, Prefix=key)["Contents"]
    assert (row["Size"], row["ETag"]) == (size, put["ETag"])
    stored = openstack_main.object_store.download_object(key, container=shared)
    assert len(stored) == size + 48 * max(1, -(-size // BLOCK))
    if size > 16:
        assert body[:16] not in stored


@pytest.fixture(scope="module")
def body() -> bytes:
    return os.urandom(3 * BLOCK + 100)


@pytest.fixture(scope="module")
def key(s3: Any, shared: str, body: bytes) -> str:
    s3.put_object(Bucket=shared, Key="ranges", Body=body, **given(ONE))
    return "ranges"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        (f"bytes={BLOCK - 1}-{BLOCK}", BLOCK - 1, BLOCK + 1),
        (f"bytes={BLOCK}-{2 * BLOCK - 1}", BLOCK, 2 * BLOCK),
        ("bytes=-5", -5, None),
        (f"bytes={3 * BLOCK + 99}-", 3 * BLOCK + 99, None),
        ("bytes=10-99999999", 10, None),
        ("bytes=-99999999", 0, None),
    ],
)
def test_a_range(s3: Any, shared: str, key: str, body: bytes, asked: str, start: int, end: int | None) -> None:
    got = s3.get_object(Bucket=shared, Key=key, Range=asked, **given(ONE))
    head = s3.head_object(Bucket=shared, Key=key, Range=asked, **given(ONE))
    assert got["Body"].read() == body[start:end]
    assert got["ResponseMetadata"]["HTTPStatusCode"] == head["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert got["ContentRange"] == head["ContentRange"]
    assert got["ContentLength"] == head["ContentLength"] == len(body[start:end])
    assert got["SSECustomerAlgorithm"] == "AES256"


def test_a_range_outside_the_plain_bytes(s3: Any, shared: str, key: str, body: bytes) -> None:
    """Swift has these bytes, as the ciphertext is longer."""
    with refused("InvalidRange", 416) as error:
        s3.get_object(Bucket=shared, Key=key, Range=f"bytes={len(body)}-", **given(ONE))
    assert error["ActualObjectSize"] == str(len(body))


def test_a_range_of_an_empty_object(s3: Any, shared: str) -> None:
    s3.put_object(Bucket=shared, Key="empty", Body=b"", **given(ONE))
    assert s3.get_object(Bucket=shared, Key="empty", Range="bytes=-5", **given(ONE))["Body"].read() == b""
    with refused("InvalidRange", 416):
        s3.get_object(Bucket=shared, Key="empty", Range="bytes=0-", **given(ONE))


def test_part_one_is_the_whole_object(s3: Any, shared: str, key: str, body: bytes) -> None:
    got = s3.get_object(Bucket=shared, Key=key, PartNumber=1, **given(ONE))
    assert (got["Body"].read(), got["ContentLength"]) == (body, len(body))


def test_conditions(s3: Any, shared: str, key: str) -> None:
    etag = s3.head_object(Bucket=shared, Key=key, **given(ONE))["ETag"]
    with refused("304", 304):
        s3.get_object(Bucket=shared, Key=key, IfNoneMatch=etag, **given(ONE))
    with refused("PreconditionFailed", 412):
        s3.get_object(Bucket=shared, Key=key, IfMatch='"x"', **given(ONE))
    with refused("304", 304):
        s3.get_object(Bucket=shared, Key=key, IfNoneMatch=etag, Range="bytes=0-1", **given(ONE))


def test_two_writes_of_one_body_have_nothing_in_common(s3: Any, openstack_main: Connection, shared: str) -> None:
    etags = [s3.put_object(Bucket=shared, Key=name, Body=b"same" * 10, **given(ONE))["ETag"] for name in "ab"]
    stored = [openstack_main.object_store.download_object(name, container=shared) for name in "ab"]
    assert len(set(etags)) == len(set(stored)) == 2


def test_a_checksum_is_of_the_plain_bytes(s3: Any, shared: str) -> None:
    for name, content in (("sum", b"123456789"), ("sums", b"123456789" * 200_000)):
        put = s3.put_object(Bucket=shared, Key=name, Body=content, ChecksumAlgorithm="CRC32", **given(ONE))
        s3.put_object(Bucket=shared, Key=f"plain-{name}", Body=content, ChecksumAlgorithm="CRC32")
        plain = s3.head_object(Bucket=shared, Key=f"plain-{name}", ChecksumMode="ENABLED")
        assert put["ChecksumCRC32"]
        head = s3.head_object(Bucket=shared, Key=name, ChecksumMode="ENABLED", **given(ONE))
        assert head.get("ChecksumCRC32") == plain.get("ChecksumCRC32")
    assert s3.head_object(Bucket=shared, Key="sum", ChecksumMode="ENABLED", **given(ONE))["ChecksumCRC32"] == "y/Q5Jg=="


def test_conditional_writes(s3: Any, shared: str) -> None:
    first = s3.put_object(Bucket=shared, Key="cond", Body=b"1", IfNoneMatch="*", **given(ONE))["ETag"]
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=shared, Key="cond", Body=b"2", IfNoneMatch="*", **given(ONE))
    large = bytes(2 << 20)
    s3.put_object(Bucket=shared, Key="cond", Body=large, IfMatch=first, **given(OTHER))
    with refused("PreconditionFailed", 412):
        s3.delete_object(Bucket=shared, Key="cond", IfMatchSize=5)
    s3.delete_object(Bucket=shared, Key="cond", IfMatchSize=len(large))


MISSING = (
    "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve "
    "the object."
)


def test_an_object_without_its_key(s3: Any, shared: str, key: str) -> None:
    for more in ({}, {"Range": "bytes=0-1"}, {"PartNumber": 1}):
        with refused("InvalidRequest", 400) as error:
            s3.get_object(Bucket=shared, Key=key, **more)
        assert error["Message"] == MISSING
    with refused("400", 400):
        s3.head_object(Bucket=shared, Key=key)


def test_another_key(s3: Any, shared: str, key: str) -> None:
    for more in ({}, {"Range": "bytes=0-1"}):
        with refused("AccessDenied", 403):
            s3.get_object(Bucket=shared, Key=key, **given(OTHER), **more)
    with refused("403", 403):
        s3.head_object(Bucket=shared, Key=key, **given(OTHER))
    with refused("AccessDenied", 403):  # "aaaa…" is no key of any object
        s3.get_object(Bucket=shared, Key=key, **given(b"a" * 16))


def test_a_key_for_a_plain_object(s3: Any, shared: str) -> None:
    s3.put_object(Bucket=shared, Key="plain", Body=b"x")
    for more in ({}, {"Range": "bytes=0-0"}):
        with refused("InvalidRequest", 400):
            s3.get_object(Bucket=shared, Key="plain", **given(ONE), **more)
    with refused("400", 400):
        s3.head_object(Bucket=shared, Key="plain", **given(ONE))


def test_a_reader_need_not_send_the_md5(s3: Any, shared: str, key: str, body: bytes) -> None:
    told = {name: value for name, value in given(ONE).items() if name != "SSECustomerKeyMD5"}
    told["SSECustomerKey"] = ONE  # boto3 encodes it and adds the MD5, which is taken off again
    client = s3
    event = "before-sign.s3.GetObject"

    def without(request: Any, **_: Any) -> None:
        del request.headers["x-amz-server-side-encryption-customer-key-MD5"]

    client.meta.events.register(event, without)
    try:
        assert client.get_object(Bucket=shared, Key=key, **told)["Body"].read() == body
    finally:
        client.meta.events.unregister(event, without)


@pytest.mark.parametrize(
    ("changed", "code", "message"),
    [
        ({"SSECustomerAlgorithm": None}, "InvalidArgument", "a valid encryption algorithm."),
        ({"SSECustomerAlgorithm": "AES128"}, "InvalidEncryptionAlgorithmError", "Supported value: AES256."),
        ({"SSECustomerKey": None}, "InvalidArgument", "an appropriate secret key."),
        ({"SSECustomerKey": "not base64!"}, "InvalidArgument", "was invalid for the specified algorithm."),
        ({"SSECustomerKeyMD5": given(OTHER)["SSECustomerKeyMD5"]}, "InvalidArgument", "did not match the hash"),
        (given(b"short"), "InvalidArgument", "was invalid for the specified algorithm."),
    ],
)
def test_a_malformed_key(s3: Any, shared: str, changed: dict[str, Any], code: str, message: str) -> None:
    told = {name: value for name, value in (given(ONE) | changed).items() if value is not None}
    with refused(code, 400) as error:
        s3.put_object(Bucket=shared, Key="never", Body=b"x", **told)
    assert message in error["Message"]
    assert s3.list_objects_v2(Bucket=shared, Prefix="never")["KeyCount"] == 0


def test_content_that_fails_its_check_stores_nothing(s3: Any, shared: str) -> None:
    for size in (10, 3 << 20):
        with refused("BadDigest", 400):
            s3.put_object(
                Bucket=shared, Key="bad", Body=bytes(size), ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==", **given(ONE)
            )
    assert s3.list_objects_v2(Bucket=shared, Prefix="bad")["KeyCount"] == 0


def test_a_clients_own_parameter_is_no_encryption(s3: Any, shared: str) -> None:
    s3.put_object(Bucket=shared, Key="own", Body=b"x", ContentType="text/plain; s3_sse=1.c.AAAA.AAAA")
    got = s3.get_object(Bucket=shared, Key="own")
    assert (got["Body"].read(), got["ContentType"]) == (b"x", "text/plain")
