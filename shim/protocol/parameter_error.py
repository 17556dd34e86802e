"""ParameterError: a parameter that is invalid, and its path.  Each protocol turns it into its own AWS error.

A reader knows a value but not its path.  Each caller adds its own step while the exception passes through it, so paths
cost nothing for valid parameters.
"""

from __future__ import annotations

from enum import Enum, auto

_LONGEST_NAME = 256  # characters of a parameter's name that an error repeats


class Problem(Enum):
    """What is wrong with a parameter."""

    UNKNOWN = auto()  # the operation has no such parameter
    MISSING = auto()  # it is required and absent
    TYPE = auto()  # the text is not of the type: `detail` says what was expected
    CONSTRAINT = auto()  # a minimum, maximum, pattern or enumeration: `detail` is Coral's "Member must ..." sentence
    CHARACTER = auto()  # a character that cannot be taken: `detail` completes "a character that ..."


class ParameterError(Exception):
    """An invalid parameter.  `value` is None where it must not be repeated (sensitive shapes) or is absent."""

    def __init__(self, problem: Problem, detail: str = "", value: str | None = None, *, shape: str = "") -> None:
        super().__init__(detail)
        self.problem = problem
        self.detail = detail
        self.value = value if value is None or len(value) <= 200 else value[:200] + "..."
        self.shape = shape
        self.path: list[str] = []

    def at(self, *steps: str) -> ParameterError:
        """Add steps to the front of the path, and return the error."""
        self.path[:0] = steps
        return self

    @property
    def name(self) -> str:
        """The parameter's name as the client wrote it, cut where it is longer than any name: `Filter.1.Name`."""
        return ".".join(self.path)[:_LONGEST_NAME]
