"""IAM's names of an operation's action and of a request's resource.

Nearly every action is named as its operation.  `_DIFFERENT` holds the others, from the service authorization reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from shim.protocol.message import Address


def _configuration(operations: str, get: str, put: str) -> dict[str, str]:
    """Return the actions of a bucket's configuration, which is read by one right and written or deleted by another."""
    named = {f"{verb}{name}": get for name in operations.split() for verb in ("Get", "List")}
    return named | {f"{verb}{name}": put for name in operations.split() for verb in ("Put", "Delete")}


_S3: Mapping[str, str] = {
    "AbortMultipartUpload": "AbortMultipartUpload",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",  # and GetObject on the source
    "CreateMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "SelectObjectContent": "GetObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",  # and GetObject on the source
    "DeleteBucketMetadataConfiguration": "DeleteBucketMetadataTableConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketTagging": "PutBucketTagging",
    "GetBucketMetadataConfiguration": "GetBucketMetadataTableConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    **_configuration("BucketAccelerateConfiguration", "GetAccelerateConfiguration", "PutAccelerateConfiguration"),
    **_configuration(
        "BucketAnalyticsConfiguration BucketAnalyticsConfigurations",
        "GetAnalyticsConfiguration",
        "PutAnalyticsConfiguration",
    ),
    **_configuration("BucketCors", "GetBucketCORS", "PutBucketCORS"),
    **_configuration("BucketEncryption", "GetEncryptionConfiguration", "PutEncryptionConfiguration"),
    **_configuration(
        "BucketIntelligentTieringConfiguration BucketIntelligentTieringConfigurations",
        "GetIntelligentTieringConfiguration",
        "PutIntelligentTieringConfiguration",
    ),
    **_configuration(
        "BucketInventoryConfiguration BucketInventoryConfigurations",
        "GetInventoryConfiguration",
        "PutInventoryConfiguration",
    ),
    **_configuration(
        "BucketLifecycle BucketLifecycleConfiguration", "GetLifecycleConfiguration", "PutLifecycleConfiguration"
    ),
    **_configuration(
        "BucketMetricsConfiguration BucketMetricsConfigurations", "GetMetricsConfiguration", "PutMetricsConfiguration"
    ),
    **_configuration(
        "BucketNotification BucketNotificationConfiguration", "GetBucketNotification", "PutBucketNotification"
    ),
    **_configuration("BucketReplication", "GetReplicationConfiguration", "PutReplicationConfiguration"),
    **_configuration("PublicAccessBlock", "GetBucketPublicAccessBlock", "PutBucketPublicAccessBlock"),
}
_DIFFERENT: Mapping[str, Mapping[str, str]] = {"s3": _S3}


@cache
def action(service: str, operation: str) -> str:
    """Return IAM's name of the action behind an operation of AWS's model: `s3:GetObject` for HeadObject.

    Both arguments come from the models, so the cache is bounded.
    """
    return f"{service}:{_DIFFERENT.get(service, {}).get(operation, operation)}"


def resource(service: str, address: Address) -> str:
    """Return the ARN of a request's S3 bucket or object, else `*`.

    The resources of the query services are in parameters, which are not parsed yet.
    """
    bucket, key = address
    if service != "s3" or not bucket:
        return "*"
    return f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"
