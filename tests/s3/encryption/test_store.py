"""SSE-S3: objects are encrypted with keys that a key store wraps, when a request or its bucket asks for it."""

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from openstack.connection import Connection

from shim.keystore import add
from tests.conftest import remove_bucket
from tests.s3.client_errors import refused
from tests.s3.encryption.keys import ONE, given, source
from tests.support.clients import Boto
from tests.support.gateway import gateway as run_gateway
from tests.support.names import unique
from tests.support.target import Target

AES = {"ServerSideEncryption": "AES256"}
LARGE = os.urandom((5 << 20) + 3)
DEFAULT = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]}


def md5(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


@pytest.mark.parametrize("body", [b"", b"small" * 10, LARGE], ids=["empty", "small", "large"])
def test_an_object_is_encrypted(sealing: Any, openstack_main: Connection, shared: str, body: bytes) -> None:
    put = sealing.put_object(Bucket=shared, Key="object", Body=body, ContentType="text/x-own", **AES)
    got = sealing.get_object(Bucket=shared, Key="object")
    head = sealing.head_object(Bucket=shared, Key="object")
    assert got["Body"].read() == body
    for answer in (put, got, head):
        assert (answer["ServerSideEncryption"], answer["ETag"]) == ("AES256", put["ETag"])
        assert "SSECustomerAlgorithm" not in answer
    assert (head["ContentLength"], head["ContentType"]) == (len(body), "text/x-own")
    (row,) = sealing.list_objects_v2(Bucket=shared, Prefix="object")["Contents"]
    assert (row["Size"], row["ETag"]) == (len(body), put["ETag"])
    stored = openstack_main.object_store.download_object("object", container=shared)
    assert not body or body not in stored
    if body:
        assert sealing.get_object(Bucket=shared, Key="object", Range="bytes=-3")["Body"].read() == body[-3:]


def test_the_etag_is_the_md5_if_that_is_known_in_time(sealing: Any, shared: str) -> None:
    assert sealing.put_object(Bucket=shared, Key="a", Body=b"small", **AES)["ETag"] == md5(b"small")
    told = base64.b64encode(hashlib.md5(LARGE, usedforsecurity=False).digest()).decode()
    assert sealing.put_object(Bucket=shared, Key="a", Body=LARGE, ContentMD5=told, **AES)["ETag"] == md5(LARGE)
    assert sealing.head_object(Bucket=shared, Key="a")["ETag"] == md5(LARGE)
    assert sealing.list_objects_v2(Bucket=shared, Prefix="a")["Contents"][0]["ETag"] == md5(LARGE)
    unknown = sealing.put_object(Bucket=shared, Key="b", Body=LARGE, **AES)["ETag"]
    assert unknown.endswith('-N"')
    assert sealing.get_object(Bucket=shared, Key="b", IfMatch=unknown)["ETag"] == unknown


def test_a_multipart_object(sealing: Any, shared: str) -> None:
    made = sealing.create_multipart_upload(Bucket=shared, Key="parts", **AES)
    assert made["ServerSideEncryption"] == "AES256"
    where = {"Bucket": shared, "Key": "parts", "UploadId": made["UploadId"]}
    parts = []
    for number, body in enumerate((LARGE, b"the rest"), 1):
        part = sealing.upload_part(**where, PartNumber=number, Body=body)
        assert (part["ServerSideEncryption"], part["ETag"]) == ("AES256", md5(body))
        told = {name: value for name, value in part.items() if name.startswith("Checksum")}
        parts.append({"PartNumber": number, "ETag": part["ETag"], **told})
    listed = sealing.list_parts(**where)["Parts"]
    assert [(part["ETag"], part["Size"]) for part in listed] == [(md5(LARGE), len(LARGE)), (md5(b"the rest"), 8)]
    done = sealing.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    whole = b"".join(hashlib.md5(body, usedforsecurity=False).digest() for body in (LARGE, b"the rest"))
    assert (done["ServerSideEncryption"], done["ETag"]) == ("AES256", f'{md5(whole)[:-1]}-2"')
    got = sealing.get_object(Bucket=shared, Key="parts")
    assert (got["Body"].read(), got["ServerSideEncryption"]) == (LARGE + b"the rest", "AES256")
    part = sealing.get_object(Bucket=shared, Key="parts", PartNumber=2)
    assert part["Body"].read() == b"the rest"


def test_copies(sealing: Any, shared: str) -> None:
    sealing.put_object(Bucket=shared, Key="stored", Body=LARGE, **AES)
    sealing.put_object(Bucket=shared, Key="customers", Body=LARGE, **given(ONE))
    sealing.put_object(Bucket=shared, Key="plain", Body=LARGE)
    for name, of in (("stored", {}), ("customers", source(ONE)), ("plain", {})):
        for target in ({}, AES, given(ONE)):
            done = sealing.copy_object(Bucket=shared, Key="copy", CopySource=f"{shared}/{name}", **of, **target)
            key = target if "SSECustomerKey" in target else {}
            got = sealing.get_object(Bucket=shared, Key="copy", **key)
            assert got["Body"].read() == LARGE
            assert (
                got.get("ServerSideEncryption")
                == done.get("ServerSideEncryption")
                == target.get("ServerSideEncryption")
            )
            assert got["ETag"] == done["CopyObjectResult"]["ETag"]
    done = sealing.copy_object(Bucket=shared, Key="copy", CopySource=f"{shared}/plain", **AES)
    assert done["CopyObjectResult"]["ETag"] == md5(LARGE)


def test_a_buckets_default(sealing: Any) -> None:
    bucket = unique("default")
    sealing.create_bucket(Bucket=bucket)
    try:
        with refused("ServerSideEncryptionConfigurationNotFoundError", 404):
            sealing.get_bucket_encryption(Bucket=bucket)
        assert "ServerSideEncryption" not in sealing.put_object(Bucket=bucket, Key="before", Body=b"x")
        sealing.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=DEFAULT)
        assert sealing.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"] == DEFAULT
        for body in (b"small", LARGE):
            assert sealing.put_object(Bucket=bucket, Key="after", Body=body)["ServerSideEncryption"] == "AES256"
            got = sealing.get_object(Bucket=bucket, Key="after")
            assert (got["Body"].read(), got["ServerSideEncryption"]) == (body, "AES256")
        assert "ServerSideEncryption" not in sealing.head_object(Bucket=bucket, Key="before")
        done = sealing.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/before")
        assert done["ServerSideEncryption"] == "AES256"
        made = sealing.create_multipart_upload(Bucket=bucket, Key="parts")
        assert made["ServerSideEncryption"] == "AES256"
        sealing.abort_multipart_upload(Bucket=bucket, Key="parts", UploadId=made["UploadId"])
        assert "SSECustomerAlgorithm" in sealing.put_object(Bucket=bucket, Key="c", Body=b"x", **given(ONE))
        for _ in range(2):
            sealing.delete_bucket_encryption(Bucket=bucket)
        assert "ServerSideEncryption" not in sealing.put_object(Bucket=bucket, Key="then", Body=b"x")
        assert sealing.get_object(Bucket=bucket, Key="after")["Body"].read() == LARGE
    finally:
        remove_bucket(sealing, bucket)


def test_a_bucket_that_blocks_customers_keys(sealing: Any) -> None:
    bucket = unique("blocking")
    sealing.create_bucket(Bucket=bucket)
    try:
        sealing.put_object(Bucket=bucket, Key="old", Body=b"x", **given(ONE))
        rule = {"Rules": [{"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}, "BucketKeyEnabled": False}]}
        sealing.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=rule)
        assert sealing.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"] == rule
        with refused("AccessDenied", 403):
            sealing.put_object(Bucket=bucket, Key="new", Body=b"x", **given(ONE))
        with refused("AccessDenied", 403):
            sealing.create_multipart_upload(Bucket=bucket, Key="new", **given(ONE))
        assert sealing.get_object(Bucket=bucket, Key="old", **given(ONE))["Body"].read() == b"x"
    finally:
        remove_bucket(sealing, bucket)


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ([], "MalformedXML"),
        (DEFAULT["Rules"] * 2, "MalformedXML"),
        ([{"BucketKeyEnabled": True}], "MalformedXML"),
        ([{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms:dsse"}}], "InvalidArgument"),
        (
            [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256", "KMSMasterKeyID": "x"}}],
            "InvalidArgument",
        ),
    ],
)
def test_a_malformed_default(sealing: Any, shared: str, rules: Any, code: str) -> None:
    with refused(code, 400):
        sealing.put_bucket_encryption(Bucket=shared, ServerSideEncryptionConfiguration={"Rules": rules})
    with refused("ServerSideEncryptionConfigurationNotFoundError", 404):
        sealing.get_bucket_encryption(Bucket=shared)


def test_requests_that_contradict_themselves(sealing: Any, shared: str) -> None:
    for more in (AES | given(ONE), AES | {"SSEKMSKeyId": "key"}, {"ServerSideEncryption": "aws:kms"} | given(ONE)):
        with refused("InvalidArgument", 400):
            sealing.put_object(Bucket=shared, Key="never", Body=b"x", **more)


@pytest.mark.parametrize("algorithm", ["aws:fsx", "aws:kms:dsse"])
def test_other_algorithms_are_refused(sealing: Any, shared: str, algorithm: str) -> None:
    for call in (sealing.put_object, sealing.create_multipart_upload):
        with refused("InvalidArgument", 400):
            call(Bucket=shared, Key="never", ServerSideEncryption=algorithm)


def test_a_customers_key_for_a_stored_ones_object(sealing: Any, shared: str) -> None:
    sealing.put_object(Bucket=shared, Key="stored", Body=b"x", **AES)
    with refused("InvalidRequest", 400):
        sealing.get_object(Bucket=shared, Key="stored", **given(ONE))


def test_reads_may_not_ask_for_encryption(sealing: Any, shared: str) -> None:
    sealing.put_object(Bucket=shared, Key="stored", Body=b"x", **AES)

    def ask(request: Any, **_: Any) -> None:
        request.headers["x-amz-server-side-encryption"] = "AES256"

    for operation, call in (("GetObject", sealing.get_object), ("HeadObject", sealing.head_object)):
        sealing.meta.events.register(f"before-sign.s3.{operation}", ask)
        try:
            with pytest.raises(ClientError) as caught:
                call(Bucket=shared, Key="stored")
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        finally:
            sealing.meta.events.unregister(f"before-sign.s3.{operation}", ask)


def test_a_gateway_without_keys_promises_nothing(s3: Any, sealing: Any, shared: str) -> None:
    with refused("NotImplemented", 501):
        s3.put_object(Bucket=shared, Key="never", Body=b"x", **AES)
    with refused("NotImplemented", 501):
        s3.put_bucket_encryption(Bucket=shared, ServerSideEncryptionConfiguration=DEFAULT)
    sealing.put_object(Bucket=shared, Key="unreadable", Body=b"x", **AES)
    with refused("InternalError", 500):
        s3.get_object(Bucket=shared, Key="unreadable")


def test_a_rotation(cloud: Target, sealing: Any, shared: str, key_file: Path) -> None:
    """The running gateway finds the new key when it reads the first object of the other one."""
    sealing.put_object(Bucket=shared, Key="old", Body=b"old", **AES)
    add(key_file)
    with run_gateway(cloud, "rotated", settings={"sse_key_file": str(key_file)}) as rotated:
        clients = Boto(rotated.url, dict(cloud.keys))
        s3 = clients("s3")
        assert s3.get_object(Bucket=shared, Key="old")["Body"].read() == b"old"
        s3.put_object(Bucket=shared, Key="new", Body=b"new", **AES)
        clients.close()
    assert sealing.get_object(Bucket=shared, Key="new")["Body"].read() == b"new"
