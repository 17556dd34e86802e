"""Buckets: create, head, list, delete, and names that AWS refuses."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.s3.client_errors import refused
from tests.support.names import unique


def test_a_bucket_lives_and_goes(s3: Any) -> None:
    name = unique("life")
    before = datetime.now(UTC) - timedelta(seconds=2)
    assert s3.create_bucket(Bucket=name)["Location"] == f"/{name}"
    assert s3.head_bucket(Bucket=name)["BucketRegion"] == "us-east-1"
    made = {one["Name"]: one["CreationDate"] for one in s3.list_buckets()["Buckets"]}[name]
    assert before <= made <= datetime.now(UTC) + timedelta(seconds=2)
    s3.delete_bucket(Bucket=name)
    with refused("404", 404):
        s3.head_bucket(Bucket=name)
    with refused("NoSuchBucket", 404) as error:
        s3.delete_bucket(Bucket=name)
    assert error["BucketName"] == name


def test_waiters_see_a_bucket_at_once(s3: Any) -> None:
    name = unique("wait")
    s3.create_bucket(Bucket=name)
    s3.get_waiter("bucket_exists").wait(Bucket=name, WaiterConfig={"Delay": 1, "MaxAttempts": 1})
    s3.delete_bucket(Bucket=name)
    s3.get_waiter("bucket_not_exists").wait(Bucket=name, WaiterConfig={"Delay": 1, "MaxAttempts": 1})


def test_ones_own_bucket_again(aws: Any, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="kept", Body=b"x")
    s3.create_bucket(Bucket=bucket)  # succeeds in us-east-1
    assert s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"x"


def test_ones_own_bucket_again_has_the_new_acl(s3: Any, bucket: str) -> None:
    """It is reset, also where the request gives none (BucketAlreadyOwnedByYou)."""
    delivery = 'uri="http://acs.amazonaws.com/groups/s3/LogDelivery"'
    others = {"ObjectOwnership": "BucketOwnerPreferred", "GrantWrite": delivery}

    def permissions() -> list[str]:
        return [one["Permission"] for one in s3.get_bucket_acl(Bucket=bucket)["Grants"]]

    def owned(mode: str) -> None:
        s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": mode}]})

    owned("BucketOwnerPreferred")
    s3.create_bucket(Bucket=bucket, **others)
    assert "WRITE" in permissions()
    s3.create_bucket(Bucket=bucket)
    assert permissions() == ["FULL_CONTROL"]
    owned("BucketOwnerEnforced")
    with refused("AccessControlListNotSupported", 400):
        s3.create_bucket(Bucket=bucket, **others)


def test_ones_own_bucket_again_takes_an_acl_by_its_own_ownership(s3: Any, bucket: str) -> None:
    """New buckets have none by default (BucketOwnerEnforced); this one has."""
    writers = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=writers)
    with refused("AccessDenied", 403):  # as PutBucketAcl, since the bucket blocks public ACLs
        s3.create_bucket(Bucket=bucket, ACL="public-read")
    s3.delete_public_access_block(Bucket=bucket)
    s3.create_bucket(Bucket=bucket, ACL="public-read")
    assert sorted(one["Permission"] for one in s3.get_bucket_acl(Bucket=bucket)["Grants"]) == ["FULL_CONTROL", "READ"]
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"] == writers
    s3.create_bucket(Bucket=bucket)
    assert [one["Permission"] for one in s3.get_bucket_acl(Bucket=bucket)["Grants"]] == ["FULL_CONTROL"]


def test_ones_own_bucket_again_does_not_pretend(s3: Any, bucket: str) -> None:
    """What a repetition does not change, it does not answer with 200."""
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    )
    s3.create_bucket(Bucket=bucket, GrantRead='uri="http://acs.amazonaws.com/groups/s3/LogDelivery"')
    with refused("BucketAlreadyOwnedByYou", 409):
        s3.create_bucket(Bucket=bucket, ObjectOwnership="ObjectWriter")
    with refused("BucketAlreadyOwnedByYou", 409):
        s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    assert [one["Permission"] for one in s3.get_bucket_acl(Bucket=bucket)["Grants"]] == ["READ"]
    with refused("ObjectLockConfigurationNotFoundError", 404):
        s3.get_object_lock_configuration(Bucket=bucket)
    s3.create_bucket(Bucket=bucket, ObjectOwnership="BucketOwnerPreferred", ObjectLockEnabledForBucket=False)
    assert [one["Permission"] for one in s3.get_bucket_acl(Bucket=bucket)["Grants"]] == ["FULL_CONTROL"]
    name = unique("locked")
    for _ in range(2):  # the same request again is AWS's idempotent success
        s3.create_bucket(Bucket=name, ObjectOwnership="ObjectWriter", ObjectLockEnabledForBucket=True)
    s3.delete_bucket(Bucket=name)


def test_a_missing_bucket_with_an_expected_owner(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    missing, other = unique("missing"), "1" * 12
    with refused("NoSuchBucket", 404):
        s3.list_objects_v2(Bucket=missing, ExpectedBucketOwner=other)
    with refused("NoSuchBucket", 404):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{missing}/k", ExpectedSourceBucketOwner=other)
    with refused("AccessDenied", 403):
        s3.list_objects_v2(Bucket=bucket, ExpectedBucketOwner=other)


def test_a_bucket_of_another_project_is_not_shown(alt_s3: Any, bucket: str) -> None:
    with refused("AccessDenied", 403):
        alt_s3.list_objects_v2(Bucket=bucket)
    assert bucket not in {one["Name"] for one in alt_s3.list_buckets()["Buckets"]}


def test_listing_by_prefix_and_page(s3: Any) -> None:
    stem = unique("page")
    names = [f"{stem}-{number}" for number in range(5)]
    for name in names:
        s3.create_bucket(Bucket=name)
    pages = list(s3.get_paginator("list_buckets").paginate(Prefix=stem, PaginationConfig={"PageSize": 2}))
    assert [[one["Name"] for one in page["Buckets"]] for page in pages] == [names[:2], names[2:4], names[4:]]
    assert s3.list_buckets(Prefix=stem, BucketRegion="eu-nowhere-1", MaxBuckets=9)["Buckets"] == []
    for name in names:
        s3.delete_bucket(Bucket=name)


def test_a_bucket_with_objects_stays(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="one", Body=b"")
    with refused("BucketNotEmpty", 409) as error:
        s3.delete_bucket(Bucket=bucket)
    assert error["BucketName"] == bucket


@pytest.mark.parametrize("name", ["Upper", "under_score", "a..b", "192.168.1.1", "-dash", "dot.", "xn--a", "x-s3alias"])
def test_names_that_are_not_given(s3: Any, name: str) -> None:
    with refused("InvalidBucketName", 400):
        s3.create_bucket(Bucket=name)


def test_locations(s3: Any, aws: Any, bucket: str) -> None:
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    assert s3.get_bucket_versioning(Bucket=bucket).get("Status") is None


def test_what_a_bucket_cannot_have_is_refused(s3: Any) -> None:
    name = unique("never")
    with refused("NotImplemented", 501):
        s3.create_bucket(Bucket=name, BucketNamespace="account-regional")
    with refused("404", 404):
        s3.head_bucket(Bucket=name)


def test_an_expected_owner_is_held_to(s3: Any, aws: Any, bucket: str) -> None:
    account = aws("sts").get_caller_identity()["Account"]
    s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
    with refused("AccessDenied", 403):
        s3.list_objects_v2(Bucket=bucket, ExpectedBucketOwner="1" * 12)


@pytest.mark.parametrize("sub_resource", ["lifecycle", "encryption", "replication", "ownership_controls", "tagging"])
def test_deleting_a_configuration_never_deletes_the_bucket(s3: Any, bucket: str, sub_resource: str) -> None:
    getattr(s3, f"delete_bucket_{sub_resource}")(Bucket=bucket)
    s3.head_bucket(Bucket=bucket)
