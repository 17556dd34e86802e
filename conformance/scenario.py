"""What a scenario is, and how it is read from the files of data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

FOLDER: Final = Path(__file__).parent / "scenarios"
PREFIX: Final = "passerelle-check-"  # of every name that a run gives to anything
WITHIN: Final = 60.0  # seconds that an `until` waits, if the step says nothing else
OWN_ACTIONS: Final = frozenset({"fetch", "presign", "presign-post", "empty-bucket"})  # all others are AWS's operations
_STEP: Final = frozenset(
    {"as", "expect", "error", "status", "until", "within", "unsigned", "signed", "undo", "optional"}
)
_SCENARIO: Final = frozenset({"name", "says", "at", "guide", "given", "steps"})


class ScenarioError(ValueError):
    """A file of scenarios is not written as `scenarios/README.md` says."""


@dataclass(frozen=True, slots=True)
class Step:
    """A call, what it must answer, and what takes it back."""

    action: str
    service: str
    parameters: Mapping[str, Any]
    saved_as: str
    expect: Mapping[str, Any]  # by JMESPath
    errors: tuple[str, ...]  # AWS's code; several, where the documentation leaves it open
    status: int | None
    until: Mapping[str, Any]  # as `expect`, but asked again until it holds
    within: float
    unsigned: bool
    signed: Any  # the credentials, if others than the run's
    undo: tuple[Step, ...]
    optional: bool = False  # whether a refusal is no failure


@dataclass(frozen=True, slots=True)
class Scenario:
    """One behaviour, and AWS's sentence about it."""

    service: str
    capability: str
    name: str
    says: str
    at: str
    guide: str  # the guide and the section, of a sentence that no model of botocore has
    given: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def id(self) -> str:
        """The name by which `--only` finds it."""
        return f"{self.service}/{self.capability}/{self.name}"


@dataclass(frozen=True, slots=True)
class Given:
    """What scenarios need and do not test: made before their steps, and taken back after them.

    What is shared is made once for all scenarios of a run that need it, and taken back after the last of them.
    """

    needs: tuple[str, ...]
    steps: tuple[Step, ...]
    shared: bool


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All scenarios, and what they take for given."""

    scenarios: tuple[Scenario, ...]
    given: Mapping[str, Given]

    def needed(self, names: Iterable[str]) -> list[str]:
        """Return what is taken for given, and what that takes for given, in the order in which it is made."""
        found: dict[str, None] = {}
        for name in names:
            found |= dict.fromkeys([*self.needed(self.given[name].needs), name])
        return list(found)

    def steps(self, scenario: Scenario) -> Iterator[Step]:
        """Return the steps of a scenario in order, those of what it takes for given first."""
        for name in self.needed(scenario.given):
            yield from self.given[name].steps
        yield from scenario.steps


def load(folder: Path = FOLDER) -> Catalogue:
    """Read every file of scenarios."""
    scenarios: list[Scenario] = []
    for path in sorted(folder.glob("*.yaml")):
        if path.stem != "given":
            scenarios += _file(path)
    given = {
        name: Given(
            tuple(one.get("given", ())),
            tuple(_step(step, one["service"], name) for step in one["steps"]),
            one.get("shared", False),
        )
        for name, one in _read(folder / "given.yaml").items()
    }
    if unknown := {name for one in scenarios for name in one.given} - given.keys():
        raise ScenarioError(f"given.yaml has no {', '.join(sorted(unknown))}")
    return Catalogue(tuple(scenarios), given)


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _file(path: Path) -> Iterator[Scenario]:
    data = _read(path)
    for one in data["scenarios"]:
        where = f"{path.name}: {one.get('name')}"
        if unknown := one.keys() - _SCENARIO:
            raise ScenarioError(f"{where}: {', '.join(sorted(unknown))} is not known")
        steps = tuple(_step(step, data["service"], where) for step in one["steps"])
        given = tuple(one.get("given", ()))
        quoted = (one["says"], one["at"], one.get("guide", ""))
        yield Scenario(data["service"], data["capability"], one["name"], *quoted, given, steps)


def _step(data: Mapping[str, Any], service: str, where: str) -> Step:
    actions = [key for key in data if key not in _STEP]
    if len(actions) != 1:
        raise ScenarioError(f"{where}: a step is one call, not {', '.join(actions) or 'none'}")
    [action] = actions
    other, dot, operation = action.partition(".")  # `sts.GetCallerIdentity` in a scenario of another service
    error = data.get("error", ())
    undo = data.get("undo", ())
    return Step(
        action=operation if dot else action,
        service="own" if action in OWN_ACTIONS else other if dot else service,
        parameters=data[action] or {},
        saved_as=data.get("as", ""),
        expect=data.get("expect", {}),
        errors=(error,) if isinstance(error, str) else tuple(error),
        status=data.get("status"),
        until=data.get("until", {}),
        within=float(data.get("within", WITHIN)),
        unsigned=data.get("unsigned", False),
        signed=data.get("signed"),
        undo=tuple(_step(one, service, where) for one in ([undo] if isinstance(undo, Mapping) else undo)),
        optional=data.get("optional", False),
    )
