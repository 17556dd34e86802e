"""The project's own files, as the house checks read them."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("shim", "adapters", "tests", "bench")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def files() -> tuple[Path, ...]:
    """Return every file that git would commit, relative to the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    return tuple(sorted(path for name in listed.stdout.splitlines() if (REPOSITORY / (path := Path(name))).is_file()))


@cache
def modules() -> tuple[Path, ...]:
    """Return every Python file of ours, relative to the repository."""
    return tuple(path for path in files() if path.suffix == ".py" and path.parts[0] in PACKAGES)


@cache
def text(path: Path) -> str:
    """Return a file's text."""
    return (REPOSITORY / path).read_text(encoding="utf-8")


@cache
def tree(path: Path) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse(text(path), str(path))


def functions(path: Path) -> Iterator[Function]:
    """Return every function of a module, methods and inner ones too."""
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


def imports(path: Path) -> Iterator[str]:
    """Return the dotted names that a module imports."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
