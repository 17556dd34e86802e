"""Read Python sources: modules, functions, classes, and what is called on them."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from assess.calls import UNKNOWN, Found
from assess.python import library, roots
from assess.python.aws import TELLING, Calls
from assess.python.expressions import evaluate
from assess.python.frames import Arguments, Frame
from assess.python.sources import Sources
from assess.python.statements import run
from assess.python.values import (
    NOT_KNOWN,
    Bound,
    Class,
    Client,
    Collection,
    External,
    Function,
    Generated,
    Instance,
    Listed,
    Mapped,
    Module,
    Paginator,
    Partial,
    Resource,
    Session,
    Some,
    Waiter,
    const,
    over,
    unite,
)
from assess.sites import Sites

_DEEPEST: Final = 12  # calls of functions within each other
_MOST_READ: Final = 10_000  # readings of functions' bodies, and a hundred more for each file
_ROUNDS: Final = 3  # until attributes of objects are known wherever they are read


class PythonReader:
    """Reads all sources; what one module defines is known to the others."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.attributes: dict[tuple[Any, Any], dict[str, Some]] = {}
        self._start()

    def _start(self) -> None:
        self.calls = Calls(Sites())
        self.modules: dict[Path, Frame] = {}
        self.results: dict[Any, Some] = {}
        self.reached: set[Any] = set()
        self.reads = 0

    def read(self) -> Found:
        """Return the calls of all sources."""
        for _ in range(_ROUNDS):
            before = {key: dict(value) for key, value in self.attributes.items()}
            self._start()
            for path in self.sources.paths:
                self.module(path)
            roots.read(self)
            if before == self.attributes:
                break
        found = self.calls.sites.found()
        found.unfollowed += [f"{path}:{line}: {why}" for path, line, why in self.sources.broken]
        return found

    def module(self, path: Path) -> Frame:
        """Return the frame of a module, read if it is not yet."""
        frame = self.modules.get(path)
        if frame is None:
            frame = self.modules[path] = Frame(path, self)
            tree = self.sources.tree(path)
            if tree is not None:
                try:
                    run(tree.body, frame)
                except RecursionError:
                    self.sources.broken.append((path, 1, "nested too deeply to be read"))
        return frame

    def load(self, name: str, level: int, path: Path) -> Any:
        """Import a module."""
        found = self.sources.find(name, level, path)
        return External(name) if found is None else Module(found)

    def names_of(self, module: Any) -> dict[str, Some]:
        """Return the names of a module of the sources."""
        return self.module(module.path).ever

    def attribute(self, value: Any, name: str, node: ast.expr, frame: Frame) -> Some:
        """Return an attribute of a value."""
        match value:
            case External():
                return frozenset({External(f"{value.name}.{name}")})
            case Module():
                found = self.names_of(value).get(name)
                return found if found is not None else self._submodule(value, name)
            case Instance():
                return self._of_instance(value, name, node, frame)
            case Class():
                found = find(value, name)
                return frozenset({Bound(value, name)}) if found is None else owned(found, value)
            case Resource():
                return self.calls.attribute(value, name, node, frame)
            case Bound(receiver=Resource() as owner, name="meta") if name == "client":
                return frozenset({Client(owner.service)})
        return frozenset({Bound(value, name)})

    def _submodule(self, module: Module, name: str) -> Some:
        found = self.sources.find(name, 1, module.path) if module.path.name == "__init__.py" else None
        return NOT_KNOWN if found is None else frozenset({Module(found)})

    def _of_instance(self, value: Instance, name: str, node: ast.expr, frame: Frame) -> Some:
        kept = self.attributes.get((value.of.node, value.made_at), {}).get(name)
        found = find(value.of, name)
        parts = [] if kept is None else [kept]
        for each in owned(found, value) if found is not None else ():
            if isinstance(each, Function) and roots.decorated(each.node, "property"):
                parts.append(self.invoke(each, Arguments(), node, frame))
            else:
                parts.append(frozenset({each}))
        return unite(parts) if parts else frozenset({Bound(UNKNOWN, name)})

    def store(self, value: Any, name: str, some: Some) -> None:
        """Set an attribute of an object or a class."""
        if isinstance(value, Instance):
            held = self.attributes.setdefault((value.of.node, value.made_at), {})
        elif isinstance(value, Class):
            held = value.frame.ever
        elif isinstance(value, Module):
            held = self.names_of(value)
        else:
            return
        held[name] = unite((held.get(name, frozenset()), some))

    def elements(self, some: Some, node: ast.AST, frame: Frame) -> Some:
        """Return what an iteration yields."""
        parts = []
        for value in some:
            match value:
                case Listed():
                    parts += [*value.items, *([] if value.complete and value.items else [NOT_KNOWN])]
                case Mapped():
                    parts += [const(name) for name, _ in value.items] or [NOT_KNOWN]
                case Generated():
                    parts.append(value.items)
                case Collection():
                    parts.append(self.calls.iterate(frozenset({value}), node, frame))
                case _:
                    parts.append(NOT_KNOWN)
        return unite(parts)

    def call(self, callee: Some, given: Arguments, node: ast.Call, frame: Frame) -> Some:
        """Return what a call returns, and note what it asks of AWS."""
        return unite(self._call(value, given, node, frame) for value in callee) or NOT_KNOWN

    def _call(self, value: Any, given: Arguments, node: ast.Call, frame: Frame) -> Some:
        match value:
            case Function():
                return self.invoke(value, given, node, frame)
            case Class():
                return self._make(value, given, node, frame)
            case Partial():
                return self.call(value.what, merged(value.given, given), node, frame)
            case Bound():
                return self._method(value.receiver, value.name, given, node, frame)
            case External():
                found = self.calls.external(value.name, given, node, frame)
                if found is None:
                    found = library.call(self, value.name, given, node, frame)
                return self._opaque(value.name, given, node, frame) if found is None else found
        return self._opaque("a function that is not known", given, node, frame)

    def _method(self, receiver: Any, name: str, given: Arguments, node: ast.Call, frame: Frame) -> Some:
        match receiver:
            case Session():
                return self.calls.session(name, given, node, frame)
            case Client():
                return self.calls.client(receiver, name, given, node, frame)
            case Resource():
                return self.calls.resource(receiver, name, given, node, frame)
            case Collection():
                return self.calls.collection(receiver, name, given, node, frame)
            case Paginator():
                if name == "paginate":
                    self.calls.paginate(receiver, given, node, frame)
                return NOT_KNOWN
            case Waiter():
                if name == "wait":
                    self.calls.wait(receiver.service, receiver.name, given.named, node, frame)
                return NOT_KNOWN
        found = library.method(self, receiver, name, given, node, frame)
        if found is not None:
            return found
        if receiver is UNKNOWN and name in TELLING:
            return self.calls.lose(f"{name}() of something that is not known to be a client", node, frame)
        return self._opaque(f"{name}()", given, node, frame)

    def _opaque(self, name: str, given: Arguments, node: ast.Call, frame: Frame) -> Some:
        """Call what is not among the sources: what it does with a client cannot be told."""
        for some in given.all():
            self.elements(frozenset(value for value in some if isinstance(value, Collection)), node, frame)
            given_away = any(isinstance(value, Client | Resource | Session) for value in some)
            if given_away and not name.startswith(library.HARMLESS):
                self.calls.lose(f"a client is given to {name}, which is not among the sources", node, frame)
        return NOT_KNOWN

    def _make(self, value: Class, given: Arguments, node: ast.Call, frame: Frame) -> Some:
        made = Instance(value, (frame.path, node.lineno, node.col_offset))
        for each in owned(find(value, "__init__") or frozenset(), made):
            if isinstance(each, Function):
                self.invoke(each, given, node, frame)
        if find(value, "__init__") is None:
            for name, some in given.named[0].items:  # a dataclass
                self.store(made, name, some)
        return frozenset({made})

    def invoke(self, function: Function, given: Arguments, node: ast.AST, frame: Frame | None) -> Some:
        """Read the body of a function for these arguments."""
        key = function, given
        if key in self.results:
            return self.results[key]
        depth = frame.depth + 1 if frame is not None else 1
        if frame is not None and (depth > _DEEPEST or self.reads > _MOST_READ + 100 * len(self.modules)):
            return self.calls.lose("too many calls of functions within each other", node, frame)
        self.results[key] = NOT_KNOWN  # to a call of itself
        self.reached.add(function.node)
        self.reads += 1
        inner = Frame(function.frame.path, self, function.frame, depth=depth)
        roots.bind_arguments(self, function, given, inner)
        if isinstance(function.node, ast.Lambda):
            result = evaluate(function.node.body, inner)
        else:
            run(function.node.body, inner)
            result = unite(inner.returns)
            if inner.yields:
                result = frozenset({Generated(unite(inner.yields))})
        self.results[key] = result
        if frame is not None and isinstance(node, ast.Call):
            roots.write_back(function, inner, node, frame)
        return result


def find(of: Class, name: str) -> Some | None:
    """Return what a class or one of its bases has by a name."""
    found: Some | None = of.frame.ever.get(name)
    for base in of.bases:
        if found is None and isinstance(base, Class):
            found = find(base, name)
    return found


def owned(some: Some, owner: Any) -> Some:
    """Return functions as methods of an object."""
    return frozenset(
        Function(value.node, value.frame, owner)
        if isinstance(value, Function) and not roots.decorated(value.node, "staticmethod")
        else value
        for value in some
    )


def merged(first: Arguments, second: Arguments) -> Arguments:
    """Return the arguments of a partial function, and those of its call."""
    named = tuple(over(old, new) for old in first.named for new in second.named)
    return Arguments(first.positional + second.positional, named, first.complete and second.complete)


def read(paths: Iterable[Path]) -> Found:
    """Return the calls of Python sources."""
    sources = Sources(paths)
    found = PythonReader(sources).read()
    found.notes.append(
        f"Python files: {len(sources.known):,}, of which {len(sources.paths):,} name boto3 or have to do with one that "
        "does; nothing was run, and a call in a loop counts once."
    )
    return found
