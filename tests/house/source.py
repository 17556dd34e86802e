"""The project's own files, as the house checks read them."""

import ast
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
NOT_OURS = {".venv", ".state", ".vectors", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}
PACKAGES = ("shim", "adapters", "assess", "recording", "conformance", "pytest_passerelle", "tests", "bench")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def files() -> tuple[Path, ...]:
    """Return every file that git would commit, relative to the repository; in an unpacked archive, every file."""
    if (REPOSITORY / ".git").exists() and shutil.which("git"):
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True)
        names = [Path(name) for name in listed.stdout.splitlines()]
    else:
        names = [path.relative_to(REPOSITORY) for path in REPOSITORY.rglob("*") if not NOT_OURS & set(path.parts)]
    return tuple(sorted(path for path in names if (REPOSITORY / path).is_file()))


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
