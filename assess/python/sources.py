"""The Python files that are read: those that name boto3, and those that they import or that import them."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_SDK: Final = re.compile(rb"\b(?:aio)?boto(?:3|core)\b|\b(?:mypy|types)_(?:aio)?boto")
_IMPORT: Final = re.compile(
    r"^[ \t]*(?:from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(.*)|import[ \t]+([\w., \t]+))", re.MULTILINE
)


class Sources:
    """Python files: which are read, their trees, and how a module is found."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.known = {path: path.resolve() for path in paths}
        self._given = {resolved: path for path, resolved in self.known.items()}
        self._trees: dict[Path, ast.Module | None] = {}
        self.broken: list[tuple[Path, int, str]] = []
        self.paths = sorted(self._chosen())
        self.words: set[str] = set()  # names that are used, so what has one of them may be called
        for path in self.paths:
            tree = self.tree(path)
            for node in ast.walk(tree) if tree is not None else ():
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                    self.words.add(node.id)
                elif isinstance(node, ast.Attribute):
                    self.words.add(node.attr)

    def _chosen(self) -> set[Path]:
        """Choose the files that may call AWS; of the others only their imports are looked at."""
        imports: dict[Path, set[Path]] = {}
        chosen: set[Path] = set()
        for path in self.known:
            data = path.read_bytes()
            if _SDK.search(data):
                chosen.add(path)
            imports[path] = self._imported(path, data)
        for backwards in (False, True):
            grown = True
            while grown:
                grown = False
                for path, others in imports.items():
                    if backwards and path not in chosen and others & chosen:
                        chosen.add(path)
                        grown = True
                    elif not backwards and path in chosen and not others <= chosen:
                        chosen |= others
                        grown = True
        return chosen

    def _imported(self, path: Path, data: bytes) -> set[Path]:
        found: set[Path | None] = set()
        if "test" in path.name:  # pytest gives it the fixtures of each conftest.py above it
            found |= {self.find("conftest", level, path) for level in range(1, len(self.known[path].parents) + 1)}
        for dots, base, names, plain in _IMPORT.findall(data.decode("utf-8", "replace")):
            for name in plain.split(","):
                words = name.split()
                if words:
                    found.add(self.find(words[0], 0, path))
            if dots or base:
                found.add(self.find(base, len(dots), path))
                for name in re.findall(r"\w+", names):
                    found.add(self.find(f"{base}.{name}".strip("."), len(dots), path))
        return {one for one in found if one is not None} - {path}

    def find(self, name: str, level: int, path: Path) -> Path | None:
        """Return the file of a module that a file imports, if it is among the sources."""
        parts = name.split(".") if name else []
        parents = self.known[path].parents
        folders = [parents[level - 1]] if 0 < level <= len(parents) else list(parents) if not level else []
        for folder in folders:
            place = folder.joinpath(*parts)
            for found in (place.parent / f"{place.name}.py", place / "__init__.py"):
                if (parts or found.name == "__init__.py") and found in self._given:
                    return self._given[found]
        return None

    def tree(self, path: Path) -> ast.Module | None:
        """Return the parsed text of a file; None where it is no Python of today."""
        if path not in self._trees:
            self._trees[path] = None
            try:
                with warnings.catch_warnings(action="ignore"):
                    self._trees[path] = ast.parse(path.read_bytes(), str(path))
            except SyntaxError as error:
                self.broken.append((path, error.lineno or 1, "it is not Python 3"))
            except (ValueError, RecursionError, MemoryError):
                self.broken.append((path, 1, "it cannot be parsed"))
        return self._trees[path]
