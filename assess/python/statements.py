"""Read statements in their order; both ways of a branch are read, and the body of a loop once."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from assess.python.expressions import bind, change, evaluate
from assess.python.frames import Arguments, Frame, join
from assess.python.values import (
    NOT_KNOWN,
    Class,
    Const,
    External,
    Function,
    Generated,
    Listed,
    Mapped,
    Module,
    Some,
    text,
    unite,
)


def run(body: Iterable[ast.stmt], frame: Frame) -> bool:
    """Read statements; tell whether control never comes to their end."""
    for statement in body:
        rule = _RULES.get(type(statement))
        if rule is not None and rule(statement, frame):
            return True
    return False


def _branches(frame: Frame, *bodies: Callable[[], bool]) -> bool:
    before = frame.names
    after = []
    for body in bodies:
        frame.names = dict(before)
        if not body():
            after.append(frame.names)
    frame.names = join(after) if after else dict(before)
    return not after


def _expression(node: ast.Expr, frame: Frame) -> bool:
    evaluate(node.value, frame)
    return False


def _assign(node: ast.Assign, frame: Frame) -> bool:
    found = evaluate(node.value, frame)
    for target in node.targets:
        bind(target, found, frame)
    return False


def _annotated(node: ast.AnnAssign, frame: Frame) -> bool:
    if node.value is not None:
        bind(node.target, evaluate(node.value, frame), frame)
    return False


def _augmented(node: ast.AugAssign, frame: Frame) -> bool:
    added = evaluate(node.value, frame)
    more = [value for value in added if isinstance(value, Listed)]

    def change_one(value: Any) -> Any:
        if isinstance(value, Listed):
            whole = value.complete and not frame.loops and len(more) == 1 and more[0].complete
            return Listed(value.items + (more[0].items if more else ()), whole)
        return next(iter(NOT_KNOWN)) if isinstance(value, Const) else value

    change(node.target, change_one, frame)
    return False


def _return(node: ast.Return, frame: Frame) -> bool:
    frame.returns.append(evaluate(node.value, frame) if node.value else frozenset({Const(None, "NoneType")}))
    return True


def _raise(node: ast.Raise, frame: Frame) -> bool:
    if node.exc is not None:
        evaluate(node.exc, frame)
    return True


def _if(node: ast.If, frame: Frame) -> bool:
    evaluate(node.test, frame)
    return _branches(frame, lambda: run(node.body, frame), lambda: run(node.orelse, frame))


def _for(node: ast.For | ast.AsyncFor, frame: Frame) -> bool:
    found = frame.reader.elements(evaluate(node.iter, frame), node.iter, frame)

    def once() -> bool:
        bind(node.target, found, frame)
        return run(node.body, frame)

    frame.loops += 1
    _branches(frame, lambda: False, once)
    frame.loops -= 1
    return run(node.orelse, frame)


def _while(node: ast.While, frame: Frame) -> bool:
    evaluate(node.test, frame)
    frame.loops += 1
    _branches(frame, lambda: False, lambda: run(node.body, frame))
    frame.loops -= 1
    return run(node.orelse, frame)


def _with(node: ast.With | ast.AsyncWith, frame: Frame) -> bool:
    for item in node.items:
        found = evaluate(item.context_expr, frame)
        entered = unite(value.items if isinstance(value, Generated) else frozenset({value}) for value in found)
        if item.optional_vars is not None:
            bind(item.optional_vars, entered, frame)
    return run(node.body, frame)


def _try(node: Any, frame: Frame) -> bool:
    def body() -> bool:
        return run(node.body, frame) or run(node.orelse, frame)

    before = dict(frame.names)
    ended = body()
    after = [] if ended else [frame.names]
    reached = join([before, frame.names])
    for handler in node.handlers:
        frame.names = dict(reached)
        if not run(handler.body, frame):
            after.append(frame.names)
    frame.names = join(after) if after else dict(reached)
    return run(node.finalbody, frame) or not after


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> bool:
    found: Some = frozenset({Function(node, frame)})
    for decorator in reversed(node.decorator_list):
        by = evaluate(decorator, frame)
        if any(isinstance(value, Function) for value in by):
            call = ast.copy_location(ast.Call(decorator, [], []), decorator)
            result = frame.reader.call(by, Arguments((found,)), call, frame)
            found = frozenset(value for value in result if isinstance(value, Function)) or found
    frame.set(node.name, found)
    return False


def _class(node: ast.ClassDef, frame: Frame) -> bool:
    bases = tuple(value for base in node.bases for value in evaluate(base, frame) if isinstance(value, Class))
    inner = Frame(frame.path, frame.reader, frame, of_class=node, depth=frame.depth)
    found = Class(node, inner, bases)
    run(node.body, inner)
    frame.set(node.name, frozenset({found}))
    return False


def _import(node: ast.Import, frame: Frame) -> bool:
    for name in node.names:
        found = frame.reader.load(name.name, 0, frame.path)
        if name.asname is None and "." in name.name:
            first = name.name.partition(".")[0]
            found = frame.reader.load(first, 0, frame.path)
            frame.set(first, frozenset({found}))
        else:
            frame.set(name.asname or name.name, frozenset({found}))
    return False


def _import_from(node: ast.ImportFrom, frame: Frame) -> bool:
    base = node.module or ""
    found = frame.reader.load(base, node.level, frame.path)
    for name in node.names:
        if name.name == "*":
            for each, some in frame.reader.names_of(found).items() if isinstance(found, Module) else ():
                frame.set(each, some)
        else:
            frame.set(name.asname or name.name, _imported(found, base, name.name, node.level, frame))
    return False


def _imported(found: Any, base: str, name: str, level: int, frame: Frame) -> Some:
    some = frame.reader.names_of(found).get(name) if isinstance(found, Module) else None
    if some is not None:
        return some
    if isinstance(found, External):
        return frozenset({External(f"{found.name}.{name}")})
    return frozenset({frame.reader.load(f"{base}.{name}".strip("."), level, frame.path)})


def _outside(node: ast.Global | ast.Nonlocal, frame: Frame) -> bool:
    for name in node.names:
        outer = frame.module()
        if isinstance(node, ast.Nonlocal):
            found = frame.parent
            while found is not None and name not in found.ever:
                found = found.parent
            outer = found or outer
        if outer is not frame:
            frame.outside[name] = outer
    return False


def _delete(node: ast.Delete, frame: Frame) -> bool:
    for target in node.targets:
        if isinstance(target, ast.Subscript):
            key = text(evaluate(target.slice, frame))
            change(target.value, partial(_without, key), frame)
    return False


def _without(key: str | None, value: Any) -> Any:
    if not isinstance(value, Mapped):
        return value
    return Mapped(tuple(one for one in value.items if one[0] != key), value.complete)


def _match(node: ast.Match, frame: Frame) -> bool:
    evaluate(node.subject, frame)
    return _branches(frame, lambda: False, *(partial(run, case.body, frame) for case in node.cases))


def _assert(node: ast.Assert, frame: Frame) -> bool:
    evaluate(node.test, frame)
    return False


_RULES: Final[dict[type[ast.stmt], Callable[[Any, Frame], bool]]] = {
    ast.Expr: _expression,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.If: _if,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.Global: _outside,
    ast.Nonlocal: _outside,
    ast.Delete: _delete,
    ast.Match: _match,
    ast.Assert: _assert,
}
