"""Refusals: the last requests of each account that the gateway refused, with what was refused and why.

An operator who is asked "why does my tool fail" looks here first.  The store is bounded in accounts, in refusals for
each account and in the length of each text.  Unsigned requests have no account and are under `""`.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import NamedTuple

from shim.record import Record

ACCOUNTS = 500
EACH = 20  # refusals kept for one account
WHY_LENGTH = 300

# These tell a client that something is absent, unchanged or in conflict, and are no refusals.
_OUTCOMES = frozenset((304, 404, 409, 412, 416, 499))


class Refusal(NamedTuple):
    """One refused request.  `what` is the name that was refused, '' where the request as a whole was."""

    time: float  # seconds since 1970
    account: str
    service: str
    operation: str
    status: int
    code: str
    what: str
    why: str
    request_id: str


class Refusals:
    """The last refusals of each account; the account whose last refusal is oldest is dropped first."""

    def __init__(self, *, accounts: int = ACCOUNTS, each: int = EACH, clock: Callable[[], float] = time.time) -> None:
        self._accounts = accounts
        self._each = each
        self._clock = clock
        self._kept: OrderedDict[str, deque[Refusal]] = OrderedDict()

    def note(self, record: Record) -> None:
        """Keep a finished call if it was refused."""
        if not record.code or not is_refusal(record.status, record.code):
            return
        kept = self._kept.get(record.account)
        if kept is None:
            kept = self._kept[record.account] = deque(maxlen=self._each)
            if len(self._kept) > self._accounts:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(record.account)
        kept.append(
            Refusal(
                self._clock(),
                record.account,
                record.service,
                record.operation,
                record.status,
                record.code,
                record.refused,
                record.reason[:WHY_LENGTH],
                record.request_id,
            )
        )

    def accounts(self) -> list[str]:
        """Return the accounts that have refusals, the latest last."""
        return list(self._kept)

    def last(self, account: str | None = None) -> list[Refusal]:
        """Return the refusals of one account, or of all, the latest first."""
        if account is not None:
            return list(reversed(self._kept.get(account, ())))
        found = [one for kept in self._kept.values() for one in kept]
        return sorted(found, key=lambda one: one.time, reverse=True)


def is_refusal(status: int, code: str) -> bool:
    """Return whether an error refuses a request, and does not report a state or a failure of the gateway."""
    return (400 <= status < 500 or status == 501) and status not in _OUTCOMES and not code.endswith(".NotFound")
