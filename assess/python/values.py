"""What an expression may be: a set of possible values, of which one may be "not known"."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, product
from typing import Any, Final

from assess.calls import UNKNOWN

Some = frozenset[Any]  # the values that an expression may have

NOT_KNOWN: Final[Some] = frozenset({UNKNOWN})
_MOST: Final = 24  # values of one expression
MOST_FORMS: Final = 4  # of a dictionary or a list, and of a call's parameters


@dataclass(frozen=True, slots=True)
class Const:
    """A literal.  `sort` tells 1 from True."""

    value: Any
    sort: str


@dataclass(frozen=True, slots=True)
class Mapped:
    """A dictionary with text keys; it may have further ones if it is not complete."""

    items: tuple[tuple[str, Some], ...] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Listed:
    """A list, a tuple or a set; it may have further items if it is not complete."""

    items: tuple[Some, ...] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class External:
    """A name of a package that is not among the sources."""

    name: str


@dataclass(frozen=True, slots=True)
class Session:
    """A session of boto3, aioboto3 or botocore."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client of a service."""

    service: str


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of boto3; `name` is that of its model, the service's own for the one that boto3.resource() returns."""

    service: str
    name: str
    identifiers: tuple[tuple[str, Some], ...] = ()
    loaded: bool = False


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection of resources; `asked` are the parameters of `filter()`, None before it or `all()` is called."""

    owner: Resource
    name: str
    asked: tuple[Mapped, ...] | None = None


@dataclass(frozen=True, slots=True)
class Paginator:
    """A paginator of a client, by the name of the method."""

    service: str
    method: str


@dataclass(frozen=True, slots=True)
class Waiter:
    """A waiter of a client."""

    service: str
    name: str


@dataclass(frozen=True, slots=True)
class Bound:
    """An attribute of something, mostly a method."""

    receiver: Any
    name: str


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the sources, with the frame in which it was defined and the object that it was taken from."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    frame: Any
    owner: Any = None


@dataclass(frozen=True, slots=True)
class Class:
    """A class of the sources, with the frame of its body."""

    node: ast.ClassDef
    frame: Any
    bases: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Instance:
    """An object of a class of the sources, told from others by the place at which it is made."""

    of: Class
    made_at: Any


@dataclass(frozen=True, slots=True)
class Module:
    """A module of the sources."""

    path: Any


@dataclass(frozen=True, slots=True)
class Generated:
    """What a generator function yields."""

    items: Some


@dataclass(frozen=True, slots=True)
class Partial:
    """`functools.partial` of something."""

    what: Some
    given: Any


def const(value: Any) -> Some:
    """Return a literal as a set of values."""
    return frozenset({Const(value, type(value).__name__)})


def one(some: Some) -> Any:
    """Return the only value; UNKNOWN where there are more."""
    return next(iter(some)) if len(some) == 1 else UNKNOWN


def text(some: Some) -> str | None:
    """Return the only value, if it is a text."""
    found = one(some)
    return found.value if isinstance(found, Const) and isinstance(found.value, str) else None


def unite(parts: Iterable[Some]) -> Some:
    """Return the values of all parts; too many literals become one that is not known."""
    found: Some = frozenset().union(*parts)
    if len(found) > _MOST:
        found = frozenset(value for value in found if not isinstance(value, Const | Mapped | Listed)) | NOT_KNOWN
    maps = [value for value in found if isinstance(value, Mapped)]
    if len(maps) > MOST_FORMS:
        found = (found - set(maps)) | {_merged(maps)}
    return found


def _merged(maps: list[Mapped]) -> Mapped:
    """Return what all of some dictionaries have; the rest is not known."""
    shared = set.intersection(*({name for name, _ in each.items} for each in maps))
    return Mapped(
        tuple((name, unite(dict(each.items)[name] for each in maps)) for name in sorted(shared)), complete=False
    )


def tree(some: Some) -> Any:
    """Return a value as parameters have it, with UNKNOWN for what is not known."""
    found = one(some)
    if isinstance(found, Const):
        return UNKNOWN if found.value is None else found.value
    if isinstance(found, Mapped):
        return {name: tree(below) for name, below in found.items}
    if isinstance(found, Listed):
        return [*map(tree, found.items), *([] if found.complete else [UNKNOWN])]
    return UNKNOWN


def is_whole(some: Some) -> bool:
    """Tell whether no dictionary in a value may have further keys."""
    found = one(some)
    if isinstance(found, Mapped):
        return found.complete and all(is_whole(below) for _, below in found.items)
    if isinstance(found, Listed):
        return all(map(is_whole, found.items))
    return True


def forms(asked: Mapped) -> Iterator[Mapped]:
    """Yield the forms that parameters may have, where a list or a dictionary among them has several."""
    choices = [
        [frozenset({value}) for value in some] if all(isinstance(v, Mapped | Listed) for v in some) else [some]
        for _, some in asked.items
    ]
    names = [name for name, _ in asked.items]
    for values in islice(product(*choices), MOST_FORMS + 1):
        yield Mapped(tuple(zip(names, values, strict=True)), asked.complete)


def with_items(mapped: Mapped, more: Mapping[str, Some], *, complete: bool = True) -> Mapped:
    """Return a dictionary with further items."""
    return Mapped(tuple({**dict(mapped.items), **more}.items()), mapped.complete and complete)


def over(first: Mapped, second: Mapped) -> Mapped:
    """Return a dictionary with the items of another, which win."""
    return with_items(first, dict(second.items), complete=second.complete)
