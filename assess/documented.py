"""The documented differences: what the pages of docs/ say of an operation, each with its line.

A sentence of a paragraph or of an item of a list is about an operation if it names it and says that something is
refused, is not done or is done in another way.  If it names parameters of that operation too, it is about calls with
one of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

PAGES: Final = ("s3.md", "ec2-instances.md", "ec2-disks-images.md", "ec2-networks-volumes.md")
# A wheel has the pages beside this module; a checkout has them where they are written.
_FOLDERS: Final = (Path(__file__).parent / "docs", Path(__file__).parents[1] / "docs")
_WORD = re.compile(r"(?<![:\w])[A-Z][A-Za-z0-9]+|x-amz-[a-z0-9-]+")
_DIFFERS = re.compile(
    r"\b(?:not|no|none|never|cannot|nothing|nor|only|alone|instead|unlike|ignored|refused|refuses|differs?)\b"
)
_BETWEEN = re.compile(r"(?<=[.:]) (?=[A-Z`])")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Line:
    """A passage of a page: where it begins (`docs/s3.md:12`), its text, and the capitalised words and headers in it."""

    where: str
    text: str
    words: frozenset[str]


def lines(operation: str) -> tuple[Line, ...]:
    """Return the passages that name an operation."""
    return _by_word().get(operation, ())


@cache
def _by_word() -> Mapping[str, tuple[Line, ...]]:
    found: dict[str, list[Line]] = {}
    for name in PAGES:
        for line in _passages(name):
            for word in line.words:
                found.setdefault(word, []).append(line)
    return {word: tuple(some) for word, some in found.items()}


def _passages(page: str) -> Iterator[Line]:
    """Cut a page into sentences, and yield those that tell a difference.  Its tables compare words and costs."""
    path = next((folder / page for folder in _FOLDERS if (folder / page).is_file()), None)
    if path is None:
        return
    held: list[tuple[int, str]] = []
    for number, text in enumerate([*path.read_text(encoding="utf-8").splitlines(), ""], 1):
        if not text.strip() or text.startswith(("- ", "|", "#")):
            yield from _sentences(page, held)
            held = []
        if text.strip() and not text.startswith(("#", "|")):
            held.append((number, text.strip().removeprefix("- ")))
    yield from _sentences(page, held)


def _sentences(page: str, held: list[tuple[int, str]]) -> Iterator[Line]:
    """Yield the sentences of a passage that tell a difference, each with the line on which it begins."""
    whole, starts = "", []
    for number, text in held:
        starts.append((len(whole), number))
        whole += f"{text} "
    place = 0
    for part in _BETWEEN.split(whole):
        if _DIFFERS.search(part):
            number = max(number for start, number in starts if start <= place)
            text = _LINK.sub(r"\1", part).strip()
            yield Line(f"docs/{page}:{number}", text, frozenset(_WORD.findall(text)))
        place += len(part) + 1
