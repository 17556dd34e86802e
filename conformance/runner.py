"""Run scenarios side by side, and take back what they made, whatever happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any, Final

from conformance.endpoint import Endpoint, EndpointError, Refusal
from conformance.expectations import differences
from conformance.results import Outcome, Report, Result
from conformance.scenario import Catalogue, Scenario, Step
from conformance.undoing import Undo, perform, take_back
from conformance.values import AbsentReferenceError, resolve

_INTERVAL: Final = 0.5  # between two looks of an `until`


class _Failed(Exception):  # noqa: N818 - it never leaves this module
    """A step got another answer than expected."""

    def __init__(self, why: str, outcome: Outcome = Outcome.DIFFERS) -> None:
        super().__init__(why)
        self.outcome = outcome


class _Stopped(Exception):  # noqa: N818
    """The run is being ended from outside."""


@dataclass(slots=True)
class Shared:
    """What scenarios share: the answers by which they refer to it, why it could not be made, what takes it back."""

    known: dict[str, Any] = field(default_factory=dict)
    made: dict[str, _Failed | None] = field(default_factory=dict)
    undos: list[Undo] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)


@dataclass(slots=True)
class Run:
    """One run against an endpoint.  `known` is what references of every scenario may name."""

    endpoint: Endpoint
    catalogue: Catalogue
    prefix: str
    known: Mapping[str, Any] = field(default_factory=dict)
    stop: Event = field(default_factory=Event)
    interval: float = _INTERVAL
    shared: Shared = field(default_factory=lambda: Shared())

    def all(self, scenarios: Sequence[Scenario], at_once: int, done: Callable[[Result], None]) -> Report:
        """Run scenarios; KeyboardInterrupt ends it after the calls under way, and what they made is taken back."""
        began = time.monotonic()
        found: dict[str, Result] = {}
        try:
            self._all(scenarios, at_once, found, done)
        finally:
            left = self._take_back(self.shared.undos)
        results = [found[one.id] for one in scenarios if one.id in found]
        return Report(self.endpoint.url, results, len(scenarios), time.monotonic() - began, left)

    def _all(
        self, scenarios: Sequence[Scenario], at_once: int, found: dict[str, Result], done: Callable[[Result], None]
    ) -> None:
        with ThreadPoolExecutor(at_once) as pool:
            running = {
                pool.submit(self.one, scenario, f"{self.prefix}{number:03}")
                for number, scenario in enumerate(scenarios, 1)
            }
            try:
                while running:
                    try:
                        ended, running = wait(running, return_when=FIRST_COMPLETED)
                    except KeyboardInterrupt:
                        self.stop.set()
                        ended = set()
                    _note(ended, found, done)
            except BaseException:
                self.stop.set()  # the pool waits for what runs; those that have not begun shall not
                raise

    def one(self, scenario: Scenario, name: str) -> Result | None:
        """Run a scenario and undo it; return nothing if the run was stopped before it ended."""
        if self.stop.is_set():
            return None
        began = time.monotonic()
        undos: list[Undo] = []
        known = {**self.known, "name": name}
        outcome, why, stopped = Outcome.PASSES, "", False
        try:
            for given in self.catalogue.needed(scenario.given):
                self._give(given, known, undos)
            for step in scenario.steps:
                self._step("", step, known, undos)
        except _Failed as failed:
            outcome, why = failed.outcome, str(failed)
        except _Stopped:
            outcome, why, stopped = Outcome.DIFFERS, "stopped", True
        finally:
            left = self._take_back(undos)
        if stopped and not left:
            return None
        return Result(scenario, outcome, why, time.monotonic() - began, left)

    def _take_back(self, undos: Sequence[Undo]) -> tuple[str, ...]:
        return tuple(filter(None, (take_back(self.endpoint, undo, self.interval) for undo in reversed(undos))))

    def _give(self, name: str, known: dict[str, Any], undos: list[Undo]) -> None:
        """Make what a scenario takes for given, unless it is shared and was made for another one."""
        steps, shared = self.catalogue.given[name].steps, self.shared
        if not self.catalogue.given[name].shared:
            for step in steps:
                self._step(name, step, known, undos)
            return
        with shared.lock:
            if name not in shared.made:
                shared.made[name] = None
                shared.known = {**self.known, **shared.known, "name": f"{self.prefix}shared"}
                try:
                    for step in steps:
                        self._step(name, step, shared.known, shared.undos)
                except _Failed as failed:
                    shared.made[name] = failed
            if reason := shared.made[name]:
                raise reason
            known |= {**shared.known, "name": known["name"]}

    def _step(self, given: str, step: Step, known: dict[str, Any], undos: list[Undo]) -> None:
        if self.stop.is_set():
            raise _Stopped
        try:
            answer = self._answer(step, known, undos)
        except (AbsentReferenceError, EndpointError) as error:
            raise _Failed(f"{_where(given, step)}: {error}") from None
        except Refusal as refusal:
            if not step.optional:
                self._refused(given, step, refusal)
            return
        if step.errors:
            raise _Failed(f"{_where(given, step)} succeeds, expected {' or '.join(step.errors)}")
        status = answer["ResponseMetadata"]["HTTPStatusCode"]
        wrong = [] if step.status in {None, status} else [f"the status is {status}, expected {step.status}"]
        wrong += differences(resolve({**step.expect, **step.until}, known), answer)
        if wrong:
            raise _Failed(f"{_where(given, step)}: {'; '.join(wrong)}")

    def _answer(self, step: Step, known: dict[str, Any], undos: list[Undo]) -> dict[str, Any]:
        """Make the call, again and again where the step waits for something; note what takes it back."""
        deadline = time.monotonic() + step.within
        parameters = resolve(step.parameters, known)
        credentials = resolve(step.signed, known) if step.signed else None
        while True:
            try:
                answer = perform(self.endpoint, step, parameters, credentials)
            except Refusal as refusal:  # what was made a moment ago may not be found yet
                final = not step.until or refusal.not_offered or refusal.code in step.errors
                if final or time.monotonic() > deadline:
                    raise
            else:
                if step.saved_as:
                    known[step.saved_as] = answer
                if step.undo:
                    undos += reversed([Undo(one, resolve(one.parameters, known)) for one in step.undo])
                holds = not any(differences(resolve(step.until, known), answer))
                if holds or time.monotonic() > deadline:
                    return answer
            if self.stop.wait(self.interval):
                raise _Stopped

    def _refused(self, given: str, step: Step, refusal: Refusal) -> None:
        if refusal.code not in step.errors:
            expected = f", expected {' or '.join(step.errors)}" if step.errors else ""
            outcome = Outcome.REFUSED if refusal.not_offered else Outcome.DIFFERS
            raise _Failed(f"{_where(given, step)}: {refusal}{expected}", outcome)
        if step.status not in {None, refusal.status}:
            raise _Failed(f"{_where(given, step)}: the status of {refusal.code} is {refusal.status}, not {step.status}")


def _where(given: str, step: Step) -> str:
    return f"{step.action} (for the given {given})" if given else step.action


def _note(ended: Iterable[Future[Result | None]], found: dict[str, Result], done: Callable[[Result], None]) -> None:
    for one in ended:
        if result := one.result():
            found[result.scenario.id] = result
            done(result)
