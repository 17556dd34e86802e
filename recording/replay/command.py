"""Run a replay: on one endpoint after the other, so that two of them may stand before the same cloud."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from recording.lines import NoRecordingError, load
from recording.replay.endpoint import Endpoint, EndpointError
from recording.replay.formats import FORMATS, clean
from recording.replay.known import Entry, KnownError
from recording.replay.known import load as load_known
from recording.replay.report import of_recording, report
from recording.replay.side import Result, Side
from recording.replay.steps import Step, steps


class ReplayError(Exception):
    """A replay that cannot begin; the text says why."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a replay is done; `wait` and `undo` are seconds, for states to pass and for things to go away."""

    mutating: bool = False
    keep: bool = False
    wait: float = 300.0
    undo: float = 300.0


def run(
    path: Path, on: Sequence[str], known: Path | None, form: str, options: Options, say: Callable[[str], None]
) -> tuple[str, bool]:
    """Return the report, and whether something is unexplained; with one endpoint, the other side is the recording."""
    try:
        entries: list[Entry] = load_known(known) if known else []
        made = steps(load(path), options.mutating)
        endpoints = [Endpoint(where) for where in on]
    except (NoRecordingError, KnownError, EndpointError, OSError) as error:
        raise ReplayError(f"{path}: {error}" if isinstance(error, NoRecordingError) else str(error)) from None
    results: list[list[Result]] = []
    left: list[str] = []
    for endpoint in endpoints:
        found, stays = _on(endpoint, made, options, say)
        results.append(found)
        left += stays
    names = [endpoint.where for endpoint in endpoints]
    if len(results) == 1:
        results.insert(0, of_recording(made))
        names.insert(0, f"the recording {path}")
    found_all = report(made, (names[0], names[1]), (results[0], results[1]), entries)
    found_all.left = left
    return FORMATS[form](found_all), found_all.fails


def _on(
    endpoint: Endpoint, made: Sequence[Step], options: Options, say: Callable[[str], None]
) -> tuple[list[Result], list[str]]:
    """Make the steps on an endpoint and undo what they made, also where a person breaks in."""
    side = Side(endpoint, keep=options.keep, wait=options.wait)
    left: list[str] = []
    try:
        found = side.run(made, say)
    finally:
        if not options.keep:
            left = [f"{endpoint.where}: {line}" for line in side.undo.run(options.undo, say)]
            for line in left:
                say(clean(f"left behind: {line}"))
        endpoint.close()
    return found, left
