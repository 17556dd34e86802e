"""Lifecycle rules of versions and delete markers, executed by the sweeper on the real Swift."""

from typing import Any

from openstack.connection import Connection

from tests.s3.versions.history import enable, markers, put, read, suspend, versions
from tests.sweeps.conftest import Sweep
from tests.sweeps.test_sweeping import days_later, put_rules

NONCURRENT = "NoncurrentVersionExpiration"
PART = b"x" * (5 << 20)
Line = tuple[str, str, str, str]


def told(lines: list[dict[str, Any]]) -> list[Line]:
    """Return action, key, version and outcome of audit lines."""
    return sorted((one["message"].split()[-1], one["key"], one["version"], one["outcome"]) for one in lines)


def gone(key: str, *ids: str) -> list[Line]:
    return [("expire-noncurrent", key, one, "done") for one in sorted(ids)]


def multipart(s3: Any, bucket: str, key: str) -> str:
    """Store a multipart object and return its version."""
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=PART)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    done = s3.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload, MultipartUpload=parts)
    return str(done["VersionId"])


def test_noncurrent_versions_go_but_for_the_newest(
    s3: Any, openstack_main: Connection, bucket: str, sweep: Sweep
) -> None:
    put(s3, bucket, "k", b"0")  # the version `null`, which has a record
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    enable(s3, bucket)
    large = multipart(s3, bucket, "k")
    ids = [put(s3, bucket, "k", body) for body in (b"2", b"3", b"4")]
    other, ended = put(s3, bucket, "k/other", b"1"), put(s3, bucket, "ended", b"1")
    marker = s3.delete_object(Bucket=bucket, Key="ended")["VersionId"]
    put_rules(
        s3,
        bucket,
        {NONCURRENT: {"NoncurrentDays": 1, "NewerNoncurrentVersions": 2}},
        {"Filter": {"Prefix": "k"}, NONCURRENT: {"NoncurrentDays": 3000}},
    )
    assert {one.name for one in openstack_main.object_store.objects(f"{bucket}+records")} == {"k/null"}
    days_later()
    assert told(sweep(bucket)) == gone("k", "null", large)
    left = [("ended", ended, False), ("k", ids[2], True), ("k", ids[1], False), ("k", ids[0], False)]
    assert versions(s3, bucket) == [*left, ("k/other", other, True)]
    assert markers(s3, bucket) == [("ended", marker, True)]
    assert read(s3, bucket, "k") == b"4"
    for behind in ("segments", "records"):
        assert list(openstack_main.object_store.objects(f"{bucket}+{behind}")) == []
    native = openstack_main.object_store.get(f"/{bucket}?versions&format=json").json()
    assert [row["version_id"] for row in native if row["name"] == "k"] == ids[::-1]
    assert sweep(bucket) == []


def test_what_is_deleted_goes_wholly_by_both_rules(s3: Any, bucket: str, sweep: Sweep) -> None:
    enable(s3, bucket)
    ids = [put(s3, bucket, "a", body) for body in (b"1", b"2")]
    first = s3.delete_object(Bucket=bucket, Key="a")["VersionId"]
    second = s3.delete_object(Bucket=bucket, Key="a")["VersionId"]
    kept = put(s3, bucket, "b", b"1")
    put_rules(s3, bucket, {"Expiration": {"ExpiredObjectDeleteMarker": True}, NONCURRENT: {"NoncurrentDays": 1}})
    days_later()
    assert told(sweep(bucket)) == gone("a", *ids, first)
    assert (versions(s3, bucket), markers(s3, bucket)) == ([("b", kept, True)], [("a", second, True)])
    assert told(sweep(bucket)) == [("remove-delete-marker", "a", second, "done")]
    assert (versions(s3, bucket), markers(s3, bucket)) == ([("b", kept, True)], [])


def test_a_current_version_expires_under_a_marker(s3: Any, bucket: str, sweep: Sweep) -> None:
    put(s3, bucket, "null", b"1")
    enable(s3, bucket)
    first, second = put(s3, bucket, "k", b"1"), put(s3, bucket, "k", b"2")
    put(s3, bucket, "again", b"1")
    deleted = put(s3, bucket, "again", b"2")
    s3.delete_object(Bucket=bucket, Key="again", VersionId=deleted)  # the first one is current again
    put_rules(s3, bucket, {"Expiration": {"Days": 1}})
    days_later()
    lines = sweep(bucket)
    assert {one[:2] + one[3:] for one in told(lines)} == {("expire", key, "done") for key in ("k", "null", "again")}
    assert {key: latest for key, _, latest in versions(s3, bucket)} == {"k": False, "null": False, "again": False}
    assert [one for one in versions(s3, bucket) if one[0] == "k"] == [("k", second, False), ("k", first, False)]
    assert [(key, latest) for key, _, latest in markers(s3, bucket)] == [("again", True), ("k", True), ("null", True)]
    assert sweep(bucket) == []  # the markers are not alone
    for key, version, _ in versions(s3, bucket):
        s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
    days_later()
    assert {one[:2] for one in told(sweep(bucket))} == {("remove-delete-marker", key) for key in ("k", "null", "again")}
    assert s3.list_object_versions(Bucket=bucket).get("DeleteMarkers", []) == []


def test_a_suspended_bucket(s3: Any, bucket: str, sweep: Sweep) -> None:
    enable(s3, bucket)
    old = put(s3, bucket, "k", b"1")
    suspend(s3, bucket)
    put(s3, bucket, "k", b"2")
    put(s3, bucket, "only", b"1")
    put_rules(s3, bucket, {"Expiration": {"Days": 1}, NONCURRENT: {"NoncurrentDays": 1}})
    days_later()
    expired = [("expire", key, "null", "done") for key in ("k", "only")]
    assert told(sweep(bucket)) == [*expired, *gone("k", old)]
    assert versions(s3, bucket) == []
    assert markers(s3, bucket) == [("k", "null", True), ("only", "null", True)]
    days_later()
    assert told(sweep(bucket)) == [("remove-delete-marker", key, "null", "done") for key in ("k", "only")]
    assert markers(s3, bucket) == []


def test_noncurrent_versions_by_tag_and_size(s3: Any, bucket: str, sweep: Sweep) -> None:
    enable(s3, bucket)
    ids = {}
    for number, (tags, size) in enumerate((("a=1", 10), ("a=2", 10), ("a=1", 1), ("a=1", 10), ("", 10))):
        answer = s3.put_object(Bucket=bucket, Key="k", Body=b"x" * size, Tagging=tags)
        ids[number] = answer["VersionId"]
    retagged = {"TagSet": [{"Key": "a", "Value": "2"}]}
    s3.put_object_tagging(Bucket=bucket, Key="k", VersionId=ids[0], Tagging=retagged)
    both = {"And": {"Tags": [{"Key": "a", "Value": "1"}], "ObjectSizeGreaterThan": 5}}
    put_rules(s3, bucket, {"Filter": both, NONCURRENT: {"NoncurrentDays": 1}})
    days_later()
    assert told(sweep(bucket)) == gone("k", ids[3])
    assert [version for _, version, _ in versions(s3, bucket)] == [ids[number] for number in (4, 2, 1, 0)]


def test_what_object_lock_protects_stays(s3: Any, bucket: str, sweep: Sweep) -> None:
    enable(s3, bucket)
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    held = s3.put_object(Bucket=bucket, Key="k", Body=b"1", ObjectLockLegalHoldStatus="ON")["VersionId"]
    free = put(s3, bucket, "k", b"2")
    current = put(s3, bucket, "k", b"3")
    put_rules(s3, bucket, {NONCURRENT: {"NoncurrentDays": 1}})
    days_later()
    lines = sweep(bucket)
    assert told(lines) == sorted([("expire-noncurrent", "k", held, "kept"), *gone("k", free)])
    assert {one.get("code", "") for one in lines} == {"", "AccessDenied"}
    assert versions(s3, bucket) == [("k", current, True), ("k", held, False)]
    s3.put_object_legal_hold(Bucket=bucket, Key="k", VersionId=held, LegalHold={"Status": "OFF"})


def test_a_version_that_swifts_own_tools_made_current_stays(
    s3: Any, openstack_main: Connection, bucket: str, sweep: Sweep
) -> None:
    enable(s3, bucket)
    ids = [put(s3, bucket, "k", body) for body in (b"1", b"2", b"3")]
    openstack_main.object_store.put(f"/{bucket}/k?version-id={ids[1]}").raise_for_status()
    put_rules(s3, bucket, {NONCURRENT: {"NoncurrentDays": 1}})
    days_later()
    assert told(sweep(bucket)) == gone("k", ids[0])
    assert {version for _, version, _ in versions(s3, bucket)} == set(ids[1:])
    assert read(s3, bucket, "k", ids[1]) == b"2"
