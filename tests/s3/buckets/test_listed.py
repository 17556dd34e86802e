"""Times and ETags of a listing's rows, which are translated from Swift's text without parsing."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from botocore.model import Shape
from hypothesis import given
from hypothesis import strategies as st

from shim.protocol.scalars import Iso8601, writer
from shim.protocol.xml.rows import Times
from shim.s3.objects.headers import listed_etag, listed_etags, listed_time, listed_times
from shim.s3.paging import coder, column_coder

WORDS = writer(Shape("T", {"type": "timestamp"}), "iso8601")
ODD = [
    "2026-01-02T03:04:59.000001",
    "2026-12-31T23:59:59.999999",
    "2026-01-02T03:04:05.000000",
    "2026-01-02T03:04:05.",
    "2026-01-02T03:04:05",
    "2026-01-02T03:04:05.0000000",
    "2026-01-02T03:04:05.1",
    "2026-01-02T03:04:05.123456Z",
    "2026-01-02T03:04:05.999999",
    "2026-01-02T03:04:05,123456",
    "2026-01-02 03:04:05.123456",
    "2024-02-29T00:00:00.000001",
]


def whole(text: str) -> str:
    """Return a time rounded down to the second, in the answers' format."""
    return WORDS(datetime.fromisoformat(text[:19]).replace(tzinfo=UTC))


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda at: at.year < 9999))
def test_times_lose_their_fraction(at: datetime) -> None:
    text = at.isoformat(timespec="microseconds").removesuffix("+00:00")
    assert WORDS(listed_time(text)) == WORDS(at.replace(microsecond=0))


@pytest.mark.parametrize("text", ODD)
def test_odd_times_lose_their_fraction_alike(text: str) -> None:
    assert WORDS(listed_time(text)) == whole(text)


@pytest.mark.parametrize("text", ["2026-02-29T03:04:05.1", "2026-01-02T24:04:05.1", "2026-13-02T03:04:05.1", "soon"])
def test_times_that_never_were_are_refused_as_ever(text: str) -> None:
    with pytest.raises(ValueError, match=r"isoformat|range|month|day|hour"):
        listed_time(text)


def test_swifts_own_form_becomes_no_datetime() -> None:
    assert type(listed_time("2026-01-02T03:04:05.123456")) is Iso8601


OWN = "2026-01-02T03:04:05.123456"


@given(st.lists(st.sampled_from([OWN, *ODD]), max_size=5))
def test_many_times_are_the_times_one_by_one(texts: list[str]) -> None:
    assert list(map(str, listed_times(texts))) == list(map(str, map(listed_time, texts)))
    assert type(listed_times([OWN] * 3)) is Times


ROWS = [
    {"name": "k", "hash": "abc", "bytes": 1, "content_type": "a/b", "last_modified": OWN},
    {"name": "k", "hash": "abc", "bytes": 1, "content_type": f"a/b;s3_etag={'0' * 32}-7", "last_modified": OWN},
    {"name": "k", "hash": "abc", "bytes": 1, "content_type": "a/b", "last_modified": OWN, "slo_etag": '"def"'},
]


@given(st.lists(st.sampled_from(ROWS), max_size=4))
def test_many_etags_are_the_etags_one_by_one(rows: list[Any]) -> None:
    assert listed_etags(rows) == list(map(listed_etag, rows))


NAMES = st.text(st.characters(codec="utf-8")) | st.text("aZ09_.-~/ %+é\udcff", max_size=9)


@given(st.lists(NAMES, max_size=4), st.sampled_from([{}, {"EncodingType": "url"}]))
def test_many_names_are_encoded_as_one(names: list[str], asked: dict[str, str]) -> None:
    assert column_coder(asked)(names) == list(map(coder(asked), names))


@given(st.text(st.characters(codec="utf-8")) | st.text("aZ09_.-~/ %+é\udcff", max_size=9))
def test_names_are_percent_encoded(name: str) -> None:
    assert coder({"EncodingType": "url"})(name) == quote(name, safe="/~", errors="surrogateescape")
    assert coder({})(name) == name
