"""Where a policy is evaluated: on the event loop while that is cheap, and else in the worker's thread."""

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest

from shim.authz.decision import Decision
from shim.authz.policy import parsed
from shim.authz.principals import Who
from shim.s3.access.judge import Judge
from shim.worker import Worker

T = TypeVar("T")
OWN = Decision(True, "own")


class Counted(Worker):
    """A worker that counts what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = 0

    async def run(self, owner: str, work: Callable[[], T]) -> T:
        self.runs += 1
        return await super().run(owner, work)


def refused(patterns: int, keys: list[str]) -> tuple[list[int], int]:
    """Return the places of the keys that may not be deleted, and how often the worker's thread was used."""
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::bucket/*{number}/kept/*" for number in range(patterns)],
    }
    rules = parsed(json.dumps({"Version": "2012-10-17", "Statement": [statement]}), "bucket")
    worker = Counted()
    call: Any = SimpleNamespace(worker=worker, caller=SimpleNamespace(account_id="1" * 12))
    judge = Judge(call, Who("1" * 12, "project", "arn"), rules, {}, lambda _: OWN, explained=True)
    try:
        found = asyncio.run(judge.refusals("bucket", [{"Key": key} for key in keys]))
    finally:
        worker.close()
    assert all(error.code == "AccessDenied" for error in found.values())
    return sorted(found), worker.runs


@pytest.mark.parametrize(
    ("number", "threads"),
    [pytest.param(10, False, id="a few keys"), pytest.param(1000, True, id="many keys, each of them cheap")],
)
def test_keys_that_are_dear_together_are_checked_in_the_thread(number: int, threads: bool) -> None:
    keys = [f"{place % 3}/{'kept' if place % 7 == 0 else 'free'}/{place}" for place in range(number)]
    places, runs = refused(3, keys)
    assert places == list(range(0, number, 7))
    assert bool(runs) is threads


def test_the_version_of_each_entry_is_a_condition() -> None:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
        "Resource": "arn:aws:s3:::bucket/*",
        "Condition": {"StringEquals": {"s3:VersionId": "1767312000.00000"}},
    }
    rules = parsed(json.dumps({"Version": "2012-10-17", "Statement": [statement]}), "bucket")
    call: Any = SimpleNamespace()
    judge = Judge(call, Who("1" * 12, "project", "arn"), rules, {}, lambda _: OWN, explained=True)
    versions = [None, "1767312000.00000", "1767312001.00000", "null"]
    entries = [{"Key": "k"} | ({"VersionId": one} if one else {}) for one in versions]
    assert list(asyncio.run(judge.refusals("bucket", entries))) == [1]
