"""Objects: the bytes and the description of a PUT are returned unchanged."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.s3.client_errors import refused


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, (1 << 20) + 1, 9_000_000])
def test_bytes_come_back(s3: Any, bucket: str, size: int) -> None:
    body = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    put = s3.put_object(Bucket=bucket, Key="k", Body=body)
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'  # noqa: S324 - what an ETag is
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == body
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ContentLength"], head["ETag"]) == (size, put["ETag"])
    assert abs(head["LastModified"] - datetime.now(UTC)) < timedelta(minutes=2)
    assert head["AcceptRanges"] == "bytes"


def test_a_description_comes_back(s3: Any, bucket: str) -> None:
    told = {
        "ContentType": "text/html; charset=utf-8",
        "CacheControl": "max-age=60",
        "ContentDisposition": 'attachment; filename="a b.html"',
        "ContentLanguage": "fr, en",
        "ContentEncoding": "identity",
        "Metadata": {"plain": "value", "with-dash": "1", "with_underscore": "2", "empty": "", "long": "x" * 1000},
    }
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Expires=datetime(2030, 1, 2, tzinfo=UTC), **told)
    for answer in (s3.head_object(Bucket=bucket, Key="k"), s3.get_object(Bucket=bucket, Key="k")):
        assert {name: answer[name] for name in told} == told
        assert answer["ExpiresString"] == "Wed, 02 Jan 2030 00:00:00 GMT"


def test_the_default_type(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="page.html", Body=b"x")
    assert s3.head_object(Bucket=bucket, Key="page.html")["ContentType"] == "binary/octet-stream"


def test_overriding_an_answers_headers(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentType="a/b")
    told = {"ContentType": "c/d", "CacheControl": "no-store", "ContentLanguage": "br", "ContentEncoding": "identity"}
    got = s3.get_object(Bucket=bucket, Key="k", **{f"Response{name}": value for name, value in told.items()})
    assert {name: got[name] for name in told} == told


def test_an_overwrite_replaces_everything(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"old", Metadata={"old": "1"}, ContentType="a/b")
    s3.put_object(Bucket=bucket, Key="k", Body=b"new!")
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["Metadata"], got["ContentType"]) == (b"new!", {}, "binary/octet-stream")


def test_what_is_missing_is_named(s3: Any, bucket: str) -> None:
    with refused("NoSuchKey", 404) as error:
        s3.get_object(Bucket=bucket, Key="a/b")
    assert error["Key"] == "a/b"
    with refused("NoSuchBucket", 404):
        s3.get_object(Bucket=f"{bucket}-not", Key="a/b")
    with refused("NoSuchBucket", 404):
        s3.put_object(Bucket=f"{bucket}-not", Key="a/b", Body=b"x")
    with refused("404", 404):
        s3.head_object(Bucket=bucket, Key="a/b")


@pytest.mark.parametrize(
    ("wish", "header"),
    [
        ({"ServerSideEncryption": "AES256"}, "x-amz-server-side-encryption"),
    ],
)
def test_what_is_not_kept_is_refused(s3: Any, bucket: str, wish: dict[str, str], header: str) -> None:
    with refused("NotImplemented", 501) as error:
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", **wish)
    assert error["Header"] == header
    assert error["Message"].endswith(f"not implemented: {header}")
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="k")


def test_limits(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="é" * 512, Body=b"x")
    with refused("KeyTooLongError", 400):
        s3.put_object(Bucket=bucket, Key="k" * 1025, Body=b"x")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"m": "x" * 2047})
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"m": "x" * 2047}
    with refused("MetadataTooLarge", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"m": "x" * 2048})
    with refused("InvalidStorageClass", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="GLACIER")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="STANDARD", ACL="private")


def test_reserved_metadata_cannot_be_forged(s3: Any, bucket: str) -> None:
    with refused("InvalidArgument", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"passerelle-checksum": "CRC32:FULL_OBJECT:AAAAAA=="})
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentType=f"a/b; s3_etag={'0' * 32}-7")
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ETag"], head["ContentType"]) == (put["ETag"], "a/b")


def test_versions_of_an_unversioned_bucket(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"x"
    with refused("NoSuchVersion", 404):
        s3.get_object(Bucket=bucket, Key="k", VersionId="1000000000.00000")
