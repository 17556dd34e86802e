"""Keys are exact to the byte in uploads, listings and copies, and in Swift."""

from typing import Any

import openstack
import pytest

from tests.s3.client_errors import refused

KEYS = [
    "plain",
    "with space",
    "a//b",
    "/leading",
    "trailing/",
    "..",
    "../up",
    "a/./b",
    "a/../b",
    "percent%2Fencoded",
    "100%",
    "plus+plus",
    "question?mark=1",
    "hash#tag",
    "semi;colon,comma",
    "quote'\"`",
    "amp&lt<gt>",
    "back\\slash",
    "é",
    "e\u0301",  # the same letter in two code points: another key
    "日本語/キー",
    "🚀",
    "tilde~star*paren()",
    "line\nbreak",
    "tab\tcontrol\x01",
]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_what_was_said(
    s3: Any, bucket: str, key: str, openstack_main: openstack.connection.Connection
) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == len(key.encode())
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    assert [one.name for one in openstack_main.object_store.objects(bucket)] == [key]
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": key})
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == key.encode()
    s3.delete_object(Bucket=bucket, Key=key)
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["copy"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_what_no_key_can_hold(s3: Any, bucket: str, method: str) -> None:
    """Swift's names cannot contain NUL; its 412 would look like a failed condition."""
    call = {"GET": s3.get_object, "HEAD": s3.head_object, "PUT": s3.put_object, "DELETE": s3.delete_object}[method]
    with refused("400" if method == "HEAD" else "InvalidArgument", 400):
        call(Bucket=bucket, Key="a\0b")


def test_deleting_many_odd_keys(s3: Any, bucket: str) -> None:
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    listed = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert listed == sorted(KEYS, key=lambda key: key.encode())
    # XML cannot contain all of these keys; the others are deleted in one request.
    sayable = [key for key in KEYS if "\x01" not in key]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in sayable]})
    assert {one["Key"] for one in answer["Deleted"]} == set(sayable)
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["tab\tcontrol\x01"]
    s3.delete_object(Bucket=bucket, Key="tab\tcontrol\x01")
