"""The store of the last refusals: bounded in every direction, and fed with refusals only."""

import pytest

from shim.record import Record
from shim.refusals import WHY_LENGTH, Refusal, Refusals


def call(account: str, number: int, status: int = 501, code: str = "NotImplemented") -> Record:
    record = Record(f"r{number}", 0.0, service="s3", operation="PutObject", status=status, code=code, account=account)
    record.refused, record.reason = "x-amz-tagging", "not implemented: x-amz-tagging"
    return record


def test_the_last_refusals_of_an_account_come_latest_first() -> None:
    store = Refusals(each=2, clock=iter(range(9)).__next__)
    for number in range(3):
        store.note(call("a", number))
    store.note(call("b", 3))
    assert [one.request_id for one in store.last("a")] == ["r2", "r1"]
    assert [one.request_id for one in store.last()] == ["r3", "r2", "r1"]
    (kept,) = store.last("b")
    why = "not implemented: x-amz-tagging"
    assert kept == Refusal(3, "b", "s3", "PutObject", 501, "NotImplemented", "x-amz-tagging", why, "r3")
    assert store.last("c") == []


def test_the_account_that_was_refused_nothing_for_longest_is_forgotten() -> None:
    store = Refusals(accounts=2)
    for number, account in enumerate("abac"):
        store.note(call(account, number))
    assert store.accounts() == ["a", "c"]


def test_a_text_is_cut() -> None:
    store = Refusals()
    record = call("a", 0)
    record.reason = "x" * 10_000
    store.note(record)
    assert len(store.last("a")[0].why) == WHY_LENGTH


@pytest.mark.parametrize(
    ("status", "code", "kept"),
    [
        (200, "", False),
        (400, "UnsupportedOperation", True),
        (403, "AccessDenied", True),
        (501, "NotImplemented", True),
        (304, "NotModified", False),
        (404, "NoSuchKey", False),
        (400, "InvalidVolume.NotFound", False),
        (409, "BucketNotEmpty", False),
        (412, "PreconditionFailed", False),
        (499, "ClientGone", False),
        (500, "InternalError", False),
        (503, "SlowDown", False),
    ],
)
def test_only_refusals_are_kept(status: int, code: str, kept: bool) -> None:
    store = Refusals()
    store.note(call("a", 0, status, code))
    assert bool(store.last()) is kept
