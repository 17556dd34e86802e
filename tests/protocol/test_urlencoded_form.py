"""What a form may cost: bounds on pairs, depth and width, counted in what is built and not in time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shim.app import FRONTENDS
from shim.errors import AwsError
from shim.protocol import urlencoded_form
from shim.protocol.message import Head, Request
from shim.protocol.parameter_error import ParameterError, Problem


def built(node: Any) -> int:
    """The number of branches of a tree."""
    return 1 + sum(map(built, node.values())) if isinstance(node, dict) else 0


def taken(pairs: list[tuple[str, str]]) -> tuple[AwsError | None, int]:
    """Fold pairs; return the error, and how many pairs were looked at."""
    looked = 0

    def counted() -> Iterator[tuple[str, str]]:
        nonlocal looked
        for pair in pairs:
            looked += 1
            yield pair

    try:
        urlencoded_form.tree(counted())
    except AwsError as error:
        return error, looked
    return None, looked


def test_a_form_of_too_many_pairs_is_refused_before_it_is_decoded() -> None:
    assert len(urlencoded_form.decode(b"&".join([b"a=%41"] * urlencoded_form.MOST_PAIRS))) == urlencoded_form.MOST_PAIRS
    with pytest.raises(AwsError) as caught:
        urlencoded_form.decode(b"&" * urlencoded_form.MOST_PAIRS)
    assert (caught.value.status, caught.value.code) == (413, "RequestEntityTooLarge")


def test_no_more_pairs_are_folded_than_any_request_has() -> None:
    """A query and a form together may hold more than a form alone."""
    error, looked = taken([(f"A.{number}", "") for number in range(3 * urlencoded_form.MOST_PAIRS)])
    assert error is not None
    assert (error.code, looked) == ("RequestEntityTooLarge", urlencoded_form.MOST_PAIRS + 1)


def test_no_more_branches_are_built_than_any_request_has() -> None:
    error, looked = taken([(f"A.{number}" + ".b" * 10, "") for number in range(urlencoded_form.MOST_PAIRS)])
    assert error is not None
    assert error.code == "RequestEntityTooLarge"
    assert looked <= urlencoded_form.MOST_BRANCHES / 10 + 1


def test_a_name_of_more_steps_than_any_parameter_builds_nothing() -> None:
    deep = ".".join("a" * (urlencoded_form.DEEPEST + 1))
    assert built(urlencoded_form.tree([(deep, "v")])) == urlencoded_form.DEEPEST + 1
    with pytest.raises(ParameterError) as caught:
        urlencoded_form.tree([(f"{deep}.a", "v")])
    assert caught.value.problem is Problem.UNKNOWN


def test_a_refused_name_is_cut() -> None:
    with pytest.raises(ParameterError) as caught:
        urlencoded_form.tree([("a." * 500_000, "v")])
    assert len(caught.value.name) <= 256


def test_the_largest_request_is_taken() -> None:
    """Every rule of the largest security group, with all that a rule may say."""
    members = ["IpProtocol", "FromPort", "ToPort", "CidrIpv4", "Description"]
    pairs = [
        (f"SecurityGroupRule.{number}.{name}", "x")
        for number in range(1, 1001)
        for name in ("SecurityGroupRuleId", *(f"SecurityGroupRule.{member}" for member in members))
    ]
    raw = "&".join(f"{name}={value}" for name, value in pairs).encode()
    assert len(urlencoded_form.tree(urlencoded_form.decode(raw))["SecurityGroupRule"]) == 1000


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"Action=RunInstances&Version=1", "RunInstances"),
        (b"Version=1&Action=RunInstances", "RunInstances"),
        (b"Version=1&Action=RunInstances&Action=Other", "RunInstances"),
        (b"XAction=Other&Action=RunInstances", "RunInstances"),
        (b"%41ction=RunInstances", ""),
        (b"Action=Run%49nstances", ""),
        (b"Action=", ""),
        (b"Action=" + b"A" * 1000, ""),
        (b"a" * 5000 + b"&Action=RunInstances", ""),
        (b"xAction=" * 100_000, ""),
        (b"Action=\xc3\xa9", ""),
        (b"", ""),
    ],
)
def test_a_glance_finds_a_plain_action_near_the_start(raw: bytes, found: str) -> None:
    assert dict(urlencoded_form.undecoded_action(raw)).get("Action", "") == found


@pytest.mark.parametrize("index", ["01", "-1", "+1", "1_0", "\u0661", "1" * 10, ""])
def test_an_element_has_one_number(index: str) -> None:
    with pytest.raises(AwsError) as caught:
        FRONTENDS["ec2"].service.operations["DescribeVolumes"].parse(
            Request(Head("POST", b"/", b"", ()), form=(("VolumeId.1", "a"), (f"Filter.{index}.Name", "b"))), b""
        )
    assert (caught.value.code, caught.value.refused) == ("UnknownParameter", f"Filter.{index}")
