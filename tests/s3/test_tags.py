"""Tags: AWS's limits, and its messages for tags beyond them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.errors import AwsError
from shim.s3 import tags

ALPHABET = "abcXYZ019 +-=._:/@äß漢\u00a0\u3000"
KEYS = st.text(ALPHABET, min_size=1, max_size=128).filter(lambda key: not key.startswith("aws:"))
VALUES = st.text(ALPHABET, max_size=256)


def tag(key: str, value: str = "") -> dict[str, str]:
    return {"Key": key, "Value": value}


@given(st.dictionaries(KEYS, VALUES, max_size=10))
def test_what_is_fine_comes_back_in_order(wanted: dict[str, str]) -> None:
    assert tags.tag_set(tags.check(tags.tag_set(wanted), 10, "")) == tags.tag_set(wanted)


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        ([tag(f"k{number}") for number in range(11)], "InvalidTag", "Object tags cannot be greater than 10"),
        ([tag("")], "InvalidTag", "The TagKey you have provided is invalid"),
        ([tag("k" * 129)], "InvalidTag", "The TagKey you have provided is invalid"),
        ([tag("a\x01b")], "InvalidTag", "The TagKey you have provided is invalid"),
        ([tag("a&b")], "InvalidTag", "The TagKey you have provided is invalid"),
        ([tag("k", "v" * 257)], "InvalidTag", "The TagValue you have provided is invalid"),
        ([tag("k", "a\nb")], "InvalidTag", "The TagValue you have provided is invalid"),
        ([tag("aws:k")], "InvalidTag", "System tags cannot be added/updated by requester"),
        ([tag("k", "1"), tag("k", "2")], "InvalidTag", "Cannot provide multiple Tags with the same key"),
    ],
)
def test_what_is_not_is_refused(given: list[dict[str, Any]], code: str, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        tags.check(given, 10, "Object tags cannot be greater than 10")
    assert (caught.value.code, caught.value.message, caught.value.status) == (code, message, 400)


def test_a_headers_tags_are_sorted_by_key() -> None:
    assert list(tags.of_header("foo=bar&bar&b%C3%A4=x%2By+z").items()) == [
        ("bar", ""),
        ("b\u00e4", "x+y z"),
        ("foo", "bar"),
    ]
