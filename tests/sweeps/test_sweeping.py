"""Lifecycle rules, executed by the sweeper on the real Swift."""

import time
from typing import Any

from tests.s3.encryption.keys import ONE, given
from tests.sweeps.conftest import DAY_SECONDS, Sweep

PART = b"x" * (5 << 20)


def put_rules(s3: Any, bucket: str, *rules: dict[str, Any]) -> None:
    """Replace the bucket's rules; each is enabled and covers all keys if it does not say otherwise."""
    whole = [{"ID": f"r{number}", "Status": "Enabled", "Filter": {}, **rule} for number, rule in enumerate(rules)]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": whole})


def days_later(days: float = 1) -> None:
    """Wait until objects of now are so many days old; ages count from the second in which they were made."""
    time.sleep(days * DAY_SECONDS + 1)


def keys(s3: Any, bucket: str) -> set[str]:
    return {one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", ())}


def told(lines: list[dict[str, Any]]) -> set[tuple[str, str, str, str]]:
    return {(one["message"], one["key"], one["rule"], one["outcome"]) for one in lines}


def test_objects_expire_by_prefix_size_and_date(s3: Any, bucket: str, sweep: Sweep) -> None:
    for key in ("old/a", "old/b", "young/a", "dated/a", "other"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    for size in (9, 10, 11, 19, 20):
        s3.put_object(Bucket=bucket, Key=f"sized/{size}", Body=b"x" * size)
    s3.put_object(Bucket=bucket, Key="sized/sealed", Body=b"x" * 15, **given(ONE))  # Swift has more bytes of it
    sizes = {"And": {"Prefix": "sized/", "ObjectSizeGreaterThan": 10, "ObjectSizeLessThan": 20}}
    put_rules(
        s3,
        bucket,
        {"Filter": {"Prefix": "old/"}, "Expiration": {"Days": 1}},
        {"Filter": {"Prefix": "young/"}, "Expiration": {"Days": 3000}},
        {"Filter": {"Prefix": "dated/"}, "Expiration": {"Date": "2020-01-01T00:00:00Z"}},
        {"Filter": sizes, "Expiration": {"Days": 1}},
        {"Filter": {"Prefix": "other"}, "Expiration": {"Days": 1}, "Status": "Disabled"},
    )
    days_later()
    lines = sweep(bucket)
    gone = {("old/a", "r0"), ("old/b", "r0"), ("dated/a", "r2"), ("sized/11", "r3"), ("sized/19", "r3")}
    gone.add(("sized/sealed", "r3"))
    assert told(lines) == {("lifecycle expire", key, rule, "done") for key, rule in gone}
    assert keys(s3, bucket) == {"young/a", "other", "sized/9", "sized/10", "sized/20"}
    assert sweep(bucket) == []


def test_a_rule_that_is_removed_stops(s3: Any, bucket: str, sweep: Sweep) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    put_rules(s3, bucket, {"Expiration": {"Days": 1}})
    s3.delete_bucket_lifecycle(Bucket=bucket)
    days_later()
    assert sweep(bucket) == []
    assert keys(s3, bucket) == {"k"}


def test_a_multipart_object_goes_with_its_segments(s3: Any, openstack_main: Any, bucket: str, sweep: Sweep) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=PART)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload=parts)
    put_rules(s3, bucket, {"Expiration": {"Days": 1}})
    days_later()
    assert told(sweep(bucket)) == {("lifecycle expire", "k", "r0", "done")}
    assert keys(s3, bucket) == set()
    assert list(openstack_main.object_store.objects(f"{bucket}+segments")) == []


def test_uploads_are_aborted_by_age(s3: Any, openstack_main: Any, bucket: str, sweep: Sweep) -> None:
    old = s3.create_multipart_upload(Bucket=bucket, Key="tmp/old")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="tmp/old", UploadId=old, PartNumber=1, Body=b"x")
    kept = s3.create_multipart_upload(Bucket=bucket, Key="kept")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="kept", UploadId=kept, PartNumber=1, Body=b"x")
    put_rules(
        s3,
        bucket,
        {"Filter": {"Prefix": "tmp/"}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
        {"Filter": {"Prefix": "kept"}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3000}},
        {"Expiration": {"Days": 3000}},
    )
    days_later()
    [line] = sweep(bucket)
    assert (line["message"], line["key"], line["version"], line["outcome"]) == (
        "lifecycle abort-upload",
        "tmp/old",
        old,
        "done",
    )
    assert [one["UploadId"] for one in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [kept]
    left = {one.name for one in openstack_main.object_store.objects(f"{bucket}+segments")}
    assert left == {f"kept/{kept}", f"kept/{kept}/1"}


def test_an_object_of_swifts_own_tools_expires_too(s3: Any, openstack_main: Any, bucket: str, sweep: Sweep) -> None:
    openstack_main.object_store.upload_object(container=bucket, name="native é", data="x")
    put_rules(s3, bucket, {"Expiration": {"Days": 1}})
    days_later()
    assert told(sweep(bucket)) == {("lifecycle expire", "native é", "r0", "done")}
    assert list(openstack_main.object_store.objects(bucket)) == []


def test_objects_expire_by_tags(s3: Any, bucket: str, sweep: Sweep) -> None:
    s3.put_object(Bucket=bucket, Key="with", Body=b"x", Tagging="stage=test&team=a")
    s3.put_object(Bucket=bucket, Key="other", Body=b"x", Tagging="stage=prod")
    s3.put_object(Bucket=bucket, Key="none", Body=b"x")
    s3.put_object(Bucket=bucket, Key="later", Body=b"x")
    stage, team = {"Key": "stage", "Value": "test"}, {"Key": "team", "Value": "a"}
    s3.put_object_tagging(Bucket=bucket, Key="later", Tagging={"TagSet": [stage]})
    put_rules(s3, bucket, {"Filter": {"And": {"Tags": [stage, team]}}, "Expiration": {"Days": 1}})
    days_later()
    assert told(sweep(bucket)) == {("lifecycle expire", "with", "r0", "done")}
    put_rules(s3, bucket, {"Filter": {"Tag": stage}, "Expiration": {"Days": 1}})
    assert told(sweep(bucket)) == {("lifecycle expire", "later", "r0", "done")}
    assert keys(s3, bucket) == {"other", "none"}
