"""Which CORS rule allows which request, without a cloud."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.errors import AwsError
from shim.s3.config import cors
from shim.s3.config.cors_rules import MOST_NAMES, allowed, patterns, requested, rule

RULE = {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://a.example"]}


def answered(kept: dict[str, Any], origin: str, method: str = "GET", names: str = "") -> dict[str, str] | None:
    """Return the headers of an answer; None where the rule does not allow the request."""
    found = allowed([rule({**RULE, **kept})], origin, method, requested(names))
    return None if found is None else dict(found)


@pytest.mark.parametrize(
    ("pattern", "origin", "matches"),
    [
        ("*suffix", "foo.suffix", True),
        ("*suffix", "suffix", True),
        ("*suffix", "foo.suffix.get", False),
        ("start*end", "startend", True),
        ("start*end", "start12end", True),
        ("start*end", "0start12end", False),
        ("starts*start", "starts", False),  # a character is not both in the prefix and in the suffix
        ("aba*ab", "abab", False),
        ("prefix*", "prefix", True),
        ("prefix*", "bla.prefix", False),
        ("https://a.example", "https://a.example", True),
        ("https://a.example", "https://a.example/", False),
        ("https://a.example", "https://a.example:443", False),
        ("*", "null", True),
        ("", "https://a.example", False),
    ],
)
def test_a_star_stands_for_any_characters(pattern: str, origin: str, matches: bool) -> None:
    assert (answered({"AllowedOrigins": [pattern]}, origin) is not None) is matches


@given(st.lists(st.text("ab*", max_size=5).filter(lambda text: text.count("*") < 2)), st.text("ab", max_size=6))
def test_patterns_match_as_their_definition_says(texts: list[str], text: str) -> None:
    def one(pattern: str) -> bool:
        prefix, star, suffix = pattern.partition("*")
        middle = len(text) - len(prefix) - len(suffix)
        return text == pattern or bool(star and middle >= 0 and text == prefix + text[len(prefix) :][:middle] + suffix)

    assert patterns(texts).match(text) is any(map(one, texts))


def test_the_answer_names_the_origin_and_allows_credentials() -> None:
    assert answered({"MaxAgeSeconds": 0, "ExposeHeaders": ["ETag", "x-amz-id-2"]}, "https://a.example") == {
        "Access-Control-Allow-Origin": "https://a.example",
        "Access-Control-Allow-Methods": "GET",
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": "ETag, x-amz-id-2",
        "Access-Control-Max-Age": "0",
        "Vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
    }


def test_a_rule_for_every_origin_answers_a_star_without_credentials() -> None:
    found = answered({"AllowedOrigins": ["*"]}, "https://b.example") or {}
    assert found["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in found


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ("x-amz-meta-A, Content-Type", "x-amz-meta-a, content-type"),
        ("content-type,,x-amz-date , content-type", "content-type, x-amz-date"),
        ("authorization", None),
        ("x-amz-meta-a,authorization", None),
    ],
)
def test_every_requested_header_must_be_allowed(names: str, told: str | None) -> None:
    found = answered({"AllowedHeaders": ["X-Amz-*", "content-type"]}, "https://a.example", names=names)
    assert (found or {}).get("Access-Control-Allow-Headers") == told
    assert answered({}, "https://a.example", names=names) is None


def test_a_request_for_very_many_headers_is_not_allowed() -> None:
    names = ",".join(f"x{number}" for number in range(MOST_NAMES + 1))
    assert answered({"AllowedHeaders": ["*"]}, "https://a.example", names=names) is None
    assert answered({"AllowedHeaders": ["*"]}, "https://a.example", names=names.rpartition(",")[0]) is not None


def test_the_first_rule_that_allows_a_request_answers() -> None:
    rules = [rule({**RULE, "AllowedMethods": [method, "HEAD"]}) for method in ("PUT", "GET")]
    found = allowed(rules, "https://a.example", "GET", ())
    assert dict(found or ())["Access-Control-Allow-Methods"] == "GET, HEAD"
    found = allowed(rules, "https://a.example", "HEAD", ())
    assert dict(found or ())["Access-Control-Allow-Methods"] == "PUT, HEAD"
    assert allowed(rules, "https://a.example", "DELETE", ()) is None


def test_no_value_of_a_rule_breaks_the_head_of_an_answer() -> None:
    found = answered({"ExposeHeaders": ["a\r\nb"], "AllowedHeaders": ["*"]}, "https://a.example", names="a\nb")
    assert not any("\n" in value for value in (found or {"": "\n"}).values())


def many(number: int, **kept: Any) -> list[dict[str, Any]]:
    return [{**RULE, **kept} for _ in range(number)]


@pytest.mark.parametrize(
    ("rules", "code", "sentence"),
    [
        ([], "MalformedXML", "not well-formed"),
        (many(1, AllowedMethods=[]), "MalformedXML", "not well-formed"),
        (many(1, AllowedOrigins=[]), "MalformedXML", "not well-formed"),
        (many(1, MaxAgeSeconds=-1), "MalformedXML", "not well-formed"),
        (many(101), "InvalidRequest", "should not exceed allowed limit of 100 rules"),
        (many(1, ID="i" * 256), "InvalidArgument", "ID length should not exceed allowed limit of 255"),
        (many(1, AllowedMethods=["GET", "OPTIONS"]), "InvalidRequest", "Unsupported method is OPTIONS"),
        (many(1, AllowedMethods=["get"]), "InvalidRequest", "Unsupported method is get"),
        (many(1, AllowedOrigins=["*a*"]), "InvalidRequest", 'AllowedOrigin "*a*" can not have more than one wildcard.'),
        (many(1, AllowedHeaders=["**"]), "InvalidRequest", 'AllowedHeader "**" can not have more than one wildcard.'),
        (many(1, ExposeHeaders=["x-*"]), "InvalidRequest", 'ExposeHeader "x-*" contains wildcard.'),
        (many(1, AllowedHeaders=["é" * 40_000]), "MaxMessageLengthExceeded", "too big"),
    ],
)
def test_what_s3_refuses_is_refused(rules: list[dict[str, Any]], code: str, sentence: str) -> None:
    with pytest.raises(AwsError) as refusal:
        cors.check({"CORSRules": rules})
    assert (refusal.value.code, refusal.value.status) == (code, 400)
    assert sentence in refusal.value.message


def test_the_limits_are_accepted() -> None:
    rules = many(100, ID="i" * 255, AllowedHeaders=["x-*-y"], AllowedOrigins=["", "*"], MaxAgeSeconds=0)
    assert cors.check({"CORSRules": rules}) == rules
