"""What lifecycle rules do, and when: AWS's worked examples, and a literal reference over generated rules."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.s3.lifecycle.document import checked
from shim.s3.lifecycle.evaluation import (
    Action,
    Days,
    Due,
    Rule,
    Version,
    abort,
    compiled,
    due,
    due_upload,
    expiry,
    prefixes,
    wants_tags,
)

DAYS = Days()
MADE = datetime(2014, 1, 15, 10, 30, tzinfo=UTC)
PLAIN = Version("logs/a", 100, MADE, tags={})
MARKER = Version("logs/a", 0, MADE, tags={}, is_marker=True)
OLD = replace(PLAIN, noncurrent_since=MADE)
LATE = datetime(2030, 1, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        ("2014-01-15T10:30", 3, "2014-01-19"),  # the user guide's own example
        ("2014-01-02T11:30", 5, "2014-01-08"),  # its example of a noncurrent version
        ("2026-01-02T00:05", 1, "2026-01-04"),  # that of its page on troubleshooting
        ("2026-01-02T23:59:59", 1, "2026-01-04"),
        ("2026-01-02T00:00", 1, "2026-01-04"),
        ("2024-02-28T12:00", 1, "2024-03-01"),
    ],
)
def test_days_end_at_the_next_midnight(start: str, days: int, end: str) -> None:
    assert DAYS.after(at(start), days) == at(end)


def test_days_of_seconds_are_not_rounded() -> None:
    assert Days(10).after(MADE, 3) == MADE + timedelta(seconds=30)


def test_more_days_than_there_are_never_end() -> None:
    for days in (DAYS, Days(10)):
        assert days.after(MADE, 2**31 - 1) > datetime(2400, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "version", "action"),
    [
        (Rule("r", "logs/", days=3), PLAIN, Action.EXPIRE),
        (Rule("r", "tmp/", days=3), PLAIN, None),
        (Rule("r", date=MADE), PLAIN, Action.EXPIRE),
        (Rule("r", date=LATE + timedelta(days=1)), PLAIN, None),
        (Rule("r", larger_than=99, days=3), PLAIN, Action.EXPIRE),
        (Rule("r", larger_than=100, days=3), PLAIN, None),
        (Rule("r", smaller_than=101, days=3), PLAIN, Action.EXPIRE),
        (Rule("r", smaller_than=100, days=3), PLAIN, None),
        (Rule("r", tags=(("a", "1"),), days=3), PLAIN, None),
        (Rule("r", tags=(("a", "1"),), days=3), replace(PLAIN, tags={"a": "1", "b": "2"}), Action.EXPIRE),
        (Rule("r", tags=(("a", "1"), ("b", "1")), days=3), replace(PLAIN, tags={"a": "1", "b": "2"}), None),
        (Rule("r", tags=(("a", "1"),), days=3), replace(PLAIN, tags=None), None),
        (Rule("r", lone_markers=True), PLAIN, None),
        (Rule("r", noncurrent_days=1), PLAIN, None),
        (Rule("r", abort_days=1), PLAIN, None),
        (Rule("r", days=3), OLD, None),
        (Rule("r", noncurrent_days=1), OLD, Action.EXPIRE_VERSION),
        (Rule("r", noncurrent_days=1), replace(OLD, is_marker=True), Action.EXPIRE_VERSION),
        (Rule("r", noncurrent_days=1, newer_noncurrent=2), replace(OLD, newer_noncurrent=1), None),
        (Rule("r", noncurrent_days=1, newer_noncurrent=2), replace(OLD, newer_noncurrent=2), Action.EXPIRE_VERSION),
        (Rule("r", lone_markers=True), MARKER, None),
        (Rule("r", days=3), MARKER, None),
        (Rule("r", lone_markers=True), replace(MARKER, alone=True), Action.REMOVE_MARKER),
        (Rule("r", days=3), replace(MARKER, alone=True), Action.REMOVE_MARKER),
        (Rule("r", date=MADE), replace(MARKER, alone=True), Action.REMOVE_MARKER),
        (Rule("r", tags=(("a", "1"),), days=3), replace(MARKER, alone=True), None),
        (Rule("r", noncurrent_days=1), replace(MARKER, alone=True), None),
    ],
)
def test_a_rule_acts_on_what_it_covers(rule: Rule, version: Version, action: Action | None) -> None:
    found = due([rule], version, LATE, DAYS)
    assert (found and found.action) == action


def test_nothing_is_due_before_its_time() -> None:
    rule, when = Rule("r", days=3), at("2014-01-19")
    assert due([rule], PLAIN, when - timedelta(microseconds=1), DAYS) is None
    assert due([rule], PLAIN, when, DAYS) == Due(Action.EXPIRE, when, "r")
    assert expiry([rule], PLAIN, DAYS) == Due(Action.EXPIRE, when, "r")


def test_the_shorter_of_two_rules_counts_and_the_first_of_equal_ones() -> None:
    long, short, same = Rule("long", days=30), Rule("short", "logs/", days=3), Rule("same", days=3)
    for rules in ([long, short], [short, long], [long, short, same]):
        found = expiry(rules, PLAIN, DAYS)
        assert found is not None
        assert found.rule_id == "short"


def test_disabled_rules_do_nothing() -> None:
    told: dict[str, Any] = {"ID": "r", "Filter": {}, "Expiration": {"Days": 1}}
    assert compiled([{**told, "Status": "Disabled"}]) == []
    assert compiled([{**told, "Status": "Enabled"}]) == [Rule("r", days=1)]


def test_a_document_becomes_rules() -> None:
    both = {"Prefix": "a", "Tags": [{"Key": "k", "Value": "v"}], "ObjectSizeGreaterThan": 1, "ObjectSizeLessThan": 9}
    rules: list[Mapping[str, Any]] = [
        {
            "ID": "1",
            "Status": "Enabled",
            "Filter": {"And": both},
            "Expiration": {"Date": MADE.replace(hour=0, minute=0)},
        },
        {"ID": "2", "Status": "Enabled", "Filter": {"Tag": {"Key": "k", "Value": ""}}, "Expiration": {"Days": 2}},
        {
            "ID": "3",
            "Status": "Enabled",
            "Filter": {"Prefix": "b"},
            "Expiration": {"ExpiredObjectDeleteMarker": True},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 4, "NewerNoncurrentVersions": 5},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 6},
        },
    ]
    assert compiled(checked({"Rules": rules})) == [
        Rule("1", "a", (("k", "v"),), 1, 9, date=at("2014-01-15")),
        Rule("2", tags=(("k", ""),), days=2),
        Rule("3", "b", lone_markers=True, noncurrent_days=4, newer_noncurrent=5, abort_days=6),
    ]


def test_uploads_are_aborted_by_prefix_and_age() -> None:
    rules = [Rule("x", "tmp/", abort_days=1), Rule("long", "logs/", abort_days=9), Rule("r", "logs/", abort_days=3)]
    when = at("2014-01-19")
    assert abort(rules, "logs/a", MADE, DAYS) == Due(Action.ABORT, when, "r")
    assert due_upload(rules, "logs/a", MADE, when - timedelta(seconds=1), DAYS) is None
    assert due_upload(rules, "logs/a", MADE, when, DAYS) == Due(Action.ABORT, when, "r")
    assert abort([Rule("r", days=1)], "logs/a", MADE, DAYS) is None


def test_tags_are_wanted_only_where_they_decide() -> None:
    tagged, unread = Rule("r", "logs/", (("a", "1"),), days=3), replace(PLAIN, tags=None)
    assert wants_tags([tagged], unread, LATE, DAYS)
    assert wants_tags([tagged], unread, None, DAYS)
    assert not wants_tags([tagged], unread, MADE, DAYS)
    assert not wants_tags([tagged], replace(unread, key="tmp/a"), LATE, DAYS)
    assert not wants_tags([Rule("r", days=3)], unread, LATE, DAYS)


# --- a literal reference ---

KEYS = st.sampled_from(["", "a", "a/", "a/b", "b", "b/"])
TAGS = st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12"), max_size=2)
WHOLE_DAYS = st.integers(1, 5)
TIMES = st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 9), timezones=st.just(UTC))  # noqa: DTZ001
MIDNIGHTS = TIMES.map(lambda time: time.replace(hour=0, minute=0, second=0, microsecond=0))
NEVER: st.SearchStrategy[Any] = st.none()

RULES = st.builds(
    Rule,
    id=st.sampled_from(["r1", "r2", "r3"]),
    prefix=KEYS,
    tags=TAGS.map(lambda tags: tuple(tags.items())),
    larger_than=NEVER | st.integers(0, 3),
    smaller_than=NEVER | st.integers(1, 4),
    days=NEVER | WHOLE_DAYS,
    date=NEVER | MIDNIGHTS,
    lone_markers=st.booleans(),
    noncurrent_days=NEVER | WHOLE_DAYS,
    newer_noncurrent=st.integers(0, 2),
    abort_days=NEVER | WHOLE_DAYS,
)
VERSIONS = st.builds(
    Version,
    key=KEYS.map(lambda key: key + "k"),
    size=st.integers(0, 4),
    modified=TIMES,
    tags=TAGS,
    noncurrent_since=NEVER | TIMES,
    newer_noncurrent=st.integers(0, 3),
    is_marker=st.booleans(),
    alone=st.booleans(),
)


def next_midnight(time: datetime) -> datetime:
    """Return the first midnight after a time."""
    today = datetime(time.year, time.month, time.day, tzinfo=UTC)
    return today + timedelta(hours=24)


def selected(rule: Rule, version: Version) -> bool:
    """Say by the user guide's sentences whether a rule's filter selects a version."""
    if version.key[: len(rule.prefix)] != rule.prefix:
        return False
    if rule.larger_than is not None and not version.size > rule.larger_than:
        return False
    if rule.smaller_than is not None and not version.size < rule.smaller_than:
        return False
    return set(rule.tags) <= set((version.tags or {}).items())


def eligible(rule: Rule, version: Version) -> tuple[str, list[datetime]]:
    """Say by the user guide's sentences what a rule does to a version that its filter selects, and when."""
    if version.noncurrent_since is not None:
        if rule.noncurrent_days is None or version.newer_noncurrent < rule.newer_noncurrent:
            return "expire-noncurrent", []
        return "expire-noncurrent", [next_midnight(version.noncurrent_since + timedelta(days=rule.noncurrent_days))]
    if version.is_marker and not version.alone:
        return "remove-delete-marker", []
    times = [rule.date] if rule.date else []
    if rule.days:
        times.append(next_midnight(version.modified + timedelta(days=rule.days)))
    if version.is_marker and rule.lone_markers:
        times.append(version.modified)
    return "remove-delete-marker" if version.is_marker else "expire", times


@given(st.lists(RULES, max_size=4), VERSIONS, TIMES)
def test_the_evaluation_agrees_with_the_user_guide(rules: list[Rule], version: Version, now: datetime) -> None:
    may = [
        (time, number, rule.id, eligible(rule, version)[0])
        for number, rule in enumerate(rules)
        if selected(rule, version)
        for time in eligible(rule, version)[1]
        if time <= now
    ]
    answer = due(rules, version, now, DAYS)
    if not may:
        assert answer is None
        return
    time, _, rule_id, word = min(may)
    assert answer == Due(Action(word), time, rule_id)


@given(st.lists(RULES, max_size=4), VERSIONS, TIMES)
def test_unread_tags_are_wanted_if_they_would_change_the_answer(
    rules: list[Rule], version: Version, now: datetime
) -> None:
    unread = replace(version, tags=None)
    if due(rules, version, now, DAYS) != due(rules, unread, now, DAYS):
        assert wants_tags(rules, unread, now, DAYS)


@given(st.lists(RULES, max_size=5), VERSIONS)
def test_the_prefixes_of_rules_include_what_they_cover(rules: list[Rule], version: Version) -> None:
    found = prefixes(rules)
    covered = any(version.key.startswith(rule.prefix) for rule in rules)
    assert sum(version.key.startswith(prefix) for prefix in found) == covered
