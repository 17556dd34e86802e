"""Tells at the end of a session which of moto's tests ran here unchanged, and why each other one did not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pytest_passerelle.calls import Calls

ATTRIBUTE = "passerelle"  # of a report: what the process that ran the test says to the one that prints
INTERNALS, LACKS, REFUSED, OTHERWISE = (
    "looks into moto itself",
    "calls what the gateway does not have",
    "gets an error here",
    "expects another answer",
)


@dataclass(slots=True)
class Told:
    """One test that used moto's mock."""

    nodeid: str
    outcome: str = "passed"
    reason: str = ""
    detail: str = ""
    left_to_moto: list[str] = field(default_factory=list)


def told(calls: Calls, internals: list[str], raised: BaseException | None) -> dict[str, Any]:
    """Return what a report says of its test, which may have raised something."""
    reason, detail = why(calls, internals, raised) if raised is not None else ("", "")
    return {"reason": reason, "detail": detail, "left_to_moto": calls.left_to_moto}


def why(calls: Calls, internals: list[str], raised: BaseException) -> tuple[str, str]:
    """Return why a test did not pass: the sort of reason, and the reason.

    An error of the gateway is the reason if botocore's exception came as far as the test; one that the tested code
    caught is only told beside.
    """
    error = calls.last_error
    if internals:
        return INTERNALS, ", ".join(internals)
    if error is None:
        return OTHERWISE, ""
    if getattr(raised, "operation_name", None) != error.operation:
        return OTHERWISE, f"after {error.described()}"
    return LACKS if error.unsupported else REFUSED, error.described()


@dataclass(slots=True, eq=False)  # pytest keeps plugins in sets
class Summary:
    """The tests of a session that used moto's mock."""

    tests: dict[str, Told] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Take in a report; the first part of a test that did not pass says why."""
        said: Mapping[str, Any] | None = getattr(report, ATTRIBUTE, None)
        if said is None:
            return
        test = self.tests.setdefault(report.nodeid, Told(report.nodeid))
        test.left_to_moto = sorted({*test.left_to_moto, *said["left_to_moto"]})
        if report.outcome != "passed" and test.outcome == "passed":
            test.outcome, test.reason, test.detail = report.outcome, said["reason"], said["detail"]

    def lines(self) -> Iterator[str]:
        """Return the summary for the terminal."""
        failed = [test for test in self.tests.values() if test.outcome == "failed"]
        passed = sum(test.outcome == "passed" for test in self.tests.values())
        yield f"{passed} of {len(self.tests)} tests with moto's mock passed unchanged; {len(failed)} did not."
        for reason in (INTERNALS, LACKS, REFUSED, OTHERWISE):
            those = [test for test in failed if test.reason == reason]
            if those:
                yield f"{len(those)}: the test {reason}"
            for detail, count in Counter(shortened(test.detail) for test in those).most_common():
                yield f"    {count} {detail}" if detail else "    (the assertion says what)"
        services = Counter(service for test in self.tests.values() for service in test.left_to_moto)
        if services:
            yield "still answered by moto: " + ", ".join(f"{name} in {n} tests" for name, n in services.most_common())

    def write(self, file: Path) -> None:
        """Write what is known of each test as JSON."""
        rows: Iterable[Told] = self.tests.values()
        file.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")


def shortened(detail: str, width: int = 110) -> str:
    """Return a detail that fits on a line."""
    return detail if len(detail) <= width else detail[: width - 1] + "…"
