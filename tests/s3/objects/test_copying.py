"""CopyObject: what is copied, replaced and refused, and the forms of x-amz-copy-source."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from tests.s3.client_errors import refused
from tests.s3.multipart.test_multipart import complete, upload
from tests.support.names import unique


@pytest.fixture
def source(s3: Any, bucket: str) -> str:
    s3.put_object(
        Bucket=bucket, Key="source", Body=b"body", ContentType="a/b", CacheControl="no-cache", Metadata={"m": "1"}
    )
    return "source"


def test_a_copy_keeps_the_description(s3: Any, bucket: str, source: str) -> None:
    answer = s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/{source}")["CopyObjectResult"]
    got = s3.get_object(Bucket=bucket, Key="copy")
    assert (got["Body"].read(), got["ContentType"], got["CacheControl"], got["Metadata"]) == (
        b"body", "a/b", "no-cache", {"m": "1"},
    )  # fmt: skip
    assert (answer["ETag"], answer["LastModified"]) == (got["ETag"], got["LastModified"])


def test_a_copy_may_replace_the_description(s3: Any, bucket: str, source: str) -> None:
    s3.copy_object(
        Bucket=bucket, Key=source, CopySource=f"/{bucket}/{source}", MetadataDirective="REPLACE", Metadata={"n": "2"}
    )
    got = s3.get_object(Bucket=bucket, Key=source)
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"body", "binary/octet-stream", {"n": "2"})
    assert "CacheControl" not in got


def test_a_copy_between_buckets(s3: Any, bucket: str, source: str) -> None:
    other = unique("other")
    s3.create_bucket(Bucket=other)
    s3.copy_object(Bucket=other, Key="copy", CopySource={"Bucket": bucket, "Key": source})
    assert s3.get_object(Bucket=other, Key="copy")["Body"].read() == b"body"
    s3.delete_object(Bucket=other, Key="copy")
    s3.delete_bucket(Bucket=other)


@pytest.fixture
def said(aws: Any) -> Iterator[list[str]]:
    """Set the exact x-amz-copy-source of the next copies; boto3 itself uses only one spelling."""
    client, words = aws("s3"), list[str]()

    def rewrite(request: Any, **_: Any) -> None:
        if words:
            del request.headers["x-amz-copy-source"]
            request.headers["x-amz-copy-source"] = words[0]

    client.meta.events.register("before-sign.s3.CopyObject", rewrite)
    yield words
    client.meta.events.unregister("before-sign.s3.CopyObject", rewrite)


@pytest.mark.parametrize("key", ["a b", "a+b", "a%2Bb", "é/ü", "a?b", "x;y"])
def test_the_source_in_the_spellings_of_clients(s3: Any, bucket: str, said: list[str], key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    spellings = {quote(f"{bucket}/{key}"), quote(f"/{bucket}/{key}"), quote(f"{bucket}/{key}", safe="")}
    spellings |= {quote_plus(f"{bucket}/{key}"), quote_plus(f"{bucket}/{key}", safe="/")}
    if key.isascii() and "%" not in key and "+" not in key:
        spellings.add(f"{bucket}/{key}")
    for spelling in spellings:
        said[:] = [spelling]
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/key")
        assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == key.encode()


def test_a_plus_that_is_not_encoded_is_a_space(s3: Any, bucket: str, said: list[str]) -> None:
    """Some languages' libraries encode a space as a plus, as in a form; others encode the plus itself."""
    s3.put_object(Bucket=bucket, Key="a+b", Body=b"plus")
    said[:] = [f"{bucket}/a+b"]
    with refused("NoSuchKey", 404) as error:
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/key")
    assert error["Key"] == "a b"


def test_what_cannot_be_copied(s3: Any, bucket: str, source: str) -> None:
    with refused("InvalidRequest", 400):
        s3.copy_object(Bucket=bucket, Key=source, CopySource=f"{bucket}/{source}")
    with refused("NoSuchKey", 404) as error:
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/nothing")
    assert error["Key"] == "nothing"
    with refused("NoSuchBucket", 404) as error:
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}-not/{source}")
    assert error["BucketName"] == f"{bucket}-not"
    with refused("NoSuchBucket", 404):
        s3.copy_object(Bucket=f"{bucket}-not", Key="copy", CopySource=f"{bucket}/{source}")
    for wrong in ("nothing", f"{bucket}/", f"{bucket}+segments/k"):
        with refused("InvalidArgument", 400):
            s3.copy_object(Bucket=bucket, Key="copy", CopySource=wrong)
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="copy")


def test_conditions_on_the_source(s3: Any, bucket: str, source: str) -> None:
    head = s3.head_object(Bucket=bucket, Key=source)
    etag, time = head["ETag"], head["LastModified"]
    early = time - timedelta(hours=1)
    for holds in ({"IfMatch": etag}, {"IfNoneMatch": '"x"'}, {"IfModifiedSince": early}, {"IfUnmodifiedSince": time}):
        s3.copy_object(
            Bucket=bucket,
            Key="copy",
            CopySource=f"{bucket}/{source}",
            **{f"CopySource{name}": value for name, value in holds.items()},
        )
    for fails in ({"IfMatch": '"x"'}, {"IfNoneMatch": etag}, {"IfModifiedSince": time}, {"IfUnmodifiedSince": early}):
        with refused("PreconditionFailed", 412):
            s3.copy_object(
                Bucket=bucket,
                Key="copy",
                CopySource=f"{bucket}/{source}",
                **{f"CopySource{name}": value for name, value in fails.items()},
            )


def test_a_copy_of_a_multipart_object_can_be_copied(s3: Any, bucket: str) -> None:
    """Swift checks conditions on such a copy against the large object's ETag, so they fail with the copy's own ETag."""
    upload_id, parts, whole = upload(s3, bucket, "source", (100,))
    complete(s3, bucket, "source", upload_id, parts)
    for source, target in (("source", "copy"), ("copy", "copy of copy"), ("copy of copy", "copy")):
        s3.copy_object(Bucket=bucket, Key=target, CopySource={"Bucket": bucket, "Key": source})
        assert s3.get_object(Bucket=bucket, Key=target)["Body"].read() == whole
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="joined")["UploadId"]
    copied = s3.upload_part_copy(
        Bucket=bucket,
        Key="joined",
        UploadId=upload_id,
        PartNumber=1,
        CopySource={"Bucket": bucket, "Key": "copy"},
        CopySourceRange="bytes=0-9",
    )["CopyPartResult"]
    complete(s3, bucket, "joined", upload_id, [{"PartNumber": 1, "ETag": copied["ETag"]}])
    assert s3.get_object(Bucket=bucket, Key="joined")["Body"].read() == whole[:10]
