"""A frame: the names of a module, a class or a function while it is read, and what a reader offers to it."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from assess.python.values import NOT_KNOWN, External, Listed, Mapped, Some, one, unite

BUILTINS = frozenset(
    {"dict", "enumerate", "filter", "frozenset", "getattr", "iter", "list", "map", "next", "print"}
    | {"reversed", "set", "setattr", "sorted", "super", "tuple", "zip"}
)


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a call.  Keyword arguments may have several forms, where a dictionary that is spread has."""

    positional: tuple[Some, ...] = ()
    named: tuple[Mapped, ...] = (Mapped(),)
    complete: bool = True  # False where a list that is spread is not known

    def get(self, place: int, name: str) -> Some | None:
        """Return an argument by its place or its name."""
        if place < len(self.positional):
            return self.positional[place]
        found = [dict(form.items).get(name) for form in self.named]
        some = [value for value in found if value is not None]
        return unite(some) if some else None

    def all(self) -> Iterable[Some]:
        """Yield every argument."""
        yield from self.positional
        for form in self.named:
            for _, value in form.items:
                yield value


class Reader(Protocol):
    """What a frame asks of the reader."""

    def call(self, callee: Some, given: Arguments, node: ast.Call, frame: Frame) -> Some:
        """Return what a call returns, and note what it calls."""

    def attribute(self, value: Any, name: str, node: ast.expr, frame: Frame) -> Some:
        """Return an attribute of a value."""

    def elements(self, some: Some, node: ast.AST, frame: Frame) -> Some:
        """Return what an iteration yields."""

    def store(self, value: Any, name: str, some: Some) -> None:
        """Set an attribute of an object."""

    def load(self, name: str, level: int, path: Path) -> Any:
        """Return a module that is imported, or the External of its name."""

    def names_of(self, module: Any) -> dict[str, Some]:
        """Return the names of a module of the sources."""


@dataclass(eq=False, slots=True)
class Frame:
    """Names and what they may be: `names` at the place that is read, `ever` at any."""

    path: Path
    reader: Reader
    parent: Frame | None = None
    of_class: Any = None
    names: dict[str, Some] = field(default_factory=dict)
    ever: dict[str, Some] = field(default_factory=dict)
    outside: dict[str, Frame] = field(default_factory=dict)  # `global` and `nonlocal`
    returns: list[Some] = field(default_factory=list)
    yields: list[Some] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)  # names whose value was changed in place
    loops: int = 0
    depth: int = 0

    def set(self, name: str, some: Some) -> None:
        """Give a name a value."""
        target = self.outside.get(name, self)
        target.names[name] = some
        target.ever[name] = unite((target.ever.get(name, frozenset()), some))

    def get(self, name: str) -> Some:
        """Return what a name may be here; of outer functions and modules what it may ever be."""
        found = self.outside[name].ever.get(name) if name in self.outside else self.names.get(name)
        outer = self.parent
        while found is None and outer is not None:
            if outer.of_class is None:
                found = outer.ever.get(name)
            outer = outer.parent
        if found is None:
            found = frozenset({External(f"builtins.{name}")}) if name in BUILTINS else NOT_KNOWN
        return found

    def module(self) -> Frame:
        """Return the frame of the module."""
        return self if self.parent is None else self.parent.module()


def join(some: list[dict[str, Some]]) -> dict[str, Some]:
    """Return the names after branches that meet."""
    if len(some) == 1:
        return some[0]
    names = dict.fromkeys(name for each in some for name in each)
    return {name: unite(each[name] for each in some if name in each) for name in names}


def spread(some: Some) -> tuple[Mapped, ...]:
    """Return the forms of a dictionary that is spread by `**`."""
    found = [value for value in some if isinstance(value, Mapped)]
    rest = len(found) < len(some)
    return (*found, *((Mapped(complete=False),) if rest or not found else ()))


def items(some: Some) -> tuple[tuple[Some, ...], bool]:
    """Return the items of a list that is spread by `*`, and whether these are all."""
    found = one(some)
    return (found.items, found.complete) if isinstance(found, Listed) else ((), False)
