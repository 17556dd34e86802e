"""Lifecycle rules through S3: stored and returned, entered in the registry, and refused where nothing executes them."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from shim.errors import AwsError
from shim.s3.lifecycle.registry import CONTAINER
from shim.s3.lifecycle.rules import put_bucket_lifecycle_configuration
from tests.s3.client_errors import refused
from tests.s3.in_process import calling
from tests.support.target import Target

DAYS = {"Status": "Enabled", "Filter": {"Prefix": "a/"}, "Expiration": {"Days": 1}}
RULES: list[dict[str, Any]] = [
    {"ID": "days", **DAYS},
    {
        "ID": "date",
        "Status": "Disabled",
        "Filter": {"And": {"Prefix": "b", "ObjectSizeGreaterThan": 5, "ObjectSizeLessThan": 7}},
        "Expiration": {"Date": datetime(2030, 1, 1, tzinfo=UTC)},
    },
    {
        "ID": "versions",
        "Status": "Enabled",
        "Filter": {"And": {"Tags": [{"Key": "a", "Value": "b"}], "ObjectSizeGreaterThan": 5}},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 100},
    },
    {
        "ID": "markers",
        "Status": "Enabled",
        "Filter": {"Prefix": "c"},
        "Expiration": {"ExpiredObjectDeleteMarker": True},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 4},
    },
    {"ID": "all", "Status": "Enabled", "Filter": {}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
]
SMALLEST = "TransitionDefaultMinimumObjectSize"


def entries(cloud: Target, bucket: str) -> list[str]:
    """Return the registry's entries of a bucket."""
    with cloud.connect(cloud.cloud) as service:
        names = {one.name for one in service.object_store.containers()}
        listed = service.object_store.objects(CONTAINER) if CONTAINER in names else ()
        return [one.name for one in listed if one.name.endswith(f"/{bucket}")]


def test_rules_come_back_as_they_were_put(s3: Any, openstack_main: Any, cloud: Target, bucket: str) -> None:
    put = s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": RULES})
    assert put[SMALLEST] == "all_storage_classes_128K"
    got = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert (got["Rules"], got[SMALLEST]) == (RULES, "all_storage_classes_128K")
    assert entries(cloud, bucket) == [f"{openstack_main.current_project_id}/{bucket}"]
    legacy = {"ID": "old", "Status": "Enabled", "Prefix": "", "Expiration": {"Days": 3}}
    # The deprecated operation is the same on the wire.
    told = {"Rules": [legacy]}
    s3.put_bucket_lifecycle(Bucket=bucket, LifecycleConfiguration=told)
    assert s3.get_bucket_lifecycle(Bucket=bucket)["Rules"] == [legacy]
    varies = {SMALLEST: "varies_by_storage_class"}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=told, **varies)
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)[SMALLEST] == varies[SMALLEST]
    s3.delete_bucket_lifecycle(Bucket=bucket)
    assert entries(cloud, bucket) == []
    with refused("NoSuchLifecycleConfiguration", 404):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)


def test_a_bucket_leaves_the_registry_when_it_is_deleted(s3: Any, cloud: Target, bucket: str) -> None:
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": RULES})
    s3.delete_bucket(Bucket=bucket)
    assert entries(cloud, bucket) == []
    s3.create_bucket(Bucket=bucket)
    with refused("NoSuchLifecycleConfiguration", 404):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)


def test_what_cannot_be_executed_is_refused(s3: Any, bucket: str) -> None:
    def put(bucket: str, **members: Any) -> None:
        s3.put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": [{**RULES[0], **members}]}
        )

    with refused("NotImplemented", 501):
        put(bucket, Transitions=[{"Days": 30, "StorageClass": "STANDARD_IA"}], Expiration={"Days": 31})
    with refused("NotImplemented", 501):
        put(bucket, NoncurrentVersionTransitions=[{"NoncurrentDays": 30, "StorageClass": "STANDARD_IA"}])
    with refused("MalformedXML", 400):
        put(bucket, Status="enabled")
    with refused("InvalidArgument", 400):
        put(bucket, Expiration={"Days": 0})
    with refused("NoSuchBucket", 404):
        put(bucket + "-not")
    with refused("NoSuchLifecycleConfiguration", 404):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)


def test_without_the_service_identity_rules_are_refused(s3: Any, openstack_main: Any, bucket: str) -> None:
    async def put() -> None:
        async with calling(openstack_main, "PutBucketLifecycleConfiguration") as call:
            told = {"Bucket": bucket, "LifecycleConfiguration": {"Rules": [{"ID": "r", **DAYS}]}}
            await put_bucket_lifecycle_configuration(call, told)

    with pytest.raises(AwsError, match="service identity") as caught:
        asyncio.run(put())
    assert (caught.value.code, caught.value.status) == ("NotImplemented", 501)
    with refused("NoSuchLifecycleConfiguration", 404):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)
