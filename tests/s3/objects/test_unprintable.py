"""Characters that headers cannot contain: refused in requests, tolerated if Swift's own users have stored them."""

import json
from typing import Any

import pytest
from openstack.connection import Connection

from tests.s3.objects.test_posting import code, keys
from tests.s3.objects.test_posting import http as http
from tests.s3.objects.test_posting import send as send
from tests.s3.objects.test_posting import signed as signed
from tests.s3.objects.test_times import complete

NAMES = ("Content-Type", "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires")
ODD = [
    {"X-Object-Meta-A": "a\x01b", "X-Object-Meta-B": "b", "Content-Type": "text/\x7fx"},
    {"X-Object-Meta-A\x01": "a", "X-Object-Meta-C=D": "d", "X-Object-Meta-B": "b", "Content-Type": "text/x"},
]


@pytest.mark.parametrize("control", ["\x01", "\x0b", "\x1f", "\x7f"])
def test_forms_with_control_characters_store_nothing(
    s3: Any, signed: Any, send: Any, bucket: str, control: str
) -> None:
    for name in (*NAMES, "x-amz-meta-a"):
        assert code(send(*signed("k", {name: f"a{control}b"}))) == (400, "InvalidArgument")
    assert keys(s3, bucket) == []


def test_presigned_headers_with_control_characters_store_nothing(s3: Any, aws: Any, bucket: str, http: Any) -> None:
    """A presigned URL has headers in its query, which can contain any character."""
    put = {"Bucket": bucket, "Key": "k", "Metadata": {"a": "a\x01b"}}
    url = aws("s3", signature_version="s3").generate_presigned_url("put_object", put)
    assert code(http.request("PUT", url, body=b"x")) == (400, "InvalidArgument")
    assert keys(s3, bucket) == []


@pytest.mark.parametrize("value", ["=?UTF-8?B?***?=", "=?UTF-7?Q?+2AA-?=", "=?punycode?Q?a-b?=", "=?UTF-8?Q?=01?="])
def test_metadata_that_does_not_decode_comes_back_as_it_came(s3: Any, bucket: str, value: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"m": value})
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"m": value}


def native(connection: Connection, bucket: str, key: str, headers: dict[str, str]) -> None:
    connection.object_store.put(f"/{bucket}/{key}", data=b"native", headers=headers)


@pytest.mark.parametrize("headers", ODD)
@pytest.mark.parametrize("segments", [False, True])
def test_an_object_with_unreadable_headers(
    s3: Any, bucket: str, openstack_main: Connection, headers: dict[str, str], segments: bool
) -> None:
    if segments:
        complete(s3, bucket)
    for key in ("replaced", "copied", "deleted", "one", "two"):
        native(openstack_main, bucket, key, headers)
    for answer in (s3.head_object(Bucket=bucket, Key="one"), s3.get_object(Bucket=bucket, Key="one")):
        assert (answer["ContentLength"], answer["ContentType"]) == (6, "text/x")
        assert (answer["Metadata"], answer["MissingMeta"]) == ({"b": "b"}, len(headers) - 2)
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/one")
    assert s3.head_object(Bucket=bucket, Key="copy")["Metadata"] == {"b": "b"}
    s3.put_object(Bucket=bucket, Key="replaced", Body=b"new")
    s3.copy_object(Bucket=bucket, Key="copied", CopySource=f"{bucket}/replaced")
    for key in ("replaced", "copied"):
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"new"
    s3.delete_object(Bucket=bucket, Key="deleted")
    gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "one"}, {"Key": "two"}]})
    assert "Errors" not in gone
    assert not {"deleted", "one", "two"} & set(keys(s3, bucket))


def test_a_multipart_object_with_unreadable_headers_leaves_no_segment(
    s3: Any, bucket: str, openstack_main: Connection
) -> None:
    store = openstack_main.object_store
    complete(s3, bucket)
    rows = store.get(f"/{bucket}+segments?format=json").json()
    manifest = [{"path": f"/{bucket}+segments/{row['name']}"} for row in rows]
    odd = {"X-Object-Meta-A": "a\x01b"}
    store.put(f"/{bucket}/k?multipart-manifest=put", data=json.dumps(manifest), headers=odd)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    s3.delete_object(Bucket=bucket, Key="k")
    assert store.get(f"/{bucket}+segments?format=json").json() == []
