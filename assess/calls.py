"""Calls of the AWS API as an input tells of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class _Unknown:
    """A value that the input does not tell."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()


@dataclass(frozen=True, slots=True)
class Call:
    """A call, or many calls with the same parameters.

    `service` is AWS's signing name, `operation` AWS's name of the operation, `params` a tree by botocore's member
    names with UNKNOWN for each value that is not known.  `complete` tells whether no other parameter can be given, and
    `exact` whether the known values are the very values of one call, so that the action itself can read them.
    Of `count` calls AWS itself refused `failed`.  `where` names the file, and the line in a source.
    """

    service: str
    operation: str
    params: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""
    complete: bool = True
    exact: bool = False
    count: int = 1
    failed: int = 0


def is_known(value: Any) -> bool:
    """Tell whether a value and all below it are known."""
    if isinstance(value, Mapping):
        return all(map(is_known, value.values()))
    if isinstance(value, list | tuple):
        return all(map(is_known, value))
    return value is not UNKNOWN


@dataclass(slots=True)
class Found:
    """What was read from the inputs: calls, what could not be followed, and what the inputs do not hold."""

    calls: list[Call] = field(default_factory=list)
    unfollowed: list[str] = field(default_factory=list)  # `file:line: why`
    notes: list[str] = field(default_factory=list)

    def add(self, other: Found) -> None:
        """Add what another input told; a note that stands here already is not repeated."""
        self.calls += other.calls
        self.unfollowed += other.unfollowed
        self.notes += [note for note in other.notes if note not in self.notes]
