"""The checks of a bucket's notifications, and the rules that they mean."""

from typing import Any

import pytest
from botocore.loaders import Loader
from hypothesis import given
from hypothesis import strategies as st

from shim.errors import AwsError
from shim.s3.notifications.document import Rule, check, rules
from shim.s3.notifications.events import COPY, DELETE, MARKER, PUT, SENT, is_known

TOPIC = "arn:aws:sns:us-east-1:123456789012:t"
AMBIGUOUS = "overlapping suffixes"
OVERLAP = "cannot share a common event type"


def topic(*events: str, prefix: str | None = None, suffix: str | None = None, **more: Any) -> dict[str, Any]:
    ends = [
        {"Name": name, "Value": value} for name, value in (("prefix", prefix), ("Suffix", suffix)) if value is not None
    ]
    filtered = {"Filter": {"Key": {"FilterRules": ends}}} if ends else {}
    return {"TopicArn": TOPIC, "Events": list(events), **filtered, **more}


def put(*topics: dict[str, Any]) -> list[Rule]:
    return list(rules(check({"TopicConfigurations": list(topics)}, lambda _: True)))


def refusal(value: dict[str, Any], *, known: bool = True) -> AwsError:
    with pytest.raises(AwsError) as caught:
        check(value, lambda _: known)
    return caught.value


@pytest.mark.parametrize(
    ("topics", "sentence"),
    [
        ([topic("s3:ObjectCreated:*"), topic("s3:ObjectCreated:Put")], OVERLAP),
        ([topic("s3:ObjectCreated:*"), topic("s3:ObjectCreated:Put", prefix="a")], AMBIGUOUS),
        ([topic(PUT, prefix="a"), topic(PUT, prefix="ab")], AMBIGUOUS),
        ([topic(PUT, suffix=".jpg"), topic(PUT, prefix="a")], AMBIGUOUS),
        ([topic(PUT, suffix=".jpg"), topic(PUT, suffix="g")], AMBIGUOUS),
        ([topic(PUT, prefix="a b"), topic(PUT, prefix="a+b")], AMBIGUOUS),
    ],
)
def test_two_rules_may_not_cover_one_event(topics: list[dict[str, Any]], sentence: str) -> None:
    error = refusal({"TopicConfigurations": topics})
    assert error.code == "InvalidArgument"
    assert sentence in error.message


@pytest.mark.parametrize(
    "topics",
    [
        [topic(PUT), topic(COPY)],
        [topic(PUT, prefix="a"), topic(PUT, prefix="b")],
        [topic(PUT, prefix="a", suffix=".jpg"), topic(PUT, prefix="a", suffix=".png")],
        [topic("s3:ObjectRemoved:*"), topic("s3:ObjectCreated:*")],
    ],
)
def test_rules_that_do_not_overlap_are_taken(topics: list[dict[str, Any]]) -> None:
    assert len(put(*topics)) == 2


@pytest.mark.parametrize(
    ("value", "code", "sentence"),
    [
        (topic("s3:ObjectRestore:*"), "NotImplemented", "s3:ObjectRestore:*"),
        (topic("s3:Replication:*"), "NotImplemented", "s3:Replication:*"),
        (topic("s3:ObjectRetention:Put"), "NotImplemented", "s3:ObjectRetention:Put"),
        (topic("s3:Object"), "InvalidArgument", "A specified event is not supported for notifications."),
        (topic(*[PUT] * 101), "MalformedXML", ""),
        (topic(), "MalformedXML", ""),
        (topic(PUT, Id="x" * 256), "InvalidArgument", "ID length"),
        (topic(PUT, prefix="ä" * 513), "InvalidArgument", "1024 bytes"),
        (topic(PUT, TopicArn="arn:aws:sqs:us-east-1:1:q"), "InvalidArgument", "not well formed"),
        (
            topic(PUT, Filter={"Key": {"FilterRules": [{"Name": "x", "Value": "y"}]}}),
            "InvalidArgument",
            "either prefix",
        ),
        (topic(PUT, Filter={"Key": {"FilterRules": [{"Value": "y"}]}}), "InvalidArgument", "either prefix or suffix"),
        (topic(PUT, Filter={"Key": {"FilterRules": [{"Name": "prefix"}]}}), "MalformedXML", ""),
        (
            topic(PUT, Filter={"Key": {"FilterRules": [{"Name": "prefix", "Value": v} for v in "ab"]}}),
            "InvalidArgument",
            "more than one prefix rule",
        ),
    ],
)
def test_one_configuration_is_checked(value: dict[str, Any], code: str, sentence: str) -> None:
    error = refusal({"TopicConfigurations": [value]})
    assert error.code == code
    assert sentence in error.message


def test_the_document_as_a_whole_is_checked() -> None:
    assert "IDs must be unique" in refusal({"TopicConfigurations": [topic(PUT, Id="a"), topic(COPY, Id="a")]}).message
    many = [topic(PUT, prefix=f"{number}/") for number in range(101)]
    assert "up to 100" in refusal({"TopicConfigurations": many}).message
    assert refusal({"EventBridgeConfiguration": {}}).status == 501
    error = refusal({"TopicConfigurations": [topic(PUT)]}, known=False)
    assert error.message == "Unable to validate the following destination configurations"
    assert error.extra == {"ArgumentName": TOPIC, "ArgumentValue": "The destination topic does not exist"}


def test_an_id_is_made_where_none_is_given() -> None:
    first, second = put(topic(PUT), topic(COPY, Id="mine"))
    assert second.id == "mine"
    assert first.id
    assert first.id != second.id


def test_every_event_of_aws_is_known() -> None:
    words = Loader().load_service_model("s3", "service-2")
    assert {name for name in words["shapes"]["Event"]["enum"] if not is_known(name)} == set()
    assert not is_known("s3:None")


def test_a_wildcard_covers_its_family() -> None:
    (rule,) = put(topic("s3:ObjectRemoved:*"))
    assert [event for event in SENT if rule.covers(event, "k")] == [DELETE, MARKER]


@given(key=st.text(max_size=8), prefix=st.text(alphabet="ab/", max_size=3), suffix=st.text(alphabet="ab/", max_size=3))
def test_a_filter_is_both_ends_of_the_key(key: str, prefix: str, suffix: str) -> None:
    (rule,) = put(topic(PUT, prefix=prefix, suffix=suffix))
    assert rule.covers(PUT, key) == (
        key[: len(prefix)] == prefix and key[len(key) - len(suffix) :] == suffix and len(key) >= len(suffix)
    )
    assert rule.covers(PUT, f"{prefix}{key}{suffix}")


def test_a_filter_is_url_encoded() -> None:
    (rule,) = put(topic(PUT, prefix="a+b%2B", suffix="%ff"))
    assert rule.covers(PUT, "a b+c\udcff")
    assert not rule.covers(PUT, "a+b%2Bc%ff")
