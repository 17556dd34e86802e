"""Transitions in lifecycle rules: wrong ones are refused as AWS refuses them, right ones as not implemented."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shim.errors import AwsError
from shim.s3.lifecycle import document
from tests.s3.client_errors import refused
from tests.s3.lifecycle.test_document import MALFORMED, MIDNIGHT, rule

IA, ICE = {"StorageClass": "STANDARD_IA"}, {"StorageClass": "GLACIER"}
IN_30 = {"Days": 30, **IA}
PLACE = "for filter '(prefix=a/)'"


def moving(*told: dict[str, Any], **members: Any) -> dict[str, Any]:
    return rule(Transitions=list(told), **members)


def aging(*told: dict[str, Any], **members: Any) -> dict[str, Any]:
    return rule(NoncurrentVersionTransitions=list(told), **members)


def short(name: str, action: str, storage: str = "STANDARD_IA") -> tuple[str, str]:
    message = f"'{name}' in {action} action must be greater than or equal to 30 for storageClass '{storage}'"
    return "InvalidArgument", message


REFUSED: list[tuple[dict[str, Any], tuple[str, str]]] = [
    (moving(IA), MALFORMED),
    (moving({"Days": 30}), MALFORMED),
    (moving({"Days": 30, "Date": MIDNIGHT, **IA}), MALFORMED),
    (moving({"Days": 29, **IA}), short("Days", "Transition")),
    (moving({"Days": 0, "StorageClass": "ONEZONE_IA"}), short("Days", "Transition", "ONEZONE_IA")),
    (moving({"Days": -1, **ICE}), ("InvalidArgument", "'Days' in Transition action must be nonnegative")),
    (moving({"Date": MIDNIGHT + timedelta(hours=1), **ICE}), ("InvalidArgument", "'Date' must be at midnight GMT")),
    (
        moving(IN_30, {"Days": 60, **IA}),
        (
            "InvalidRequest",
            f"'StorageClass' must be different for 'Transition' actions in same 'Rule' with {PLACE[4:]}",
        ),
    ),
    (
        moving(IN_30, {"Date": MIDNIGHT, **ICE}),
        ("InvalidRequest", f"Found mixed 'Date' and 'Days' based Transition actions in lifecycle rule {PLACE}"),
    ),
    (
        moving(IN_30, Expiration={"Date": MIDNIGHT}),
        (
            "InvalidRequest",
            f"Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule {PLACE}",
        ),
    ),
    (
        moving(IN_30, Expiration={"Days": 30}),
        (
            "InvalidArgument",
            f"'Days' in the Expiration action {PLACE} must be greater than 'Days' in the Transition action",
        ),
    ),
    (
        moving({"Date": MIDNIGHT, **ICE}, Expiration={"Date": MIDNIGHT}),
        (
            "InvalidArgument",
            f"'Date' in the Expiration action {PLACE} must be greater than 'Date' in the Transition action",
        ),
    ),
    (aging(IA), MALFORMED),
    (aging({"NoncurrentDays": 30}), MALFORMED),
    (aging({"NoncurrentDays": 1, **IA}), short("NoncurrentDays", "NoncurrentVersionTransition")),
    (
        aging({"NoncurrentDays": 30, **IA}, NoncurrentVersionExpiration={"NoncurrentDays": 30}),
        (
            "InvalidArgument",
            f"'NoncurrentDays' in the NoncurrentVersionExpiration action {PLACE} must be greater than 'NoncurrentDays' "
            "in the NoncurrentVersionTransition action",
        ),
    ),
]


@pytest.mark.parametrize(("wrong", "told"), REFUSED)
def test_wrong_transitions_are_refused_in_awss_words(wrong: dict[str, Any], told: tuple[str, str]) -> None:
    with pytest.raises(AwsError) as caught:
        document.checked({"Rules": [wrong]})
    assert (caught.value.code, caught.value.message, caught.value.status) == (*told, 400)


@pytest.mark.parametrize(
    "right",
    [
        moving(IN_30, {"Days": 60, **ICE}, Expiration={"Days": 61}),
        moving({"Days": 0, **ICE}),
        moving({"Date": MIDNIGHT, **IA}, Filter={"And": {"Prefix": "a", "ObjectSizeGreaterThan": 1}}),
        aging({"NoncurrentDays": 30, **IA}, NoncurrentVersionExpiration={"NoncurrentDays": 31}),
    ],
)
def test_right_transitions_pass_the_checks(right: dict[str, Any]) -> None:
    assert len(document.checked({"Rules": [right]})) == 1


def test_only_right_transitions_are_told_that_they_are_not_implemented(s3: Any, bucket: str) -> None:
    def put(**members: Any) -> None:
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule(**members)]})

    with refused("NotImplemented", 501):
        put(Transitions=[IN_30])
    with refused("NotImplemented", 501):
        put(NoncurrentVersionTransitions=[{"NoncurrentDays": 30, **IA}])
    for wrong, (code, _) in REFUSED[1:4]:
        with refused(code, 400):
            put(**wrong)
    for storage in ("STANDARD", "nonsense"):
        with refused("MalformedXML", 400):
            put(Transitions=[{"Days": 30, "StorageClass": storage}])
    with refused("MalformedXML", 400):
        put(Transitions=[{"Date": datetime(2030, 1, 1, tzinfo=UTC), "Days": 30, **IA}])
    with refused("NoSuchLifecycleConfiguration", 404):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)
