"""Bucket policies: returned as they were put, and obeyed by the owner's own requests on every way to an object."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from openstack.connection import Connection

from shim.s3.config.configuration import KEEP_SECONDS
from tests.conftest import empty_bucket
from tests.s3.client_errors import refused
from tests.support.clients import Boto
from tests.support.gateway import Gateway

OPEN = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), False)


def document(bucket: str, *statements: Any) -> str:
    """Return a policy whose statements are about everybody and the whole bucket, unless they say otherwise."""
    places = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    told = [{"Principal": "*", "Resource": places, **one} for one in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": told}, indent=1)


@pytest.fixture
def governed(s3: Any, bucket: str) -> Iterator[str]:
    """A bucket whose policy is deleted before the bucket is emptied."""
    yield bucket
    s3.delete_bucket_policy(Bucket=bucket)


def test_a_policy_is_returned_as_it_was_put(s3: Any, governed: str) -> None:
    for sid in ("short", "long" * 400):
        text = document(governed, {"Sid": sid, "Effect": "Deny", "Action": "s3:DeleteBucketWebsite"}) + " \n"
        answer = s3.put_bucket_policy(Bucket=governed, Policy=text)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
        assert s3.get_bucket_policy(Bucket=governed)["Policy"] == text
        assert s3.get_bucket_policy_status(Bucket=governed)["PolicyStatus"] == {"IsPublic": False}
    s3.delete_bucket_policy(Bucket=governed)
    with refused("NoSuchBucketPolicy", 404) as seen:
        s3.get_bucket_policy(Bucket=governed)
    assert seen["BucketName"] == governed
    s3.delete_bucket_policy(Bucket=governed)


def test_a_policy_that_is_not_one_changes_nothing(s3: Any, governed: str) -> None:
    text = document(governed, {"Effect": "Deny", "Action": "s3:DeleteBucketWebsite"})
    s3.put_bucket_policy(Bucket=governed, Policy=text)
    with refused("MalformedPolicy", 400):
        s3.put_bucket_policy(Bucket=governed, Policy="{}")
    with refused("MalformedPolicy", 400):
        s3.put_bucket_policy(Bucket=governed, Policy=text.replace(governed, "another-bucket"))
    with refused("PolicyTooLarge", 400):
        s3.put_bucket_policy(Bucket=governed, Policy=text + " " * 20_480)
    assert s3.get_bucket_policy(Bucket=governed)["Policy"] == text


def test_a_public_policy_is_blocked_unless_the_owner_says_otherwise(s3: Any, governed: str) -> None:
    text = document(governed, {"Effect": "Allow", "Action": "s3:GetObject"})
    with refused("AccessDenied", 403) as seen:
        s3.put_bucket_policy(Bucket=governed, Policy=text)
    assert "BlockPublicPolicy" in seen["Message"]
    s3.put_public_access_block(Bucket=governed, PublicAccessBlockConfiguration=OPEN)
    s3.put_bucket_policy(Bucket=governed, Policy=text)
    assert s3.get_bucket_policy_status(Bucket=governed)["PolicyStatus"] == {"IsPublic": True}


def denied(bucket: str, s3: Any, key: str) -> None:
    """Try to write a key in every way that S3 has."""
    with refused("AccessDenied", 403) as seen:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert "explicit deny in a resource-based policy" in seen["Message"]
    with refused("AccessDenied", 403):
        s3.copy_object(Bucket=bucket, Key=key, CopySource=f"{bucket}/open/k")
    with refused("AccessDenied", 403):
        s3.create_multipart_upload(Bucket=bucket, Key=key)
    with refused("AccessDenied", 403):
        s3.upload_part(Bucket=bucket, Key=key, UploadId="u" * 32, PartNumber=1, Body=b"x")
    with refused("AccessDenied", 403):
        s3.complete_multipart_upload(Bucket=bucket, Key=key, UploadId="u" * 32, MultipartUpload={"Parts": []})
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": key})
    assert requests.put(url, data=b"x", timeout=60).status_code == 403
    form = s3.generate_presigned_post(bucket, key)
    assert requests.post(form["url"], data=form["fields"], files={"file": b"x"}, timeout=60).status_code == 403


def test_a_deny_binds_the_owner_on_every_way_to_an_object(s3: Any, governed: str, openstack_main: Connection) -> None:
    s3.put_object(Bucket=governed, Key="open/k", Body=b"x")
    s3.put_object(Bucket=governed, Key="shut/k", Body=b"old")
    shut = f"arn:aws:s3:::{governed}/shut/*"
    text = document(
        governed,
        {"Effect": "Deny", "Action": ["s3:PutObject", "s3:DeleteObject"], "Resource": shut},
        {"Effect": "Deny", "Action": "s3:GetObject", "Resource": f"{shut[:-1]}k"},
    )
    s3.put_bucket_policy(Bucket=governed, Policy=text)
    denied(governed, s3, "shut/new")
    for read in (s3.get_object, s3.get_object_attributes):
        more = {"ObjectAttributes": ["ETag"]} if read == s3.get_object_attributes else {}
        with refused("AccessDenied", 403):
            read(Bucket=governed, Key="shut/k", **more)
    with refused("403", 403):
        s3.head_object(Bucket=governed, Key="shut/k")
    with refused("AccessDenied", 403):
        s3.copy_object(Bucket=governed, Key="open/copy", CopySource=f"{governed}/shut/k")
    with refused("AccessDenied", 403):
        s3.delete_object(Bucket=governed, Key="shut/k")
    answer = s3.delete_objects(
        Bucket=governed, Delete={"Objects": [{"Key": "shut/k"}, {"Key": "open/k"}, {"Key": "open/none"}]}
    )
    assert [(one["Key"], one["Code"]) for one in answer["Errors"]] == [("shut/k", "AccessDenied")]
    assert {one["Key"] for one in answer["Deleted"]} == {"open/k", "open/none"}
    assert [one.name for one in openstack_main.object_store.objects(governed)] == ["shut/k"]


def test_a_copy_into_another_bucket_asks_the_source(s3: Any, aws: Boto, governed: str) -> None:
    s3.put_object(Bucket=governed, Key="k", Body=b"x")
    s3.put_bucket_policy(Bucket=governed, Policy=document(governed, {"Effect": "Deny", "Action": "s3:GetObject"}))
    other = f"{governed}-copy"
    s3.create_bucket(Bucket=other)
    try:
        with refused("AccessDenied", 403):
            s3.copy_object(Bucket=other, Key="k", CopySource=f"{governed}/k")
    finally:
        empty_bucket(s3, other)
        s3.delete_bucket(Bucket=other)


def test_conditions_see_the_request(s3: Any, governed: str) -> None:
    where = {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}, "Bool": {"aws:SecureTransport": "false"}}
    text = document(
        governed,
        {"Effect": "Deny", "Action": "s3:ListBucket", "Condition": {"StringLike": {"s3:prefix": "shut/*"}, **where}},
        {"Effect": "Deny", "Action": "s3:ListBucket", "Condition": {"NumericGreaterThan": {"s3:max-keys": 10}}},
        {"Effect": "Deny", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{governed}/${{aws:username}}/*"},
        {"Effect": "Deny", "Action": "s3:GetObject",
         "Condition": {"StringNotEquals": {"s3:authType": "REST-QUERY-STRING"}}},
    )  # fmt: skip
    s3.put_bucket_policy(Bucket=governed, Policy=text)
    s3.list_objects_v2(Bucket=governed, Prefix="open/", MaxKeys=10)
    for more in ({"Prefix": "shut/a"}, {"MaxKeys": 11}):
        with refused("AccessDenied", 403):
            s3.list_objects_v2(Bucket=governed, **more)
    with refused("AccessDenied", 403):
        s3.put_object(Bucket=governed, Key="main/k", Body=b"x")
    s3.put_object(Bucket=governed, Key="alt/k", Body=b"x")
    with refused("AccessDenied", 403):
        s3.get_object(Bucket=governed, Key="alt/k")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": governed, "Key": "alt/k"})
    assert requests.get(url, timeout=60).content == b"x"


def tagged(bucket: str, *operations: str, effect: str = "Deny", value: str = "secret") -> str:
    condition = {"StringEquals": {"s3:ExistingObjectTag/class": value}}
    actions = [f"s3:{operation}" for operation in operations]
    return document(bucket, {"Effect": effect, "Action": actions, "Condition": condition})


def test_conditions_see_the_tags_that_an_object_has(s3: Any, governed: str, gateway: Gateway) -> None:
    s3.put_object(Bucket=governed, Key="secret", Body=b"x", Tagging="class=secret")
    s3.put_object(Bucket=governed, Key="plain", Body=b"x")
    s3.put_bucket_policy(Bucket=governed, Policy=tagged(governed, "GetObject", "PutObjectTagging", "DeleteObject"))
    assert gateway.least_calls(lambda: s3.get_object(Bucket=governed, Key="plain")) == 2
    with refused("AccessDenied", 403):
        s3.get_object(Bucket=governed, Key="secret")
    with refused("AccessDenied", 403):
        s3.copy_object(Bucket=governed, Key="copy", CopySource=f"{governed}/secret", TaggingDirective="REPLACE")
    secret = {"TagSet": [{"Key": "class", "Value": "secret"}]}
    with refused("AccessDenied", 403):
        s3.put_object_tagging(Bucket=governed, Key="secret", Tagging={"TagSet": []})
    s3.put_object_tagging(Bucket=governed, Key="plain", Tagging=secret)
    with refused("AccessDenied", 403):
        s3.get_object(Bucket=governed, Key="plain")
    s3.delete_object_tagging(Bucket=governed, Key="secret")
    assert s3.get_object(Bucket=governed, Key="secret")["Body"].read() == b"x"
    with refused("NoSuchKey", 404):
        s3.get_object(Bucket=governed, Key="none")
    s3.put_object(Bucket=governed, Key="plain", Body=b"y")  # writes and deletions do not see the tags
    s3.put_object_tagging(Bucket=governed, Key="plain", Tagging=secret)
    s3.delete_object(Bucket=governed, Key="plain")


def test_conditions_see_the_tags_of_the_version_that_is_asked_for(s3: Any, governed: str) -> None:
    s3.put_bucket_versioning(Bucket=governed, VersioningConfiguration={"Status": "Enabled"})
    old = s3.put_object(Bucket=governed, Key="k", Body=b"old", Tagging="class=secret")["VersionId"]
    new = s3.put_object(Bucket=governed, Key="k", Body=b"new")["VersionId"]
    s3.put_bucket_policy(Bucket=governed, Policy=tagged(governed, "GetObject", "GetObjectVersion"))
    assert s3.get_object(Bucket=governed, Key="k")["Body"].read() == b"new"
    assert s3.get_object(Bucket=governed, Key="k", VersionId=new)["Body"].read() == b"new"
    with refused("AccessDenied", 403):
        s3.get_object(Bucket=governed, Key="k", VersionId=old)
    with refused("AccessDenied", 403):
        s3.copy_object(Bucket=governed, Key="c", CopySource=f"{governed}/k?versionId={old}", TaggingDirective="REPLACE")
    secret = {"TagSet": [{"Key": "class", "Value": "secret"}]}
    s3.put_object_tagging(Bucket=governed, Key="k", VersionId=new, Tagging=secret)
    s3.delete_object_tagging(Bucket=governed, Key="k", VersionId=old)
    assert s3.get_object(Bucket=governed, Key="k", VersionId=old)["Body"].read() == b"old"
    for version in ({}, {"VersionId": new}):
        with refused("AccessDenied", 403):
            s3.get_object(Bucket=governed, Key="k", **version)
    marker = s3.delete_object(Bucket=governed, Key="k")["VersionId"]
    with refused("MethodNotAllowed", 405):
        s3.get_object(Bucket=governed, Key="k", VersionId=marker)
    with refused("NoSuchKey", 404):
        s3.get_object(Bucket=governed, Key="k")
    with refused("InvalidArgument", 400):
        s3.get_object(Bucket=governed, Key="k", VersionId="nonsense")


def test_conditions_see_the_tags_that_a_copy_takes_along(s3: Any, governed: str) -> None:
    """A header that has no effect beside the tags of the source shows the policy nothing."""
    s3.put_object(Bucket=governed, Key="secret", Body=b"x", Tagging="class=secret")
    s3.put_object(Bucket=governed, Key="open", Body=b"x", Tagging="class=open")
    condition = {"StringEquals": {"s3:RequestObjectTag/class": "secret"}}
    text = document(governed, {"Effect": "Deny", "Action": "s3:PutObject", "Condition": condition})
    s3.put_bucket_policy(Bucket=governed, Policy=text)
    s3.copy_object(Bucket=governed, Key="copy", CopySource=f"{governed}/open")
    for more in ({}, {"Tagging": "class=open"}):
        with refused("AccessDenied", 403):
            s3.copy_object(Bucket=governed, Key="copy", CopySource=f"{governed}/secret", **more)
    more = {"Tagging": "class=open", "TaggingDirective": "REPLACE"}
    s3.copy_object(Bucket=governed, Key="copy", CopySource=f"{governed}/secret", **more)


def test_the_owner_may_always_replace_and_delete_the_policy(s3: Any, governed: str) -> None:
    text = document(governed, {"Effect": "Deny", "Action": "s3:*"})
    s3.put_bucket_policy(Bucket=governed, Policy=text)
    with refused("AccessDenied", 403):
        s3.get_bucket_location(Bucket=governed)
    assert s3.get_bucket_policy(Bucket=governed)["Policy"] == text
    s3.put_bucket_policy(Bucket=governed, Policy=text.replace("s3:*", "s3:DeleteBucketWebsite"))
    s3.get_bucket_location(Bucket=governed)


def test_a_damaged_policy_lets_nobody_in(s3: Any, governed: str, openstack_main: Connection) -> None:
    openstack_main.object_store.post(f"/{governed}", headers={"X-Container-Meta-S3-Config-Policy": '"{}"'})
    time.sleep(KEEP_SECONDS + 1)  # until then the gateway may use what it has cached of the bucket
    with refused("AccessDenied", 403):
        s3.put_object(Bucket=governed, Key="k", Body=b"x")
    s3.put_bucket_policy(Bucket=governed, Policy=document(governed, {"Effect": "Deny", "Action": "s3:DeleteBucket"}))
    s3.put_object(Bucket=governed, Key="k", Body=b"x")


def test_why_a_policy_refuses_is_told_to_the_operator(s3: Any, governed: str, gateway: Gateway) -> None:
    text = document(governed, {"Sid": "NoReads", "Effect": "Deny", "Action": "s3:GetObject"})
    s3.put_bucket_policy(Bucket=governed, Policy=text)
    with pytest.raises(ClientError, match="AccessDenied") as caught:
        s3.get_object(Bucket=governed, Key="k")
    gateway.call(caught.value.response)  # the refusal is noted after its answer, as the line is
    accounts = requests.get(f"{gateway.metrics_url}/api/refusals", timeout=60).json()
    why = f"statement 'NoReads' of the bucket's policy denies s3:GetObject on arn:aws:s3:::{governed}/k"
    assert any(why in one["why"] for each in accounts for one in each["refusals"])


def test_a_policy_costs_no_call_when_it_is_known(s3: Any, governed: str, gateway: Gateway) -> None:
    s3.put_bucket_policy(Bucket=governed, Policy=document(governed, {"Effect": "Deny", "Action": "s3:DeleteBucket"}))
    s3.put_object(Bucket=governed, Key="k", Body=b"x")
    assert gateway.least_calls(lambda: s3.get_object(Bucket=governed, Key="k")) == 1
