"""Versions of objects: written, read, copied and deleted by their ids, in both views."""

from typing import Any

import pytest
from openstack.connection import Connection

from tests.s3.client_errors import refused
from tests.s3.versions.history import enable, markers, put, read, suspend, versions

NEVER = "1000000000.00000"  # an id that no version has


def test_the_status_is_what_was_put(s3: Any, openstack_main: Connection, bucket: str) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    for status in ("Enabled", "Suspended", "Enabled"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == status
    native = openstack_main.object_store.get(f"/{bucket}")
    assert native.headers["X-Versions-Enabled"] == "True"


def test_what_versioning_cannot_be(s3: Any, bucket: str) -> None:
    with refused("NotImplemented", 501):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled", "MFADelete": "Enabled"})
    with refused("IllegalVersioningConfigurationException", 400):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={})
    with refused("NoSuchBucket", 404):
        enable(s3, f"{bucket}-not")
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)


def test_each_write_is_a_version(s3: Any, openstack_main: Connection, bucket: str) -> None:
    enable(s3, bucket)
    ids = [put(s3, bucket, "k", body) for body in (b"1", b"22", b"333")]
    assert len(set(ids)) == 3
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == ids[2]
    assert s3.head_object(Bucket=bucket, Key="k")["VersionId"] == ids[2]
    for version, body in zip(ids, (b"1", b"22", b"333"), strict=True):
        assert read(s3, bucket, "k", version) == body
        head = s3.head_object(Bucket=bucket, Key="k", VersionId=version)
        assert (head["ContentLength"], head["VersionId"]) == (len(body), version)
        attributes = s3.get_object_attributes(
            Bucket=bucket, Key="k", VersionId=version, ObjectAttributes=["ObjectSize", "ETag"]
        )
        assert (attributes["ObjectSize"], attributes["VersionId"]) == (len(body), version)
        s3.get_object_acl(Bucket=bucket, Key="k", VersionId=version)
        native = openstack_main.object_store.get(f"/{bucket}/k?version-id={version}")
        assert native.content == body
    assert versions(s3, bucket) == [("k", ids[2], True), ("k", ids[1], False), ("k", ids[0], False)]
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=ids[1], Range="bytes=1-")["Body"].read() == b"2"


def test_what_swift_writes_is_a_version(s3: Any, openstack_main: Connection, bucket: str) -> None:
    enable(s3, bucket)
    first = put(s3, bucket, "k", b"s3")
    native = openstack_main.object_store.put(f"/{bucket}/k", data=b"swift")
    second = native.headers["X-Object-Version-Id"]
    openstack_main.object_store.delete(f"/{bucket}/k")
    assert versions(s3, bucket) == [("k", second, False), ("k", first, False)]
    assert [(key, latest) for key, _, latest in markers(s3, bucket)] == [("k", True)]
    assert read(s3, bucket, "k", second) == b"swift"


def test_a_delete_marker(s3: Any, bucket: str) -> None:
    enable(s3, bucket)
    version = put(s3, bucket, "k", b"x")
    answer = s3.delete_object(Bucket=bucket, Key="k")
    marker = answer["VersionId"]
    assert answer["DeleteMarker"] is True
    for read_it in (s3.get_object, s3.head_object):
        with pytest.raises(s3.exceptions.ClientError) as caught:
            read_it(Bucket=bucket, Key="k")
        headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
        assert (headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == ("true", marker)
        with pytest.raises(s3.exceptions.ClientError) as caught:
            read_it(Bucket=bucket, Key="k", VersionId=marker)
        headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 405
        assert (headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == ("true", marker)
        assert headers["allow"] == "DELETE"
        assert headers["last-modified"]
    with refused("MethodNotAllowed", 405):
        s3.get_object_acl(Bucket=bucket, Key="k", VersionId=marker)
    with refused("NoSuchKey", 404):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})
    with refused("InvalidRequest", 400):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k", "VersionId": marker})
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert markers(s3, bucket) == [("k", marker, True)]
    assert versions(s3, bucket) == [("k", version, False)]
    answer = s3.delete_object(Bucket=bucket, Key="k", VersionId=marker)
    assert (answer["VersionId"], answer["DeleteMarker"]) == (marker, True)
    assert read(s3, bucket, "k") == b"x"
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_a_deletion_of_what_is_absent_makes_a_marker(s3: Any, bucket: str) -> None:
    enable(s3, bucket)
    made = [s3.delete_object(Bucket=bucket, Key="k")["VersionId"] for _ in range(2)]
    assert markers(s3, bucket) == [("k", made[1], True), ("k", made[0], False)]


def test_a_deleted_version_is_gone_and_the_next_is_current(s3: Any, openstack_main: Connection, bucket: str) -> None:
    enable(s3, bucket)
    ids = [put(s3, bucket, "k", body) for body in (b"1", b"2", b"3", b"4")]
    answer = s3.delete_object(Bucket=bucket, Key="k", VersionId=ids[1])
    assert answer["VersionId"] == ids[1]
    assert "DeleteMarker" not in answer
    assert read(s3, bucket, "k") == b"4"
    with refused("NoSuchVersion", 404):
        s3.get_object(Bucket=bucket, Key="k", VersionId=ids[1])
    s3.delete_object(Bucket=bucket, Key="k", VersionId=ids[3])
    assert read(s3, bucket, "k") == b"3"
    assert openstack_main.object_store.get(f"/{bucket}/k").content == b"3"
    assert versions(s3, bucket) == [("k", ids[2], True), ("k", ids[0], False)]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=ids[3])  # a repetition succeeds
    for version in (ids[2], ids[0]):
        s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    assert versions(s3, bucket) == markers(s3, bucket) == []
    with refused("NoSuchKey", 404):
        s3.get_object(Bucket=bucket, Key="k")


def test_a_version_below_a_marker_stays_below(s3: Any, bucket: str) -> None:
    enable(s3, bucket)
    ids = [put(s3, bucket, "k", body) for body in (b"1", b"2")]
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_object(Bucket=bucket, Key="k", VersionId=ids[1])
    with refused("NoSuchKey", 404):
        s3.get_object(Bucket=bucket, Key="k")
    assert versions(s3, bucket) == [("k", ids[0], False)]


@pytest.mark.parametrize(
    ("version", "code", "status"),
    [("", "InvalidArgument", 400), ("other", "InvalidArgument", 400), (NEVER, "NoSuchVersion", 404)],
)
@pytest.mark.parametrize("versioned", [False, True])
def test_ids_of_nothing(s3: Any, bucket: str, version: str, code: str, status: int, versioned: bool) -> None:
    """An empty id must never mean the current version: a deletion would delete it."""
    if versioned:
        enable(s3, bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    asked = {"Bucket": bucket, "Key": "k", "VersionId": version}
    with refused(code, status):
        s3.get_object(**asked)
    with refused(str(status), status):
        s3.head_object(**asked)
    with refused(code, status):
        s3.get_object_acl(**asked)
    with refused(code, status):
        s3.get_object_attributes(**asked, ObjectAttributes=["ETag"])
    if version:
        with refused(code, status):
            s3.copy_object(Bucket=bucket, Key="k2", CopySource=f"{bucket}/k?versionId={version}")
    if status == 400:
        with refused(code, status):
            s3.delete_object(**asked)
    else:
        s3.delete_object(**asked)
    assert read(s3, bucket, "k") == b"x"
    assert len(versions(s3, bucket)) == 1
    assert markers(s3, bucket) == []


def test_copies_of_versions(s3: Any, bucket: str) -> None:
    enable(s3, bucket)
    ids = [put(s3, bucket, "k", body) for body in (b"1", b"2")]
    source = {"Bucket": bucket, "Key": "k"}
    answer = s3.copy_object(Bucket=bucket, Key="k", CopySource={**source, "VersionId": ids[0]})
    assert answer["CopySourceVersionId"] == ids[0]
    assert answer["VersionId"] not in ids
    assert read(s3, bucket, "k") == b"1"
    answer = s3.copy_object(Bucket=bucket, Key="other", CopySource={**source, "VersionId": ids[1]})
    assert read(s3, bucket, "other") == b"2"
    assert s3.copy_object(Bucket=bucket, Key="third", CopySource=source)["CopySourceVersionId"] not in ids
    upload = s3.create_multipart_upload(Bucket=bucket, Key="big")["UploadId"]
    part = s3.upload_part_copy(
        Bucket=bucket, Key="big", UploadId=upload, PartNumber=1, CopySource={**source, "VersionId": ids[1]}
    )
    assert part["CopySourceVersionId"] == ids[1]
    parts = [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]
    s3.complete_multipart_upload(Bucket=bucket, Key="big", UploadId=upload, MultipartUpload={"Parts": parts})
    assert read(s3, bucket, "big") == b"2"


def test_many_deletions(s3: Any, bucket: str) -> None:
    enable(s3, bucket)
    ids = [put(s3, bucket, "k", body) for body in (b"1", b"2")]
    marker = s3.delete_object(Bucket=bucket, Key="gone")["VersionId"]
    wanted: list[dict[str, str]] = [
        {"Key": "k"},
        {"Key": "k", "VersionId": ids[0]},
        {"Key": "gone", "VersionId": marker},
        {"Key": "k", "VersionId": "other"},
        {"Key": "new"},
    ]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": wanted})
    assert [(one["Key"], one["VersionId"], one["Code"]) for one in answer["Errors"]] == [
        ("k", "other", "NoSuchVersion")
    ]
    first, second, third, fourth = answer["Deleted"]
    made = {row[0]: row[1] for row in markers(s3, bucket)}
    assert first == {"Key": "k", "DeleteMarker": True, "DeleteMarkerVersionId": made["k"]}
    assert second == {"Key": "k", "VersionId": ids[0]}
    assert third == {"Key": "gone", "VersionId": marker, "DeleteMarker": True, "DeleteMarkerVersionId": marker}
    assert fourth == {"Key": "new", "DeleteMarker": True, "DeleteMarkerVersionId": made["new"]}
    assert versions(s3, bucket) == [("k", ids[1], False)]


def test_a_bucket_with_versions_is_not_empty(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="null", Body=b"x")
    enable(s3, bucket)
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket=bucket)
    version = put(s3, bucket, "k", b"x")  # Swift deletes its container of versions first, and then writes fail
    s3.delete_object(Bucket=bucket, Key="null", VersionId="null")
    s3.delete_object(Bucket=bucket, Key="k")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket=bucket)
    assert read(s3, bucket, "k", version) == b"x"


def test_conditions_are_about_the_current_version(s3: Any, bucket: str) -> None:
    """A refused write leaves no version: Swift checks `If-None-Match` after it has stored one."""
    enable(s3, bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch='"0"')
    assert len(versions(s3, bucket)) == 1
    s3.delete_object(Bucket=bucket, Key="k")
    with refused("NoSuchKey", 404):
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch="*")
    s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        s3.delete_object(Bucket=bucket, Key="k", IfMatch='"0"')
    first = versions(s3, bucket)[1][1]
    with refused("PreconditionFailed", 412):
        s3.delete_object(Bucket=bucket, Key="k", VersionId=first, IfMatch='"0"')
    assert len(versions(s3, bucket)) == 2
    assert read(s3, bucket, "k") == b"2"


def test_suspended_writes_are_the_null_version(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    enable(s3, bucket)
    assert versions(s3, bucket) == [("k", "null", True)]
    version = put(s3, bucket, "k", b"1")
    assert versions(s3, bucket) == [("k", version, True), ("k", "null", False)]
    assert read(s3, bucket, "k", "null") == b"before"
    assert s3.head_object(Bucket=bucket, Key="k", VersionId="null")["VersionId"] == "null"
    suspend(s3, bucket)
    for body in (b"2", b"3"):
        assert "VersionId" not in s3.put_object(Bucket=bucket, Key="k", Body=body)
        assert versions(s3, bucket) == [("k", "null", True), ("k", version, False)]
        assert read(s3, bucket, "k", "null") == read(s3, bucket, "k") == body
        assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    answer = s3.delete_object(Bucket=bucket, Key="k")
    assert (answer["VersionId"], answer["DeleteMarker"]) == ("null", True)
    assert versions(s3, bucket) == [("k", version, False)]
    assert markers(s3, bucket) == [("k", "null", True)]
    with refused("MethodNotAllowed", 405):
        s3.get_object(Bucket=bucket, Key="k", VersionId="null")
    s3.put_object(Bucket=bucket, Key="k", Body=b"4")
    assert markers(s3, bucket) == []
    assert versions(s3, bucket) == [("k", "null", True), ("k", version, False)]
    enable(s3, bucket)
    last = put(s3, bucket, "k", b"5")
    assert versions(s3, bucket) == [("k", last, True), ("k", "null", False), ("k", version, False)]
    assert read(s3, bucket, "k", "null") == b"4"
    s3.delete_object(Bucket=bucket, Key="k", VersionId="null")
    assert versions(s3, bucket) == [("k", last, True), ("k", version, False)]
    with refused("NoSuchVersion", 404):
        s3.get_object(Bucket=bucket, Key="k", VersionId="null")


def test_the_null_version_has_the_type_it_was_given(s3: Any, bucket: str) -> None:
    suspend(s3, bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentType="text/plain; s3_null=yes; charset=utf-8")
    assert s3.head_object(Bucket=bucket, Key="k")["ContentType"] == "text/plain; charset=utf-8"
    enable(s3, bucket)
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})
    copied = s3.head_object(Bucket=bucket, Key="copy")
    assert copied["ContentType"] == "text/plain; charset=utf-8"
    assert copied["VersionId"] != "null"


def test_a_native_change_of_metadata_keeps_the_id(s3: Any, openstack_main: Connection, bucket: str) -> None:
    """It changes the version's time, by which an object from before versioning is told."""
    enable(s3, bucket)
    version = put(s3, bucket, "k", b"x")
    openstack_main.object_store.post(f"/{bucket}/k", headers={"X-Object-Meta-Colour": "red"})
    head = s3.head_object(Bucket=bucket, Key="k")
    assert head["Metadata"] == {"colour": "red"}
    assert head["VersionId"] == version
    suspend(s3, bucket)
    put(s3, bucket, "k", b"y")
    assert read(s3, bucket, "k", version) == b"x"


def test_tags_of_versions(s3: Any, bucket: str) -> None:
    """Each version has its own, also those that are set later; the null version keeps its own when it is replaced."""

    def tags(version: str) -> dict[str, str]:
        answer = s3.get_object_tagging(Bucket=bucket, Key="k", VersionId=version)
        assert answer["VersionId"] == version
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    def tag(value: str, **version: str) -> None:
        told = {"TagSet": [{"Key": "a", "Value": value}]}
        s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=told, **version)

    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    tag("null")
    enable(s3, bucket)
    ids = [s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging=f"a={n}")["VersionId"] for n in range(3)]
    tag("changed", VersionId=ids[1])
    tag("current")
    expected = {"null": "null", ids[0]: "0", ids[1]: "changed", ids[2]: "current"}
    assert {version: tags(version)["a"] for version in expected} == expected
    assert s3.head_object(Bucket=bucket, Key="k", VersionId=ids[1])["TagCount"] == 1
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    with refused("MethodNotAllowed", 405):
        s3.get_object_tagging(Bucket=bucket, Key="k", VersionId=marker)
    s3.delete_object_tagging(Bucket=bucket, Key="k", VersionId=ids[0])
    assert tags(ids[0]) == {}
    suspend(s3, bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"new null")
    assert tags("null") == {}
    tag("new")
    assert tags("null") == {"a": "new"}
    for version in (*ids, "null", marker):
        s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
