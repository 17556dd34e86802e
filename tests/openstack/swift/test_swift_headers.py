"""Swift's headers: the fast parser gives the same results as the library's."""

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.errors import BackendError, Fault
from adapters.openstack.swift import headers as swift_headers

TIMES = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1)).map(lambda at: at.replace(microsecond=0, tzinfo=UTC))  # noqa: DTZ001


@given(TIMES)
def test_an_http_date_is_read_as_it_was_written(at: datetime) -> None:
    assert swift_headers.http_time(format_datetime(at, usegmt=True)) == at


@pytest.mark.parametrize("text", ["Monday, 23-Nov-26 08:59:59 GMT", "Mon, 23 Nov 2026 09:59:59 +0100"])
def test_other_forms_are_left_to_the_library(text: str) -> None:
    assert swift_headers.http_time(text) == parsedate_to_datetime(text)


STORED = {"content-length": "1", "last-modified": "Mon, 23 Nov 2026 09:00:01 GMT"}
SHOWN = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.mark.parametrize("timestamp", ["1795424400.00000", "1795424400.12345", "1795424400.99999", "1795424400"])
def test_an_objects_time_is_rounded_down(timestamp: str) -> None:
    """Swift rounds Last-Modified up, possibly into the future."""
    assert swift_headers.stored(STORED | {"x-timestamp": timestamp}).modified == SHOWN


def test_a_writes_time_is_the_one_that_reading_shows() -> None:
    written = swift_headers.written({"etag": '"abc"', "last-modified": STORED["last-modified"]})
    assert written[:2] == ("abc", SHOWN)


@pytest.mark.parametrize("timestamp", ["x", "1e9", "9" * 30, "."])
def test_an_object_without_a_sound_timestamp(timestamp: str) -> None:
    with pytest.raises(BackendError) as caught:
        swift_headers.stored(STORED | {"x-timestamp": timestamp})
    assert caught.value.fault is Fault.UNAVAILABLE


@pytest.mark.parametrize("text", ["", "now", "Mon, 23 Nov 2026 08.59.xx GMT", "Mon, 99 Nov 2026 08:59:59 GMT"])
def test_an_object_without_a_sound_time(text: str) -> None:
    with pytest.raises(BackendError) as caught:
        swift_headers.stored({"content-length": "1", "last-modified": text})
    assert caught.value.fault is Fault.UNAVAILABLE
