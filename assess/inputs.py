"""Find the inputs below the given paths, each by a look at the file: its name, and how it begins."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

from assess.calls import Found
from assess.cloudtrail import counting, records
from assess.terraform import plan
from recording.lines import is_recording

_LOOK: Final = 4096  # bytes of a file that tell what it is
_SKIPPED: Final = frozenset({"__pycache__", "node_modules", "site-packages"})
_SHEBANG: Final = re.compile(rb"#![ \t]*(?:\S*/env[ \t]+(?:-S[ \t]+)?)?(?:\S*/)?([a-z]+)")

# The ends of names of sources, and the programs that a first line names for them.
_SOURCES: Final[Mapping[str, frozenset[str]]] = {
    "python": frozenset({".py", "python"}),
    "shell": frozenset({".sh", ".bash", ".zsh", ".ksh", "sh", "bash", "zsh", "ksh", "dash"}),
}

Progress = Callable[[int], None]  # is told the bytes that were read


class UnreadableError(Exception):
    """A file that was named and is no input, or is broken."""


def files(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the files below the paths in order; hidden folders and installed packages are skipped."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for below in sorted(path.iterdir()):
            if not below.name.startswith(".") and below.name not in _SKIPPED:
                yield from files([below])


def sort_of(path: Path) -> str:
    """Return what a file is: `cloudtrail`, `recorded`, `terraform`, `python`, `shell`, or '' where it is no input."""
    with records.opened(path) as (file, _):
        try:
            start = file.read(_LOOK)
        except (OSError, EOFError):
            return ""
    if plan.is_plan(start):
        return "terraform"
    if is_recording(start):
        return "recorded"
    if records.is_log(start):
        return "cloudtrail"
    shebang = _SHEBANG.match(start)
    program = shebang[1].decode("ascii", "replace") if shebang else ""
    return next((sort for sort, names in _SOURCES.items() if path.suffix in names or program in names), "")


def read(paths: Sequence[Path], progress: Progress) -> Found:
    """Read every input; raise UnreadableError for a path that was named and holds none."""
    found, logs = Found(), counting.Counter()
    sorts: dict[str, list[Path]] = {}
    for path in files(paths):
        sort = sort_of(path)
        if not sort and path in paths:
            raise UnreadableError(f"{path} is no input that can be read")
        if sort == "cloudtrail":
            sorts[sort] = []
            _log(path, logs, found, progress)
        else:
            progress(path.stat().st_size)
            if sort:
                sorts.setdefault(sort, []).append(path)
    if not sorts:
        raise UnreadableError(f"there is no input in {', '.join(map(str, paths))}")
    if logs.events or logs.broken:
        found.add(counting.found(logs))
    for sort in ("recorded", "terraform", *_SOURCES):
        if some := sorts.get(sort):  # what reads them is loaded only then
            found.add(import_module(f"assess.{sort}.reader").read(some))
    return found


def _log(path: Path, logs: counting.Counter, found: Found, progress: Progress) -> None:
    size, told = path.stat().st_size, 0
    try:
        with records.opened(path) as (file, place):
            for some in records.records(file):
                logs.add(some)
                progress(place() - told)
                told = place()
    except (OSError, EOFError, ValueError) as error:
        found.unfollowed.append(f"{path}: not read to its end: {type(error).__name__}")
    progress(size - told)
