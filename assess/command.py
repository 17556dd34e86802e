"""Run an assessment: read the inputs with a progress bar, judge, write the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

from assess import inputs
from assess.formats import FORMATS
from assess.report import report

UnreadableError = inputs.UnreadableError


def run(paths: Sequence[Path], form: str) -> tuple[str, bool]:
    """Return the report in a format, and whether a call is refused; raise UnreadableError where there is no input."""
    console = Console(stderr=True)
    bar = Progress(
        BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=console, disable=not console.is_terminal
    )
    with bar:
        task = bar.add_task("", total=sum(path.stat().st_size for path in inputs.files(paths)))
        found = inputs.read(paths, lambda size: bar.advance(task, size))
    made = report(found)
    return FORMATS[form](made), made.refuses
