"""Ranges, parts and conditions of GET and HEAD."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from openstack.connection import Connection

from tests.s3.client_errors import refused

BODY = b"0123456789"


@pytest.fixture
def key(s3: Any, bucket: str) -> str:
    s3.put_object(Bucket=bucket, Key="digits", Body=BODY)
    return "digits"


@pytest.mark.parametrize(
    ("asked", "body"),
    [
        ("bytes=0-0", b"0"),
        ("bytes=2-4", b"234"),
        ("bytes=7-", b"789"),
        ("bytes=-3", b"789"),
        ("bytes=-30", BODY),
        ("bytes=5-500", b"56789"),
        (f"bytes=5-{'9' * 19}", b"56789"),
        (f"bytes=5-{'9' * 400}", b"56789"),
        (f"bytes=-{'9' * 400}", BODY),
        (f"bytes={'0' * 30}7-", b"789"),
    ],
)
def test_a_range(s3: Any, bucket: str, key: str, asked: str, body: bytes) -> None:
    start = BODY.index(body)
    told = f"bytes {start}-{start + len(body) - 1}/10"
    got = s3.get_object(Bucket=bucket, Key=key, Range=asked)
    assert (got["Body"].read(), got["ContentRange"], got["ContentLength"]) == (body, told, len(body))
    head = s3.head_object(Bucket=bucket, Key=key, Range=asked)
    assert (head["ContentRange"], head["ContentLength"]) == (told, len(body))
    for answer in (got, head):
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-1,4-5", "bytes=5-2", f"bytes=1{'0' * 30}-9{'0' * 29}", "bytes=", "bytes=-", "items=0-1", "bytes=x-1"],
)
def test_what_is_no_single_range_gives_all(s3: Any, bucket: str, key: str, asked: str) -> None:
    got = s3.get_object(Bucket=bucket, Key=key, Range=asked)
    assert got["Body"].read() == BODY
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert s3.head_object(Bucket=bucket, Key=key, Range=asked)["ContentLength"] == len(BODY)


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-20", "bytes=-0", f"bytes={'9' * 400}-"])
def test_a_range_outside(s3: Any, bucket: str, key: str, asked: str) -> None:
    with refused("InvalidRange", 416) as error:
        s3.get_object(Bucket=bucket, Key=key, Range=asked)
    assert (error["ActualObjectSize"], error["RangeRequested"]) == ("10", asked)
    with refused("416", 416):
        s3.head_object(Bucket=bucket, Key=key, Range=asked)


def test_a_range_of_nothing(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="empty", Body=b"")
    for outside in ("bytes=0-1", "bytes=0-", "bytes=-0"):
        with refused("InvalidRange", 416):
            s3.get_object(Bucket=bucket, Key="empty", Range=outside)
        with refused("416", 416):
            s3.head_object(Bucket=bucket, Key="empty", Range=outside)
    for last in ("bytes=-1", "bytes=-5"):
        got, head = (ask(Bucket=bucket, Key="empty", Range=last) for ask in (s3.get_object, s3.head_object))
        assert got["Body"].read() == b""
        for answer in (got, head):
            assert (answer["ContentLength"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (0, 200)
            assert "ContentRange" not in answer


def test_the_part_of_an_object_without_parts(s3: Any, bucket: str, key: str) -> None:
    got = s3.get_object(Bucket=bucket, Key=key, PartNumber=1)
    assert (got["Body"].read(), got["ContentRange"]) == (BODY, "bytes 0-9/10")
    assert "PartsCount" not in got
    with refused("InvalidPartNumber", 416):
        s3.get_object(Bucket=bucket, Key=key, PartNumber=2)
    with refused("InvalidRequest", 400):
        s3.get_object(Bucket=bucket, Key=key, PartNumber=1, Range="bytes=0-1")


def test_conditions_and_their_precedence(s3: Any, bucket: str, key: str) -> None:
    head = s3.head_object(Bucket=bucket, Key=key)
    etag, time = head["ETag"], head["LastModified"]
    early, late = time - timedelta(hours=1), time + timedelta(hours=1)
    holds: list[dict[str, Any]] = [
        {"IfMatch": etag},
        {"IfMatch": f'"other", {etag}'},
        {"IfMatch": "*"},
        {"IfNoneMatch": '"other"'},
        {"IfModifiedSince": early},
        {"IfUnmodifiedSince": time},
        {"IfMatch": etag, "IfUnmodifiedSince": early},
        {"IfNoneMatch": '"other"', "IfModifiedSince": late},
    ]
    for condition in holds:
        assert s3.get_object(Bucket=bucket, Key=key, **condition)["Body"].read() == BODY
        s3.head_object(Bucket=bucket, Key=key, **condition)
    fails: list[tuple[dict[str, Any], str, int]] = [
        ({"IfMatch": '"other"'}, "PreconditionFailed", 412),
        ({"IfUnmodifiedSince": early}, "PreconditionFailed", 412),
        ({"IfNoneMatch": etag}, "304", 304),
        ({"IfNoneMatch": "*"}, "304", 304),
        ({"IfModifiedSince": time}, "304", 304),
        ({"IfNoneMatch": etag, "IfModifiedSince": early}, "304", 304),
        ({"IfMatch": '"other"', "IfUnmodifiedSince": late}, "PreconditionFailed", 412),
    ]
    for condition, code, status in fails:
        with refused(code, status):
            s3.get_object(Bucket=bucket, Key=key, **condition)
        with refused(str(status), status):
            s3.head_object(Bucket=bucket, Key=key, **condition)


def test_a_304_has_the_headers_that_a_cache_renews(s3: Any, bucket: str) -> None:
    told = {"CacheControl": 'private="ā", max-age=60', "Expires": datetime(2030, 1, 2, tzinfo=UTC)}
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x", **told)["ETag"]
    names = ("etag", "last-modified", "cache-control", "expires")
    for asked in ({}, {"ResponseCacheControl": "no-store", "ResponseExpires": datetime(2031, 1, 2, tzinfo=UTC)}):
        for read in (s3.get_object, s3.head_object):
            whole = read(Bucket=bucket, Key="k", **(asked if read == s3.get_object else {}))
            shown = whole["ResponseMetadata"]["HTTPHeaders"]
            with pytest.raises(ClientError) as caught:
                read(Bucket=bucket, Key="k", IfNoneMatch=etag, **(asked if read == s3.get_object else {}))
            answer = caught.value.response["ResponseMetadata"]
            assert answer["HTTPStatusCode"] == 304
            assert {name: answer["HTTPHeaders"][name] for name in names} == {name: shown[name] for name in names}


@pytest.fixture
def validator(aws: Any) -> Iterator[list[str]]:
    """Add this If-Range to the next reads; botocore has no parameter for it."""
    client, words = aws("s3"), list[str]()

    def add(request: Any, **_: Any) -> None:
        if words:
            request.headers["If-Range"] = words[0]

    for operation in ("GetObject", "HeadObject"):
        client.meta.events.register(f"before-sign.s3.{operation}", add)
    yield words
    for operation in ("GetObject", "HeadObject"):
        client.meta.events.unregister(f"before-sign.s3.{operation}", add)


def test_a_download_goes_on_only_where_the_object_is_the_same(
    s3: Any, bucket: str, key: str, validator: list[str]
) -> None:
    """Otherwise the second half would be another object's: S3 returns the whole new object (RFC 9110, 13.1.5)."""
    old = s3.head_object(Bucket=bucket, Key=key)
    modified = old["ResponseMetadata"]["HTTPHeaders"]["last-modified"]
    for same in (old["ETag"], old["ETag"].strip('"'), modified):
        validator[:] = [same]
        assert s3.get_object(Bucket=bucket, Key=key, Range="bytes=7-")["Body"].read() == BODY[7:]
        assert s3.head_object(Bucket=bucket, Key=key, Range="bytes=7-")["ContentLength"] == 3
    for other in ('"0123"', f"W/{old['ETag']}", "Tue, 01 Jan 2030 00:00:00 GMT", "Fri, 01 Jan 2010 00:00:00 GMT", "x"):
        validator[:] = [other]
        for asked in ("bytes=7-", "bytes=70-"):
            got = s3.get_object(Bucket=bucket, Key=key, Range=asked)
            assert (got["Body"].read(), got["ResponseMetadata"]["HTTPStatusCode"]) == (BODY, 200)
            assert "ContentRange" not in got
            head = s3.head_object(Bucket=bucket, Key=key, Range=asked)
            assert (head["ContentLength"], head["ResponseMetadata"]["HTTPStatusCode"]) == (len(BODY), 200)
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == BODY  # without a range it is ignored


@pytest.mark.parametrize("upload", [{}, {"passerelle-upload": "1"}, {"passerelle-upload": "a/b"}])
def test_headers_that_another_client_of_swift_wrote_are_no_error(
    s3: Any, bucket: str, openstack_main: Connection, upload: dict[str, str]
) -> None:
    """An object that claims to be made of parts, and names no upload."""
    claims = {"passerelle-parts-in-step": "yes", "passerelle-checksum": "CRC32:FULL_OBJECT:AAAAAA==", **upload}
    headers = {f"X-Object-Meta-{name}": value for name, value in claims.items()}
    openstack_main.object_store.put(f"/{bucket}/k", data=b"x", headers=headers).raise_for_status()
    where = {"Bucket": bucket, "Key": "k"}
    for read in (s3.head_object, s3.get_object):
        got = read(**where, PartNumber=1, ChecksumMode="ENABLED")
        assert (got["ContentLength"], "ChecksumCRC32" in got) == (1, False)
    attributes = s3.get_object_attributes(**where, ObjectAttributes=["ObjectParts", "ObjectSize"])
    assert (attributes["ObjectSize"], "ObjectParts" in attributes) == (1, False)
