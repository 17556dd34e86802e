"""IAM's names of actions and resources."""

import pytest

from shim.app import FRONTENDS
from shim.authz import names
from shim.protocol.message import Address


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("s3", "GetObject", "s3:GetObject"),
        ("s3", "HeadObject", "s3:GetObject"),
        ("s3", "HeadBucket", "s3:ListBucket"),
        ("s3", "ListObjects", "s3:ListBucket"),
        ("s3", "ListObjectsV2", "s3:ListBucket"),
        ("s3", "ListObjectVersions", "s3:ListBucketVersions"),
        ("s3", "ListBuckets", "s3:ListAllMyBuckets"),
        ("s3", "ListParts", "s3:ListMultipartUploadParts"),
        ("s3", "ListMultipartUploads", "s3:ListBucketMultipartUploads"),
        ("s3", "DeleteObjects", "s3:DeleteObject"),
        ("s3", "CreateMultipartUpload", "s3:PutObject"),
        ("s3", "UploadPartCopy", "s3:PutObject"),
        ("s3", "GetBucketCors", "s3:GetBucketCORS"),
        ("s3", "DeleteBucketLifecycle", "s3:PutLifecycleConfiguration"),
        ("s3", "DeleteBucketPolicy", "s3:DeleteBucketPolicy"),
        ("s3", "GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock"),
        ("s3", "ListBucketInventoryConfigurations", "s3:GetInventoryConfiguration"),
        ("ec2", "RunInstances", "ec2:RunInstances"),
        ("sts", "GetCallerIdentity", "sts:GetCallerIdentity"),
    ],
)
def test_an_action_has_the_name_that_policies_use(service: str, operation: str, action: str) -> None:
    assert operation in FRONTENDS[service].service.operations
    assert names.action(service, operation) == action


def test_no_action_of_s3_is_named_as_an_operation_that_only_another_name_allows() -> None:
    """IAM has no such actions, so a policy that names one allows nothing."""
    actions = {names.action("s3", operation) for operation in FRONTENDS["s3"].service.operations}
    gone = {"HeadObject", "HeadBucket", "ListObjects", "ListObjectsV2", "UploadPart", "CopyObject", "DeleteObjects"}
    assert not actions & {f"s3:{name}" for name in gone}


@pytest.mark.parametrize(
    ("service", "address", "arn"),
    [
        ("s3", Address(), "*"),
        ("s3", Address("b"), "arn:aws:s3:::b"),
        ("s3", Address("b", "a/k"), "arn:aws:s3:::b/a/k"),
        ("ec2", Address(), "*"),
    ],
)
def test_a_resource_is_what_the_address_names(service: str, address: Address, arn: str) -> None:
    assert names.resource(service, address) == arn
