"""Findings: the result of a check, and advice."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """The weight of a finding: `NOTE` is a missing feature or a low limit, `PROBLEM` is something broken."""

    OK = "OK"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    `about` is the service and its part that was checked; `advice` says what to do and is empty if all is well.
    """

    about: str
    verdict: Verdict
    says: str
    advice: str = ""


def fine(about: str, says: str) -> Finding:
    """Return a finding without fault."""
    return Finding(about, Verdict.OK, says)


def note(about: str, says: str, advice: str) -> Finding:
    """Return a finding of something that works with restrictions."""
    return Finding(about, Verdict.NOTE, says, advice)


def problem(about: str, says: str, advice: str) -> Finding:
    """Return a finding of something broken."""
    return Finding(about, Verdict.PROBLEM, says, advice)
