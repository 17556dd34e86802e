"""The records of events."""

import json
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import unquote_plus

from hypothesis import given
from hypothesis import strategies as st

from shim.s3.notifications.events import ACL, DELETE, EXPIRED, EXPIRED_MARKER, MARKER, PUT, SENT, TAGGED
from shim.s3.notifications.record import Event, Scene, record

SCENE = Scene("r", "id", "AWS:u", "192.0.2.1", "b", "o")
AT = datetime(2026, 1, 2, 3, 4, 5, 6789, UTC)


@given(key=st.text(st.characters(blacklist_categories=["Cs"]), min_size=1))
def test_a_key_is_url_encoded(key: str) -> None:
    shown = record(Event(PUT, key), SCENE, "c", AT, 1)["s3"]["object"]["key"]
    assert shown.isascii()
    assert " " not in shown
    assert unquote_plus(shown) == key


def test_a_key_that_is_not_utf_8_can_be_told() -> None:
    told = record(Event(PUT, "a\udcff"), SCENE, "c", AT, 1)
    assert json.loads(json.dumps(told))["s3"]["object"]["key"] == "a%FF"


def test_the_time_is_utc_in_milliseconds() -> None:
    for at in (AT, AT.astimezone(timezone(timedelta(hours=5)))):
        assert record(Event(PUT, "k"), SCENE, "c", at, 1)["eventTime"] == "2026-01-02T03:04:05.006Z"


@given(orders=st.lists(st.integers(0, 2**63), min_size=2))
def test_sequencers_sort_as_the_events_came(orders: list[int]) -> None:
    shown = [record(Event(PUT, "k"), SCENE, "c", AT, one)["s3"]["object"]["sequencer"] for one in sorted(orders)]
    assert shown == sorted(shown)


def test_what_is_not_known_is_left_out() -> None:
    def told(name: str) -> set[str]:
        return set(record(Event(name, "k"), SCENE, "c", AT, 1)["s3"]["object"])

    assert told(DELETE) == {"key", "sequencer"}
    assert told(MARKER) == told(EXPIRED_MARKER) == {"key", "sequencer", "eTag"}
    assert told(TAGGED) == told(ACL) == {"key"}


def test_events_have_their_versions_and_names() -> None:
    newer = {name for name in SENT if record(Event(name, "k"), SCENE, "c", AT, 1)["eventVersion"] == "2.3"}
    assert newer == {
        name for name in SENT if name.split(":")[1] in ("ObjectTagging", "ObjectAcl", "LifecycleExpiration")
    }
    assert record(Event(PUT, "k"), SCENE, "c", AT, 1)["eventName"] == "ObjectCreated:Put"


def test_what_s3_does_itself_is_told_so() -> None:
    told = record(Event(EXPIRED, "k"), SCENE._replace(user="", client=""), "c", AT, 1)
    assert told["userIdentity"] == {"principalId": "s3.amazonaws.com"}
    assert told["requestParameters"] == {"sourceIPAddress": "s3.amazonaws.com"}
