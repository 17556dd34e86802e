"""Objects written through S3 are readable through Swift's own API, and the reverse."""

import json
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from openstack.connection import Connection

from tests.s3.multipart.test_multipart import MIB, complete, upload
from tests.support.names import unique


def test_what_s3_makes_swift_reads(s3: Any, bucket: str, openstack_main: Connection) -> None:
    s3.put_object(
        Bucket=bucket, Key="a/é", Body=b"body", ContentType="text/x", Metadata={"who": "me"}, CacheControl="no-cache"
    )
    store = openstack_main.object_store
    assert store.download_object("a/é", container=bucket) == b"body"
    answer = store.head(f"/{bucket}/a/é")
    assert answer.headers["Content-Type"] == "text/x"
    assert answer.headers["X-Object-Meta-Who"] == "me"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert bucket in {one.name for one in store.containers()}


def test_what_swift_makes_s3_reads(s3: Any, openstack_main: Connection) -> None:
    name, store = unique("native"), openstack_main.object_store
    store.create_container(name)
    store.put(f"/{name}/k", data=b"body", headers={"Content-Type": "text/y", "X-Object-Meta-Who": "swift"})
    got = s3.get_object(Bucket=name, Key="k")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"body", "text/y", {"who": "swift"})
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=name)["Contents"]] == ["k"]
    assert name in {one["Name"] for one in s3.list_buckets()["Buckets"]}
    s3.delete_object(Bucket=name, Key="k")
    s3.delete_bucket(Bucket=name)
    assert name not in {one.name for one in store.containers()}


def test_large_objects_of_swift(s3: Any, openstack_main: Connection, bucket: str) -> None:
    store = openstack_main.object_store
    elsewhere = unique("segments")
    store.create_container(elsewhere)
    for number in (1, 2):
        store.put(f"/{elsewhere}/k/{number}", data=bytes([number]) * 100)
    manifest = [{"path": f"/{elsewhere}/k/{number}"} for number in (1, 2)]
    store.put(f"/{bucket}/static?multipart-manifest=put", data=json.dumps(manifest))
    store.put(f"/{bucket}/dynamic", data=b"", headers={"X-Object-Manifest": f"{elsewhere}/k/"})
    body = b"\x01" * 100 + b"\x02" * 100
    for key in ("static", "dynamic"):
        got = s3.get_object(Bucket=bucket, Key=key)
        assert (got["Body"].read(), got["ContentLength"]) == (body, 200)
        assert got["ETag"].endswith('-N"')
    rows = {row["Key"]: row for row in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert (rows["static"]["Size"], rows["static"]["ETag"]) == (
        200,
        s3.head_object(Bucket=bucket, Key="static")["ETag"],
    )
    assert s3.get_object(Bucket=bucket, Key="static", PartNumber=2)["Body"].read() == b"\x02" * 100
    # The gateway does not delete segments that other clients stored in other containers.
    s3.put_object(Bucket=bucket, Key="static", Body=b"x")
    s3.delete_object(Bucket=bucket, Key="dynamic")
    assert [one.name for one in store.objects(elsewhere)] == ["k/1", "k/2"]
    for number in (1, 2):
        store.delete(f"/{elsewhere}/k/{number}")
    store.delete_container(elsewhere)


@pytest.mark.parametrize("change", ["delete_object", "delete_objects", "put_object", "copy_object"])
def test_what_a_link_leads_to_survives_the_link(s3: Any, bucket: str, openstack_main: Connection, change: str) -> None:
    upload_id, parts, whole = upload(s3, bucket, "k", (5 * MIB, 1))
    complete(s3, bucket, "k", upload_id, parts)
    s3.put_object(Bucket=bucket, Key="small", Body=b"x")
    openstack_main.object_store.put(f"/{bucket}/link", data=b"", headers={"X-Symlink-Target": f"{bucket}/k"})
    assert s3.get_object(Bucket=bucket, Key="link")["Body"].read() == whole
    told: dict[str, dict[str, Any]] = {
        "delete_object": {"Key": "link"},
        "delete_objects": {"Delete": {"Objects": [{"Key": "link"}, {"Key": "missing"}]}},
        "put_object": {"Key": "link", "Body": b"x"},
        "copy_object": {"Key": "link", "CopySource": f"{bucket}/small"},
    }
    getattr(s3, change)(Bucket=bucket, **told[change])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == whole
    if not change.startswith("delete"):
        assert s3.get_object(Bucket=bucket, Key="link")["Body"].read() == b"x"


def test_a_multipart_object_survives_new_metadata(s3: Any, bucket: str, openstack_main: Connection) -> None:
    upload_id, parts, whole = upload(s3, bucket, "k", (5 * MIB, 1))
    etag = complete(s3, bucket, "k", upload_id, parts)["ETag"]
    openstack_main.object_store.post(f"/{bucket}/k", headers={"X-Object-Meta-New": "1"})
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ETag"], head["ContentLength"], head["Metadata"]) == (etag, len(whole), {"new": "1"})


@pytest.mark.parametrize("key", ["k", "dir/é"])
def test_uploads_have_the_layout_of_swifts_own_face(s3: Any, bucket: str, openstack_main: Connection, key: str) -> None:
    upload_id, _, _ = upload(s3, bucket, key, (3, 4), ContentType="text/z")
    listed = openstack_main.object_store.get(f"/{bucket}+segments?format=json").json()
    assert {row["name"]: row["bytes"] for row in listed} == {
        f"{key}/{upload_id}": 0,
        f"{key}/{upload_id}/1": 3,
        f"{key}/{upload_id}/2": 4,
    }
    assert openstack_main.object_store.head(f"/{bucket}+segments/{key}/{upload_id}").headers["Content-Type"] == "text/z"


def test_metadata_names_of_swifts_own_face(s3: Any, bucket: str, openstack_main: Connection) -> None:
    """Swift's S3 API writes an underscore in a form that HTTP does not allow."""
    headers = {"X-Object-Meta-A=5Fb=5Fc": "1", "X-Object-Meta-Plain": "a=5Fb"}
    openstack_main.object_store.put(f"/{bucket}/k", data=b"body", headers=headers)
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"a_b_c": "1", "plain": "a=5Fb"}
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"body"


def test_multipart_objects_of_swifts_own_face(s3: Any, bucket: str, cloud: Any, openstack_main: Connection) -> None:
    """Objects of Swift's S3 API keep their ETags, and open uploads of either can be completed through the other."""
    endpoint = urlsplit(str(openstack_main.object_store.get_endpoint()))
    root = f"{endpoint.scheme}://{endpoint.netloc}"
    if "s3api" not in openstack_main.session.get(f"{root}/info", authenticated=False).json():
        pytest.skip("this Swift has no S3 middleware")
    keys = cloud.keys["main"]
    s3api = boto3.Session(aws_access_key_id=keys.access, aws_secret_access_key=keys.secret).client(
        "s3", endpoint_url=root, region_name="us-east-1", config=Config(request_checksum_calculation="when_required")
    )
    try:
        upload_id, parts, whole = upload(s3api, bucket, "theirs", (5 * MIB, 1), Metadata={"who": "me"})
        etag = complete(s3api, bucket, "theirs", upload_id, parts)["ETag"]
        got = s3.get_object(Bucket=bucket, Key="theirs", IfMatch=etag)
        assert (got["Body"].read(), got["ETag"], got["Metadata"]) == (whole, etag, {"who": "me"})
        assert s3.head_object(Bucket=bucket, Key="theirs", PartNumber=2)["PartsCount"] == 2
        assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["ETag"] == etag
        about = s3.get_object_attributes(Bucket=bucket, Key="theirs", ObjectAttributes=["ETag", "ObjectParts"])
        assert (f'"{about["ETag"]}"', about["ObjectParts"]["TotalPartsCount"]) == (etag, 2)
        s3.delete_object(Bucket=bucket, Key="theirs")
        upload_id, parts, whole = upload(s3api, bucket, "begun", (5 * MIB, 1))
        complete(s3, bucket, "begun", upload_id, parts)
        assert s3api.get_object(Bucket=bucket, Key="begun")["Body"].read() == whole
        upload_id, parts, whole = upload(s3, bucket, "ours", (5 * MIB, 1), ContentType="a/b")
        complete(s3api, bucket, "ours", upload_id, parts)
        got = s3.get_object(Bucket=bucket, Key="ours")
        assert (got["Body"].read(), got["ContentType"]) == (whole, "a/b")
    finally:
        s3api.close()
