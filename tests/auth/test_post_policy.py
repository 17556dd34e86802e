"""Policies of browsers' forms: what they allow, what they refuse, and what is no policy."""

import json
from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.auth import post_policy as policy
from shim.errors import AwsError

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER = "2026-11-24T12:00:01.000Z"


def written(conditions: Any, **more: Any) -> str:
    document = {"expiration": LATER, "conditions": conditions, **more}
    return b64encode(json.dumps(document).encode()).decode()


def raw(text: str) -> str:
    return b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("condition", "fields", "holds"),
    [
        ({"acl": "private"}, {"acl": "private"}, True),
        ({"acl": "private"}, {"acl": "Private"}, False),
        ({"acl": "private"}, {}, False),
        ({"aCl": "private"}, {"acl": "private"}, True),
        (["eq", "$key", "a"], {"key": "a"}, True),
        (["EQ", "$KeY", "a"], {"key": "a"}, True),
        (["eq", "$key", "a"], {"key": "ab"}, False),
        (["starts-with", "$key", "user/"], {"key": "user/x"}, True),
        (["starts-with", "$key", "user/"], {"key": "users"}, False),
        (["starts-with", "$key", ""], {"key": "anything"}, True),
        (["starts-with", "$content-type", "image/"], {"content-type": "image/png, image/jpeg"}, True),
        (["starts-with", "$content-type", "image/"], {"content-type": "image/png,text/html"}, False),
        (["starts-with", "$key", "a"], {"key": "a,b"}, True),
        (["starts-with", "$key", "user/"], {"key": " user/x"}, False),
        (["starts-with", "$key", " a"], {"key": " a"}, True),
        (["starts-with", "$content-type", "image/"], {"content-type": "image/png,"}, False),
        (["starts-with", "$x-amz-meta-a", ""], {}, False),
        ({"x-amz-meta-a": ""}, {}, False),
        ({"x-amz-meta-a": ""}, {"x-amz-meta-a": ""}, True),
    ],
)
def test_conditions(condition: Any, fields: dict[str, str], holds: bool) -> None:
    read = policy.read(written([condition]))
    if holds:
        read.check(fields, NOW)
        return
    with pytest.raises(AwsError) as caught:
        read.check(fields, NOW)
    assert (caught.value.code, caught.value.status) == ("AccessDenied", 403)
    assert caught.value.message.startswith("Invalid according to Policy: Policy Condition failed: [")


def test_every_field_is_in_the_policy() -> None:
    read = policy.read(written([{"key": "k"}]))
    free = {"x-ignore-me": "1", "policy": "p", "signature": "s", "awsaccesskeyid": "a", "x-amz-signature": "s"}
    read.check({"key": "k", **free}, NOW)
    with pytest.raises(AwsError) as caught:
        read.check({"key": "k", "x-amz-meta-a": "1", "acl": "private"}, NOW)
    assert caught.value.message == "Invalid according to Policy: Extra input fields: acl, x-amz-meta-a"


def test_a_policy_ends() -> None:
    read = policy.read(written([{"key": "k"}]))
    with pytest.raises(AwsError) as caught:
        read.check({"key": "k"}, NOW.replace(second=1))
    assert (caught.value.code, caught.value.status) == ("AccessDenied", 403)
    assert caught.value.message == "Invalid according to Policy: Policy expired."


@pytest.mark.parametrize(("bounds", "sizes"), [((0, 10), (0, 10)), (("1", "2"), (1, 2)), ((5, 10**18), (5, 10**18))])
def test_sizes(bounds: tuple[Any, Any], sizes: tuple[int, int]) -> None:
    assert policy.read(written([{"key": "k"}, ["content-length-range", *bounds]])).sizes == sizes


def test_of_several_sizes_all_hold() -> None:
    ranges = [["content-length-range", 5, 10], ["content-length-range", 0, 10**9]]
    for conditions in (ranges, ranges[::-1]):
        assert policy.read(written([{"key": "k"}, *conditions])).sizes == (5, 10)


def test_escapes_that_json_does_not_have() -> None:
    conditions = r'[["eq", "$key", "\$5 \\$ \u0041\v"]]'
    read = policy.read(raw(f'{{"expiration": "{LATER}", "conditions": {conditions}}}'))
    assert read.conditions[0].value == "$5 \\$ A\v"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "%%%",
        raw("{"),
        raw("[]"),
        raw('"a"'),
        raw("[" * 100_000),
        b64encode(b"\xff\xfe").decode(),
        written([]),
        written({}),
        written(None),
        written(["eq"]),
        written([["eq", "$key"]]),
        written([["eq", "key", "a"]]),
        written([["equals", "$key", "a"]]),
        written([["eq", "$key", 1]]),
        written([{"key": 1}]),
        written([{"key": "a", "acl": "b"}]),
        written([{}]),
        written(["content-length-range", 0, 1]),
        written([["content-length-range", 0]]),
        written([["content-length-range", -1, 0]]),
        written([["content-length-range", 0, "x"]]),
        written([["content-length-range", 0, True]]),
        written([["content-length-range", 0, 1.5]]),
        written([["content-length-range", 0, "9" * 30]]),
        written([{"key": "a"}], expiration=None),
        written([{"key": "a"}], expiration=5),
        written([{"key": "a"}], expiration="2026-11-24 12:00:00+00:00"),
        written([{"key": "a"}], expiration="2026-13-24T12:00:00Z"),
        written([{"key": "a"}], EXPIRATION=LATER),
    ],
)
def test_what_is_no_policy(text: str) -> None:
    with pytest.raises(AwsError) as caught:
        policy.read(text)
    assert (caught.value.code, caught.value.status) == ("InvalidPolicyDocument", 400)
    assert caught.value.message.startswith("Invalid Policy: ")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@given(json_values, json_values)
def test_any_document_is_a_policy_or_refused(expiration: Any, conditions: Any) -> None:
    """Anything else than a refusal would be a 500."""
    with suppress(AwsError):
        assert policy.read(written(conditions, expiration=expiration)).conditions
