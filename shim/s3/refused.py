"""S3's operations that no action serves, each with the reason; they are answered with 501 NotImplemented.

The coverage table shows them.  A test compares this table with botocore's model, so that each operation of AWS has
either an action or a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_DIRECTORY: Final = (
    "AWS has it for directory buckets (S3 Express One Zone) alone, and all buckets here are general purpose"
)
_TABLES: Final = "it writes tables of S3 Tables, a service that no part of OpenStack resembles"
_ANNOTATIONS: Final = "annotations are not kept; use metadata or tags"
_OLD: Final = "AWS replaced it; requests of its form are served as {}"
_NO_REPORTS: Final = "no process here writes such reports; Swift and Ceilometer measure usage for the operator"

REFUSED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "CreateBucketMetadataConfiguration": _TABLES,
        "CreateBucketMetadataTableConfiguration": _TABLES,
        "CreateSession": _DIRECTORY,
        "DeleteObjectAnnotation": _ANNOTATIONS,
        "GetBucketLifecycle": _OLD.format("GetBucketLifecycleConfiguration"),
        "GetBucketNotification": _OLD.format("GetBucketNotificationConfiguration"),
        "GetObjectAnnotation": _ANNOTATIONS,
        "GetObjectTorrent": "AWS itself no longer offers BitTorrent, and Swift has no tracker",
        "ListDirectoryBuckets": _DIRECTORY,
        "ListObjectAnnotations": _ANNOTATIONS,
        "PutBucketAbac": "tags of a bucket take no part in decisions about access here",
        "PutBucketAnalyticsConfiguration": _NO_REPORTS,
        "PutBucketIntelligentTieringConfiguration": "no archive tiers lie behind Swift's storage policies",
        "PutBucketInventoryConfiguration": _NO_REPORTS,
        "PutBucketLifecycle": _OLD.format("PutBucketLifecycleConfiguration"),
        "PutBucketMetricsConfiguration": _NO_REPORTS,
        "PutBucketNotification": _OLD.format("PutBucketNotificationConfiguration"),
        "PutBucketReplication": "Swift replicates within its cluster; its container sync copies neither versions nor "
        "large objects",
        "PutObjectAnnotation": _ANNOTATIONS,
        "RenameObject": _DIRECTORY,
        "SelectObjectContent": "AWS offers it to no new customers, and Swift has no SQL engine",
        "UpdateBucketMetadataAnnotationTableConfiguration": _TABLES,
        "UpdateBucketMetadataInventoryTableConfiguration": _TABLES,
        "UpdateBucketMetadataJournalTableConfiguration": _TABLES,
        "UpdateObjectEncryption": "an object's encryption is changed by copying the object to itself",
        "WriteGetObjectResponse": "only functions of S3 Object Lambda call it",
    }
)
