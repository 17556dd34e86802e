"""Runs a test on the gateway and on moto, and makes it fail where the two differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from _pytest.runner import runtestprotocol

from pytest_passerelle.calls import Called, results
from pytest_passerelle.state import HERE, MOTO, State

OUTCOMES = {"passed": "passes", "failed": "fails", "skipped": "is skipped"}


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a test: its reports, and the calls that it made."""

    reports: Sequence[pytest.TestReport]
    calls: Sequence[Called]

    @property
    def outcome(self) -> str:
        """How the test ended: as the first of its parts that did not pass."""
        return next((report.outcome for report in self.reports if report.outcome != "passed"), "passed")

    @property
    def said(self) -> str:
        """What was raised, in full."""
        return "\n".join(str(report.longrepr) for report in self.reports if report.failed)


def run_both(item: pytest.Item, state: State) -> list[pytest.TestReport]:
    """Run a test here, and on moto if it asked for an account; return the reports of both as one test's.

    Every fixture is torn down after each run, so that none of a wider scope takes the one side's clients to the other.
    """
    before = asked(state)
    here = run(item, state)
    if asked(state) == before:
        return list(here.reports)
    state.switch(MOTO)
    try:
        moto = run(item, state)
    finally:
        state.switch(HERE)
    found = differences(here, moto)
    return [told(report, found) for report in here.reports] if found else list(here.reports)


def asked(state: State) -> int:
    """Return how many accounts tests have asked for, by fixtures and by moto's mocks."""
    return state.fixtures + (state.moto_suite.mocks if state.moto_suite else 0)


def run(item: pytest.Item, state: State) -> Run:
    """Run a test once."""
    state.calls.made.clear()
    reports = runtestprotocol(item, nextitem=None, log=False)
    return Run(reports, tuple(state.calls.made))


def differences(here: Run, moto: Run) -> str:
    """Return in words how two runs differ; '' if they do not.

    A test that passes here may be skipped on moto: it asks for what only an OpenStack has.
    """
    if (here.outcome, moto.outcome) == ("passed", "skipped"):
        return ""
    if here.outcome != moto.outcome:
        lines = [f"parity: the test {OUTCOMES[here.outcome]} here and {OUTCOMES[moto.outcome]} on moto"]
        lines += [f"--- here\n{here.said}"] if here.said else []
        lines += [f"--- on moto\n{moto.said}"] if moto.said else []
        return "\n".join(lines)
    if here.outcome == "failed":
        return ""
    ours, theirs = results(here.calls), results(moto.calls)
    lines = [
        f"parity: {name}: here {worded(ours.get(name))}, on moto {worded(theirs.get(name))}"
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name) != theirs.get(name)
    ]
    return "\n".join(lines)


def worded(found: Sequence[tuple[int, str]] | None) -> str:
    """Return the results of an operation in words."""
    return " and ".join(f"{status} {code}".strip() for status, code in found) if found else "not called"


def told(report: pytest.TestReport, found: str) -> pytest.TestReport:
    """Make the report of a test's own part, or of the part that did not pass, say the differences."""
    if report.when == "call" or report.outcome != "passed":
        report.outcome, report.longrepr = "failed", found
    return report
