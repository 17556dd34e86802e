"""Long lists of structures into XML, column by column: a page of a listing has a thousand rows of the same members.

Each column's values are put in words at one go, and one template makes a row of them: less than half the time of a
call for each value.  What a row means stays with the emitters of `xml`, which write whatever columns cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

Column = Callable[[Sequence[Any]], list[str]]
Cell = tuple[str, str, Column]  # what stands before a member's text, what stands after it, and the texts themselves

FEW: Final = 4  # fewer rows than this are written sooner one by one

_BETWEEN: Final = "|"


def one_by_one(emit: Callable[[Any, Callable[[str], None]], None]) -> Column:
    """Return the column of what is written as it is elsewhere, a value at a time."""

    def alone(value: Any) -> str:
        found: list[str] = []
        emit(value, found.append)
        return "".join(found)

    return lambda values: [alone(value) for value in values]


def scalars(text: Callable[[Any], str]) -> Column:
    """Return the column of a function that puts one value in words."""
    return lambda values: list(map(text, values))


def words(escape: Callable[[str], str]) -> Column:
    """Return the column of strings; `escape` must go by single characters and leave `|` alone."""

    def column(values: Sequence[str]) -> list[str]:
        found = escape(_BETWEEN.join(values)).split(_BETWEEN)
        return found if len(found) == len(values) else list(map(escape, values))

    return column


def rows(alone: Column, tags: tuple[str, str], cell: Callable[[str], Cell]) -> Column:
    """Return the column of structures, tags included.

    `alone` writes them one by one; `cell` tells how a member is written, or raises LookupError.
    """
    cells: dict[str, Cell] = {}

    def together(names: Sequence[str], some: Sequence[Mapping[str, Any]]) -> list[str]:
        between, columns = [tags[0]], []
        for name in names:
            if name not in cells:
                cells[name] = cell(name)
            before, after, texts = cells[name]
            between[-1] += before
            between.append(after)
            columns.append(texts([row[name] for row in some]))
        between[-1] += tags[1]
        template = "%s".join(piece.replace("%", "%%") for piece in between)
        return [template % texts for texts in zip(*columns, strict=True)]

    def column(values: Sequence[Mapping[str, Any]]) -> list[str]:
        found: list[str] = []
        for names, run in groupby(values, _present):
            some = list(run)
            try:
                found += together(names, some) if len(some) >= FEW and names else alone(some)
            except (TypeError, AttributeError, ValueError, LookupError):
                found += alone(some)  # which says what is wrong with which member
        return found

    return column


def _present(row: Mapping[str, Any]) -> tuple[str, ...]:
    if None in row.values():
        return tuple(name for name, value in row.items() if value is not None)
    return tuple(row)
