"""Compares the `Date` header of each service's answers with the gateway's own clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from adapters.openstack.doctor.findings import Finding, fine, note, problem

# A Date header is in whole seconds, and the answer takes time to arrive.
_CLOSE: Final = 2.0
# Keystone refuses a signature older than `[credential] auth_ttl` (15 minutes), tokens are checked by their expiry, and
# clients compare Last-Modified with their own clock.
_FAR: Final = 60.0


class Clocks:
    """The difference of each service's clock, from its latest answer."""

    def __init__(self) -> None:
        self._seconds: dict[str, float | None] = {}

    def note(self, service: str, headers: Mapping[str, str], before: datetime, after: datetime) -> None:
        """Record the clock of one answer, which was requested at `before` and received by `after`."""
        told = _read(headers.get("Date", ""))
        if told is None:
            self._seconds.setdefault(service, None)
        elif told < before.replace(microsecond=0):
            self._seconds[service] = (told - before.replace(microsecond=0)).total_seconds()
        elif told > after:
            self._seconds[service] = (told - after).total_seconds()
        else:
            self._seconds[service] = 0.0

    def findings(self) -> Iterator[Finding]:
        """Return a finding for each service that answered."""
        for service, seconds in self._seconds.items():
            yield _finding(f"{service}: clock", seconds)


def _finding(about: str, seconds: float | None) -> Finding:
    if seconds is None:
        return note(
            about, "answers have no Date header", "Look at the clock of the service's hosts (chronyc tracking)."
        )
    if abs(seconds) <= _CLOSE:
        return fine(about, "agrees with the gateway's")
    says = f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} the gateway's"
    advice = "Synchronise the clocks of the gateway's host and the service's hosts (NTP)."
    return problem(about, says, advice) if abs(seconds) >= _FAR else note(about, says, advice)


def _read(text: str) -> datetime | None:
    try:
        told = parsedate_to_datetime(text)
    except ValueError:
        return None
    return told.replace(tzinfo=UTC) if told.tzinfo is None else told
