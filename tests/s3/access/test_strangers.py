"""Callers of other projects, and callers who did not sign: let in by a bucket's policy alone, and found by name."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from botocore import UNSIGNED
from openstack.connection import Connection

from tests.conftest import delete_versions, remove_bucket
from tests.s3.client_errors import refused
from tests.support.clients import Boto
from tests.support.gateway import Gateway
from tests.support.names import unique

OPEN = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), False)


def let(s3: Any, bucket: str, *statements: Any) -> None:
    """Set a policy whose statements allow everybody to read, unless they say otherwise."""
    told = [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*", **one}
        for one in statements
    ]
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": told}))


@pytest.fixture
def open_bucket(s3: Any, bucket: str) -> Iterator[str]:
    """A bucket that public policies are allowed for."""
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=OPEN)
    yield bucket
    s3.delete_bucket_policy(Bucket=bucket)


@pytest.fixture(scope="session")
def nobody(aws: Boto) -> Any:
    """S3 for a caller who does not sign."""
    return aws("s3", signature_version=UNSIGNED)


@pytest.fixture(scope="session")
def alt_account(aws: Boto) -> str:
    """The account id of the other project."""
    return str(aws("sts", "alt").get_caller_identity()["Account"])


def test_strangers_are_kept_out_of_a_bucket_without_a_policy(alt_s3: Any, nobody: Any, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for stranger in (alt_s3, nobody):
        with refused("AccessDenied", 403):
            stranger.get_object(Bucket=bucket, Key="k")
        with refused("AccessDenied", 403):
            stranger.put_object(Bucket=bucket, Key="k", Body=b"y")
        with refused("AccessDenied", 403):
            stranger.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})
        with refused("NoSuchBucket", 404):
            stranger.list_objects_v2(Bucket=unique("none"))
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_anybody_reads_what_the_policy_lets_everybody_read(
    alt_s3: Any, nobody: Any, s3: Any, open_bucket: str, gateway: Gateway
) -> None:
    s3.put_object(Bucket=open_bucket, Key="k", Body=b"x", ContentType="text/plain")
    let(s3, open_bucket, {})
    for stranger in (alt_s3, nobody):
        answer = stranger.get_object(Bucket=open_bucket, Key="k")
        assert (answer["Body"].read(), answer["ContentType"]) == (b"x", "text/plain")
        assert stranger.head_object(Bucket=open_bucket, Key="k")["ContentLength"] == 1
        with refused("AccessDenied", 403):
            stranger.get_object(Bucket=open_bucket, Key="none")  # whoever may not list learns nothing
        with refused("AccessDenied", 403):
            stranger.list_objects_v2(Bucket=open_bucket)
        with refused("AccessDenied", 403):
            stranger.get_bucket_policy(Bucket=open_bucket)
    assert requests.get(f"{gateway.url}/{open_bucket}/k", timeout=60).content == b"x"
    let(s3, open_bucket, {}, {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{open_bucket}"})
    for stranger in (alt_s3, nobody):
        with refused("NoSuchKey", 404):
            stranger.get_object(Bucket=open_bucket, Key="none")
        assert [one["Key"] for one in stranger.list_objects_v2(Bucket=open_bucket)["Contents"]] == ["k"]


def test_who_may_list_a_prefix_learns_which_of_its_keys_are_absent(alt_s3: Any, s3: Any, open_bucket: str) -> None:
    listed = {
        "Action": "s3:ListBucket",
        "Resource": f"arn:aws:s3:::{open_bucket}",
        "Condition": {"StringLike": {"s3:prefix": "shown/*"}},
    }
    let(s3, open_bucket, {}, listed)
    with refused("NoSuchKey", 404):
        alt_s3.get_object(Bucket=open_bucket, Key="shown/none")
    with refused("AccessDenied", 403):
        alt_s3.get_object(Bucket=open_bucket, Key="hidden/none")


def test_who_may_list_keys_and_read_none_learns_which_are_absent(alt_s3: Any, s3: Any, open_bucket: str) -> None:
    s3.put_object(Bucket=open_bucket, Key="shown/there", Body=b"x")
    listed = {
        "Action": "s3:ListBucket",
        "Resource": f"arn:aws:s3:::{open_bucket}",
        "Condition": {"StringLike": {"s3:prefix": "shown/*"}},
    }
    let(s3, open_bucket, listed)
    for key, status in (("shown/none", 404), ("shown/there", 403), ("hidden/none", 403)):
        with refused(str(status), status):
            alt_s3.head_object(Bucket=open_bucket, Key=key)
    with refused("NoSuchKey", 404):
        alt_s3.get_object(Bucket=open_bucket, Key="shown/none")
    with refused("AccessDenied", 403):
        alt_s3.put_object(Bucket=open_bucket, Key="shown/none", Body=b"x")
    let(s3, open_bucket, listed, {"Effect": "Deny"})
    with refused("AccessDenied", 403):
        alt_s3.get_object(Bucket=open_bucket, Key="shown/none")


def test_another_account_writes_where_it_is_named(
    alt_s3: Any, nobody: Any, s3: Any, bucket: str, alt_account: str, openstack_main: Connection
) -> None:
    principal = {"AWS": f"arn:aws:iam::{alt_account}:user/alt"}
    where = f"arn:aws:s3:::{bucket}/drop/*"
    actions = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    let(s3, bucket, {"Principal": principal, "Action": actions, "Resource": where})
    alt_s3.put_object(Bucket=bucket, Key="drop/a", Body=b"a")
    upload = alt_s3.create_multipart_upload(Bucket=bucket, Key="drop/m")["UploadId"]
    part = alt_s3.upload_part(Bucket=bucket, Key="drop/m", UploadId=upload, PartNumber=1, Body=b"m" * 1000)
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    alt_s3.complete_multipart_upload(Bucket=bucket, Key="drop/m", UploadId=upload, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=bucket, Key="drop/m")["Body"].read() == b"m" * 1000
    assert {one.name for one in openstack_main.object_store.objects(bucket)} == {"drop/a", "drop/m"}
    with refused("AccessDenied", 403):
        alt_s3.put_object(Bucket=bucket, Key="other", Body=b"a")
    with refused("AccessDenied", 403):
        nobody.put_object(Bucket=bucket, Key="drop/a", Body=b"b")
    answer = alt_s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "drop/a"}, {"Key": "other"}]})
    assert [one["Key"] for one in answer["Deleted"]] == ["drop/a"]
    assert [(one["Key"], one["Code"]) for one in answer["Errors"]] == [("other", "AccessDenied")]


def test_copies_between_two_projects(alt_s3: Any, s3: Any, bucket: str, alt_account: str) -> None:
    let(s3, bucket, {"Principal": {"AWS": alt_account}, "Action": ["s3:GetObject", "s3:PutObject"]})
    mine = unique("alt")
    alt_s3.create_bucket(Bucket=mine)
    try:
        body = b"0123456789" * 10_000
        s3.put_object(Bucket=bucket, Key="a b", Body=body, Metadata={"colour": "red"})
        alt_s3.copy_object(Bucket=mine, Key="in", CopySource={"Bucket": bucket, "Key": "a b"})
        found = alt_s3.get_object(Bucket=mine, Key="in")
        assert (found["Body"].read(), found["Metadata"]) == (body, {"colour": "red"})
        alt_s3.copy_object(Bucket=bucket, Key="out", CopySource={"Bucket": mine, "Key": "in"})
        assert s3.get_object(Bucket=bucket, Key="out")["Body"].read() == body
        upload = alt_s3.create_multipart_upload(Bucket=mine, Key="m")["UploadId"]
        part = alt_s3.upload_part_copy(
            Bucket=mine, Key="m", UploadId=upload, PartNumber=1, CopySource={"Bucket": bucket, "Key": "a b"},
            CopySourceRange="bytes=10-19",
        )["CopyPartResult"]  # fmt: skip
        parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
        alt_s3.complete_multipart_upload(Bucket=mine, Key="m", UploadId=upload, MultipartUpload={"Parts": parts})
        assert alt_s3.get_object(Bucket=mine, Key="m")["Body"].read() == body[10:20]
        with refused("AccessDenied", 403):  # main may not read alt's bucket
            s3.copy_object(Bucket=bucket, Key="x", CopySource={"Bucket": mine, "Key": "in"})
        with refused("AccessDenied", 403):
            alt_s3.copy_object(Bucket=mine, Key="x", CopySource={"Bucket": bucket, "Key": "none"})
    finally:
        remove_bucket(alt_s3, mine)


def test_a_copy_of_tags_needs_leave_to_read_and_to_set_them(
    alt_s3: Any, s3: Any, bucket: str, alt_account: str
) -> None:
    s3.put_object(Bucket=bucket, Key="plain", Body=b"x")
    s3.put_object(Bucket=bucket, Key="tagged", Body=b"x", Tagging="a=b")
    tagged, alt = f"{bucket}/tagged", {"AWS": alt_account}
    let(s3, bucket, {"Principal": alt, "Action": ["s3:GetObject", "s3:PutObject"]})
    alt_s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/plain")
    with refused("AccessDenied", 403):
        alt_s3.copy_object(Bucket=bucket, Key="copy", CopySource=tagged)
    alt_s3.copy_object(Bucket=bucket, Key="copy", CopySource=tagged, TaggingDirective="REPLACE")
    let(s3, bucket, {"Principal": alt, "Action": ["s3:GetObject*", "s3:PutObject"]})
    with refused("AccessDenied", 403):
        alt_s3.copy_object(Bucket=bucket, Key="copy", CopySource=tagged)
    let(s3, bucket, {"Principal": alt, "Action": ["s3:GetObject*", "s3:PutObject*"]})
    alt_s3.copy_object(Bucket=bucket, Key="copy", CopySource=tagged)
    assert s3.get_object_tagging(Bucket=bucket, Key="copy")["TagSet"] == [{"Key": "a", "Value": "b"}]


@pytest.mark.parametrize("versions", [False, True])
def test_strangers_read_nothing_that_a_name_in_the_bucket_leads_to(
    alt_s3: Any, nobody: Any, s3: Any, open_bucket: str, openstack_main: Connection, *, versions: bool
) -> None:
    """Who may write a bucket by Swift's ACL could otherwise show the other containers of its owner to everybody."""
    store, private = openstack_main.object_store, unique("private")
    store.create_container(private)
    try:
        store.put(f"/{private}/k", data=b"secret")
        if versions:
            s3.put_bucket_versioning(Bucket=open_bucket, VersioningConfiguration={"Status": "Enabled"})
        store.put(f"/{open_bucket}/link", data=b"", headers={"X-Symlink-Target": f"{private}/k"})
        store.put(f"/{open_bucket}/dynamic", data=b"", headers={"X-Object-Manifest": f"{private}/k"})
        manifest = json.dumps([{"path": f"/{private}/k"}])
        store.put(f"/{open_bucket}/static?multipart-manifest=put", data=manifest)
        s3.put_object(Bucket=open_bucket, Key="plain", Body=b"plain")
        place = f"arn:aws:s3:::{open_bucket}"
        let(s3, open_bucket, {"Action": ["s3:*Object*", "s3:ListBucket*"], "Resource": [place, f"{place}/*"]})
        for key in ("link", "dynamic"):
            assert s3.get_object(Bucket=open_bucket, Key=key)["Body"].read() == b"secret"
            for stranger in (alt_s3, nobody):
                with refused("AccessDenied", 403):
                    stranger.get_object(Bucket=open_bucket, Key=key)
                with refused("403", 403):
                    stranger.head_object(Bucket=open_bucket, Key=key)
            with refused("AccessDenied", 403):
                alt_s3.copy_object(Bucket=open_bucket, Key="copy", CopySource=f"{open_bucket}/{key}")
            with refused("AccessDenied", 403):
                alt_s3.get_object_attributes(Bucket=open_bucket, Key=key, ObjectAttributes=["ETag"])
            alt_s3.put_object(Bucket=open_bucket, Key=key, Body=b"mine")
            assert nobody.get_object(Bucket=open_bucket, Key=key)["Body"].read() == b"mine"
        # Its maker could read what it is made of.
        assert nobody.get_object(Bucket=open_bucket, Key="static")["Body"].read() == b"secret"
        assert nobody.get_object(Bucket=open_bucket, Key="plain")["Body"].read() == b"plain"
        assert store.get(f"/{private}/k").content == b"secret"
    finally:
        delete_versions(s3, open_bucket)
        store.delete(f"/{private}/k")
        store.delete_container(private)


def test_a_deny_keeps_a_stranger_out(alt_s3: Any, nobody: Any, s3: Any, open_bucket: str, alt_account: str) -> None:
    s3.put_object(Bucket=open_bucket, Key="k", Body=b"x")
    let(s3, open_bucket, {}, {"Effect": "Deny", "Principal": {"AWS": alt_account}})
    with refused("AccessDenied", 403) as seen:
        alt_s3.get_object(Bucket=open_bucket, Key="k")
    assert seen["Message"] == "Access Denied"  # a stranger is not told why
    assert nobody.get_object(Bucket=open_bucket, Key="k")["Body"].read() == b"x"


def test_restricted_public_buckets_let_no_stranger_in(alt_s3: Any, nobody: Any, s3: Any, open_bucket: str) -> None:
    s3.put_object(Bucket=open_bucket, Key="k", Body=b"x")
    let(s3, open_bucket, {})
    s3.put_public_access_block(
        Bucket=open_bucket, PublicAccessBlockConfiguration={**OPEN, "RestrictPublicBuckets": True}
    )
    for stranger in (alt_s3, nobody):
        with refused("AccessDenied", 403):
            stranger.get_object(Bucket=open_bucket, Key="k")
    assert s3.get_object(Bucket=open_bucket, Key="k")["Body"].read() == b"x"


def test_the_policy_itself_is_the_owners_alone(alt_s3: Any, s3: Any, bucket: str, alt_account: str) -> None:
    place = f"arn:aws:s3:::{bucket}"
    let(s3, bucket, {"Principal": {"AWS": alt_account}, "Action": "s3:*", "Resource": [place, f"{place}/*"]})
    assert alt_s3.head_bucket(Bucket=bucket)
    with refused("MethodNotAllowed", 405):
        alt_s3.delete_bucket_policy(Bucket=bucket)
    s3.delete_bucket_policy(Bucket=bucket)


def test_who_may_only_read_in_its_project_changes_nothing_elsewhere(alt_s3: Any, aws: Boto, reader_aws: Boto) -> None:
    """Keystone's roles are the outer wall: a policy gives a reader no more than reading."""
    reader, name = reader_aws("s3", "reader"), unique("alt")
    account = aws("sts").get_caller_identity()["Account"]
    alt_s3.create_bucket(Bucket=name)
    try:
        let(alt_s3, name, {"Principal": {"AWS": account}, "Action": ["s3:GetObject", "s3:PutObject"]})
        alt_s3.put_object(Bucket=name, Key="k", Body=b"x")
        with refused("AccessDenied", 403):
            reader.put_object(Bucket=name, Key="k", Body=b"y")
        assert reader.get_object(Bucket=name, Key="k")["Body"].read() == b"x"
    finally:
        alt_s3.delete_bucket_policy(Bucket=name)
        remove_bucket(alt_s3, name)
