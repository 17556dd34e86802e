"""The checks of a lifecycle document, with the codes and sentences that AWS's users quote."""

import base64
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shim.errors import AwsError
from shim.s3.lifecycle import document

MALFORMED = (
    "MalformedXML",
    "The XML you provided was not well-formed or did not validate against our published schema",
)
MIDNIGHT = datetime(2030, 1, 1, tzinfo=UTC)
DAYS = {"Expiration": {"Days": 1}}
MARKERS = {"Expiration": {"ExpiredObjectDeleteMarker": True}}
ABORT = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}
TAG = {"Key": "k", "Value": "v"}
LARGER, SMALLER = {"ObjectSizeGreaterThan": 10}, {"ObjectSizeLessThan": 20}


def rule(**members: Any) -> dict[str, Any]:
    """Return a valid rule with these members; None leaves one out."""
    whole = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "a/"}, **members}
    return {name: value for name, value in whole.items() if value is not None}


def legacy(id: str, prefix: str, **members: Any) -> dict[str, Any]:
    """Return a rule of the first generation."""
    return {"ID": id, "Status": "Enabled", "Prefix": prefix, **(members or DAYS)}


def positive(name: str, action: str) -> tuple[str, str]:
    return "InvalidArgument", f"'{name}' for {action} action must be a positive integer"


NONCURRENT = "NoncurrentVersionExpiration"
REFUSED: list[tuple[list[dict[str, Any]], tuple[str, str]]] = [
    ([], MALFORMED),
    ([rule(ID=f"r{number}", **DAYS) for number in range(1001)], MALFORMED),
    ([rule(Status="enabled", **DAYS)], MALFORMED),
    ([rule(Status=None, **DAYS)], MALFORMED),
    ([rule(Filter=None, **DAYS)], MALFORMED),
    ([rule(Prefix="a/", **DAYS)], MALFORMED),
    ([rule(Filter={"Prefix": "a", "Tag": TAG}, **DAYS)], MALFORMED),
    ([rule(Filter={"Prefix": "a", "And": {"Tags": [TAG, {**TAG, "Key": "l"}]}}, **DAYS)], MALFORMED),
    ([rule(Filter={**LARGER, **SMALLER}, **DAYS)], MALFORMED),
    ([rule(Filter={"And": {"Prefix": "a"}}, **DAYS)], MALFORMED),
    ([rule(Filter={"And": {"Tags": [TAG]}}, **DAYS)], MALFORMED),
    (
        [rule(Filter={"And": {"Tags": [TAG, {**TAG, "Value": "w"}]}}, **DAYS)],
        ("InvalidRequest", "Duplicate Tag Keys are not allowed."),
    ),
    (
        [rule(Filter={"ObjectSizeLessThan": 0}, **DAYS)],
        ("InvalidRequest", "'ObjectSizeLessThan' should be between 1 and 1099511627776000."),
    ),
    (
        [rule(Filter={"ObjectSizeGreaterThan": -1}, **DAYS)],
        ("InvalidRequest", "'ObjectSizeGreaterThan' should be between 0 and 1099511627776000."),
    ),
    (
        [rule(Filter={"And": {"ObjectSizeGreaterThan": 20, "ObjectSizeLessThan": 20}}, **DAYS)],
        ("InvalidRequest", "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'."),
    ),
    ([rule()], ("InvalidRequest", "At least one action needs to be specified in a rule")),
    ([rule(Expiration={})], MALFORMED),
    ([rule(Expiration={"Days": 1, "Date": MIDNIGHT})], MALFORMED),
    ([rule(Expiration={"Days": 1, "ExpiredObjectDeleteMarker": True})], MALFORMED),
    ([rule(Expiration={"Days": 0})], positive("Days", "Expiration")),
    (
        [rule(Expiration={"Date": MIDNIGHT + timedelta(seconds=1)})],
        ("InvalidArgument", "'Date' must be at midnight GMT"),
    ),
    (
        [rule(Filter={"Tag": TAG}, **MARKERS)],
        ("InvalidRequest", "ExpiredObjectDeleteMarker cannot be specified with Tags."),
    ),
    (
        [rule(Filter=LARGER, **MARKERS)],
        ("InvalidRequest", "ExpiredObjectDeleteMarker cannot be specified with Object Size."),
    ),
    ([rule(**{NONCURRENT: {}})], MALFORMED),
    ([rule(**{NONCURRENT: {"NewerNoncurrentVersions": 2}})], MALFORMED),
    ([rule(**{NONCURRENT: {"NoncurrentDays": 0}})], positive("NoncurrentDays", NONCURRENT)),
    (
        [rule(**{NONCURRENT: {"NoncurrentDays": 1, "NewerNoncurrentVersions": 0}})],
        positive("NewerNoncurrentVersions", NONCURRENT),
    ),
    (
        [rule(**{NONCURRENT: {"NoncurrentDays": 1, "NewerNoncurrentVersions": 101}})],
        ("InvalidArgument", f"'NewerNoncurrentVersions' for {NONCURRENT} action must not exceed 100"),
    ),
    (
        [legacy("r", "", **{NONCURRENT: {"NoncurrentDays": 1, "NewerNoncurrentVersions": 2}})],
        ("InvalidRequest", "NewerNoncurrentVersions element can only be used in Lifecycle V2."),
    ),
    ([rule(AbortIncompleteMultipartUpload={})], MALFORMED),
    (
        [rule(AbortIncompleteMultipartUpload={"DaysAfterInitiation": 0})],
        positive("DaysAfterInitiation", "AbortIncompleteMultipartUpload"),
    ),
    (
        [rule(Filter={"Tag": TAG}, **ABORT)],
        ("InvalidRequest", "AbortIncompleteMultipartUpload cannot be specified with Tags."),
    ),
    (
        [rule(Filter=SMALLER, **ABORT)],
        ("InvalidRequest", "AbortIncompleteMultipartUpload cannot be specified with Object Size."),
    ),
    ([rule(ID="x" * 256, **DAYS)], ("InvalidArgument", "ID length should not exceed allowed limit of 255")),
    (
        [rule(ID="x", **DAYS), rule(ID="x", **ABORT)],
        ("InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule"),
    ),
    (
        [legacy("a", "a"), rule(**DAYS)],
        ("InvalidRequest", "Filter element can only be used in Lifecycle V2."),
    ),
    (
        [rule(**DAYS), legacy("a", "a")],
        (
            "InvalidRequest",
            "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter.",
        ),
    ),
    (
        [legacy("b", "a/b"), legacy("a", "")],
        ("InvalidRequest", "Found overlapping prefixes '' and 'a/b' for same action type 'Expiration'"),
    ),
]
TAKEN: list[list[dict[str, Any]]] = [
    [rule(Filter={}, **DAYS)],
    [rule(ID="x" * 255, **DAYS)],
    [rule(Filter={"And": {"Prefix": "", **LARGER}}, **DAYS)],
    [rule(Filter={"And": {"Tags": [TAG, {**TAG, "Key": "l"}]}}, **DAYS)],
    [rule(Filter={"ObjectSizeGreaterThan": 0}, **DAYS)],
    [rule(Expiration={"ExpiredObjectDeleteMarker": False})],
    [rule(Expiration={"Date": MIDNIGHT})],
    [rule(Status="Disabled", **{NONCURRENT: {"NoncurrentDays": 1, "NewerNoncurrentVersions": 100}})],
    [rule(ID="a", **DAYS), rule(ID="b", **DAYS)],  # overlapping filters: the shorter one counts
    [legacy("a", "a/"), legacy("b", "b/"), legacy("c", "a/b", **ABORT)],
    [rule(ID=f"r{number}", **DAYS) for number in range(1000)],
]


@pytest.mark.parametrize(("rules", "told"), REFUSED)
def test_wrong_rules_are_refused_in_awss_words(rules: list[dict[str, Any]], told: tuple[str, str]) -> None:
    with pytest.raises(AwsError) as caught:
        document.checked({"Rules": rules})
    assert (caught.value.code, caught.value.message, caught.value.status) == (*told, 400)


@pytest.mark.parametrize("rules", TAKEN)
def test_right_rules_come_back_as_they_were_put(rules: list[dict[str, Any]]) -> None:
    assert document.shown(document.checked({"Rules": rules})) == rules


def test_a_rule_without_an_id_gets_one_as_at_aws() -> None:
    kept = document.checked({"Rules": [rule(ID=None, **DAYS), rule(ID="", **DAYS)]})
    assert len({one["ID"] for one in kept}) == 2
    for one in kept:
        assert len(one["ID"]) == 48
        assert uuid.UUID(base64.b64decode(one["ID"]).decode()).version == 4
