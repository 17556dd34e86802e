"""Read expressions: what each may be."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from assess.calls import UNKNOWN
from assess.python.frames import Arguments, Frame, items, spread
from assess.python.values import (
    MOST_FORMS,
    NOT_KNOWN,
    Client,
    Const,
    Function,
    Listed,
    Mapped,
    Resource,
    Some,
    const,
    one,
    over,
    text,
    unite,
    with_items,
)


def evaluate(node: ast.expr, frame: Frame) -> Some:
    """Return what an expression may be; the calls in it are noted on the way."""
    rule = _RULES.get(type(node))
    if rule is not None:
        return rule(node, frame)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            evaluate(child, frame)
    return NOT_KNOWN


def _attribute(node: ast.Attribute, frame: Frame) -> Some:
    found = evaluate(node.value, frame)
    result = unite(frame.reader.attribute(value, node.attr, node, frame) for value in found)
    if isinstance(node.value, ast.Name) and any(isinstance(value, Resource) for value in found):
        frame.names[node.value.id] = frozenset(_loaded(value, result) for value in found)
    return result


def _loaded(value: Any, result: Some) -> Any:
    """Return a resource as loaded, if one of its data was read."""
    if isinstance(value, Resource) and UNKNOWN in result:
        return Resource(value.service, value.name, value.identifiers, loaded=True)
    return value


def arguments(node: ast.Call, frame: Frame) -> Arguments:
    """Read the arguments of a call."""
    positional, complete = _each(node.args, frame)
    named: tuple[Mapped, ...] = (Mapped(),)
    for keyword in node.keywords:
        value = evaluate(keyword.value, frame)
        if keyword.arg is not None:
            named = tuple(with_items(form, {keyword.arg: value}) for form in named)
        else:
            more_forms = spread(value)
            named = tuple(over(form, more) for form in named for more in more_forms)
            if len(named) > MOST_FORMS:
                found = unite([frozenset(named)])
                named = tuple(form for form in found if isinstance(form, Mapped))
    return Arguments(positional, named, complete)


def _each(nodes: Iterable[ast.expr], frame: Frame) -> tuple[tuple[Some, ...], bool]:
    """Return the values of a list of expressions, some of which may be spread by `*`, and whether these are all."""
    found: list[Some] = []
    complete = True
    for node in nodes:
        if isinstance(node, ast.Starred):
            more, whole = items(evaluate(node.value, frame))
            found += more
            complete = complete and whole
        else:
            found.append(evaluate(node, frame))
    return tuple(found), complete


def _call(node: ast.Call, frame: Frame) -> Some:
    callee = evaluate(node.func, frame)
    return frame.reader.call(callee, arguments(node, frame), node, frame)


def _dict(node: ast.Dict, frame: Frame) -> Some:
    found = Mapped()
    for key, below in zip(node.keys, node.values, strict=True):
        value = evaluate(below, frame)
        if key is None:
            more = one(value)
            found = over(found, more if isinstance(more, Mapped) else Mapped(complete=False))
            continue
        name = text(evaluate(key, frame))
        found = with_items(found, {} if name is None else {name: value}, complete=name is not None)
    return frozenset({found})


def _list(node: ast.List | ast.Tuple | ast.Set, frame: Frame) -> Some:
    return frozenset({Listed(*_each(node.elts, frame))})


def _subscript(node: ast.Subscript, frame: Frame) -> Some:
    holder, key = evaluate(node.value, frame), evaluate(node.slice, frame)
    return unite(_item(value, key, node, frame) for value in holder)


def _item(value: Any, key: Some, node: ast.Subscript, frame: Frame) -> Some:
    place = one(key)
    if isinstance(value, Mapped):
        found = dict(value.items).get(place.value) if isinstance(place, Const) else None
        return (
            found if found is not None else unite([NOT_KNOWN, *(some for _, some in value.items if key == NOT_KNOWN)])
        )
    if isinstance(value, Listed) and isinstance(node.slice, ast.Slice):
        return frozenset({Listed(value.items, complete=False)})
    if isinstance(value, Listed) and isinstance(place, Const) and isinstance(place.value, int) and value.complete:
        return value.items[place.value] if -len(value.items) <= place.value < len(value.items) else NOT_KNOWN
    if value is UNKNOWN or isinstance(value, Const | Client):
        return NOT_KNOWN
    return frame.reader.elements(frozenset({value}), node, frame)


def _joined(node: ast.JoinedStr, frame: Frame) -> Some:
    parts = [text(evaluate(part, frame)) for part in node.values]
    known = [part for part in parts if part is not None]
    return const("".join(known)) if len(known) == len(parts) else NOT_KNOWN


def _formatted(node: ast.FormattedValue, frame: Frame) -> Some:
    found = evaluate(node.value, frame)
    return found if text(found) is not None and node.format_spec is None and node.conversion < 0 else NOT_KNOWN


def _binary(node: ast.BinOp, frame: Frame) -> Some:
    left, right = one(evaluate(node.left, frame)), one(evaluate(node.right, frame))
    if isinstance(node.op, ast.Add):
        if isinstance(left, Const) and isinstance(right, Const) and left.sort == right.sort == "str":
            return const(left.value + right.value)
        if isinstance(left, Listed) and isinstance(right, Listed):
            return frozenset({Listed(left.items + right.items, left.complete and right.complete)})
    if isinstance(node.op, ast.BitOr) and isinstance(left, Mapped) and isinstance(right, Mapped):
        return frozenset({over(left, right)})
    return NOT_KNOWN


def _unary(node: ast.UnaryOp, frame: Frame) -> Some:
    found = one(evaluate(node.operand, frame))
    is_number = isinstance(found, Const) and found.sort in ("int", "float")
    return const(-found.value) if is_number and isinstance(node.op, ast.USub) else NOT_KNOWN


def _either(node: ast.BoolOp, frame: Frame) -> Some:
    found = unite(evaluate(part, frame) for part in node.values)
    nothing = frozenset({Const(None, "NoneType"), Const("", "str")})
    return found - nothing if isinstance(node.op, ast.Or) and found - nothing else found


def _if(node: ast.IfExp, frame: Frame) -> Some:
    evaluate(node.test, frame)
    return unite((evaluate(node.body, frame), evaluate(node.orelse, frame)))


def _named(node: ast.NamedExpr, frame: Frame) -> Some:
    found = evaluate(node.value, frame)
    frame.set(node.target.id, found)
    return found


def _lambda(node: ast.Lambda, frame: Frame) -> Some:
    return frozenset({Function(node, frame)})


def _yield(node: ast.Yield, frame: Frame) -> Some:
    frame.yields.append(evaluate(node.value, frame) if node.value else const(None))
    return NOT_KNOWN


def _yield_from(node: ast.YieldFrom, frame: Frame) -> Some:
    frame.yields.append(frame.reader.elements(evaluate(node.value, frame), node, frame))
    return NOT_KNOWN


def _comprehended(node: Any, frame: Frame) -> Some:
    kept = dict(frame.names)
    for part in node.generators:
        bind(part.target, frame.reader.elements(evaluate(part.iter, frame), part.iter, frame), frame)
        for condition in part.ifs:
            evaluate(condition, frame)
    if isinstance(node, ast.DictComp):
        evaluate(node.key, frame)
        evaluate(node.value, frame)
        found: Some = frozenset({Mapped(complete=False)})
    else:
        found = frozenset({Listed((evaluate(node.elt, frame),), complete=False)})
    frame.names = kept
    return found


def bind(target: ast.expr, some: Some, frame: Frame) -> None:
    """Give the names of a target of an assignment their values."""
    if isinstance(target, ast.Name):
        frame.set(target.id, some)
    elif isinstance(target, ast.Starred):
        bind(target.value, NOT_KNOWN, frame)
    elif isinstance(target, ast.Tuple | ast.List):
        for part, value in zip(target.elts, _unpacked(target.elts, some, frame), strict=True):
            bind(part, value, frame)
    elif isinstance(target, ast.Attribute):
        for value in evaluate(target.value, frame):
            frame.reader.store(value, target.attr, some)
    elif isinstance(target, ast.Subscript):
        key = text(evaluate(target.slice, frame))
        change(target.value, lambda value: _with_key(value, key, some), frame)


def _unpacked(parts: list[ast.expr], some: Some, frame: Frame) -> Iterator[Some]:
    lists = [v for v in some if isinstance(v, Listed) and v.complete and len(v.items) == len(parts)]
    others = some - set(lists)
    rest = frame.reader.elements(others, parts[0], frame) if others else frozenset()
    for place in range(len(parts)):
        yield unite([rest, *(value.items[place] for value in lists)]) or NOT_KNOWN


def _with_key(value: Any, key: str | None, some: Some) -> Any:
    if isinstance(value, Mapped):
        return with_items(value, {} if key is None else {key: some}, complete=key is not None)
    return Listed(value.items, complete=False) if isinstance(value, Listed) else value


def change(target: ast.expr, how: Callable[[Any], Any], frame: Frame) -> None:
    """Change a dictionary or a list in place, wherever it is held."""
    if isinstance(target, ast.Name | ast.Attribute | ast.Subscript):
        found = evaluate(target, frame)
        changed = frozenset(how(value) for value in found)
        if changed != found:
            bind(target, changed, frame)
            if isinstance(target, ast.Name):
                frame.changed.add(target.id)


_RULES: Final[dict[type[ast.AST], Callable[[Any, Frame], Some]]] = {
    ast.Constant: lambda node, _: const(node.value),
    ast.Name: lambda node, frame: frame.get(node.id),
    ast.Attribute: _attribute,
    ast.Call: _call,
    ast.Dict: _dict,
    ast.List: _list,
    ast.Tuple: _list,
    ast.Set: _list,
    ast.Subscript: _subscript,
    ast.JoinedStr: _joined,
    ast.FormattedValue: _formatted,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _either,
    ast.IfExp: _if,
    ast.NamedExpr: _named,
    ast.Await: lambda node, frame: evaluate(node.value, frame),
    ast.Starred: lambda node, frame: evaluate(node.value, frame),
    ast.Lambda: _lambda,
    ast.Yield: _yield,
    ast.YieldFrom: _yield_from,
    ast.ListComp: _comprehended,
    ast.SetComp: _comprehended,
    ast.GeneratorExp: _comprehended,
    ast.DictComp: _comprehended,
}
