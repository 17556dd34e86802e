"""The ETag that a write of a mapped class answers is the one that reads show, by which a long write knows its own."""

import asyncio
import hashlib
from base64 import b64encode
from typing import Any

import pytest

from shim.s3.objects.headers import etag_of
from shim.s3.objects.objects import SMALL, put_object
from tests.s3.placement.small_swift import KNOWN, OneKey, SmallSwift, body_of, mapped

CUSTOMER = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b64encode(b"k" * 32).decode()} | {
    "SSECustomerKeyMD5": b64encode(hashlib.md5(b"k" * 32).digest()).decode()  # noqa: S324 - as S3 wants it
}
STORE = {"ServerSideEncryption": "AES256"}
FORGED = {"ContentType": "text/plain; name=s3_etag"}


@pytest.mark.parametrize("version", ["", "1767312000.00000"], ids=["no versions", "a version"])
@pytest.mark.parametrize("condition", [{}, {"IfNoneMatch": "*"}], ids=["always", "on a condition"])
@pytest.mark.parametrize("length", [9, SMALL + 1], ids=["small", "streamed"])
@pytest.mark.parametrize("known", [False, True], ids=["no MD5", "Content-MD5"])
@pytest.mark.parametrize("more", [{}, STORE, CUSTOMER, FORGED], ids=["plain", "SSE-S3", "SSE-C", "a forged type"])
def test_the_etag_of_a_write_is_that_of_reads(
    more: dict[str, str], known: bool, length: int, condition: dict[str, str], version: str
) -> None:
    store, data = SmallSwift(), b"x" * length
    store.version = version
    md5 = hashlib.md5(data).hexdigest()  # noqa: S324 - what an ETag is
    call: Any = mapped(store, keys=OneKey(), scheme="https")
    call.configurations["bbb"] = {**KNOWN, "swift-versions": "on"} if version else KNOWN
    req = {"Bucket": "bbb", "Key": "k", "StorageClass": "STANDARD_IA", "Body": body_of(data, md5 if known else None)}
    answer = asyncio.run(put_object(call, {**req, **more, **condition}))
    assert answer["ETag"] == f'"{etag_of(store.held["bbb"]["k"])}"'
    assert answer.get("VersionId", "") == version
    assert len(store.cold) == 1
    if more is not CUSTOMER and (more is not STORE or known or length <= SMALL):
        assert answer["ETag"] == f'"{md5}"'
