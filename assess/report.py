"""The report: calls with the same verdict in one row, the changes that would make more of them run, and the summary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from assess.calls import Call, Found
from assess.secrets import masked
from assess.verdicts import Finding, Outcome, judge

_PLACES: Final = 20  # of one row
_ORDER: Final = (Outcome.REFUSED, Outcome.UNKNOWN, Outcome.DIFFERS, Outcome.WORKS)


@dataclass(slots=True)
class Row:
    """Calls of one operation with the same findings.  `failed` of them were refused by AWS itself."""

    service: str
    operation: str
    outcome: Outcome
    findings: tuple[Finding, ...]
    count: int = 0
    failed: int = 0
    places: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Change:
    """What has to be changed in the calls of one operation, and how many calls have it."""

    service: str
    operation: str
    path: str
    sentence: str
    count: int


@dataclass(frozen=True, slots=True)
class Report:
    """All verdicts, what could not be followed, and what the inputs do not hold."""

    rows: list[Row]
    changes: list[Change]
    unfollowed: list[str]
    notes: list[str]

    def count(self, *outcomes: Outcome) -> int:
        """Return the number of calls with one of these outcomes; of all calls, if none is given."""
        return sum(row.count for row in self.rows if not outcomes or row.outcome in outcomes)

    @property
    def refuses(self) -> bool:
        """Whether a call is refused."""
        return any(row.outcome is Outcome.REFUSED for row in self.rows)

    @property
    def summary(self) -> str:
        """The report in a few sentences."""
        total, run = self.count(), self.count(Outcome.WORKS, Outcome.DIFFERS)
        parts = [f"{run:,} of {_calls(total)} {'runs' if total == 1 else 'run'} unchanged."]
        mended = sum(row.count for row in self.rows if row.outcome is Outcome.REFUSED and _is_mended(row.findings))
        if mended:
            many = len(self.changes)
            word = "this change makes" if many == 1 else f"these {many} changes make"
            parts.append(f"{word.capitalize()} {mended:,} more run.")
        if lost := self.count(Outcome.REFUSED) - mended:
            parts.append(
                f"{_calls(lost)} {'is of an operation' if lost == 1 else 'are of operations'} not offered here."
            )
        if unknown := self.count(Outcome.UNKNOWN):
            parts.append(
                f"What {_calls(unknown)} {'does' if unknown == 1 else 'do'} depends on what is not known here."
            )
        if lost := len(self.unfollowed):
            parts.append(f"{lost:,} {'place' if lost == 1 else 'places'} could not be followed.")
        return " ".join(parts)

    def data(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "summary": self.summary,
            "counts": {outcome.name.lower(): self.count(outcome) for outcome in Outcome},
            "changes": [{name: getattr(one, name) for name in Change.__slots__} for one in self.changes],
            "calls": [_row(row) for row in self.rows],
            "unfollowed": self.unfollowed,
            "notes": self.notes,
        }


def report(found: Found) -> Report:
    """Judge every call."""
    rows = _rows(found.calls)
    return Report(rows, _changes(rows), found.unfollowed, found.notes)


def _rows(calls: Iterable[Call]) -> list[Row]:
    rows: dict[Any, Row] = {}
    for call in calls:
        verdict = masked(judge(call), call)
        key = call.service, call.operation, verdict
        row = rows.setdefault(key, Row(call.service, call.operation, verdict.outcome, verdict.findings))
        row.count += call.count
        row.failed += call.failed
        if call.where and call.where not in row.places and len(row.places) < _PLACES:
            row.places.append(call.where)
    return sorted(rows.values(), key=lambda row: (_ORDER.index(row.outcome), -row.count, row.service, row.operation))


def _is_mended(findings: Iterable[Finding]) -> bool:
    """Tell whether calls run when parameters are changed; a refused operation has no parameter to change."""
    return all(one.path for one in findings if one.outcome is Outcome.REFUSED)


def _changes(rows: Iterable[Row]) -> list[Change]:
    counts: dict[tuple[str, str, str, str], int] = {}
    for row in rows:
        if row.outcome is Outcome.REFUSED and _is_mended(row.findings):
            for one in row.findings:
                if one.outcome is Outcome.REFUSED:
                    key = row.service, row.operation, one.path, one.sentence
                    counts[key] = counts.get(key, 0) + row.count
    return [Change(*key, count) for key, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))]


def _row(row: Row) -> Mapping[str, Any]:
    return {
        "service": row.service,
        "operation": row.operation,
        "verdict": row.outcome.name.lower(),
        "count": row.count,
        "failed_on_aws": row.failed,
        "places": row.places,
        "findings": [
            {
                "verdict": one.outcome.name.lower(),
                "parameter": one.path,
                "sentence": one.sentence,
                "error": one.code,
                "status": one.status,
                "docs": one.docs,
            }
            for one in row.findings
        ],
    }


def _calls(count: int) -> str:
    return f"{count:,} call" if count == 1 else f"{count:,} calls"
