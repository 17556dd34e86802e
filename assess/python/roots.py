"""Functions: their parameters, and those that nothing in the sources calls: tests, handlers, entry points."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from assess.python.aws import annotated
from assess.python.expressions import bind, evaluate
from assess.python.frames import Arguments, Frame
from assess.python.values import NOT_KNOWN, Class, External, Function, Generated, Instance, Listed, Mapped, Some, unite

_FIRST: Final = ("__init__", "setUpClass", "setUp", "asyncSetUp", "setup_class", "setup_method", "setup")
_ANYTHING: Final = Arguments((), (Mapped(complete=False),), complete=False)


def decorated(node: Any, word: str) -> bool:
    """Tell whether a function has a decorator whose name ends with a word."""
    return any(_name(one).endswith(word) for one in getattr(node, "decorator_list", ()))


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        return _name(node.func)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def bind_arguments(reader: Any, function: Function, given: Arguments, inner: Frame) -> None:
    """Give the parameters of a function their values."""
    asked = function.node.args
    names = [one.arg for one in [*asked.posonlyargs, *asked.args]]
    positional = list(given.positional)
    if function.owner is not None and (names or asked.vararg):
        positional.insert(0, frozenset({function.owner}))
    named: dict[str, list[Some]] = {}
    for form in given.named:
        for name, below in form.items:
            named.setdefault(name, []).append(below)
    told: dict[str, Some] = {name: unite(some) for name, some in named.items()}
    told |= dict(zip(names, positional, strict=False))
    complete = given.complete and all(form.complete for form in given.named)
    defaults = dict(_defaults(function, inner.parent))
    chosen = _chosen(function, inner)
    for one in [*asked.posonlyargs, *asked.args, *asked.kwonlyargs]:
        value: Some | None = told.get(one.arg) or chosen.get(one.arg) or _by_annotation(one, inner)
        if not value and not complete:
            value = _fixture(reader, function, one.arg, inner)
        if not value:
            value = defaults.get(one.arg) or NOT_KNOWN
            value = value if complete else value | NOT_KNOWN
        inner.set(one.arg, value)
    if asked.vararg:
        more = tuple(positional[len(names) :])
        inner.set(asked.vararg.arg, frozenset({Listed(more, given.complete)}))
    if asked.kwarg:
        own = {one.arg for one in [*asked.args, *asked.kwonlyargs]}
        rest = frozenset(Mapped(tuple(x for x in form.items if x[0] not in own), form.complete) for form in given.named)
        inner.set(asked.kwarg.arg, rest)


def _defaults(function: Function, outer: Frame | None) -> Iterator[tuple[str, Some]]:
    asked = function.node.args
    names = [*asked.posonlyargs, *asked.args]
    for one, value in zip(reversed(names), reversed(asked.defaults), strict=False):
        yield one.arg, evaluate(value, outer or function.frame)
    for one, default in zip(asked.kwonlyargs, asked.kw_defaults, strict=True):
        if default is not None:
            yield one.arg, evaluate(default, outer or function.frame)


def _by_annotation(one: ast.arg, inner: Frame) -> Some | None:
    if one.annotation is None:
        return None
    node = one.annotation
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            node = ast.parse(node.value, mode="eval").body
        except (SyntaxError, ValueError):
            return None
    found = [annotated(v.name) for v in evaluate(node, inner) if isinstance(v, External)]
    some = [value for value in found if value is not None]
    return unite(some) if some else None


def _chosen(function: Function, inner: Frame) -> dict[str, Some]:
    """Return the values that `pytest.mark.parametrize` gives to parameters."""
    found: dict[str, Some] = {}
    for one in getattr(function.node, "decorator_list", ()):
        if not isinstance(one, ast.Call) or _name(one) != "parametrize" or len(one.args) < 2:
            continue
        names = one.args[0]
        texts = [x.value for x in getattr(names, "elts", [names]) if isinstance(x, ast.Constant)]
        words = [word for text in texts for word in str(text).replace(",", " ").split()]
        outer = inner.parent or inner
        some = inner.reader.elements(evaluate(one.args[1], outer), one, outer)
        scratch = Frame(inner.path, inner.reader, outer)
        parts: list[ast.expr] = [ast.Name(word) for word in words]
        bind(parts[0] if len(parts) == 1 else ast.Tuple(parts), some, scratch)
        found |= {word: scratch.names.get(word, NOT_KNOWN) for word in words}
    return found


def _fixture(reader: Any, function: Function, name: str, inner: Frame) -> Some | None:
    """Return what a fixture of pytest gives: of the class, of the module, or of a conftest.py above it."""
    for frame in _frames(reader, inner):
        for value in frame.ever.get(name, ()):
            if isinstance(value, Function) and value.node is not function.node and decorated(value.node, "fixture"):
                owner = function.owner if frame.of_class is not None else None
                found = reader.invoke(Function(value.node, value.frame, owner), _ANYTHING, value.node, inner)
                return unite(v.items if isinstance(v, Generated) else frozenset({v}) for v in found)
    return None


def _frames(reader: Any, inner: Frame) -> Iterator[Frame]:
    frame: Frame | None = inner.parent
    while frame is not None:
        yield frame
        frame = frame.parent
    conftest: Path | None
    for level in range(1, len(reader.sources.known[inner.path].parents) + 1):
        conftest = reader.sources.find("conftest", level, inner.path)
        if conftest is not None:
            yield reader.module(conftest)


def write_back(function: Function, inner: Frame, node: ast.Call, frame: Frame) -> None:
    """Give a dictionary or a list that a function changed to the name that the caller has for it."""
    names = [one.arg for one in [*function.node.args.posonlyargs, *function.node.args.args]]
    if function.owner is not None:
        names = names[1:]
    pairs = [*zip(names, node.args, strict=False), *((k.arg, k.value) for k in node.keywords if k.arg)]
    for name, argument in pairs:
        if name in inner.changed and isinstance(argument, ast.Name) and name in inner.names:
            frame.set(argument.id, inner.names[name])


def read(reader: Any) -> None:
    """Read what nothing calls: first what no source names, then the rest that was never reached."""
    frames = [reader.module(path) for path in reader.sources.paths]
    for only_unnamed in (True, False):
        for frame in frames:
            for value in [value for some in list(frame.ever.values()) for value in some]:
                if isinstance(value, Function) and value.frame.module() is frame:
                    _read_function(reader, value, only_unnamed)
                elif isinstance(value, Function):
                    _read_wrapper(reader, value)
                elif isinstance(value, Class) and value.frame.module() is frame:
                    _read_class(reader, value, only_unnamed)


def _read_wrapper(reader: Any, function: Function) -> None:
    """Read what a decorator of another module made of a function."""
    key = function.node, id(function.frame)
    if key not in reader.reached:
        reader.reached.add(key)
        reader.invoke(function, _ANYTHING, function.node, None)


def _read_function(reader: Any, function: Function, only_unnamed: bool) -> None:
    name = getattr(function.node, "name", "")
    if function.frame.parent is not None and function.frame.of_class is None:
        _read_wrapper(reader, function)
        return
    if function.node in reader.reached or (decorated(function.node, "fixture") and only_unnamed):
        return
    if not only_unnamed or name not in reader.sources.words:
        reader.invoke(function, _ANYTHING, function.node, None)


def _read_class(reader: Any, of: Class, only_unnamed: bool) -> None:
    made = Instance(of, None)
    if only_unnamed:
        names = [name for name in _FIRST if _has(of, name)]
        names += [n for n in of.frame.ever if n not in reader.sources.words and n not in _FIRST]
    else:
        names = list(of.frame.ever)
    for name in names:
        for value in [value for value in _methods(of, name) if isinstance(value, Function)]:
            # What a decorator made of several methods is one function with several frames.
            key = value.node if value.frame.of_class is not None else (value.node, id(value.frame))
            if key not in reader.reached or (name in _FIRST and name != "__init__"):
                reader.reached.add(key)
                owner = None if decorated(value.node, "staticmethod") else made
                reader.invoke(Function(value.node, value.frame, owner), _ANYTHING, value.node, None)


def _has(of: Class, name: str) -> bool:
    return bool(_methods(of, name))


def _methods(of: Class, name: str) -> Some:
    found: Some = of.frame.ever.get(name, frozenset())
    for base in of.bases:
        found = found or _methods(base, name)
    return found
