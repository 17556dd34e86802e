"""Write what a replay found as a table for the terminal, as JSON, or as JUnit's XML."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final
from xml.etree import ElementTree as ET

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from recording.replay.report import Report, Row

# What drives a terminal, turns the direction of a text, or cannot be written: a recording may be somebody else's.
_NOT_SHOWN: Final = {
    code: "�"
    for codes in (
        range(9),
        range(11, 32),
        range(127, 160),
        range(0x202A, 0x202F),
        range(0x2066, 0x206A),
        range(0xD800, 0xE000),
    )
    for code in codes
}
_SHOWN: Final = 6  # calls of a row


def table(found: Report) -> str:
    """Return the report for a terminal of a usual width."""
    console = Console()
    with console.capture() as captured:
        console.print(Text(clean(found.summary), style="bold"))
        console.print(Text(clean(f"A is {found.sides[0]}, B is {found.sides[1]}\n")))
        for title, rows in (("Unexplained", found.unexplained), ("Explained", [r for r in found.rows if r.known])):
            if rows:
                console.print(Text(title, style="bold"))
                console.print(_rows(rows))
        lines = [f"{name} ({_calls(calls)}): {why}" for name, why, calls in found.skipped]
        for title, some in (
            ("Not made", lines),
            ("Known differences that explain nothing", [str(entry) for entry in found.stale]),
            ("Left behind", found.left),
        ):
            if some:
                console.print(Text(title, style="bold"))
                console.print(Text(clean("\n".join(f"  {line}" for line in some))))
    return captured.get()


def _rows(rows: list[Row]) -> Table:
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    shown.add_column("calls", overflow="fold", min_width=5)
    shown.add_column("difference", overflow="fold", ratio=3)
    for name in ("A", "B"):
        shown.add_column(name, overflow="fold", ratio=1)
    for row in rows:
        one = row.difference
        what = f"{one.operation}: {one.kind.value} {one.path}".strip()
        why = f"\n{row.known.sentence} ({row.known.source})" if row.known else ""
        shown.add_row(_calls(row.calls), *(Text(clean(text)) for text in (what + why, one.a, one.b)))
    return shown


def _calls(numbers: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, numbers[:_SHOWN]))
    return shown if len(numbers) <= _SHOWN else f"{shown} and {len(numbers) - _SHOWN} more"


def as_json(found: Report) -> str:
    """Return the report as JSON."""
    return clean(json.dumps(found.data(), indent=1, ensure_ascii=False)) + "\n"


def junit(found: Report) -> str:
    """Return the report as JUnit's XML: a case for each difference and each call that was not made, and one for all."""
    failed = len(found.unexplained) + len(found.left)
    skipped = sum(len(calls) for _, _, calls in found.skipped)
    alike = found.compared - len({number for row in found.rows for number in row.calls})
    total = 1 + len(found.rows) + len(found.left) + skipped
    counts = {"tests": str(total), "failures": str(failed), "skipped": str(skipped), "errors": "0"}
    suite = ET.Element("testsuite", {"name": "passerelle replay", **counts})
    case = ET.SubElement(suite, "testcase", classname="replay", name=f"{alike} calls with the same answer")
    ET.SubElement(case, "system-out").text = clean(found.summary)
    for row in found.rows:
        one = row.difference
        name = f"{one.operation} {one.kind.value} {one.path}, calls {_calls(row.calls)}"
        case = ET.SubElement(suite, "testcase", classname="replay.difference", name=clean(name))
        text = clean(f"A: {one.a}\nB: {one.b}")
        if row.known is None:
            ET.SubElement(case, "failure", message=text, type=one.kind.value).text = text
        else:
            ET.SubElement(case, "system-out").text = clean(f"{text}\n{row.known.sentence} ({row.known.source})")
    for line in found.left:
        case = ET.SubElement(suite, "testcase", classname="replay.undo", name=clean(line))
        ET.SubElement(case, "failure", message="left behind", type="undo")
    for name, why, calls in found.skipped:
        for number in calls:
            case = ET.SubElement(suite, "testcase", classname="replay.skipped", name=clean(f"{name}, call {number}"))
            ET.SubElement(case, "skipped", message=clean(why))
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def clean(text: str) -> str:
    """Return a text that can be shown."""
    return text.translate(_NOT_SHOWN)


FORMATS: Final[Mapping[str, Callable[[Report], str]]] = {"table": table, "json": as_json, "junit": junit}
