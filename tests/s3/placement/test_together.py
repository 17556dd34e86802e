"""Objects of a mapped class together with callers of other projects, Object Lock and the gateway's encryption."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from botocore import UNSIGNED
from openstack.connection import Connection

from tests.conftest import remove_bucket
from tests.s3.client_errors import refused
from tests.s3.encryption import secrets
from tests.s3.multipart.test_multipart import MIB, complete, upload
from tests.s3.placement.test_storing import LONG, below, cold, md5
from tests.support.clients import Boto
from tests.support.names import unique

COLD = {"StorageClass": "STANDARD_IA"}
OPEN = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), False)


def empty(connection: Connection, bucket: str) -> bool:
    """Return whether no container of segments has any."""
    return not any(below(connection, bucket).values())


# --- callers of other projects ---


@pytest.fixture
def lent(s3: Any, bucket: str) -> str:
    """A bucket whose policy lets everybody do everything with its objects."""
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=OPEN)
    arn = f"arn:aws:s3:::{bucket}"
    everything = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [everything]}))
    return bucket


@pytest.mark.parametrize("body", [b"some bytes", LONG], ids=["small", "streamed"])
def test_a_stranger_stores_by_the_policy(
    classes: Boto, s3: Any, lent: str, openstack_main: Connection, body: bytes
) -> None:
    alt, nobody = classes("s3", "alt"), classes("s3", signature_version=UNSIGNED)
    assert alt.put_object(Bucket=lent, Key="k", Body=body, **COLD)["ETag"] == md5(body)
    [first] = cold(openstack_main, lent)
    for reader in (alt, nobody, s3):
        assert reader.get_object(Bucket=lent, Key="k", Range="bytes=3-")["Body"].read() == body[3:]
    alt.copy_object(Bucket=lent, Key="copy", CopySource=f"{lent}/k", **COLD)
    nobody.put_object(Bucket=lent, Key="k", Body=body, **COLD)
    assert len(cold(openstack_main, lent)) == 2
    assert first not in cold(openstack_main, lent)
    nobody.delete_object(Bucket=lent, Key="k")
    alt.delete_objects(Bucket=lent, Delete={"Objects": [{"Key": "copy"}]})
    assert empty(openstack_main, lent)


def test_a_stranger_s_upload_and_copies_between_projects(
    classes: Boto, s3: Any, lent: str, openstack_main: Connection, openstack_alt: Connection
) -> None:
    alt, mine = classes("s3", "alt"), unique("alt")
    upload_id, parts, whole = upload(alt, lent, "parts", (5 * MIB, 3), **COLD)
    complete(alt, lent, "parts", upload_id, parts)
    assert len(cold(openstack_main, lent)) == 2
    left = upload(alt, lent, "parts", (3,), **COLD)[0]
    alt.abort_multipart_upload(Bucket=lent, Key="parts", UploadId=left)
    assert len(cold(openstack_main, lent)) == 2
    alt.create_bucket(Bucket=mine)
    try:
        alt.copy_object(Bucket=mine, Key="k", CopySource=f"{lent}/parts", **COLD)
        assert alt.get_object(Bucket=mine, Key="k")["Body"].read() == whole
        assert len(cold(openstack_alt, mine)) == 1
        alt.copy_object(Bucket=lent, Key="parts", CopySource=f"{mine}/k", **COLD)
        assert s3.get_object(Bucket=lent, Key="parts")["Body"].read() == whole
        assert len(cold(openstack_main, lent)) == 1
        s3.delete_object(Bucket=lent, Key="parts")
        assert empty(openstack_main, lent)
    finally:
        remove_bucket(alt, mine)
    assert below(openstack_alt, mine) == {}


def test_an_object_of_a_stranger_s_own(classes: Boto, s3: Any, openstack_main: Connection) -> None:
    bucket, alt = unique("bucket"), classes("s3", "alt")
    s3.create_bucket(Bucket=bucket, ObjectOwnership="ObjectWriter")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=OPEN)
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    try:
        alt.put_object(Bucket=bucket, Key="k", Body=b"x", **COLD)
        upload_id, parts, _ = upload(alt, bucket, "parts", (3,), ACL="public-read", **COLD)
        complete(alt, bucket, "parts", upload_id, parts)
        assert len(cold(openstack_main, bucket)) == 2
        assert s3.head_object(Bucket=bucket, Key="parts")["StorageClass"] == "STANDARD_IA"
        nobody = classes("s3", signature_version=UNSIGNED)
        with refused("AccessDenied", 403):
            nobody.get_object(Bucket=bucket, Key="k")
        alt.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")
        assert nobody.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
        s3.delete_object(Bucket=bucket, Key="k")
        alt.delete_object(Bucket=bucket, Key="parts")
        assert empty(openstack_main, bucket)
    finally:
        remove_bucket(s3, bucket)


# --- Object Lock ---


@pytest.fixture
def locked(mapped: Any) -> Iterator[str]:
    name = unique("locked")
    mapped.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    yield name
    for row in mapped.list_object_versions(Bucket=name).get("Versions", ()):
        which = {"Bucket": name, "Key": row["Key"], "VersionId": row["VersionId"]}
        mapped.put_object_legal_hold(**which, LegalHold={"Status": "OFF"})
        mapped.delete_object(**which, BypassGovernanceRetention=True)
    remove_bucket(mapped, name)


def test_object_lock(mapped: Any, s3: Any, locked: str, openstack_main: Connection) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    kept = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}
    one = mapped.put_object(Bucket=locked, Key="k", Body=b"one", **kept, **COLD)["VersionId"]
    copied = mapped.copy_object(
        Bucket=locked, Key="copy", CopySource=f"{locked}/k", ObjectLockLegalHoldStatus="ON", **COLD
    )["VersionId"]
    upload_id, parts, _ = upload(mapped, locked, "k", (3,), **kept, **COLD)
    two = complete(mapped, locked, "k", upload_id, parts)["VersionId"]
    mapped.delete_object(Bucket=locked, Key="k")
    assert len(cold(openstack_main, locked)) == 3
    for client in (mapped, s3):  # a gateway without the setting keeps them too
        for key, version in (("k", one), ("k", two), ("copy", copied)):
            with refused("AccessDenied", 403):
                client.delete_object(Bucket=locked, Key=key, VersionId=version)
    head = s3.head_object(Bucket=locked, Key="k", VersionId=one)
    assert (head["ObjectLockRetainUntilDate"], head["StorageClass"], head["ETag"]) == (
        until,
        "STANDARD_IA",
        md5(b"one"),
    )
    assert s3.get_object(Bucket=locked, Key="copy")["Body"].read() == b"one"
    mapped.put_object_legal_hold(Bucket=locked, Key="copy", VersionId=copied, LegalHold={"Status": "OFF"})
    mapped.delete_object(Bucket=locked, Key="copy", VersionId=copied)
    for version in (one, two):
        mapped.delete_object(Bucket=locked, Key="k", VersionId=version, BypassGovernanceRetention=True)
    assert empty(openstack_main, locked)


# --- encryption by the gateway ---


@pytest.mark.parametrize("how", ["store", "kms", "default"])
def test_encryption(mapped: Any, bucket: str, openstack_main: Connection, how: str) -> None:
    with secrets.secret(openstack_main) as key:
        kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
        asked = {"store": {"ServerSideEncryption": "AES256"}, "kms": kms, "default": {}}[how]
        if how == "default":
            rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
            mapped.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
        algorithm = "AES256" if how == "store" else "aws:kms"
        for name, body in (("small", b"some bytes"), ("long", LONG)):
            put = mapped.put_object(Bucket=bucket, Key=name, Body=body, **asked, **COLD)
            copy = mapped.copy_object(Bucket=bucket, Key=f"{name} copy", CopySource=f"{bucket}/{name}", **asked, **COLD)
            assert (put["ServerSideEncryption"], copy["ServerSideEncryption"]) == (algorithm, algorithm)
            for place, etag in ((name, put["ETag"]), (f"{name} copy", copy["CopyObjectResult"]["ETag"])):
                got = mapped.get_object(Bucket=bucket, Key=place, Range="bytes=2-7")
                assert (got["Body"].read(), got["ETag"], got["ServerSideEncryption"]) == (body[2:8], etag, algorithm)
                head = mapped.head_object(Bucket=bucket, Key=place)
                assert (head["StorageClass"], head["ContentLength"]) == ("STANDARD_IA", len(body))
        upload_id, parts, whole = upload(mapped, bucket, "parts", (5 * MIB, 3), **asked, **COLD)
        complete(mapped, bucket, "parts", upload_id, parts)
        assert mapped.get_object(Bucket=bucket, Key="parts")["Body"].read() == whole
        listed = {row["Key"]: row["Size"] for row in mapped.list_objects_v2(Bucket=bucket)["Contents"]}
        assert (listed["small"], listed["long copy"], listed["parts"]) == (10, len(LONG), len(whole))
        assert len(cold(openstack_main, bucket)) == 6
        mapped.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": one} for one in listed]})
        assert empty(openstack_main, bucket)


def test_a_browser_s_form_that_encrypts(mapped: Any, bucket: str, openstack_main: Connection) -> None:
    fields = {"x-amz-storage-class": "STANDARD_IA", "x-amz-server-side-encryption": "AES256"}
    for body in (b"small", LONG):
        conditions = [{name: value} for name, value in fields.items()]
        form = mapped.generate_presigned_post(bucket, "k", Fields=dict(fields), Conditions=conditions)
        answer = requests.post(form["url"], data=form["fields"], files={"file": body}, timeout=60)
        assert (answer.status_code, answer.headers["x-amz-server-side-encryption"]) == (204, "AES256")
        assert mapped.get_object(Bucket=bucket, Key="k")["Body"].read() == body
        assert len(cold(openstack_main, bucket)) == 1
