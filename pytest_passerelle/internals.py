"""Finds out from its source whether a test looks into moto itself, which nothing but moto can answer."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

MOTO = "moto"
ACCOUNT_ID = "123456789012"  # moto's only account
SERVER_API = "moto-api"


def looks_into_moto(path: Path, function: str, further: tuple[str, ...] = ()) -> list[str]:
    """Return what a test's function in a file, its fixtures there and the functions they call use of moto's own."""
    try:
        return sorted({what for name in (function, *further) for what in _module(path).used_by(name)})
    except (OSError, SyntaxError, ValueError):
        return []


class Module:
    """A file of tests: the names that it has from moto, and its functions."""

    def __init__(self, tree: ast.Module) -> None:
        self._names = dict(imported(tree))
        self._functions: dict[str, list[ast.AST]] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                self._functions.setdefault(node.name, []).append(node)
        self._constants = {
            target.id: node
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }

    def used_by(self, function: str) -> set[str]:
        """Return what a function uses of moto's own, by itself or by a function of the same file."""
        found: set[str] = set()
        seen, waiting = set(), [function]
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            for body in self._functions.get(name, []):
                found |= set(self._directly(body))
                waiting += [node.id for node in ast.walk(body) if isinstance(node, ast.Name)]
            if name in self._constants:
                found |= set(self._directly(self._constants[name]))
        return found

    def _directly(self, body: ast.AST) -> Iterator[str]:
        local = self._names | dict(imported(body))
        for node in ast.walk(body):
            if isinstance(node, ast.Name) and node.id in local:
                yield local[node.id]
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == MOTO:
                if not is_mock(node.attr):
                    yield f"moto.{node.attr}"
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                if ACCOUNT_ID in node.value:
                    yield f"the account id {ACCOUNT_ID}"
                if SERVER_API in node.value:
                    yield "moto's server API"


def imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Return the names that are imported from moto, and what each is; but for its mocks."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == MOTO:
            for alias in node.names:
                if not is_mock(alias.name):
                    yield alias.asname or alias.name, f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith(f"{MOTO}.") and alias.asname:
                    yield alias.asname, alias.name


def is_mock(name: str) -> bool:
    """Tell whether a name of moto's is one of its mocks."""
    return name.startswith("mock_")


@cache
def _module(path: Path) -> Module:
    return Module(ast.parse(path.read_text(encoding="utf-8"), str(path)))
