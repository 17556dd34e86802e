"""Conditional writes and deletions are honoured, and among concurrent writers exactly one wins."""

import hashlib
import http.client
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.s3.client_errors import refused

LARGE = b"x" * 3_000_000


def won(call: Any, **how: Any) -> bool:
    """Make a conditional call; return False if the condition failed."""
    try:
        call(**how)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 412:
            raise
        return False
    return True


@pytest.mark.parametrize("body", [b"", b"small", LARGE], ids=["empty", "small", "large"])
def test_creating_only_what_is_absent(s3: Any, bucket: str, body: bytes) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=body, IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"other", IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="k", Body=LARGE + b"other", IfNoneMatch="*")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body


@pytest.mark.parametrize("body", [b"small", LARGE], ids=["small", "large"])
def test_replacing_all_but_what_is_known(s3: Any, bucket: str, body: bytes) -> None:
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"first", IfNoneMatch='"x"')["ETag"]
    for named in (first, first.strip('"'), f'"x", {first}'):
        with refused("PreconditionFailed", 412):
            s3.put_object(Bucket=bucket, Key="k", Body=body, IfNoneMatch=named)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"first"
    s3.put_object(Bucket=bucket, Key="k", Body=body, IfNoneMatch='"x", "y"')
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body


def test_replacing_whatever_is_there(s3: Any, bucket: str) -> None:
    with refused("NoSuchKey", 404):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", IfMatch="*")
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch="*")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"


@pytest.mark.parametrize("body", [b"small", LARGE], ids=["small", "large"])
def test_replacing_only_what_is_known(s3: Any, bucket: str, body: bytes) -> None:
    with refused("NoSuchKey", 404):
        s3.put_object(Bucket=bucket, Key="k", Body=body, IfMatch='"x"')
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"first")["ETag"]
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="k", Body=body, IfMatch='"x"')
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"first"
    s3.put_object(Bucket=bucket, Key="k", Body=body, IfMatch=first)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"late", IfMatch=first)


@pytest.mark.parametrize("body", [b"small", LARGE], ids=["small", "large"])
def test_exactly_one_creator_wins(s3: Any, bucket: str, body: bytes) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(
            pool.map(
                lambda n: won(s3.put_object, Bucket=bucket, Key="race", Body=body + bytes([n]), IfNoneMatch="*"),
                range(8),
            )
        )
    assert results.count(True) == 1
    assert s3.get_object(Bucket=bucket, Key="race")["Body"].read() == body + bytes([results.index(True)])


def test_exactly_one_replacer_wins(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="race", Body=b"0")["ETag"]
    with ThreadPoolExecutor(8) as pool:
        results = list(
            pool.map(
                lambda n: won(s3.put_object, Bucket=bucket, Key="race", Body=f"v{n}".encode(), IfMatch=etag), range(8)
            )
        )
    assert results.count(True) == 1
    assert s3.get_object(Bucket=bucket, Key="race")["Body"].read() == f"v{results.index(True)}".encode()


def test_completing_on_condition(s3: Any, bucket: str) -> None:
    def completed(**condition: str) -> None:
        upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
        part = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"part")
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        try:
            s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload=parts, **condition)
        except ClientError:
            s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)  # a refused completion leaves the upload open
            s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
            raise

    completed(IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        completed(IfNoneMatch="*")
    etag = s3.head_object(Bucket=bucket, Key="k")["ETag"]
    completed(IfMatch=etag)
    with refused("PreconditionFailed", 412):
        completed(IfMatch='"other"')
    with refused("PreconditionFailed", 412):
        completed(IfNoneMatch=etag)  # a completion of the same parts makes an object with the same ETag
    completed(IfNoneMatch='"other"')


def test_copying_on_condition(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=b"body")
    s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/source", IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/source", IfNoneMatch="*")
    same = hashlib.md5(b"body", usedforsecurity=False).hexdigest()
    with refused("PreconditionFailed", 412):
        s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/source", IfNoneMatch=f'"{same}"')
    s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/source", IfNoneMatch='"other"')
    etag = s3.head_object(Bucket=bucket, Key="k")["ETag"]
    s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/source", IfMatch=etag)


def test_deleting_on_condition(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"body")["ETag"]
    with refused("PreconditionFailed", 412):
        s3.delete_object(Bucket=bucket, Key="k", IfMatch='"other"')
    with refused("PreconditionFailed", 412):
        s3.delete_object(Bucket=bucket, Key="k", IfMatchSize=1)
    answer = s3.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": "k", "ETag": '"other"'}, {"Key": "absent", "ETag": etag}]}
    )
    assert {one["Key"]: one["Code"] for one in answer["Errors"]} == {"k": "PreconditionFailed"}
    assert [one["Key"] for one in answer["Deleted"]] == ["absent"]  # deleting an absent object succeeds
    s3.delete_object(Bucket=bucket, Key="absent", IfMatch=etag)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"body"
    s3.delete_object(Bucket=bucket, Key="k", IfMatch=etag, IfMatchSize=4)
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="k")


def put_meanwhile(
    s3: Any, bucket: str, headers: dict[str, str], meanwhile: Callable[[], Any], seconds: float = 0.5
) -> tuple[int, bytes]:
    """Send half of a long PUT, do something else `seconds` later, send the rest; return status and body."""
    url = urlsplit(s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k"}))
    with closing(http.client.HTTPConnection(url.netloc, timeout=60)) as connection:
        connection.putrequest("PUT", f"{url.path}?{url.query}")
        for name, value in {**headers, "Content-Length": str(len(LARGE))}.items():
            connection.putheader(name, value)
        half = len(LARGE) // 2
        connection.endheaders(LARGE[:half])
        time.sleep(seconds)  # so that the upload has reached Swift
        meanwhile()
        connection.send(LARGE[half:])
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_a_long_creation_that_was_overtaken(s3: Any, bucket: str) -> None:
    """The object is absent at the start and at the end, but existed in between, which is later in Swift's order."""

    def leased() -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"lease", IfNoneMatch="*")
        s3.delete_object(Bucket=bucket, Key="k")

    status, body = put_meanwhile(s3, bucket, {"If-None-Match": "*"}, leased, 2.0)
    assert (status, b"<Code>ConditionalRequestConflict</Code>" in body) == (409, True)
    assert put_meanwhile(s3, bucket, {"If-None-Match": "*"}, lambda: None)[0] == 200
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == LARGE


def test_a_long_replacement_that_was_overtaken(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"old")["ETag"]

    def replaced() -> None:
        new = s3.put_object(Bucket=bucket, Key="k", Body=b"new", IfMatch=etag)["ETag"]
        s3.put_object(Bucket=bucket, Key="k", Body=b"old", IfMatch=new)

    status, body = put_meanwhile(s3, bucket, {"If-Match": etag}, replaced, 2.0)
    assert (status, b"<Code>ConditionalRequestConflict</Code>" in body) == (409, True)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"old"
    assert put_meanwhile(s3, bucket, {"If-Match": etag}, lambda: None)[0] == 200
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == LARGE
