"""EC2's filters: their meaning, and cases that earlier implementations got wrong."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.ec2.engine.filters import Row, compiled, select, text
from shim.errors import AwsError

SHORT = st.text(max_size=40)  # three of them, escaped, are within the length of a value

PATHS: dict[str, Any] = {
    "size": "Size",
    "encrypted": "Encrypted",
    "create-time": "CreateTime",
    "attachment.device": "Attachments.Device",
    "volume-id": "VolumeId",
    "answer": lambda row: [row["Size"] * 2],
    "tag": "Tags",
}
ROWS = [
    {
        "VolumeId": "vol-1",
        "Size": 8,
        "Encrypted": False,
        "CreateTime": datetime(2026, 3, 4, 5, 6, 7, 89000, tzinfo=UTC),
        "Attachments": [{"Device": "/dev/sdf"}, {"Device": "/dev/sdg"}],
        "Tags": [{"Key": "Name", "Value": "a[b]c"}, {"Key": "kubernetes.io/cluster/x", "Value": "owned"}],
    },
    {
        "VolumeId": "vol-2",
        "Size": 755,
        "Encrypted": True,
        "Attachments": [],
        "Tags": [{"Key": "aws:autoscaling:groupName", "Value": "g"}, {"Key": "Owner", "Value": ""}],
    },
]


def found(rows: Sequence[Row], asked: Sequence[Row], paths: Mapping[str, Any]) -> list[Row]:
    return asyncio.run(select(rows, compiled(asked, paths)))


def chosen(*filters: tuple[str, list[str]]) -> list[str]:
    asked = [{"Name": name, "Values": values} for name, values in filters]
    return [row["VolumeId"] for row in found(ROWS, asked, PATHS)]


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("size", "8", ["vol-1"]),
        ("size", "08", []),  # values are not parsed as numbers: 0755 is neither 493 nor 755
        ("size", "0755", []),
        ("size", "7.55e2", []),
        ("encrypted", "true", ["vol-2"]),
        ("encrypted", "false", ["vol-1"]),
        ("encrypted", "True", []),
        ("create-time", "2026-03-04T05:06:07.089Z", ["vol-1"]),
        ("create-time", "2026-03-04*", ["vol-1"]),
        ("attachment.device", "/dev/sdg", ["vol-1"]),
        ("attachment.device", "*", ["vol-1"]),  # an absent value matches nothing, not even a wildcard
        ("answer", "16", ["vol-1"]),
        ("tag:Name", "a[b]c", ["vol-1"]),
        ("tag:Name", "a[a-z]c", []),  # no character classes
        ("tag:Name", "a?b?c", ["vol-1"]),
        ("tag:name", "a[b]c", []),
        ("tag:kubernetes.io/cluster/x", "owned", ["vol-1"]),
        ("tag:aws:autoscaling:groupName", "g", ["vol-2"]),
        ("tag:Owner", "", ["vol-2"]),
        ("tag:Owner", "*", ["vol-2"]),
        ("tag-key", "Na*", ["vol-1"]),
        ("tag-value", "owned", ["vol-1"]),
        ("volume-id", "VOL-1", []),
        ("volume-id", "vol-?", ["vol-1", "vol-2"]),
        ("volume-id", "None", []),
    ],
)
def test_one_filter(name: str, value: str, found: list[str]) -> None:
    assert chosen((name, [value])) == found


def test_others_have_their_turn_while_much_is_compared() -> None:
    """The work between two turns of the event loop is bounded, for any filters and rows."""
    rows = [{"Name": "a" * 255}] * 100
    asked = compiled([{"Name": "name", "Values": [f"*{'a*' * 120}{n}" for n in range(200)]}], {"name": "Name"})
    moves = sum(len(one.globs) for one in asked) * 255 * len(rows)

    async def run() -> int:
        turns, ended = 0, asyncio.ensure_future(select(rows, asked))
        while not ended.done():
            await asyncio.sleep(0)
            turns += 1
        assert await ended == []
        return turns

    assert asyncio.run(run()) > moves / 12_000


def test_values_are_alternatives_and_filters_are_conditions() -> None:
    assert chosen(("size", ["8", "755"])) == ["vol-1", "vol-2"]
    assert chosen(("size", ["8", "755"]), ("encrypted", ["true"])) == ["vol-2"]
    assert chosen(("size", ["8"]), ("encrypted", ["true"])) == []
    assert chosen() == ["vol-1", "vol-2"]


@pytest.mark.parametrize("name", ["sizes", "", "tag", "Size", "attachment"])
def test_an_unknown_filter_is_refused(name: str) -> None:
    with pytest.raises(AwsError) as refused:
        chosen((name, ["x"]))
    assert (refused.value.code, refused.value.status) == ("InvalidParameterValue", 400)
    assert f"'{name}'" in refused.value.message


def test_a_filter_is_refused_even_where_there_is_nothing_to_filter() -> None:
    with pytest.raises(AwsError, match="The filter 'x' is invalid"):
        compiled([{"Name": "x", "Values": ["y"]}], PATHS)


def test_tag_filters_need_tags() -> None:
    with pytest.raises(AwsError, match="'tag:Name' is invalid"):
        compiled([{"Name": "tag:Name", "Values": ["x"]}], {"size": "Size"})


def refused(*filters: tuple[str, list[str]]) -> str:
    with pytest.raises(AwsError) as error:
        chosen(*filters)
    assert error.value.status == 400
    return error.value.code


def test_two_hundred_values_of_each_filter_and_no_more() -> None:
    many = [str(value) for value in range(200)]
    assert chosen(("size", many), ("encrypted", ["false"])) == ["vol-1"]
    assert refused(("encrypted", ["true"]), ("size", [*many, "200"])) == "FilterLimitExceeded"


def test_fifty_filters_and_no_more() -> None:
    assert chosen(*[("size", ["8"])] * 50) == ["vol-1"]
    assert refused(*[("size", ["8"])] * 51) == "FilterLimitExceeded"


def test_255_characters_and_no_more() -> None:
    assert chosen(("size", ["8", "x" * 255, "*" * 255])) == ["vol-1", "vol-2"]
    assert refused(("size", ["x" * 256])) == "FilterLimitExceeded"
    assert chosen(("tag:" + "x" * 251, ["x"])) == []
    assert refused(("tag:" + "x" * 252, ["x"])) == "FilterLimitExceeded"


def test_a_filter_without_values_is_refused() -> None:
    with pytest.raises(AwsError, match="no value"):
        chosen(("size", []))


@given(SHORT)
def test_an_escaped_value_matches_itself_and_nothing_else(value: str) -> None:
    escaped = re.sub(r"([*?\\])", r"\\\1", value)
    rows = [{"Name": value}, {"Name": value + "x"}, {"Name": "x" + value}]
    assert found(rows, [{"Name": "name", "Values": [escaped]}], {"name": "Name"}) == rows[:1]


@given(SHORT, SHORT, SHORT)
def test_a_star_stands_for_any_text_and_a_question_mark_for_one_character(a: str, b: str, c: str) -> None:
    def matches(pattern: str, word: str) -> bool:
        return bool(found([{"Name": word}], [{"Name": "name", "Values": [pattern]}], {"name": "Name"}))

    start, end = (re.sub(r"([*?\\])", r"\\\1", part) for part in (a, c))
    assert matches(f"{start}*{end}", a + b + c)
    assert matches(f"{start}?{end}", a + b + c) is (len(b) == 1)
    assert not matches(f"{start}?{end}", a + c)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (True, "true"),
        (False, "false"),
        (0, "0"),
        ("x", "x"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00.000Z"),
    ],
)
def test_values_as_text(value: object, written: str) -> None:
    assert text(value) == written
