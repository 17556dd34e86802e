"""What a replay found, counted and explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from recording.replay.differences import Difference, Outcome, differences
from recording.replay.known import Entry, stale
from recording.replay.names import Names
from recording.replay.normal import normal, passes, teach
from recording.replay.side import Result
from recording.replay.steps import Step


@dataclass(frozen=True, slots=True)
class Row:
    """A difference with the calls that have it, and the entry that explains it."""

    difference: Difference
    calls: tuple[int, ...]
    known: Entry | None = None


@dataclass(slots=True)
class Report:
    """The differences between two sides; `compared` counts the calls that both made."""

    sides: tuple[str, str]
    compared: int = 0
    rows: list[Row] = field(default_factory=list)
    skipped: list[tuple[str, str, tuple[int, ...]]] = field(default_factory=list)  # operation, why, calls
    stale: list[Entry] = field(default_factory=list)
    left: list[str] = field(default_factory=list)  # what could not be undone

    @property
    def unexplained(self) -> list[Row]:
        """The differences that no entry explains."""
        return [row for row in self.rows if row.known is None]

    @property
    def fails(self) -> bool:
        """Whether something is unexplained, or stayed behind."""
        return bool(self.unexplained or self.left)

    @property
    def summary(self) -> str:
        """Return the result in one sentence."""
        alike = self.compared - len({number for row in self.rows for number in row.calls})
        explained = len(self.rows) - len(self.unexplained)
        have = "has" if self.compared == 1 else "have"
        parts = [f"{alike:,} of {_number(self.compared, 'call')} {have} the same answer on both."]
        parts.append(f"{_number(len(self.unexplained), 'difference')} unexplained, {explained:,} explained.")
        count = sum(len(calls) for _, _, calls in self.skipped)
        parts += [f"{_number(count, 'call')} not made."] if count else []
        parts += [f"{_number(len(self.stale), 'known difference')} not found any more."] if self.stale else []
        parts += [f"{_number(len(self.left), 'thing')} left behind."] if self.left else []
        return " ".join(parts)

    def data(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "summary": self.summary,
            "a": self.sides[0],
            "b": self.sides[1],
            "compared": self.compared,
            "differences": [
                {
                    **asdict(row.difference),
                    "calls": list(row.calls),
                    "known": {"sentence": row.known.sentence, "source": row.known.source} if row.known else None,
                }
                for row in self.rows
            ],
            "skipped": [{"operation": name, "why": why, "calls": list(calls)} for name, why, calls in self.skipped],
            "stale": [str(entry) for entry in self.stale],
            "left": self.left,
        }


def report(
    steps: Sequence[Step],
    sides: tuple[str, str],
    results: tuple[Sequence[Result], Sequence[Result]],
    known: list[Entry],
) -> Report:
    """Compare what came of the steps on both sides."""
    found: dict[Difference, list[int]] = {}
    skipped: dict[tuple[str, str], list[int]] = {}
    made = Report(sides)
    for step, a, b in zip(steps, *results, strict=True):
        if a.outcome is None or b.outcome is None:
            skipped.setdefault((step.name, a.skipped or b.skipped), []).append(step.number)
            continue
        made.compared += 1
        passing = step.reads and passes(step.line.answer)
        for one in dict.fromkeys(differences(step.name, a.outcome, b.outcome, passing)):
            found.setdefault(one, []).append(step.number)
    made.rows = [
        Row(one, tuple(calls), next((entry for entry in known if entry.explains(one)), None))
        for one, calls in found.items()
    ]
    made.rows.sort(key=lambda row: (row.known is not None, row.calls))
    made.skipped = [(name, why, tuple(calls)) for (name, why), calls in skipped.items()]
    made.stale = stale(known, list(found))
    return made


def of_recording(steps: Sequence[Step]) -> list[Result]:
    """Return the recorded answers as one side of a comparison."""
    names, found = Names(), []
    for step in steps:
        line = step.line
        names.give(line.params)
        teach(line.answer, line.answer, names)
        made = Result(Outcome(line.status, line.error, normal(line.answer, names)))
        found.append(Result(skipped=step.skipped) if step.skipped else made)
    return found


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
