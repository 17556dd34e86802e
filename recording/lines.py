"""The format of a recording: a line of JSON for each call, in the order in which the answers ended.

    {"recorded": "2026-11-28T12:00:00.123456Z", "service": "ec2", "operation": "DescribeVpcs", "params": {...},
     "status": 200, "error": "", "answer": {...}, "seconds": 0.012}

Names of parameters and members are those of AWS's model.  `secrets` says what stands in place of bodies and secrets.
A line whose request or answer could not be read says why in `unread`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

_HEAD: Final = re.compile(rb'\s*\{"recorded": ?"\d{4}-')
LONGEST: Final = 1 << 26  # bytes of a line
_TYPES: Final[Mapping[str, Any]] = {
    "recorded": str, "service": str, "operation": str, "params": dict, "status": int, "error": str, "answer": dict,
    "seconds": int | float, "unread": str,
}  # fmt: skip
_DEEPEST: Final = 100  # lists and objects in each other; AWS's answers have a dozen


class NoRecordingError(Exception):
    """A file that is no recording, or is broken; the text says where."""


@dataclass(frozen=True, slots=True)
class Line:
    """A call that was made.  `service` is AWS's signing name; `error` is AWS's code, '' where the call succeeded."""

    recorded: str
    service: str
    operation: str
    params: Mapping[str, Any] = field(default_factory=dict)
    status: int = 0
    error: str = ""
    answer: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    unread: str = ""

    def text(self) -> str:
        """Return the line."""
        members = {name: getattr(self, name) for name in self.__slots__ if name != "unread" or self.unread}
        return json.dumps(members, ensure_ascii=False) + "\n"


def is_recording(start: bytes) -> bool:
    """Tell by its first bytes whether a file is a recording."""
    return _HEAD.match(start) is not None


def read(file: IO[bytes]) -> Iterator[Line]:
    """Yield the lines of an open recording; raise NoRecordingError at the first that is none."""
    number = 0
    while raw := file.readline(LONGEST):
        number += 1
        if not raw.strip():
            continue
        try:
            line = Line(**json.loads(raw))
            sound = _is_sound(line)
        except (ValueError, TypeError, RecursionError):
            sound = False
        if not sound:
            raise NoRecordingError(f"line {number} is no call that was recorded")
        yield line


def _is_sound(line: Line) -> bool:
    """Tell whether a line that anybody may have written has members of the right types, and is not endlessly deep."""
    if not all(isinstance(getattr(line, name), of) for name, of in _TYPES.items()) or isinstance(line.status, bool):
        return False
    level: list[Any] = [line.params, line.answer]
    for _ in range(_DEEPEST):
        lists = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]
        if not lists:
            return True
        level = [one for some in lists for one in some]
    return False


def load(path: Path) -> list[Line]:
    """Return all lines of a recording; raise NoRecordingError for a file that is none, or empty."""
    with path.open("rb") as file:
        found = list(read(file))
    if not found:
        raise NoRecordingError("there is no call in it")
    return found
