"""Sub-resources of a bucket: stored and returned, or answered as AWS does if none is set."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.s3.client_errors import refused

BLOCKED = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
Ask = Callable[[Any, str], dict[str, Any]]

MISSING: list[tuple[str, Ask]] = [
    ("NoSuchCORSConfiguration", lambda s3, b: s3.get_bucket_cors(Bucket=b)),
    ("ServerSideEncryptionConfigurationNotFoundError", lambda s3, b: s3.get_bucket_encryption(Bucket=b)),
    ("NoSuchLifecycleConfiguration", lambda s3, b: s3.get_bucket_lifecycle_configuration(Bucket=b)),
    ("NoSuchBucketPolicy", lambda s3, b: s3.get_bucket_policy(Bucket=b)),
    ("ReplicationConfigurationNotFoundError", lambda s3, b: s3.get_bucket_replication(Bucket=b)),
    ("NoSuchWebsiteConfiguration", lambda s3, b: s3.get_bucket_website(Bucket=b)),
    ("ObjectLockConfigurationNotFoundError", lambda s3, b: s3.get_object_lock_configuration(Bucket=b)),
    ("MetadataConfigurationNotFound", lambda s3, b: s3.get_bucket_metadata_configuration(Bucket=b)),
    ("MetadataConfigurationNotFound", lambda s3, b: s3.get_bucket_metadata_table_configuration(Bucket=b)),
    ("NoSuchTagSet", lambda s3, b: s3.get_bucket_tagging(Bucket=b)),
    ("NoSuchConfiguration", lambda s3, b: s3.get_bucket_analytics_configuration(Bucket=b, Id="i")),
    ("NoSuchConfiguration", lambda s3, b: s3.get_bucket_intelligent_tiering_configuration(Bucket=b, Id="i")),
    ("NoSuchConfiguration", lambda s3, b: s3.get_bucket_inventory_configuration(Bucket=b, Id="i")),
    ("NoSuchConfiguration", lambda s3, b: s3.get_bucket_metrics_configuration(Bucket=b, Id="i")),
    ("NoSuchConfiguration", lambda s3, b: s3.delete_bucket_analytics_configuration(Bucket=b, Id="i")),
    ("NoSuchConfiguration", lambda s3, b: s3.delete_bucket_intelligent_tiering_configuration(Bucket=b, Id="i")),
    ("NoSuchConfiguration", lambda s3, b: s3.delete_bucket_inventory_configuration(Bucket=b, Id="i")),
    ("NoSuchConfiguration", lambda s3, b: s3.delete_bucket_metrics_configuration(Bucket=b, Id="i")),
]
NOTHING: list[tuple[dict[str, Any], Ask]] = [
    ({}, lambda s3, b: s3.get_bucket_accelerate_configuration(Bucket=b)),
    ({}, lambda s3, b: s3.get_bucket_logging(Bucket=b)),
    ({}, lambda s3, b: s3.get_bucket_notification_configuration(Bucket=b)),
    ({"PolicyStatus": {"IsPublic": False}}, lambda s3, b: s3.get_bucket_policy_status(Bucket=b)),
    ({"Payer": "BucketOwner"}, lambda s3, b: s3.get_bucket_request_payment(Bucket=b)),
    ({"PublicAccessBlockConfiguration": BLOCKED}, lambda s3, b: s3.get_public_access_block(Bucket=b)),
    (
        {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}},
        lambda s3, b: s3.get_bucket_ownership_controls(Bucket=b),
    ),
    ({"IsTruncated": False}, lambda s3, b: s3.list_bucket_analytics_configurations(Bucket=b)),
    ({"IsTruncated": False}, lambda s3, b: s3.list_bucket_intelligent_tiering_configurations(Bucket=b)),
    ({"IsTruncated": False}, lambda s3, b: s3.list_bucket_inventory_configurations(Bucket=b)),
    ({"IsTruncated": False}, lambda s3, b: s3.list_bucket_metrics_configurations(Bucket=b)),
    ({}, lambda s3, b: s3.delete_bucket_cors(Bucket=b)),
    ({}, lambda s3, b: s3.delete_bucket_encryption(Bucket=b)),
    ({}, lambda s3, b: s3.delete_bucket_lifecycle(Bucket=b)),
    ({}, lambda s3, b: s3.delete_bucket_metadata_configuration(Bucket=b)),
    ({}, lambda s3, b: s3.delete_bucket_metadata_table_configuration(Bucket=b)),
    ({"AbacStatus": {"Status": "Disabled"}}, lambda s3, b: s3.get_bucket_abac(Bucket=b)),
    ({}, lambda s3, b: s3.delete_bucket_policy(Bucket=b)),
    ({}, lambda s3, b: s3.delete_bucket_replication(Bucket=b)),
    ({}, lambda s3, b: s3.delete_bucket_website(Bucket=b)),
    ({}, lambda s3, b: s3.delete_bucket_tagging(Bucket=b)),
]


def told(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer's members."""
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


@pytest.mark.parametrize(("code", "ask"), MISSING)
def test_what_is_not_configured_is_missing(s3: Any, bucket: str, code: str, ask: Ask) -> None:
    with refused(code, 404) as seen:
        ask(s3, bucket)
    assert seen["BucketName"] == bucket
    with refused("NoSuchBucket", 404):
        ask(s3, bucket + "-not")


@pytest.mark.parametrize(("answer", "ask"), NOTHING)
def test_what_is_not_configured_is_nothing(s3: Any, bucket: str, answer: dict[str, Any], ask: Ask) -> None:
    assert told(ask(s3, bucket)) == answer
    with refused("NoSuchBucket", 404):
        ask(s3, bucket + "-not")


def test_tags_are_replaced_and_deleted(s3: Any, openstack_main: Any, bucket: str) -> None:
    few = [{"Key": "stage", "Value": "test"}]
    many = [{"Key": f"key {number:02} ü", "Value": "v" * 256} for number in range(50)]
    beside = f"{bucket}+configuration"
    answer = s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": few})
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == few
    assert openstack_main.object_store.get_container_metadata(bucket).metadata["s3-config-tagging"]
    for tags in (many, many[::-1]):
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
        assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
        # The previous document is deleted.
        assert len(list(openstack_main.object_store.objects(beside))) == 1
    s3.delete_bucket_tagging(Bucket=bucket)
    with refused("NoSuchTagSet", 404):
        s3.get_bucket_tagging(Bucket=bucket)
    assert list(openstack_main.object_store.objects(beside)) == []


def test_a_bucket_goes_with_its_documents(s3: Any, openstack_main: Any, bucket: str) -> None:
    many = [{"Key": f"key{number}", "Value": "v" * 256} for number in range(9)]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": many})
    s3.delete_bucket(Bucket=bucket)
    assert bucket not in {one.name.partition("+")[0] for one in openstack_main.object_store.containers()}
    s3.create_bucket(Bucket=bucket)
    with refused("NoSuchTagSet", 404):
        s3.get_bucket_tagging(Bucket=bucket)


def test_a_damaged_document_is_told_and_can_be_replaced(s3: Any, openstack_main: Any, bucket: str) -> None:
    many = [{"Key": f"key{number}", "Value": "v" * 256} for number in range(9)]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": many})
    beside = f"{bucket}+configuration"
    [name] = [one.name for one in openstack_main.object_store.objects(beside)]
    openstack_main.object_store.delete_object(name, container=beside)
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": many[:1]})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == many[:1]


def test_public_access_is_blocked_until_it_is_deleted(s3: Any, bucket: str) -> None:
    some = {**BLOCKED, "BlockPublicPolicy": False}
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=some)
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == some
    s3.delete_public_access_block(Bucket=bucket)
    with refused("NoSuchPublicAccessBlockConfiguration", 404):
        s3.get_public_access_block(Bucket=bucket)


def test_object_ownership_is_kept(s3: Any, bucket: str) -> None:
    for mode in ("BucketOwnerEnforced", "ObjectWriter", "BucketOwnerPreferred"):
        told = {"Rules": [{"ObjectOwnership": mode}]}
        s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=told)
        assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"] == told
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    with refused("OwnershipControlsNotFoundError", 404):
        s3.get_bucket_ownership_controls(Bucket=bucket)


def test_what_changes_nothing_is_taken_and_the_rest_refused(s3: Any, bucket: str) -> None:
    s3.put_bucket_accelerate_configuration(Bucket=bucket, AccelerateConfiguration={"Status": "Suspended"})
    assert s3.get_bucket_accelerate_configuration(Bucket=bucket)["Status"] == "Suspended"
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "BucketOwner"})
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    with refused("NotImplemented", 501):
        s3.put_bucket_accelerate_configuration(Bucket=bucket, AccelerateConfiguration={"Status": "Enabled"})
    with refused("NotImplemented", 501):
        s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    topic = {"TopicConfigurations": [{"TopicArn": "arn:aws:sns:us-east-1:1:t", "Events": ["s3:ObjectCreated:*"]}]}
    with refused("NotImplemented", 501):
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=topic)
    assert told(s3.get_bucket_logging(Bucket=bucket)) == {}
    assert told(s3.get_bucket_notification_configuration(Bucket=bucket)) == {}
