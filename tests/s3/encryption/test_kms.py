"""SSE-KMS: data keys are wrapped by keys of Barbican's, which are read with the caller's token."""

import base64
import json
import os
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
import urllib3
from openstack.connection import Connection

from shim.s3.encryption.kms import DEFAULT_NAME
from tests.conftest import remove_bucket
from tests.s3.client_errors import refused
from tests.s3.encryption import secrets
from tests.s3.encryption.keys import ONE, given, source
from tests.s3.encryption.test_forms_and_urls import posted
from tests.support.clients import Boto
from tests.support.gateway import Gateway
from tests.support.gateway import gateway as run_gateway
from tests.support.names import unique
from tests.support.target import Target

LARGE = os.urandom((5 << 20) + 3)
SWITCHES = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
AES = {"ServerSideEncryption": "AES256"}


def kms(key: str = "") -> dict[str, str]:
    return {"ServerSideEncryption": "aws:kms"} | ({"SSEKMSKeyId": key} if key else {})


@pytest.fixture(scope="module")
def key(openstack_main: Connection) -> Iterator[str]:
    """A key of the main project."""
    with secrets.secret(openstack_main) as made:
        yield made


@pytest.fixture(scope="module")
def account(sts: Any) -> str:
    return str(sts.get_caller_identity()["Account"])


@pytest.fixture(scope="module")
def arn(key: str, account: str) -> str:
    return f"arn:aws:kms:us-east-1:{account}:key/{key}"


@pytest.fixture
def default_keys(openstack_main: Connection) -> Iterator[None]:
    """Delete the project's default keys before and after a test."""

    def delete() -> None:
        for one in secrets.named(openstack_main, DEFAULT_NAME):
            secrets.delete(openstack_main, one)

    delete()
    yield
    delete()


@pytest.mark.parametrize("body", [b"", b"small" * 10, LARGE], ids=["empty", "small", "large"])
def test_an_object_is_encrypted(
    s3: Any, openstack_main: Connection, shared: str, key: str, arn: str, body: bytes
) -> None:
    put = s3.put_object(Bucket=shared, Key="object", Body=body, ContentType="text/x-own", **kms(key))
    got, head = s3.get_object(Bucket=shared, Key="object"), s3.head_object(Bucket=shared, Key="object")
    assert got["Body"].read() == body
    for answer in (put, got, head):
        told = answer["ServerSideEncryption"], answer["SSEKMSKeyId"], answer["ETag"]
        assert told == ("aws:kms", arn, put["ETag"])
    assert (head["ContentLength"], head["ContentType"]) == (len(body), "text/x-own")
    (row,) = s3.list_objects_v2(Bucket=shared, Prefix="object")["Contents"]
    assert (row["Size"], row["ETag"]) == (len(body), put["ETag"])
    stored = openstack_main.object_store.download_object("object", container=shared)
    assert len(stored) >= len(body) + 48
    if body:
        assert body[:32] not in stored
        assert s3.get_object(Bucket=shared, Key="object", Range="bytes=-3")["Body"].read() == body[-3:]


def test_what_swift_stores_needs_the_key_of_barbican(
    s3: Any, openstack_main: Connection, shared: str, key: str, arn: str
) -> None:
    """The envelope names the secret, and holds its wrap instead of the data key."""
    for spelled in (key, key.upper(), arn):
        s3.put_object(Bucket=shared, Key="named", Body=b"x", **kms(spelled))
        assert s3.head_object(Bucket=shared, Key="named")["SSEKMSKeyId"] == arn
        kept = openstack_main.object_store.get_object_metadata("named", container=shared)
        assert f"s3_sse=1.k.{arn.split(':')[4]}_{key}." in kept.content_type


@pytest.mark.parametrize("content", [b"small", LARGE], ids=["small", "large"])
def test_a_multipart_object(s3: Any, shared: str, key: str, arn: str, content: bytes) -> None:
    made = s3.create_multipart_upload(Bucket=shared, Key="parts", **kms(key))
    where = {"Bucket": shared, "Key": "parts", "UploadId": made["UploadId"]}
    parts, bodies, answers = [], (LARGE, content), [made]
    for number, body in enumerate(bodies, 1):
        part = s3.upload_part(**where, PartNumber=number, Body=body)
        told = {name: value for name, value in part.items() if name.startswith("Checksum")}
        parts.append({"PartNumber": number, "ETag": part["ETag"], **told})
        answers.append(part)
    answers.append(s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts}))
    got = s3.get_object(Bucket=shared, Key="parts")
    for answer in (*answers, got):
        assert (answer["ServerSideEncryption"], answer["SSEKMSKeyId"]) == ("aws:kms", arn)
    assert got["Body"].read() == LARGE + content
    assert s3.get_object(Bucket=shared, Key="parts", PartNumber=2)["Body"].read() == content
    span = s3.get_object(Bucket=shared, Key="parts", Range=f"bytes={len(LARGE) - 2}-{len(LARGE) + 1}")
    assert span["Body"].read() == LARGE[-2:] + content[:2]


def test_copies_between_all_kinds(sealing: Any, shared: str, key: str, arn: str) -> None:
    kinds: dict[str, tuple[dict[str, str], dict[str, Any], dict[str, Any]]] = {  # to write, as a source, to read
        "plain": ({}, {}, {}),
        "stored": (AES, {}, {}),
        "customers": (given(ONE), source(ONE), given(ONE)),
        "managed": (kms(key), {}, {}),
    }
    body = os.urandom((1 << 20) + 5)
    for name, (writing, _, _) in kinds.items():
        sealing.put_object(Bucket=shared, Key=name, Body=body, **writing)
    for (name, (_, sourcing, _)), (writing, _, reading) in product(kinds.items(), kinds.values()):
        if "managed" not in name and writing != kms(key):
            continue  # other tests do these
        done = sealing.copy_object(Bucket=shared, Key="copy", CopySource=f"{shared}/{name}", **sourcing, **writing)
        got = sealing.get_object(Bucket=shared, Key="copy", **reading)
        assert got["Body"].read() == body
        assert got["ETag"] == done["CopyObjectResult"]["ETag"]
        assert got.get("SSEKMSKeyId") == done.get("SSEKMSKeyId") == (arn if writing == kms(key) else None)


def test_a_part_that_is_copied(s3: Any, shared: str, key: str, arn: str) -> None:
    s3.put_object(Bucket=shared, Key="whole", Body=LARGE, **kms(key))
    made = s3.create_multipart_upload(Bucket=shared, Key="copied", **kms(key))
    where = {"Bucket": shared, "Key": "copied", "UploadId": made["UploadId"]}
    part = s3.upload_part_copy(**where, PartNumber=1, CopySource=f"{shared}/whole", CopySourceRange="bytes=5-70000")
    assert part["SSEKMSKeyId"] == arn
    done = [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": done})
    assert s3.get_object(Bucket=shared, Key="copied")["Body"].read() == LARGE[5:70001]


def test_the_default_key_is_made_once(
    s3: Any, openstack_main: Connection, shared: str, account: str, default_keys: None
) -> None:
    first = s3.put_object(Bucket=shared, Key="default", Body=b"x", **kms())
    (made,) = secrets.named(openstack_main, DEFAULT_NAME)
    assert first["SSEKMSKeyId"] == f"arn:aws:kms:us-east-1:{account}:key/{made}"
    alias = f"alias/{DEFAULT_NAME}"
    for spelled in ("", alias, f"arn:aws:kms:us-east-1:{account}:{alias}"):
        again = s3.put_object(Bucket=shared, Key="default", Body=b"again", **kms(spelled))
        assert again["SSEKMSKeyId"] == first["SSEKMSKeyId"]
    assert s3.get_object(Bucket=shared, Key="default")["Body"].read() == b"again"
    assert secrets.named(openstack_main, DEFAULT_NAME) == [made]


@pytest.mark.parametrize("with_key", [True, False])
def test_a_buckets_default(s3: Any, key: str, arn: str, default_keys: None, *, with_key: bool) -> None:
    bucket = unique("kms")
    s3.create_bucket(Bucket=bucket)
    applied = {"SSEAlgorithm": "aws:kms"} | ({"KMSMasterKeyID": arn} if with_key else {})
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": applied, "BucketKeyEnabled": True}]}
    try:
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=rules)
        assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"] == rules
        put = s3.put_object(Bucket=bucket, Key="object", Body=b"secret")
        assert put["ServerSideEncryption"] == "aws:kms"
        assert (put["SSEKMSKeyId"] == arn) is with_key
        got = s3.get_object(Bucket=bucket, Key="object")
        assert (got["Body"].read(), got["SSEKMSKeyId"]) == (b"secret", put["SSEKMSKeyId"])
        copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/object")
        made = s3.create_multipart_upload(Bucket=bucket, Key="parts")
        assert copied["SSEKMSKeyId"] == made["SSEKMSKeyId"] == put["SSEKMSKeyId"]
        s3.abort_multipart_upload(Bucket=bucket, Key="parts", UploadId=made["UploadId"])
    finally:
        remove_bucket(s3, bucket)


def test_an_encryption_context(s3: Any, openstack_main: Connection, shared: str, key: str) -> None:
    context = base64.b64encode(b'{"b": "2", "a": "1"}').decode()
    put = s3.put_object(Bucket=shared, Key="context", Body=b"x", SSEKMSEncryptionContext=context, **kms(key))
    assert put["SSEKMSEncryptionContext"] == context
    assert s3.get_object(Bucket=shared, Key="context")["Body"].read() == b"x"
    made = s3.create_multipart_upload(Bucket=shared, Key="context", SSEKMSEncryptionContext=context, **kms(key))
    assert made["SSEKMSEncryptionContext"] == context
    s3.abort_multipart_upload(Bucket=shared, Key="context", UploadId=made["UploadId"])
    # Somebody who may write the container exchanges the digest of the context.
    store = openstack_main.object_store
    kept = store.get_object_metadata("context", container=shared).content_type
    changed = kept[:-1] + ("A" if kept[-1] != "A" else "B")
    store.upload_object(
        container=shared,
        name="context",
        data=store.download_object("context", container=shared),
        **{"Content-Type": kept[:-4] + "AAAA" if changed == kept else changed},
    )
    with refused("InternalError", 500):
        s3.get_object(Bucket=shared, Key="context")
    s3.delete_object(Bucket=shared, Key="context")


@pytest.mark.parametrize(
    "context", ["no base64", base64.b64encode(b"[]").decode(), base64.b64encode(b'{"a":1}').decode()]
)
def test_a_malformed_context(s3: Any, shared: str, key: str, context: str) -> None:
    with refused("InvalidArgument", 400):
        s3.put_object(Bucket=shared, Key="never", Body=b"x", SSEKMSEncryptionContext=context, **kms(key))


@pytest.mark.parametrize(
    "named",
    [
        "00000000-0000-4000-8000-000000000000",
        "my-key",
        "alias/mine",
        "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-4000-8000-000000000000",
        "arn:aws:kms:us-east-1:123456789012:alias/aws/s3",
    ],
)
def test_an_unknown_key(s3: Any, shared: str, named: str) -> None:
    for write in (s3.put_object, s3.create_multipart_upload):
        with refused("KMS.NotFoundException", 400):
            write(Bucket=shared, Key="never", **kms(named))


def test_a_secret_that_is_no_key(s3: Any, openstack_main: Connection, shared: str) -> None:
    with secrets.secret(openstack_main, b"short") as short, refused("KMS.InvalidKeyUsageException", 400):
        s3.put_object(Bucket=shared, Key="never", Body=b"x", **kms(short))


def test_barbican_decides_who_may_use_a_key(
    s3: Any, alt_s3: Any, reader_aws: Boto, openstack_alt: Connection, shared: str, key: str
) -> None:
    s3.put_object(Bucket=shared, Key="managed", Body=b"x", **kms(key))
    s3.put_object(Bucket=shared, Key="plain", Body=b"x")
    reader = reader_aws("s3", "reader")
    assert reader.get_object(Bucket=shared, Key="plain")["Body"].read() == b"x"
    with refused("AccessDenied", 403):
        reader.get_object(Bucket=shared, Key="managed")
    with secrets.secret(openstack_alt) as others, refused("AccessDenied", 403):
        s3.put_object(Bucket=shared, Key="never", Body=b"x", **kms(others))
    bucket = unique("others")
    alt_s3.create_bucket(Bucket=bucket)
    try:
        with refused("AccessDenied", 403):
            alt_s3.put_object(Bucket=bucket, Key="never", Body=b"x", **kms(key))
    finally:
        remove_bucket(alt_s3, bucket)


def test_a_key_that_was_deleted(s3: Any, aws: Boto, openstack_main: Connection, shared: str) -> None:
    with secrets.secret(openstack_main) as key:
        s3.put_object(Bucket=shared, Key="lost", Body=b"x", **kms(key))
    for _ in range(2):
        with refused("KMS.NotFoundException", 400):
            s3.get_object(Bucket=shared, Key="lost")
    with refused("KMS.NotFoundException", 400):
        s3.put_object(Bucket=shared, Key="never", Body=b"x", **kms(key))
    assert [row["Size"] for row in s3.list_objects_v2(Bucket=shared, Prefix="lost")["Contents"]] == [1]
    s3.delete_object(Bucket=shared, Key="lost")


def test_a_key_that_was_read_serves_reads_for_a_while_and_never_writes(
    s3: Any, openstack_main: Connection, shared: str
) -> None:
    with secrets.secret(openstack_main) as key:
        s3.put_object(Bucket=shared, Key="kept", Body=b"x", **kms(key))
        s3.get_object(Bucket=shared, Key="kept")
    assert s3.get_object(Bucket=shared, Key="kept")["Body"].read() == b"x"
    with refused("KMS.NotFoundException", 400):
        s3.put_object(Bucket=shared, Key="never", Body=b"x", **kms(key))
    s3.delete_object(Bucket=shared, Key="kept")


def test_reads_and_parts_may_not_name_a_key(s3: Any, shared: str, key: str) -> None:
    s3.put_object(Bucket=shared, Key="read", Body=b"x", **kms(key))
    headers = {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": key,
        "x-amz-server-side-encryption-context": "e30=",
    }
    for name, value in headers.items():

        def ask(request: Any, name: str = name, value: str = value, **_: Any) -> None:
            request.headers[name] = value

        s3.meta.events.register("before-sign.s3", ask)
        try:
            with refused("InvalidArgument", 400):
                s3.get_object(Bucket=shared, Key="read")
            with refused("InvalidArgument", 400):
                s3.upload_part(Bucket=shared, Key="read", UploadId="none", PartNumber=1, Body=b"x")
        finally:
            s3.meta.events.unregister("before-sign.s3", ask)


def test_a_form(aws: Boto, s3: Any, shared: str, key: str, arn: str) -> None:
    prefix = "x-amz-server-side-encryption"
    fields = {prefix: "aws:kms", f"{prefix}-aws-kms-key-id": key}
    answer = posted(aws("s3", signature_version="s3v4"), shared, "form", fields, b"by form")
    assert answer.status == 204, answer.data
    assert answer.headers[f"{prefix}-aws-kms-key-id"].rpartition(":")[2] == arn.rpartition(":")[2]
    assert s3.get_object(Bucket=shared, Key="form")["Body"].read() == b"by form"
    old = posted(aws("s3", signature_version="s3"), shared, "never", fields, b"by form")
    assert (old.status, b"Signature Version 4" in old.data) == (400, True)


def test_other_signatures_are_refused(aws: Boto, s3: Any, gateway: Gateway, key: str) -> None:
    bucket = unique("open")
    s3.create_bucket(Bucket=bucket)
    try:
        s3.put_object(Bucket=bucket, Key="signed", Body=b"x", **kms(key))
        old = aws("s3", signature_version="s3")
        with refused("InvalidArgument", 400) as error:
            old.get_object(Bucket=bucket, Key="signed")
        assert "Signature Version 4" in error["Message"]
        with refused("InvalidArgument", 400):
            old.put_object(Bucket=bucket, Key="never", Body=b"x", **kms(key))
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(SWITCHES, False))
        objects = f"arn:aws:s3:::{bucket}/*"
        everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": objects}
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": [everybody]}))
        s3.put_object(Bucket=bucket, Key="plain", Body=b"x")
        with urllib3.PoolManager(retries=False) as http:
            assert http.request("GET", f"{gateway.url}/{bucket}/plain").status == 200
            answer = http.request("GET", f"{gateway.url}/{bucket}/signed")
        assert (answer.status, b"Signature Version 4" in answer.data) == (400, True)
    finally:
        remove_bucket(s3, bucket)


def test_requests_that_contradict_themselves(s3: Any, shared: str, key: str) -> None:
    for more in (
        {"SSEKMSKeyId": key},
        AES | {"SSEKMSKeyId": key},
        kms(key) | given(ONE),
        AES | {"SSEKMSEncryptionContext": "e30="},
    ):
        with refused("InvalidArgument", 400):
            s3.put_object(Bucket=shared, Key="never", Body=b"x", **more)


def test_no_key_is_logged(gateway: Gateway, s3: Any, openstack_main: Connection, shared: str) -> None:
    raw = os.urandom(32)
    with secrets.secret(openstack_main, raw) as key:
        s3.put_object(Bucket=shared, Key="logged", Body=b"x", **kms(key))
        s3.get_object(Bucket=shared, Key="logged")
    s3.delete_object(Bucket=shared, Key="logged")
    log = gateway.log.read_bytes()
    for spelled in (raw, raw.hex().encode(), base64.b64encode(raw), repr(raw)[2:-1].encode()):
        assert spelled not in log


def test_another_replica_reads_it(cloud: Target, s3: Any, shared: str, key: str) -> None:
    s3.put_object(Bucket=shared, Key="replica", Body=b"x", **kms(key))
    with run_gateway(cloud, "kms-replica") as other:
        clients = Boto(other.url, dict(cloud.keys))
        assert clients("s3").get_object(Bucket=shared, Key="replica")["Body"].read() == b"x"
        clients.close()
