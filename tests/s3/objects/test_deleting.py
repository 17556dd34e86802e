"""Deletions: objects are deleted, and deleting an absent object succeeds."""

from base64 import b64encode
from hashlib import md5
from typing import Any

import pytest
from openstack.connection import Connection

from tests.s3.client_errors import refused


def test_one(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for _ in range(2):
        assert s3.delete_object(Bucket=bucket, Key="k")["ResponseMetadata"]["HTTPStatusCode"] == 204
    with refused("404", 404):
        s3.head_object(Bucket=bucket, Key="k")
    with refused("NoSuchBucket", 404):
        s3.delete_object(Bucket=f"{bucket}-not", Key="k")


def test_many(s3: Any, bucket: str) -> None:
    keys = ["a", "b//c", "d e", "é"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in [*keys, "absent"]]})
    assert [one["Key"] for one in answer["Deleted"]] == [*keys, "absent"]
    assert "Errors" not in answer
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_many_need_a_digest(s3: Any, bucket: str, aws: Any, version: str) -> None:
    """SDKs send a checksum, older ones Content-MD5; without either AWS deletes nothing."""
    client, digests = aws("s3", signature_version=version), list[str | None]()

    def digest(request: Any, **_: Any) -> None:
        for name in [name for name in request.headers if name.lower().startswith(("x-amz-checksum-", "x-amz-sdk-ch"))]:
            del request.headers[name]
        if digests[0] is not None:
            request.headers["Content-MD5"] = digests[0] or b64encode(md5(request.body).digest()).decode()  # noqa: S324

    wanted: dict[str, Any] = {"Bucket": bucket, "Delete": {"Objects": [{"Key": "k"}]}}
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    client.meta.events.register("before-sign.s3.DeleteObjects", digest)
    try:
        for digests[:], code in (
            ([None], "InvalidRequest"),
            (["x"], "InvalidDigest"),
            (["A" * 22 + "=="], "BadDigest"),
        ):
            with refused(code, 400):
                client.delete_objects(**wanted)
            s3.head_object(Bucket=bucket, Key="k")
        digests[:] = [""]
        assert [row["Key"] for row in client.delete_objects(**wanted)["Deleted"]] == ["k"]
    finally:
        client.meta.events.unregister("before-sign.s3.DeleteObjects", digest)
    assert "Errors" not in client.delete_objects(**wanted)  # with botocore's own checksum


def test_many_with_the_longest_keys(s3: Any, bucket: str) -> None:
    """Swift's bulk deletion silently ignores names of this length."""
    keys = ["é" * 512, "k", "日" * 341, "z" * 1024]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    assert len(answer["Deleted"]) == len(keys)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_a_version_that_is_not_there_is_an_error_of_its_own(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    answer = s3.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": "other"}, {"Key": "gone"}], "Quiet": True}
    )
    assert [(one["Key"], one["VersionId"], one["Code"]) for one in answer["Errors"]] == [
        ("k", "other", "NoSuchVersion")
    ]
    assert "Deleted" not in answer
    s3.head_object(Bucket=bucket, Key="k")


def test_one_key_by_two_versions(s3: Any, bucket: str) -> None:
    """Each entry of a request has its own result."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}, {"Key": "k", "VersionId": "other"}]})
    assert answer["Deleted"] == [{"Key": "k"}]
    assert [(one["Key"], one["VersionId"], one["Code"]) for one in answer["Errors"]] == [
        ("k", "other", "NoSuchVersion")
    ]


def test_too_many_or_none(s3: Any, bucket: str) -> None:
    for count in (0, 1001):
        with refused("MalformedXML", 400):
            s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": str(n)} for n in range(count)]})
    with refused("NoSuchBucket", 404):
        s3.delete_objects(Bucket=f"{bucket}-not", Delete={"Objects": [{"Key": "k"}]})


def test_many_where_the_segments_went_behind_the_gateways_back(
    s3: Any, openstack_main: Connection, bucket: str
) -> None:
    """Another gateway, or Swift's own tools, may delete the container that this gateway still believes to be there."""
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
    openstack_main.object_store.delete_container(f"{bucket}+segments")
    for key in ("a", "b"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "b"}]})
    assert [one["Key"] for one in answer["Deleted"]] == ["a", "b"]
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
