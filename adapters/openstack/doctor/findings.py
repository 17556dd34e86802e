"""Finding: what one check found out, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """How much a finding matters: `NOTE` is a feature or a limit that is missing, `PROBLEM` is something broken."""

    OK = "OK"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    `about` is the service and what of it was looked at; `advice` says what to do and is empty where all is well.
    """

    about: str
    verdict: Verdict
    says: str
    advice: str = ""


def fine(about: str, says: str) -> Finding:
    """Return a finding of something that is as it should be."""
    return Finding(about, Verdict.OK, says)


def note(about: str, says: str, advice: str) -> Finding:
    """Return a finding of something that works, but not as far as it could."""
    return Finding(about, Verdict.NOTE, says, advice)


def problem(about: str, says: str, advice: str) -> Finding:
    """Return a finding of something broken."""
    return Finding(about, Verdict.PROBLEM, says, advice)
