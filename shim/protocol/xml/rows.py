"""Writes long lists of structures as XML, column by column: a page of a listing has a thousand similar rows.

All values of a column are converted at once, and a template joins them to rows; a call for each value would take twice
the time.  The emitters of `xml.write` write lists that do not fit columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, overload

from shim.protocol.scalars import Iso8601

Column = Callable[[Sequence[Any]], list[str]]
Cell = tuple[str, str, Column]  # the opening and the closing tag of a member, and its column

FEW: Final = 4  # fewer rows than this are written faster one by one

_BETWEEN: Final = "|"


class Times(list[str]):
    """A column of times that are already written as answers show them, `2026-01-31T23:59:59.000Z`."""


class Table(Sequence[Mapping[str, Any]]):
    """Rows of the same members, kept by columns; the members in `same` have one value in all rows.

    It is written without a mapping for each row; read as a sequence, it gives those mappings.
    """

    def __init__(self, columns: Mapping[str, Sequence[Any]], same: Mapping[str, Any]) -> None:
        self.columns = columns
        self.same = same

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    @overload
    def __getitem__(self, at: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Mapping[str, Any]]: ...
    def __getitem__(self, at: int | slice) -> Any:
        return list(self)[at]

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        columns = [map(Iso8601, one) if type(one) is Times else one for one in self.columns.values()]
        for values in zip(*columns, strict=True):
            yield {**dict(zip(self.columns, values, strict=True)), **self.same}


class Written(dict[str, Any]):
    """A structure with the XML of its members, which is written in place of the items.

    The items are what others than the writer read of it; they may be fewer than the members.
    """

    __slots__ = ("xml",)

    def __init__(self, items: Mapping[str, Any], xml: str) -> None:
        super().__init__(items)
        self.xml = xml

    def __sizeof__(self) -> int:
        return super().__sizeof__() + self.xml.__sizeof__()


def one_by_one(emit: Callable[[Any, Callable[[str], None]], None]) -> Column:
    """Return the column that writes one value at a time, by an emitter of `xml.write`."""

    def singly(value: Any) -> str:
        found: list[str] = []
        emit(value, found.append)
        return "".join(found)

    return lambda values: [singly(value) for value in values]


def scalars(text: Callable[[Any], str]) -> Column:
    """Return the column of a function that writes one value as text."""
    return lambda values: list(map(text, values))


def words(escape: Callable[[str], str]) -> Column:
    """Return the column of strings; `escape` must replace single characters only, and not `|`."""

    def column(values: Sequence[str]) -> list[str]:
        found = escape(_BETWEEN.join(values)).split(_BETWEEN)
        return found if len(found) == len(values) else list(map(escape, values))

    return column


def times(text: Callable[[Any], str]) -> Column:
    """Return the column of times in ISO 8601."""
    return lambda values: values if type(values) is Times else list(map(text, values))


def digits(text: Callable[[Any], str]) -> Column:
    """Return the column of integers; `text` writes a value that is not an int, or raises."""
    return lambda values: list(map(str if set(map(type, values)) == {int} else text, values))


def rows(singly: Column, tags: tuple[str, str], cell: Callable[[str], Cell]) -> Column:
    """Return the column of structures, tags included.

    `singly` writes them one by one; `cell` tells how a member is written, or raises LookupError.
    """
    cells: dict[str, Cell] = {}

    def by_columns(columns: Mapping[str, Sequence[Any]], same: Mapping[str, Any]) -> list[str]:
        between, written = [tags[0]], []
        for name, values in (*columns.items(), *same.items()):
            if name not in cells:
                cells[name] = cell(name)
            before, after, texts = cells[name]
            between[-1] += before
            if name in columns:
                between.append(after)
                written.append(texts(values))
            else:
                between[-1] += texts([values])[0] + after
        between[-1] += tags[1]
        template = "%s".join(piece.replace("%", "%%") for piece in between)
        return list(map(template.__mod__, zip(*written, strict=True)))

    def column(values: Sequence[Mapping[str, Any]]) -> list[str]:
        if type(values) is Table:
            try:
                return by_columns(values.columns, values.same)
            except (TypeError, AttributeError, ValueError, LookupError):
                return singly(list(values))  # it raises the error for the wrong member
        if Written in map(type, values):
            return singly(values)
        found: list[str] = []
        for names, run in groupby(values, _present):
            some = list(run)
            try:
                if len(some) >= FEW and names:
                    found += by_columns({name: [row[name] for row in some] for name in names}, {})
                else:
                    found += singly(some)
            except (TypeError, AttributeError, ValueError, LookupError):
                found += singly(some)  # it raises the error for the wrong member
        return found

    return column


def _present(row: Mapping[str, Any]) -> tuple[str, ...]:
    if None in row.values():
        return tuple(name for name, value in row.items() if value is not None)
    return tuple(row)
