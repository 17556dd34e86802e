"""Refusal: a parameter that cannot be taken, and where it stood.  Each protocol words it in its own way.

Readers know a value, not the way to it; whoever calls a reader adds its own step while the exception passes.  So the
path costs nothing while all goes well.
"""

from __future__ import annotations

from enum import Enum, auto

_LONGEST_NAME = 256


class Flaw(Enum):
    """What may be wrong with a parameter, before any protocol has put it in words."""

    UNKNOWN = auto()  # the operation has no such parameter
    MISSING = auto()  # required, and not there
    TYPE = auto()  # the text is not of the type: `detail` says what was expected
    CONSTRAINT = auto()  # a minimum, maximum, pattern or enumeration: `detail` is Coral's "Member must ..." sentence
    TEXT = auto()  # a character that cannot be taken: `detail` completes "a character that ..."


class Refusal(Exception):  # noqa: N818 - it is a verdict on input, not a failure of ours
    """One parameter's flaw.  `value` is None where it must not be repeated (sensitive shapes, nothing sent)."""

    def __init__(self, flaw: Flaw, detail: str = "", value: str | None = None, *, shape: str = "") -> None:
        super().__init__(detail)
        self.flaw = flaw
        self.detail = detail
        self.value = value if value is None or len(value) <= 200 else value[:200] + "..."
        self.shape = shape
        self.path: list[str] = []

    def at(self, *steps: str) -> Refusal:
        """Add what led here to the front of the path."""
        self.path[:0] = steps
        return self

    @property
    def where(self) -> str:
        """The parameter's name as the client wrote it, cut where it is longer than any name: `Filter.1.Name`."""
        return ".".join(self.path)[:_LONGEST_NAME]
