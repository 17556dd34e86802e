"""What a run found: an outcome for each scenario, and the score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from conformance.scenario import Scenario


class Outcome(Enum):
    """How an endpoint did in a scenario."""

    PASSES = "passes"
    REFUSED = "refused"  # it said that it does not offer this
    DIFFERS = "differs"  # it answered otherwise than AWS's documentation says


@dataclass(frozen=True, slots=True)
class Result:
    """One scenario's outcome.  `left` tells what could not be taken back."""

    scenario: Scenario
    outcome: Outcome
    why: str
    seconds: float
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """How many scenarios of a service's capability passed."""

    service: str
    capability: str
    passed: int
    refused: int
    differs: int

    @property
    def total(self) -> int:
        """The number of scenarios that were run."""
        return self.passed + self.refused + self.differs


@dataclass(frozen=True, slots=True)
class Report:
    """All results of a run against an endpoint, in the order of the catalogue."""

    endpoint: str
    results: Sequence[Result]
    planned: int
    seconds: float
    shared_left: tuple[str, ...] = ()

    def count(self, *outcomes: Outcome) -> int:
        """Return how many scenarios had one of these outcomes; how many were run, if none is given."""
        return sum(not outcomes or one.outcome in outcomes for one in self.results)

    def of(self, outcome: Outcome) -> list[Result]:
        """Return the results with an outcome."""
        return [one for one in self.results if one.outcome is outcome]

    @property
    def failed(self) -> list[Result]:
        """The results that are no pass."""
        return [one for one in self.results if one.outcome is not Outcome.PASSES]

    @property
    def left(self) -> list[str]:
        """What the run made and could not take back."""
        return [line for one in self.results for line in one.left] + list(self.shared_left)

    @property
    def clean(self) -> bool:
        """Whether every scenario was run, passed and was taken back."""
        return not self.failed and not self.left and self.count() == self.planned

    @property
    def scores(self) -> list[Score]:
        """The score of each capability."""
        names = dict.fromkeys((one.scenario.service, one.scenario.capability) for one in self.results)
        return [Score(service, capability, *self._counts(service, capability)) for service, capability in names]

    @property
    def totals(self) -> list[Score]:
        """The score of each service."""
        services = dict.fromkeys(one.scenario.service for one in self.results)
        return [Score(service, "", *self._counts(service)) for service in services]

    def _counts(self, service: str, capability: str = "") -> Iterator[int]:
        mine = [
            one.outcome
            for one in self.results
            if one.scenario.service == service and capability in {"", one.scenario.capability}
        ]
        return (mine.count(outcome) for outcome in Outcome)

    @property
    def summary(self) -> str:
        """The report in a few sentences."""
        total = self.count()
        parts = [f"{self.count(Outcome.PASSES)} of {total} {'scenario passes' if total == 1 else 'scenarios pass'}."]
        if refused := self.count(Outcome.REFUSED):
            parts.append(f"{refused} {'is' if refused == 1 else 'are'} refused as not offered.")
        if differs := self.count(Outcome.DIFFERS):
            parts.append(f"{differs} {'differs' if differs == 1 else 'differ'} from AWS's documentation.")
        if unrun := self.planned - self.count():
            parts.append(f"{unrun} {'was' if unrun == 1 else 'were'} not run.")
        if self.left:
            parts.append(f"{len(self.left)} of the things that were made could not be deleted.")
        return " ".join(parts)

    def data(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "endpoint": self.endpoint,
            "summary": self.summary,
            "seconds": round(self.seconds, 1),
            "left": self.left,
            "scores": [
                {"service": one.service, "capability": one.capability, "passed": one.passed}
                | {"refused": one.refused, "differs": one.differs}
                for one in self.scores
            ],
            "scenarios": [
                {"service": one.scenario.service, "capability": one.scenario.capability, "name": one.scenario.name}
                | {"outcome": one.outcome.value, "why": one.why, "seconds": round(one.seconds, 2)}
                | {"says": one.scenario.says, "at": one.scenario.at, "left": list(one.left)}
                for one in self.results
            ],
        }
