"""The Describe engine: ids, filters, pages and tokens of one request."""

import asyncio
from typing import Any, cast

import pytest

from adapters.ports.cloud import Cloud
from shim.config import Settings
from shim.context import Call, Caller
from shim.ec2.engine import resource_types as resource_types
from shim.ec2.engine.describe import Question, Rows, Table, answer, question
from shim.ec2.engine.filters import Row
from shim.errors import AwsError
from shim.locks import Locks

TABLE = Table("Volumes", "VolumeId", resource_types.VOLUME, {"size": "Size"}, ids="VolumeIds", paged_ids=False)
ROWS = [{"VolumeId": f"vol-{number:032x}", "Size": number % 2} for number in range(12)]
IDS = [row["VolumeId"] for row in ROWS]


def call(operation: str = "DescribeVolumes", project: str = "p") -> Call:
    """A request that needs no cloud."""
    return Call(
        cloud=cast("Cloud", None),
        caller=Caller("AK", "u", "user", project, "project", "123456789012", frozenset()),
        request_id="r",
        region="us-east-1",
        operation=operation,
        settings=Settings.model_validate({"page_token_key": "k"}),
        locks=Locks(""),
    )


def reading(rows: list[dict[str, Any]]) -> Rows:
    async def read(_: Call, __: Question) -> list[Row]:
        return list(rows)

    return read


def answered(call: Call, table: Table, rows: Rows, req: dict[str, Any]) -> dict[str, Any]:
    asked = question(call.settings, call.caller.project_id, call.operation, table, req)
    return asyncio.run(answer(call, table, rows, asked))


def ask(table: Table = TABLE, rows: list[dict[str, Any]] = ROWS, **req: Any) -> tuple[list[str], str | None]:
    found = answered(call(), table, reading(rows), req)
    return [row["VolumeId"] for row in found["Volumes"]], found.get("NextToken")


def refused(**req: Any) -> tuple[str, str]:
    with pytest.raises(AwsError) as error:
        ask(**req)
    return error.value.code, error.value.message


def test_everything_in_order() -> None:
    assert ask(rows=ROWS[::-1]) == (IDS, None)


def test_by_id_each_once() -> None:
    assert ask(VolumeIds=[IDS[3], IDS[1], IDS[3]]) == ([IDS[1], IDS[3]], None)


def test_filters_narrow_ids() -> None:
    assert ask(VolumeIds=IDS[:2], Filters=[{"Name": "size", "Values": ["1"]}]) == ([IDS[1]], None)


def test_all_missing_ids_are_named() -> None:
    absent = ["vol-" + "f" * 32, "vol-12345678"]
    assert refused(VolumeIds=[IDS[0], *absent]) == (
        "InvalidVolume.NotFound",
        f"The volumes '{absent[0]}, {absent[1]}' do not exist.",
    )


def test_a_malformed_id_is_no_missing_one() -> None:
    assert refused(VolumeIds=[IDS[0], "vol-12345678", "nonsense"])[0] == "InvalidVolumeID.Malformed"


def test_pages() -> None:
    first, token = ask(MaxResults=5)
    second, token2 = ask(MaxResults=5, NextToken=token)
    third, end = ask(MaxResults=5, NextToken=token2)
    assert (first + second + third, end) == (IDS, None)


def test_a_token_without_a_size_brings_the_rest() -> None:
    _, token = ask(MaxResults=5)
    assert ask(NextToken=token) == (IDS[5:], None)


def test_pages_of_what_a_filter_leaves() -> None:
    odd = [{"Name": "size", "Values": ["1"]}]
    first, token = ask(MaxResults=5, Filters=odd)
    assert (first, ask(MaxResults=5, Filters=odd, NextToken=token)) == (IDS[1:11:2], ([IDS[11]], None))
    assert refused(MaxResults=5, NextToken=token)[0] == "InvalidParameterValue"


def test_an_empty_token_is_none() -> None:
    assert ask(NextToken="") == (IDS, None)


def test_ids_and_pages_exclude_each_other() -> None:
    code, message = refused(VolumeIds=IDS[:1], MaxResults=5)
    assert code == "InvalidParameterCombination"
    assert "VolumeIds" in message


def test_ids_and_pages_go_together_where_aws_says_so() -> None:
    table = Table("Volumes", "VolumeId", resource_types.VOLUME, {}, ids="VolumeIds", paged_ids=True)
    assert ask(table, VolumeIds=IDS[:6], MaxResults=5)[0] == IDS[:5]


def test_too_long_a_page_is_refused_or_cut() -> None:
    assert refused(MaxResults=1001)[0] == "InvalidParameterValue"
    short = Table("Volumes", "VolumeId", resource_types.VOLUME, {}, most=6, cut=True)
    assert ask(short, MaxResults=1001)[0] == IDS[:6]
    assert refused(MaxResults=4)[0] == "InvalidParameterValue"


def test_tokens_of_another_action_or_project_do_not_fit() -> None:
    _, token = ask(MaxResults=5)
    for other in (call("DescribeSnapshots"), call(project="q")):
        with pytest.raises(AwsError, match="The token is invalid"):
            answered(other, TABLE, reading(ROWS), {"NextToken": token})
