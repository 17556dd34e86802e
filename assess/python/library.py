"""Functions of Python's own library that hand on what they are given."""

from __future__ import annotations

import ast
from typing import Any, Final

from assess.calls import UNKNOWN
from assess.python.expressions import change
from assess.python.frames import Arguments, Frame, spread
from assess.python.values import (
    NOT_KNOWN,
    Bound,
    Generated,
    Listed,
    Mapped,
    Partial,
    Some,
    const,
    one,
    over,
    text,
    unite,
    with_items,
)

_LISTS: Final = frozenset({"list", "iter", "sorted", "tuple", "set", "frozenset", "reversed"})
_FIRST: Final = frozenset({"next"})
_COPIES: Final = frozenset({"copy.copy", "copy.deepcopy", "contextlib.closing", "typing.cast"})
# Functions that do nothing with a client but look at it.
HARMLESS: Final = ("builtins.", "logging.", "print", "pytest.raises", "unittest.")
_STARTERS: Final = frozenset({"submit", "apply_async", "run_in_executor", "to_thread", "map"})


def call(reader: Any, name: str, given: Arguments, node: ast.Call, frame: Frame) -> Some | None:
    """Call a function of the library; None where it is not one of those that hand on."""
    bare = name.removeprefix("builtins.")
    first = given.positional[0] if given.positional else NOT_KNOWN
    if bare in _LISTS:
        return frozenset({_listed(reader, first, node, frame)}) if given.positional else frozenset({Listed()})
    if bare in _FIRST:
        return unite([reader.elements(first, node, frame)])
    if bare in _COPIES:
        return given.positional[-1] if given.positional else NOT_KNOWN
    if bare == "dict":
        forms = spread(first) if given.positional else (Mapped(),)
        return frozenset(over(old, new) for old in forms for new in given.named)
    if bare in ("enumerate", "zip"):
        parts = [reader.elements(some, node, frame) for some in given.positional]
        pair = Listed((NOT_KNOWN, *parts) if bare == "enumerate" else tuple(parts))
        return frozenset({Listed((frozenset({pair}),), complete=False)})
    if bare == "getattr" and len(given.positional) > 1:
        return _getattr(reader, given, node, frame)
    if bare in ("functools.partial", "partial") and given.positional:
        rest = Arguments(given.positional[1:], given.named, given.complete)
        return frozenset({Partial(first, rest)})
    if bare == "asyncio.to_thread" or (bare == "map" and given.positional):
        return method(reader, UNKNOWN, "map" if bare == "map" else "to_thread", given, node, frame)
    if bare in ("asyncio.run", "asyncio.wait_for", "asyncio.ensure_future", "asyncio.create_task"):
        return first
    return None


def _listed(reader: Any, some: Some, node: ast.Call, frame: Frame) -> Listed:
    found = one(some)
    return found if isinstance(found, Listed) else Listed((reader.elements(some, node, frame),), complete=False)


def _getattr(reader: Any, given: Arguments, node: ast.Call, frame: Frame) -> Some:
    name = text(given.positional[1])
    if name is None:
        return frozenset({Bound(value, "a method whose name is not known") for value in given.positional[0]})
    return unite(reader.attribute(value, name, node, frame) for value in given.positional[0])


def method(reader: Any, receiver: Any, name: str, given: Arguments, node: ast.Call, frame: Frame) -> Some | None:
    """Call a method of a list, a dictionary or something that starts functions; None where it hands on nothing."""
    target = node.func.value if isinstance(node.func, ast.Attribute) else None
    if isinstance(receiver, Listed) and target is not None:
        return _list(receiver, name, given, target, frame)
    if isinstance(receiver, Mapped) and target is not None:
        return _dict(receiver, name, given, target, frame)
    if isinstance(receiver, Generated):
        return receiver.items if name in ("__next__", "__anext__", "__enter__") else NOT_KNOWN
    if name in ("enter_context", "enter_async_context") and given.positional:
        return unite(v.items if isinstance(v, Generated) else frozenset({v}) for v in given.positional[0])
    if receiver is UNKNOWN and name in _STARTERS and given.positional:
        skipped = 1 if name == "run_in_executor" else 0
        rest = given.positional[skipped + 1 :]
        if name == "map":
            rest = tuple(reader.elements(some, node, frame) for some in rest)
        callee = given.positional[skipped] if len(given.positional) > skipped else NOT_KNOWN
        result = reader.call(callee, Arguments(rest, given.named), node, frame) if callee != NOT_KNOWN else NOT_KNOWN
        return frozenset({Listed((result,), complete=False)}) if name == "map" else NOT_KNOWN
    return None


def _list(receiver: Listed, name: str, given: Arguments, target: ast.expr, frame: Frame) -> Some | None:
    if name not in ("append", "add", "extend", "insert"):
        return frozenset().union(*receiver.items) or NOT_KNOWN if name == "pop" else NOT_KNOWN
    more = given.positional[-1] if given.positional else NOT_KNOWN
    whole = receiver.complete and not frame.loops
    if name == "extend":
        found = one(more)
        added = found.items if isinstance(found, Listed) else ()
        whole = whole and isinstance(found, Listed) and found.complete
    else:
        added = (more,)
    change(target, lambda value: Listed(value.items + added, whole) if value == receiver else value, frame)
    return NOT_KNOWN


def _dict(receiver: Mapped, name: str, given: Arguments, target: ast.expr, frame: Frame) -> Some | None:
    held = dict(receiver.items)
    first = given.positional[0] if given.positional else NOT_KNOWN
    second = given.positional[1] if len(given.positional) > 1 else const(None)
    key = text(first)
    if name == "update":
        forms = spread(first) if given.positional else given.named
        more = forms[0] if len(forms) == 1 else Mapped(complete=False)
        new = over(receiver, more)
    elif name == "setdefault":
        new = with_items(receiver, {} if key is None or key in held else {key: second}, complete=key is not None)
    elif name == "pop":
        new = Mapped(tuple(x for x in receiver.items if x[0] != key), receiver.complete)
    elif name == "copy":
        return frozenset({receiver})
    elif name == "get":
        return held.get(key or "", second if receiver.complete else NOT_KNOWN)
    elif name in ("items", "values"):
        pairs = [frozenset({Listed((const(n), value))}) if name == "items" else value for n, value in receiver.items]
        return frozenset({Listed(tuple(pairs), receiver.complete)})
    else:
        return NOT_KNOWN
    change(target, lambda value: new if value == receiver else value, frame)
    return held.get(key or "", second) if name in ("pop", "setdefault") else NOT_KNOWN
