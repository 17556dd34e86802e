"""S3 on a Swift with low limits: each request succeeds within them, or is refused with AWS's error."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from openstack.connection import Connection

from shim.keystore import add
from tests.conftest import remove_bucket
from tests.s3.client_errors import refused
from tests.support.clients import Boto
from tests.support.gateway import gateway as run_gateway
from tests.support.names import unique
from tests.support.small_swift import CONSTRAINTS, DELETIONS, SEGMENTS, small_swift
from tests.support.target import Target

PART = 5 << 20
EVERYBODY = {"Grantee": {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}}
OPEN = ("--no-block-public-access", "--object-ownership", "ObjectWriter")


@pytest.fixture(scope="module")
def small(cloud: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """S3 for the main account, before the Swift with low limits."""
    keys = tmp_path_factory.mktemp("keys") / "keys.json"
    add(keys)
    settings = {"sse_key_file": str(keys)}
    with small_swift(cloud) as place, run_gateway(place, "small", *OPEN, settings=settings) as running:
        aws = Boto(running.url, dict(cloud.keys))
        yield aws("s3")
        aws.close()


@pytest.fixture
def bucket(small: Any) -> Iterator[str]:
    name = unique("small")
    small.create_bucket(Bucket=name)
    yield name
    remove_bucket(small, name)


def test_listings_are_whole(small: Any, bucket: str) -> None:
    names = [f"{folder}/{number}" for folder in "abcdefghij" for number in range(2)] + ["z"]
    for name in names:
        small.put_object(Bucket=bucket, Key=name, Body=b"")
    few = CONSTRAINTS["container_listing_limit"]
    assert len(names) > 2 * few
    assert [one["Key"] for one in small.list_objects_v2(Bucket=bucket)["Contents"]] == names
    folders = small.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [one["Prefix"] for one in folders["CommonPrefixes"]] == [f"{folder}/" for folder in "abcdefghij"]
    assert [one["Key"] for one in folders["Contents"]] == ["z"]
    pages = small.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": few + 1})
    assert [one["Key"] for page in pages for one in page["Contents"]] == names


def test_versions_are_listed_whole(small: Any, bucket: str) -> None:
    small.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    count = CONSTRAINTS["container_listing_limit"] + 3
    made = [small.put_object(Bucket=bucket, Key="k", Body=b"")["VersionId"] for _ in range(count)]
    listed = small.list_object_versions(Bucket=bucket)["Versions"]
    assert [one["VersionId"] for one in listed] == made[::-1]


def test_all_buckets_are_listed(small: Any, bucket: str) -> None:
    more = [unique("small") for _ in range(CONSTRAINTS["account_listing_limit"] + 1)]
    try:
        for name in more:
            small.create_bucket(Bucket=name)
        assert {bucket, *more} <= {one["Name"] for one in small.list_buckets()["Buckets"]}
    finally:
        for name in more:
            small.delete_bucket(Bucket=name)


def test_many_objects_are_deleted_at_once(small: Any, bucket: str) -> None:
    names = [str(number) for number in range(2 * DELETIONS + 1)]
    for name in names:
        small.put_object(Bucket=bucket, Key=name, Body=b"")
    told = small.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": name} for name in names]})
    assert [one["Key"] for one in told["Deleted"]] == names
    assert "Contents" not in small.list_objects_v2(Bucket=bucket)


def test_a_key_is_as_long_as_swift_allows(small: Any, bucket: str) -> None:
    most = CONSTRAINTS["max_object_name_length"]
    small.put_object(Bucket=bucket, Key="k" * most, Body=b"1")
    assert small.get_object(Bucket=bucket, Key="k" * most)["Body"].read() == b"1"
    with refused("KeyTooLongError", 400):
        small.put_object(Bucket=bucket, Key="k" * (most + 1), Body=b"1")
    with refused("KeyTooLongError", 400):  # no part of it could be stored
        small.create_multipart_upload(Bucket=bucket, Key="k" * (most - 10))


def test_long_values_are_split_as_swift_asks(small: Any, bucket: str, openstack_main: Connection) -> None:
    size = 5 * CONSTRAINTS["max_meta_value_length"]
    small.put_object(Bucket=bucket, Key="k", Body=b"", Metadata={"long": "v" * size, "other": "w"})
    assert small.head_object(Bucket=bucket, Key="k")["Metadata"] == {"long": "v" * size, "other": "w"}
    stored = openstack_main.object_store.head(f"/{bucket}/k").headers
    assert max(len(stored[name]) for name in stored if name.lower().startswith("x-object-meta-")) == size // 5


@pytest.mark.parametrize("metadata", [{"much": "v" * 1990}, {f"k{number}": "v" for number in range(60)}])
def test_more_metadata_than_swift_takes_is_refused(small: Any, bucket: str, metadata: dict[str, str]) -> None:
    with refused("MetadataTooLarge", 400):
        small.put_object(Bucket=bucket, Key="k", Body=b"", Metadata=metadata)
    with refused("404", 404):
        small.head_object(Bucket=bucket, Key="k")


def test_a_header_that_swift_does_not_take_is_refused(small: Any, bucket: str) -> None:
    with refused("InvalidArgument", 400):
        small.put_object(Bucket=bucket, Key="k", Body=b"", ContentDisposition="x" * CONSTRAINTS["max_header_size"])


def test_tags_and_acls_that_do_not_fit_are_kept_beside(small: Any, bucket: str) -> None:
    tags = [{"Key": f"{number}".rjust(128, "k"), "Value": "v" * 256} for number in range(10)]
    text = "&".join(f"{tag['Key']}={tag['Value']}" for tag in tags)
    small.put_object(Bucket=bucket, Key="k", Body=b"1", Tagging=text, Metadata={"mine": "m" * 900})
    assert small.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == tags
    mine = small.get_object_acl(Bucket=bucket, Key="k")
    grants = [mine["Grants"][0], *({**EVERYBODY, "Permission": what} for what in ("READ", "READ_ACP", "WRITE_ACP"))]
    small.put_object_acl(Bucket=bucket, Key="k", AccessControlPolicy={"Owner": mine["Owner"], "Grants": grants})
    assert len(small.get_object_acl(Bucket=bucket, Key="k")["Grants"]) == 4
    small.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    assert small.get_object_tagging(Bucket=bucket, Key="copy")["TagSet"] == tags
    assert small.head_object(Bucket=bucket, Key="copy")["Metadata"] == {"mine": "m" * 900}


def test_documents_of_a_bucket_are_kept_beside(small: Any, bucket: str) -> None:
    tags = [{"Key": f"key-{number}", "Value": "v" * 200} for number in range(50)]
    small.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    rules = [
        {"ID": f"rule-{number}", "Status": "Enabled", "Filter": {"Prefix": f"{number}/"}, "Expiration": {"Days": 9}}
        for number in range(20)
    ]
    small.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    small.put_bucket_cors(
        Bucket=bucket, CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
    )
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    policy = {"Version": "2012-10-17", "Statement": [{"Sid": "x" * 100, **everybody}]}
    small.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    assert small.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    assert len(small.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]) == 20
    assert json.loads(small.get_bucket_policy(Bucket=bucket)["Policy"]) == policy


def test_an_upload_has_as_many_parts_as_two_floors_of_manifests(small: Any, bucket: str) -> None:
    upload = {"Bucket": bucket, "Key": "big", "UploadId": ""}
    upload["UploadId"] = small.create_multipart_upload(Bucket=bucket, Key="big", Metadata={"m": "1"})["UploadId"]
    bodies = [bytes([number]) * (PART if number <= SEGMENTS else 9) for number in range(1, SEGMENTS + 2)]
    parts = [
        {"PartNumber": number, "ETag": small.upload_part(**upload, PartNumber=number, Body=body)["ETag"]}
        for number, body in enumerate(bodies, 1)
    ]
    with refused("InvalidArgument", 400) as told:
        small.upload_part(**upload, PartNumber=SEGMENTS**2 + 1, Body=b"1")
    assert told["Message"] == f"Part number must be an integer between 1 and {SEGMENTS**2}, inclusive"
    small.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    read = small.get_object(Bucket=bucket, Key="big")["Body"].read()
    assert hashlib.sha256(read).digest() == hashlib.sha256(b"".join(bodies)).digest()
    assert small.get_object(Bucket=bucket, Key="big", PartNumber=3)["Body"].read() == bodies[2]


def test_a_larger_object_than_swift_stores_is_refused(small: Any, bucket: str) -> None:
    with refused("EntityTooLarge", 400):
        small.put_object(Bucket=bucket, Key="k", Body=bytes(CONSTRAINTS["max_file_size"] + 1))


def test_objects_are_encrypted(small: Any, bucket: str, openstack_main: Connection) -> None:
    small.put_object(Bucket=bucket, Key="k", Body=b"secret", ServerSideEncryption="AES256", Metadata={"m": "1" * 300})
    assert small.get_object(Bucket=bucket, Key="k")["Body"].read() == b"secret"
    assert b"secret" not in openstack_main.object_store.get(f"/{bucket}/k").content
