"""S3 on Ceph's radosgw, by its Swift API: what it can do works, the rest is refused or done otherwise."""

import hashlib
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import remove_bucket
from tests.s3.client_errors import refused
from tests.support.clients import Boto
from tests.support.gateway import Gateway, faults
from tests.support.gateway import gateway as run_gateway
from tests.support.names import unique
from tests.support.radosgw import Radosgw, radosgw
from tests.support.target import Target

PART = 5 << 20


@pytest.fixture(scope="module")
def ceph(cloud: Target) -> Iterator[Radosgw]:
    with radosgw(cloud) as running:
        yield running


@pytest.fixture(scope="module", params=["with_account", "without_account"])
def place(ceph: Radosgw, request: pytest.FixtureRequest) -> Target:
    found: Target = getattr(ceph, request.param)
    return found


@pytest.fixture(scope="module")
def running(place: Target) -> Iterator[Gateway]:
    with run_gateway(place, "radosgw") as one:
        yield one
    assert not faults(one.log)


@pytest.fixture(scope="module")
def clients(running: Gateway, cloud: Target) -> Iterator[Boto]:
    aws = Boto(running.url, dict(cloud.keys))
    yield aws
    aws.close()


@pytest.fixture(scope="module")
def store(clients: Boto) -> Any:
    return clients("s3")


@pytest.fixture
def bucket(store: Any) -> Iterator[str]:
    name = unique("ceph")
    store.create_bucket(Bucket=name)
    yield name
    remove_bucket(store, name)


def test_an_object_keeps_its_description(store: Any, bucket: str) -> None:
    told = {"ContentType": "text/plain", "CacheControl": "no-cache", "Metadata": {"foo_bar": "1", "long": "v" * 900}}
    store.put_object(Bucket=bucket, Key="a b/é+?&%2F", Body=b"hello", **told)
    read = store.get_object(Bucket=bucket, Key="a b/é+?&%2F")
    assert (read["Body"].read(), {name: read[name] for name in told}) == (b"hello", told)
    assert store.get_object(Bucket=bucket, Key="a b/é+?&%2F", Range="bytes=1-2")["Body"].read() == b"el"
    store.put_object_tagging(Bucket=bucket, Key="a b/é+?&%2F", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    assert store.get_object_tagging(Bucket=bucket, Key="a b/é+?&%2F")["TagSet"] == [{"Key": "k", "Value": "v"}]


def test_a_bucket_has_the_time_of_its_making(store: Any, bucket: str) -> None:
    (mine,) = [one for one in store.list_buckets()["Buckets"] if one["Name"] == bucket]
    assert mine["CreationDate"].year >= 2026


def test_among_the_gateways_clients_conditions_hold(store: Any, bucket: str) -> None:
    etag = store.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    with refused("PreconditionFailed", 412):
        store.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    store.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=etag)
    with refused("PreconditionFailed", 412):
        store.put_object(Bucket=bucket, Key="k", Body=b"4", IfMatch=etag)
    assert store.get_object(Bucket=bucket, Key="k")["Body"].read() == b"3"


def test_a_multipart_object_is_read_listed_copied_and_replaced(store: Any, bucket: str) -> None:
    bodies = [b"a" * PART, b"b" * PART, b"c" * 77]
    whole = hashlib.sha256(b"".join(bodies)).digest()
    upload = {"Bucket": bucket, "Key": "big"}
    upload["UploadId"] = store.create_multipart_upload(**upload, Metadata={"m": "1"})["UploadId"]
    parts = [
        {"PartNumber": number, "ETag": store.upload_part(**upload, PartNumber=number, Body=body)["ETag"]}
        for number, body in enumerate(bodies, 1)
    ]
    with refused("InvalidArgument", 400):
        store.upload_part(**upload, PartNumber=1001, Body=b"1")
    etag = store.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})["ETag"]
    read = store.get_object(Bucket=bucket, Key="big")
    assert (read["ETag"], read["Metadata"], read["ContentLength"]) == (etag, {"m": "1"}, 2 * PART + 77)
    assert hashlib.sha256(read["Body"].read()).digest() == whole
    assert store.get_object(Bucket=bucket, Key="big", PartNumber=3)["Body"].read() == bodies[2]
    (row,) = store.list_objects_v2(Bucket=bucket)["Contents"]
    assert (row["ETag"], row["Size"]) == (etag, 2 * PART + 77)
    store.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/big")
    assert hashlib.sha256(store.get_object(Bucket=bucket, Key="copy")["Body"].read()).digest() == whole
    store.put_object(Bucket=bucket, Key="big", Body=b"small")  # and its segments are deleted, else the bucket stays
    assert store.get_object(Bucket=bucket, Key="big")["Body"].read() == b"small"


def test_a_range_is_copied_into_a_part(store: Any, bucket: str) -> None:
    store.put_object(Bucket=bucket, Key="from", Body=b"0123456789")
    upload = {"Bucket": bucket, "Key": "to"}
    upload["UploadId"] = store.create_multipart_upload(**upload)["UploadId"]
    copied = store.upload_part_copy(**upload, PartNumber=1, CopySource=f"{bucket}/from", CopySourceRange="bytes=2-4")[
        "CopyPartResult"
    ]
    parts = [{"PartNumber": 1, "ETag": copied["ETag"]}]
    store.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert store.get_object(Bucket=bucket, Key="to")["Body"].read() == b"234"


def test_pages_of_a_listing(store: Any, bucket: str) -> None:
    names = ["a/1", "a/2", "b/1", "c", "d//e"]
    for name in names:
        store.put_object(Bucket=bucket, Key=name, Body=b"")
    pages = store.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2})
    assert [one["Key"] for page in pages for one in page["Contents"]] == names
    pages = store.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1}
    )
    assert [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", ())] == ["a/", "b/", "d/"]
    told = store.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": name} for name in names]})
    assert len(told["Deleted"]) == len(names)


def test_versions_and_object_lock_are_refused(store: Any, bucket: str) -> None:
    with refused("NotImplemented", 501):
        store.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert "Status" not in store.get_bucket_versioning(Bucket=bucket)
    name = unique("locked")
    with refused("NotImplemented", 501):
        store.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    with refused("404", 404):
        store.head_bucket(Bucket=name)


def test_projects_are_told_apart(store: Any, clients: Boto, bucket: str) -> None:
    store.put_object(Bucket=bucket, Key="k", Body=b"1")
    other = clients("s3", "alt")
    assert bucket not in [one["Name"] for one in other.list_buckets()["Buckets"]]
    with refused("AccessDenied", 403):
        other.get_object(Bucket=bucket, Key="k")


def test_what_is_missing_is_said_at_the_start(running: Gateway) -> None:
    deadline = time.monotonic() + 30  # it is asked beside the first requests
    while not (
        said := [one["message"] for one in running.lines(logger="shim.app") if "the object store" in one["message"]]
    ):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for name in ("versions of objects", "conditional writes", "conditional copies", "manifests"):
        assert any(one.startswith(f"the object store has no {name}") for one in said)
