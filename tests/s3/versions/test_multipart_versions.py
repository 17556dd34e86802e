"""Versions made of parts: their segments stay as long as a version refers to them, and go with the last one."""

from typing import Any

import pytest
from openstack.connection import Connection

from shim.s3.multipart.complete import multipart_etag
from tests.s3.client_errors import refused
from tests.s3.versions.history import enable, put, read, suspend, versions


def upload(s3: Any, bucket: str, key: str, body: bytes) -> dict[str, Any]:
    """Store an object as an upload of one part, and return the answer to its completion."""
    where = {"Bucket": bucket, "Key": key, "UploadId": s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]}
    etag = s3.upload_part(**where, PartNumber=1, Body=body)["ETag"]
    done: dict[str, Any] = s3.complete_multipart_upload(
        **where, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}
    )
    return done


def segments(native: Connection, bucket: str) -> int:
    """Return how many segments Swift holds for the bucket."""
    return len(native.object_store.get(f"/{bucket}+segments?format=json").json())


def test_replaced_and_deleted(s3: Any, openstack_main: Connection, bucket: str) -> None:
    enable(s3, bucket)
    ids = [upload(s3, bucket, "k", body)["VersionId"] for body in (b"1", b"1", b"2")]
    put(s3, bucket, "k", b"plain")
    s3.delete_object(Bucket=bucket, Key="k")
    assert segments(openstack_main, bucket) == 3
    for version, body in zip(ids, (b"1", b"1", b"2"), strict=True):
        assert read(s3, bucket, "k", version) == body
        head = s3.head_object(Bucket=bucket, Key="k", VersionId=version, PartNumber=1)
        assert (head["PartsCount"], head["VersionId"]) == (1, version)
        assert head["ETag"].endswith('-1"')
    for left, version in ((2, ids[0]), (1, ids[2]), (0, ids[1])):
        s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
        assert segments(openstack_main, bucket) == left
        assert len(versions(s3, bucket)) == left + 1


def test_an_object_from_before_versioning_keeps_its_segments(s3: Any, openstack_main: Connection, bucket: str) -> None:
    """Swift copies its manifest when the object is replaced, and the gateway must not take it for gone."""
    for key in ("replaced", "deleted", "copied", "completed"):
        upload(s3, bucket, key, b"before")
    enable(s3, bucket)
    put(s3, bucket, "replaced", b"new")
    s3.delete_object(Bucket=bucket, Key="deleted")
    s3.copy_object(Bucket=bucket, Key="copied", CopySource={"Bucket": bucket, "Key": "replaced"})
    upload(s3, bucket, "completed", b"new")
    for key in ("replaced", "deleted", "copied", "completed"):
        assert read(s3, bucket, key, "null") == b"before"
    assert segments(openstack_main, bucket) == 5
    for key in ("replaced", "deleted", "copied", "completed"):
        s3.delete_object(Bucket=bucket, Key=key, VersionId="null")
    assert segments(openstack_main, bucket) == 1
    assert read(s3, bucket, "completed") == b"new"


def test_a_bucket_whose_versions_another_gateway_has_just_enabled(
    s3: Any, openstack_main: Connection, bucket: str
) -> None:
    """Nothing that this gateway remembers of the bucket may decide about segments."""
    for key in ("replaced", "deleted", "many"):
        upload(s3, bucket, key, b"before")
    s3.put_object(Bucket=bucket, Key="other", Body=b"")  # now the gateway remembers a bucket without versions
    openstack_main.object_store.post(f"/{bucket}", headers={"X-Versions-Enabled": "true"})
    put(s3, bucket, "replaced", b"new")
    s3.delete_object(Bucket=bucket, Key="deleted")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "many"}]})
    assert segments(openstack_main, bucket) == 3
    rows = openstack_main.object_store.get(f"/{bucket}?versions&format=json").json()
    for row in rows:
        if "slo_etag" in row:
            assert read(s3, bucket, row["name"], row["version_id"]) == b"before"


def test_the_null_version_goes_with_its_segments(s3: Any, openstack_main: Connection, bucket: str) -> None:
    upload(s3, bucket, "k", b"before")
    enable(s3, bucket)
    version = upload(s3, bucket, "k", b"1")["VersionId"]
    suspend(s3, bucket)
    assert "VersionId" not in upload(s3, bucket, "k", b"2")
    assert versions(s3, bucket) == [("k", "null", True), ("k", version, False)]
    assert segments(openstack_main, bucket) == 2
    assert read(s3, bucket, "k", "null") == b"2"
    put(s3, bucket, "k", b"3")
    assert segments(openstack_main, bucket) == 1
    upload(s3, bucket, "k", b"4")
    s3.delete_object(Bucket=bucket, Key="k")
    assert segments(openstack_main, bucket) == 1
    assert read(s3, bucket, "k", version) == b"1"


def test_a_manifest_that_two_versions_share(s3: Any, openstack_main: Connection, bucket: str) -> None:
    """Swift's own API copies manifests, and so does Swift for an object that it makes a version and cannot replace."""
    enable(s3, bucket)
    first = upload(s3, bucket, "k", b"1")["VersionId"]
    native = openstack_main.object_store.put(
        f"/{bucket}/k?multipart-manifest=get", headers={"X-Copy-From": f"/{bucket}/k"}, data=b""
    )
    second = native.headers["X-Object-Version-Id"]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=first)
    assert read(s3, bucket, "k", second) == b"1"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=second)
    assert segments(openstack_main, bucket) == 0


def interrupted(native: Connection, where: dict[str, str], etag: str) -> str:
    """Do what a completion does until the object is written, and return the version's id."""
    segment = f"/{where['Bucket']}+segments/{where['Key']}/{where['UploadId']}/1"
    headers = {
        "Content-Type": f"binary/octet-stream; s3_etag={multipart_etag([etag.strip(chr(34))])}",
        "X-Object-Meta-Passerelle-Upload": where["UploadId"],
    }
    written = native.object_store.put(
        f"/{where['Bucket']}/{where['Key']}?multipart-manifest=put", json=[{"path": segment}], headers=headers
    )
    return str(written.headers["X-Object-Version-Id"])


@pytest.mark.parametrize("ending", ["complete", "abort"])
def test_a_completion_that_was_killed_before_it_closed_the_upload(
    s3: Any, openstack_main: Connection, bucket: str, ending: str
) -> None:
    """Its version keeps the parts, though another version is current now."""
    enable(s3, bucket)
    where = {"Bucket": bucket, "Key": "k", "UploadId": s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]}
    etag = s3.upload_part(**where, PartNumber=1, Body=b"1")["ETag"]
    version = interrupted(openstack_main, where, etag)
    put(s3, bucket, "k", b"later")
    if ending == "complete":
        done = s3.complete_multipart_upload(**where, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        assert done["VersionId"] == version
    else:
        s3.abort_multipart_upload(**where)
    assert len(versions(s3, bucket)) == 2
    assert read(s3, bucket, "k", version) == b"1"
    with refused("NoSuchUpload", 404):
        s3.list_parts(**where)


def test_a_refused_completion_leaves_no_version(s3: Any, bucket: str) -> None:
    enable(s3, bucket)
    put(s3, bucket, "k", b"there")
    where = {"Bucket": bucket, "Key": "k", "UploadId": s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]}
    etag = s3.upload_part(**where, PartNumber=1, Body=b"1")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    with refused("PreconditionFailed", 412):
        s3.complete_multipart_upload(**where, MultipartUpload=parts, IfNoneMatch="*")
    assert len(versions(s3, bucket)) == 1
    s3.delete_object(Bucket=bucket, Key="k")
    done = s3.complete_multipart_upload(**where, MultipartUpload=parts, IfNoneMatch="*")
    assert read(s3, bucket, "k", done["VersionId"]) == b"1"
