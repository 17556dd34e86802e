"""The calls of a recording that are made again, and why others are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from recording.calls import SERVICES
from recording.lines import Line
from recording.secrets import BYTES, HIDDEN

_READS: Final = ("Describe", "Get", "List", "Head")
# These give out credentials, or change what a later call would sign with.
_SESSIONS: Final = frozenset({"GetSessionToken", "GetFederationToken"})
# Members for which a value can be made up; the replay does not know the others' secrets.
_MADE_UP: Final = frozenset({"UserData", "Value", "SSECustomerKey", "CopySourceSSECustomerKey", "PublicKeyMaterial"})


@dataclass(frozen=True, slots=True)
class Step:
    """A recorded call with its number in the recording; `skipped` says why it is not made again."""

    number: int
    line: Line
    skipped: str = ""

    @property
    def name(self) -> str:
        """Return `ec2 DescribeVpcs`."""
        return f"{self.line.service} {self.line.operation}".strip()

    @property
    def reads(self) -> bool:
        """Tell by AWS's naming of operations whether the call changes nothing."""
        return self.line.operation.startswith(_READS) and self.line.operation not in _SESSIONS


def steps(lines: Sequence[Line], mutating: bool) -> list[Step]:
    """Return what is made again; calls that change something only if `mutating`.

    Of the same question asked again and again, as a waiter asks, the last one counts: its answer is what was awaited.
    """
    found: list[Step] = []
    for number, line in enumerate(lines, 1):
        step = Step(number, line, _why_not(line))
        if not step.skipped and not step.reads and not mutating:
            step = Step(number, line, "it changes something, and --yes was not given")
        if found and step.reads and _same(found[-1].line, line):
            found.pop()
        found.append(step)
    return found


def _same(one: Line, other: Line) -> bool:
    return (one.service, one.operation, one.params) == (other.service, other.operation, other.params)


def _why_not(line: Line) -> str:
    if line.service not in SERVICES:
        return f"calls of {line.service} are not made again"
    if not line.operation or line.unread:
        return f"the recording does not tell all of it: {line.unread}"
    if line.operation in _SESSIONS or line.operation.startswith("Assume"):
        return "sessions are not replayed"
    unknown = sorted(set(_hidden(line.params)) - _MADE_UP)
    return f"the recording does not hold {', '.join(unknown)}" if unknown else ""


def _hidden(value: Any, name: str = "") -> Iterator[str]:
    """Yield the names of parameters that are secrets."""
    if isinstance(value, Mapping):
        if HIDDEN in value:
            yield name
        elif BYTES not in value:
            for key, below in value.items():
                yield from _hidden(below, key)
    elif isinstance(value, list):
        for item in value:
            yield from _hidden(item, name)
