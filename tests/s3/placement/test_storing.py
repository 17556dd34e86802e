"""Objects of a mapped class lie under its storage policy in Swift, and S3 shows them as it shows all others."""

import hashlib
from typing import Any

import pytest
import requests
from openstack.connection import Connection

from tests.s3.client_errors import refused
from tests.s3.multipart.test_multipart import complete, upload
from tests.s3.objects.test_storage_classes import asks
from tests.support.gateway import Gateway

LONG = bytes(range(256)) * (3 << 12)  # 3 MiB, which is streamed


def md5(body: bytes) -> str:
    return f'"{hashlib.md5(body).hexdigest()}"'  # noqa: S324 - what an ETag is


def below(connection: Connection, bucket: str) -> dict[str, list[str]]:
    """Return the objects in each container of the bucket's segments, from Swift."""
    rows = connection.object_store.get("/", params={"prefix": f"{bucket}+segments", "format": "json"}).json()
    listing = connection.object_store.objects
    return {row["name"].removeprefix(bucket): [one.name for one in listing(row["name"])] for row in rows}


def cold(connection: Connection, bucket: str) -> list[str]:
    """Return the segments under the policy `cold`, which Swift says that their container has."""
    head = connection.object_store.head(f"/{bucket}+segments+cold")
    assert head.headers["X-Storage-Policy"] == "cold"
    assert connection.object_store.head(f"/{bucket}").headers["X-Storage-Policy"] == "standard"
    return below(connection, bucket)["+segments+cold"]


@pytest.mark.parametrize("body", [b"some bytes", LONG], ids=["small", "streamed"])
def test_what_is_put_lies_under_the_policy(
    mapped: Any, s3: Any, bucket: str, openstack_main: Connection, body: bytes
) -> None:
    told = {"ContentType": "text/x", "Metadata": {"m": "1"}}
    put = mapped.put_object(Bucket=bucket, Key="a/k", Body=body, StorageClass="STANDARD_IA", **told)
    assert put["ETag"] == md5(body)
    [segment] = cold(openstack_main, bucket)
    assert segment.startswith("a/k/u")
    native = openstack_main.object_store.get(f"/{bucket}/a/k")
    assert (native.content, native.headers["X-Static-Large-Object"]) == (body, "True")
    for client in (mapped, s3):  # a gateway without the setting reads it too
        got = client.get_object(Bucket=bucket, Key="a/k")
        assert got["Body"].read() == body
        for answer in (got, client.head_object(Bucket=bucket, Key="a/k")):
            assert (answer["ETag"], answer["ContentLength"]) == (md5(body), len(body))
            assert (answer["StorageClass"], {name: answer[name] for name in told}) == ("STANDARD_IA", told)
        first = client.get_object(Bucket=bucket, Key="a/k", PartNumber=1)
        assert (first["Body"].read(), first["ContentRange"]) == (body, f"bytes 0-{len(body) - 1}/{len(body)}")
        assert "PartsCount" not in first
        assert "PartsCount" not in client.head_object(Bucket=bucket, Key="a/k", PartNumber=1)
        some = client.get_object(Bucket=bucket, Key="a/k", Range="bytes=2-5", IfMatch=put["ETag"])
        assert (some["Body"].read(), some["ContentRange"]) == (body[2:6], f"bytes 2-5/{len(body)}")
    with refused("InvalidPartNumber", 416):
        mapped.get_object(Bucket=bucket, Key="a/k", PartNumber=2)
    [row] = mapped.list_objects_v2(Bucket=bucket)["Contents"]
    assert (row["ETag"], row["Size"], row["StorageClass"]) == (md5(body), len(body), "STANDARD_IA")
    about = mapped.get_object_attributes(Bucket=bucket, Key="a/k", ObjectAttributes=["ETag", "ObjectParts"])
    assert (about["ETag"], "ObjectParts" in about) == (put["ETag"].strip('"'), False)


def test_what_is_replaced_or_deleted_leaves_no_segment(
    mapped: Any, s3: Any, bucket: str, openstack_main: Connection
) -> None:
    for key in ("a", "b", "c", "d", "e"):
        mapped.put_object(Bucket=bucket, Key=key, Body=b"1", StorageClass="STANDARD_IA")
    assert len(cold(openstack_main, bucket)) == 5
    mapped.put_object(Bucket=bucket, Key="a", Body=b"2", StorageClass="STANDARD_IA")
    mapped.put_object(Bucket=bucket, Key="b", Body=b"2")
    s3.put_object(Bucket=bucket, Key="c", Body=b"2", StorageClass="STANDARD_IA")  # a label there
    s3.delete_object(Bucket=bucket, Key="d")
    assert [name[:2] for name in cold(openstack_main, bucket)] == ["a/", "e/"]
    gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in "abcde"]})
    assert (len(gone["Deleted"]), cold(openstack_main, bucket)) == (5, [])
    with refused("NoSuchKey", 404):
        mapped.put_object(Bucket=bucket, Key="k", Body=b"3", StorageClass="STANDARD_IA", IfMatch='"0"')
    mapped.put_object(Bucket=bucket, Key="k", Body=LONG, StorageClass="STANDARD_IA", IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        mapped.put_object(Bucket=bucket, Key="k", Body=LONG, StorageClass="STANDARD_IA", IfNoneMatch="*")
    assert len(cold(openstack_main, bucket)) == 1
    mapped.put_object(Bucket=bucket, Key="k", Body=b"", StorageClass="STANDARD_IA", IfMatch=md5(LONG))
    head = mapped.head_object(Bucket=bucket, Key="k")
    assert (head["StorageClass"], head["ETag"], head["ContentLength"]) == ("STANDARD_IA", md5(b""), 0)
    assert cold(openstack_main, bucket) == []


def test_the_containers_go_with_the_bucket(mapped: Any, s3: Any, bucket: str, openstack_main: Connection) -> None:
    mapped.put_object(Bucket=bucket, Key="k", Body=b"1", StorageClass="GLACIER")
    mapped.create_multipart_upload(Bucket=bucket, Key="left", StorageClass="GLACIER")
    assert set(below(openstack_main, bucket)) == {"+segments", "+segments+cold"}
    assert [one["Name"] for one in s3.list_buckets(Prefix=bucket)["Buckets"]] == [bucket]
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    assert below(openstack_main, bucket) == {}
    mapped.create_bucket(Bucket=bucket)
    # The gateway may still remember the containers of the bucket that is gone.
    for body in (b"1", LONG):
        mapped.put_object(Bucket=bucket, Key="k", Body=body, StorageClass="GLACIER")
        assert len(cold(openstack_main, bucket)) == 1


def test_copies(mapped: Any, bucket: str, openstack_main: Connection) -> None:
    source = {"Bucket": bucket, "Key": "k"}
    mapped.put_object(**source, Body=LONG, Metadata={"m": "1"}, Tagging="a=b")
    copied = mapped.copy_object(**source, CopySource=source, StorageClass="STANDARD_IA")  # as `aws s3 cp` does it
    assert copied["CopyObjectResult"]["ETag"] == md5(LONG)
    [first] = cold(openstack_main, bucket)
    head = mapped.head_object(**source)
    assert (head["StorageClass"], head["ETag"], head["Metadata"]) == ("STANDARD_IA", md5(LONG), {"m": "1"})
    assert mapped.get_object_tagging(**source)["TagSet"] == [{"Key": "a", "Value": "b"}]
    mapped.copy_object(Bucket=bucket, Key="copy", CopySource=source, StorageClass="GLACIER")
    assert sorted(name.split("/")[0] for name in cold(openstack_main, bucket)) == ["copy", "k"]
    assert mapped.get_object(Bucket=bucket, Key="copy", IfMatch=md5(LONG))["Body"].read() == LONG
    mapped.copy_object(**source, CopySource=source, StorageClass="STANDARD")
    assert first not in cold(openstack_main, bucket)
    head = mapped.head_object(**source)
    assert (head.get("StorageClass"), head["ETag"]) == (None, md5(LONG))
    assert "X-Static-Large-Object" not in openstack_main.object_store.head(f"/{bucket}/k").headers


def test_uploads_in_parts(mapped: Any, s3: Any, bucket: str, openstack_main: Connection) -> None:
    sizes = (5 << 20, 3)
    upload_id, parts, whole = upload(mapped, bucket, "k", sizes, StorageClass="STANDARD_IA", ChecksumAlgorithm="CRC32")
    assert [one["StorageClass"] for one in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["STANDARD_IA"]
    assert [one["Size"] for one in s3.list_parts(Bucket=bucket, Key="k", UploadId=upload_id)["Parts"]] == list(sizes)
    assert sorted(name[-2:] for name in cold(openstack_main, bucket)) == ["/1", "/2"]
    # A gateway without the setting finds the place of the parts as well.
    s3.upload_part(Bucket=bucket, Key="k", UploadId=upload_id, PartNumber=3, Body=LONG, ChecksumAlgorithm="CRC32")
    assert len(cold(openstack_main, bucket)) == 3
    named = [
        {**one, "ChecksumCRC32": part["ChecksumCRC32"]}
        for one, part in zip(parts, s3.list_parts(Bucket=bucket, Key="k", UploadId=upload_id)["Parts"], strict=False)
    ]
    etag = complete(mapped, bucket, "k", upload_id, named)["ETag"]
    assert etag.endswith('-2"')
    assert len(cold(openstack_main, bucket)) == 2  # what did not become a segment is gone
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["ETag"], got["StorageClass"]) == (whole, etag, "STANDARD_IA")
    second = s3.get_object(Bucket=bucket, Key="k", PartNumber=2, ChecksumMode="ENABLED")
    assert (second["PartsCount"], second["ChecksumCRC32"]) == (2, named[1]["ChecksumCRC32"])
    about = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts"])["ObjectParts"]
    assert [one["Size"] for one in about["Parts"]] == list(sizes)
    again, _, _ = upload(mapped, bucket, "other", (3,), StorageClass="STANDARD_IA")
    s3.abort_multipart_upload(Bucket=bucket, Key="other", UploadId=again)
    assert len(cold(openstack_main, bucket)) == 2
    mapped.delete_object(Bucket=bucket, Key="k")
    assert cold(openstack_main, bucket) == below(openstack_main, bucket)["+segments"] == []


def test_versions(mapped: Any, bucket: str, openstack_main: Connection) -> None:
    mapped.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    storage = {"Bucket": bucket, "Key": "k", "StorageClass": "STANDARD_IA"}
    first, second = (mapped.put_object(**storage, Body=body)["VersionId"] for body in (b"one", b"two"))
    assert mapped.get_object(Bucket=bucket, Key="k", VersionId=first)["Body"].read() == b"one"
    rows = mapped.list_object_versions(Bucket=bucket)["Versions"]
    assert [(row["VersionId"], row["ETag"], row["StorageClass"]) for row in rows] == [
        (second, md5(b"two"), "STANDARD_IA"),
        (first, md5(b"one"), "STANDARD_IA"),
    ]
    mapped.delete_object(Bucket=bucket, Key="k")
    assert len(cold(openstack_main, bucket)) == 2
    mapped.delete_object(Bucket=bucket, Key="k", VersionId=first)
    assert len(cold(openstack_main, bucket)) == 1
    mapped.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    for body in (b"three", b"four"):  # the second replaces the first
        mapped.put_object(**storage, Body=body)
        assert len(cold(openstack_main, bucket)) == 2
    assert mapped.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"four"


@pytest.mark.parametrize("body", [b"some bytes", LONG], ids=["small", "streamed"])
def test_encryption_by_customers(mapped: Any, bucket: str, openstack_main: Connection, body: bytes) -> None:
    key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}
    put = mapped.put_object(Bucket=bucket, Key="k", Body=body, StorageClass="STANDARD_IA", **key)
    got = mapped.get_object(Bucket=bucket, Key="k", IfMatch=put["ETag"], **key)
    assert (got["Body"].read(), got["ETag"], got["StorageClass"]) == (body, put["ETag"], "STANDARD_IA")
    some = mapped.get_object(Bucket=bucket, Key="k", Range="bytes=-4", **key)
    assert some["Body"].read() == body[-4:]
    first = mapped.get_object(Bucket=bucket, Key="k", PartNumber=1, **key)
    assert (first["Body"].read(), "PartsCount" in first) == (body, False)
    [segment] = cold(openstack_main, bucket)
    assert body[:10] not in openstack_main.object_store.get(f"/{bucket}+segments+cold/{segment}").content
    upload_id, parts, whole = upload_encrypted(mapped, bucket, key)
    complete(mapped, bucket, "parts", upload_id, parts, **key)
    assert mapped.get_object(Bucket=bucket, Key="parts", **key)["Body"].read() == whole


def upload_encrypted(s3: Any, bucket: str, key: dict[str, Any]) -> tuple[str, list[Any], bytes]:
    began = s3.create_multipart_upload(Bucket=bucket, Key="parts", StorageClass="STANDARD_IA", **key)
    asked = {"Bucket": bucket, "Key": "parts", "UploadId": began["UploadId"], "PartNumber": 1}
    put = s3.upload_part(**asked, Body=b"part", **key)
    return began["UploadId"], [{"PartNumber": 1, "ETag": put["ETag"]}], b"part"


def test_browser_forms(mapped: Any, bucket: str, openstack_main: Connection) -> None:
    fields = {"x-amz-storage-class": "STANDARD_IA"}
    for body in (b"small", LONG):
        form = mapped.generate_presigned_post(bucket, "k", Fields=dict(fields), Conditions=[fields])
        answer = requests.post(form["url"], data=form["fields"], files={"file": body}, timeout=60)
        assert answer.status_code == 204
        assert (mapped.get_object(Bucket=bucket, Key="k")["Body"].read(), answer.headers["ETag"]) == (body, md5(body))
        assert len(cold(openstack_main, bucket)) == 1


def test_a_policy_that_swift_lacks(mapped: Any, running: Gateway, bucket: str, openstack_main: Connection) -> None:
    mapped.put_object(Bucket=bucket, Key="source", Body=b"1")
    for ask in asks(mapped, bucket, StorageClass="ONEZONE_IA"):
        with refused("InvalidStorageClass", 400):
            ask()
    assert below(openstack_main, bucket) == {}
    [said] = [line["message"] for line in running.lines(level="warning") if "policy" in line["message"]]
    assert said == "the object store has no storage policy 'nowhere': storage classes that it is mapped to are refused"
