"""Last-Modified: the second of an object's write, never in the future, and equal in every answer."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from tests.s3.client_errors import refused

HOUR = timedelta(hours=1)


def now() -> datetime:
    """Return the client's clock, rounded down to seconds as clients compare it."""
    return datetime.now(UTC).replace(microsecond=0)


def put(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")


def copy(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=b"x")
    s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/source")


def complete(s3: Any, bucket: str) -> None:
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    etag = s3.upload_part(PartNumber=1, Body=b"x", **upload)["ETag"]
    s3.complete_multipart_upload(MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}, **upload)


WRITES = [put, copy, complete]


@pytest.mark.parametrize("write", WRITES)
def test_a_written_object_is_not_of_the_future(s3: Any, bucket: str, write: Callable[[Any, str], None]) -> None:
    before = now()
    write(s3, bucket)
    after = now()
    head = s3.head_object(Bucket=bucket, Key="k")
    assert before <= head["LastModified"] <= after
    listed = {row["Key"]: row for row in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    versions = {row["Key"]: row for row in s3.list_object_versions(Bucket=bucket)["Versions"]}
    attributes = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ETag"])
    for answer in (listed["k"], versions["k"], attributes, s3.get_object(Bucket=bucket, Key="k")):
        assert answer["LastModified"] == head["LastModified"]


def test_copies_tell_the_time_that_their_objects_show(s3: Any, bucket: str) -> None:
    put(s3, bucket)
    before = now()
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")["CopyObjectResult"]["LastModified"]
    assert before <= copied <= now()
    assert copied == s3.head_object(Bucket=bucket, Key="copy")["LastModified"]
    upload = {"Bucket": bucket, "Key": "large"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    before = now()
    part = s3.upload_part_copy(PartNumber=1, CopySource=f"{bucket}/k", **upload)["CopyPartResult"]["LastModified"]
    assert before <= part <= now()
    assert [one["LastModified"] for one in s3.list_parts(**upload)["Parts"]] == [part]
    s3.abort_multipart_upload(**upload)


def test_conditions_go_by_the_time_that_is_shown(s3: Any, bucket: str) -> None:
    put(s3, bucket)
    after = now()
    source = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/k"}
    assert s3.get_object(Bucket=bucket, Key="k", IfUnmodifiedSince=after)["Body"].read() == b"x"
    s3.copy_object(CopySourceIfUnmodifiedSince=after, **source)
    shown = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    for time, modified in ((shown - HOUR, True), (shown - timedelta(seconds=1), True), (shown, False)):
        if modified:
            s3.head_object(Bucket=bucket, Key="k", IfModifiedSince=time)
            s3.copy_object(CopySourceIfModifiedSince=time, **source)
            with refused("PreconditionFailed", 412):
                s3.get_object(Bucket=bucket, Key="k", IfUnmodifiedSince=time)
            with refused("PreconditionFailed", 412):
                s3.copy_object(CopySourceIfUnmodifiedSince=time, **source)
        else:
            s3.head_object(Bucket=bucket, Key="k", IfUnmodifiedSince=time)
            s3.copy_object(CopySourceIfUnmodifiedSince=time, **source)
            with refused("304", 304):
                s3.get_object(Bucket=bucket, Key="k", IfModifiedSince=time)
            with refused("PreconditionFailed", 412):
                s3.copy_object(CopySourceIfModifiedSince=time, **source)
    with refused("PreconditionFailed", 412):
        s3.delete_object(Bucket=bucket, Key="k", IfMatchLastModifiedTime=shown - timedelta(seconds=1))
    s3.delete_object(Bucket=bucket, Key="k", IfMatchLastModifiedTime=shown)


def test_an_answer_is_not_dated_before_its_object(s3: Any, bucket: str) -> None:
    """RFC 9110, 8.8.2.1: a Last-Modified may not be later than the Date of the answer that shows it."""
    for _ in range(20):  # so that some are near the end of a second
        put(s3, bucket)
        for answer in (s3.head_object(Bucket=bucket, Key="k"), s3.get_object(Bucket=bucket, Key="k")):
            headers = answer["ResponseMetadata"]["HTTPHeaders"]
            assert parsedate_to_datetime(headers["last-modified"]) <= parsedate_to_datetime(headers["date"])
