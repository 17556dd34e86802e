"""Differences that AWS's documentation explains, written down once in `known-differences.toml`.

    [[difference]]
    operation = "ec2 DescribeImages"     # `*` stands for any text, here and in the path
    path = "Images[].*"                  # left out: any
    kind = "value"                       # left out: any; else status, error, member, value or items
    sentence = "..."                     # what the documentation says
    source = "https://docs.aws.amazon.com/..."

An entry that explains nothing is stale, and is reported.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from recording.replay.differences import Difference, Kind

_MEMBERS: Final = frozenset({"operation", "path", "kind", "sentence", "source", "a", "b"})


class KnownError(Exception):
    """A file of known differences that cannot be read; the text says where."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A known difference; `a` and `b` narrow it to what the two say."""

    operation: str
    sentence: str
    source: str
    path: str = "*"
    kind: str = "*"
    a: str = "*"
    b: str = "*"

    def explains(self, found: Difference) -> bool:
        """Tell whether this is the difference that was found."""
        return all(
            _glob(pattern, text)
            for pattern, text in (
                (self.operation, found.operation),
                (self.path, found.path),
                (self.kind, found.kind.value),
                (self.a, found.a),
                (self.b, found.b),
            )
        )

    def __str__(self) -> str:
        return " ".join(part for part in (self.operation, self.path, self.kind) if part != "*")


def load(path: Path) -> list[Entry]:
    """Return the entries of a file; raise KnownError where one lacks its sentence or has another member."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("difference", [])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise KnownError(f"{path}: {error}") from None
    if not isinstance(entries, list):
        raise KnownError(f"{path}: `difference` is no list of tables")
    return [_entry(one, f"{path}: entry {number}") for number, one in enumerate(entries, 1)]


def _entry(one: Any, where: str) -> Entry:
    if not isinstance(one, dict) or not all(isinstance(value, str) for value in one.values()):
        raise KnownError(f"{where} has a value that is no text")
    if strange := sorted(one.keys() - _MEMBERS):
        raise KnownError(f"{where} has an unknown member {strange[0]}")
    for name in ("operation", "sentence", "source"):
        if not one.get(name, "").strip():
            raise KnownError(f"{where} has no {name}")
    if one.get("kind", "*") not in ("*", *Kind):
        raise KnownError(f"{where} has an unknown kind {one['kind']}")
    return Entry(**one)


def stale(entries: Sequence[Entry], found: Sequence[Difference]) -> list[Entry]:
    """Return the entries that explain nothing."""
    return [entry for entry in entries if not any(map(entry.explains, found))]


def _glob(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None
