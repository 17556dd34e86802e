"""x-amz-expiration: told by the operations that AWS tells it in, where a rule expires the object."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shim.s3.lifecycle.evaluation import Action, Due
from shim.s3.lifecycle.expiration import header

BODY = b"x" * 100


@pytest.mark.parametrize(
    ("rule_id", "written"),
    [
        ("Delete after 14 days", "Delete after 14 days"),
        ('a"b\\c%', "a%22b%5Cc%25"),
        ("é\r\n", "%C3%A9%0D%0A"),
    ],
)
def test_the_header_is_one_whatever_the_id(rule_id: str, written: str) -> None:
    at = datetime(2012, 12, 21, tzinfo=UTC)
    told = header(Due(Action.EXPIRE, at, rule_id))
    assert told == f'expiry-date="Fri, 21 Dec 2012 00:00:00 GMT", rule-id="{written}"'


@pytest.fixture
def ruled(s3: Any, bucket: str) -> str:
    """A bucket in which tmp/ expires after three days, what is tagged after one, and what is small after two."""
    rules = [
        {"ID": "three", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 3}},
        {"ID": "one", "Filter": {"Tag": {"Key": "a", "Value": "b"}}, "Expiration": {"Days": 1}},
        {"ID": "two", "Filter": {"ObjectSizeLessThan": len(BODY)}, "Expiration": {"Days": 2}},
    ]
    told = {"Rules": [{"Status": "Enabled", **rule} for rule in rules]}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=told)
    return bucket


def expected(answer: dict[str, Any], days: int, rule_id: str) -> str:
    """Return the header for an object that was made when this answer says, or was made just now."""
    made = answer.get("LastModified") or answer["Made"]
    midnight = made.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days + 1)
    return f'expiry-date="{midnight:%a, %d %b %Y} 00:00:00 GMT", rule-id="{rule_id}"'


def test_writes_and_reads_tell_the_same(s3: Any, ruled: str) -> None:
    put = s3.put_object(Bucket=ruled, Key="tmp/a", Body=BODY)
    head = s3.head_object(Bucket=ruled, Key="tmp/a")
    copied = s3.copy_object(Bucket=ruled, Key="tmp/c", CopySource=f"{ruled}/tmp/a")
    upload = s3.create_multipart_upload(Bucket=ruled, Key="tmp/m")["UploadId"]
    part = s3.upload_part(Bucket=ruled, Key="tmp/m", UploadId=upload, PartNumber=1, Body=BODY)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    completed = s3.complete_multipart_upload(Bucket=ruled, Key="tmp/m", UploadId=upload, MultipartUpload=parts)
    last = s3.head_object(Bucket=ruled, Key="tmp/m")
    assert put["Expiration"] == head["Expiration"] == expected(head, 3, "three")
    assert s3.get_object(Bucket=ruled, Key="tmp/a")["Expiration"] == head["Expiration"]
    assert s3.get_object(Bucket=ruled, Key="tmp/a", Range="bytes=1-2")["Expiration"] == head["Expiration"]
    assert copied["Expiration"] == expected(copied["CopyObjectResult"], 3, "three")
    assert completed["Expiration"] == last["Expiration"] == expected(last, 3, "three")


def test_the_rule_that_comes_first_is_told_by_tags_and_size(s3: Any, ruled: str) -> None:
    def told(key: str, **members: Any) -> tuple[str, str, str]:
        put = s3.put_object(Bucket=ruled, Key=key, **members)
        head = s3.head_object(Bucket=ruled, Key=key)
        return (
            put.get("Expiration", ""),
            head.get("Expiration", ""),
            s3.get_object(Bucket=ruled, Key=key).get("Expiration", ""),
        )

    def rule_of(header: str) -> str:
        return header.rpartition("rule-id=")[2]

    for key, members, rule in (
        ("tmp/tagged", {"Body": BODY, "Tagging": "a=b"}, '"one"'),
        ("tmp/small", {"Body": b""}, '"two"'),
        ("else", {"Body": BODY}, ""),
        ("else", {"Body": BODY, "Tagging": "a=c"}, ""),
    ):
        assert {rule_of(one) for one in told(key, **members)} == {rule}
    s3.put_object_tagging(Bucket=ruled, Key="else", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert rule_of(s3.head_object(Bucket=ruled, Key="else")["Expiration"]) == '"one"'


def test_without_a_rule_nothing_is_told(s3: Any, ruled: str) -> None:
    s3.delete_bucket_lifecycle(Bucket=ruled)
    put = s3.put_object(Bucket=ruled, Key="tmp/a", Body=BODY)
    assert "Expiration" not in put
    assert "Expiration" not in s3.head_object(Bucket=ruled, Key="tmp/a")
