"""Write a report as a table for the terminal, as JSON, as one HTML page, as JUnit's XML, or as Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from assess import frame
from assess.frame import plain
from assess.report import Report, Row
from assess.verdicts import Finding, Outcome

_WORDS: Final = {
    Outcome.REFUSED: ("refused", "bold red"),
    Outcome.UNKNOWN: ("unknown", "yellow"),
    Outcome.DIFFERS: ("differs", "cyan"),
    Outcome.WORKS: ("works", "green"),
}
_SHOWN: Final = 3  # findings, and places, of a row in the terminal
_COLOURS: Final = {
    Outcome.WORKS: "good",
    Outcome.DIFFERS: "noted",
    Outcome.UNKNOWN: "open",
    Outcome.REFUSED: "bad",
}


def told(finding: Finding) -> str:
    """Return a finding as one sentence: the parameter, AWS's error, why."""
    error = f"{finding.code} ({finding.status})" if finding.code else ""
    return ": ".join(part for part in (finding.path, error, finding.sentence) if part)


def table(report: Report) -> str:
    """Return the report for a terminal of a usual width; colours are added where it is one."""
    console = Console()
    with console.capture() as captured:
        console.print(Text(report.summary, style="bold"))
        console.print()
        shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        shown.add_column("calls", justify="right")
        for name in ("operation", "verdict"):
            shown.add_column(name, no_wrap=True)
        shown.add_column("why", overflow="fold")
        for row in report.rows:
            word, style = _WORDS[row.outcome]
            why = "\n".join([*_reasons(row), *(f"at {place}" for place in _cut(row.places))])
            shown.add_row(f"{row.count:,}", f"{row.service} {row.operation}", Text(word, style=style), Text(why))
        console.print(shown)
        for title, lines in (("Not followed", report.unfollowed), ("Notes", report.notes)):
            if lines:
                console.print(Text(title, style="bold"))
                console.print(Text("\n".join(f"  {line}" for line in lines)))
    return captured.get()


def _reasons(row: Row) -> list[str]:
    """Return why a row has its verdict; differences are told by their place in the documentation."""
    main = [told(one) for one in row.findings if one.outcome is row.outcome and not one.docs]
    docs = list(dict.fromkeys(one.docs for one in row.findings if one.docs))
    return [*_cut(main), *([f"see {', '.join(docs)}"] if docs else [])]


def _cut(lines: list[str]) -> list[str]:
    return lines if len(lines) <= _SHOWN else [*lines[:_SHOWN], f"and {len(lines) - _SHOWN} more"]


def as_json(report: Report) -> str:
    """Return the report as JSON."""
    return json.dumps(report.data(), indent=1, ensure_ascii=False) + "\n"


def html(report: Report) -> str:
    """Return the report as one page, without a reference to anything outside."""
    shares = [(colour, report.count(outcome), outcome.value) for outcome, colour in _COLOURS.items()]
    template = Path(__file__).with_name("report.html.jinja")
    return frame.page(template, "Will it run here?", shares, report, colours=_COLOURS, told=told)


def junit(report: Report) -> str:
    """Return the report as JUnit's XML: a case for each row, which fails where it is refused, skipped where unknown."""
    return frame.junit("passerelle assess", [_case(number, row) for number, row in enumerate(report.rows, 1)])


def _case(number: int, row: Row) -> frame.Case:
    case = frame.Case(
        group=f"assess.{row.service}",
        name=f"{row.operation} {number}",
        text="\n".join([*map(told, row.findings), *row.places]),
    )
    if row.outcome is Outcome.REFUSED:
        why = next(one for one in row.findings if one.outcome is Outcome.REFUSED)
        return replace(case, outcome="failed", message=told(why), type=why.code)
    if row.outcome is Outcome.UNKNOWN:
        return replace(case, outcome="skipped", message=told(row.findings[0]))
    return case


def markdown(report: Report) -> str:
    """Return the report as Markdown."""
    parts = ["# Will it run here?\n", f"{report.summary}\n"]
    if report.changes:
        parts.append("## Changes\n")
        parts += [
            f"{number}. {one.operation} `{one.path}`: {plain(one.sentence)} ({one.count:,})"
            for number, one in enumerate(report.changes, 1)
        ]
        parts.append("")
    parts.append("## Calls\n\n| calls | operation | verdict | why |\n| ---: | --- | --- | --- |")
    for row in report.rows:
        why = "<br>".join(plain(told(one)) + (f" ({one.docs})" if one.docs else "") for one in row.findings)
        parts.append(f"| {row.count:,} | {row.service} {row.operation} | {row.outcome.value} | {why} |")
    for title, lines in (("Not followed", report.unfollowed), ("Notes", report.notes)):
        if lines:
            parts += [f"\n## {title}\n", *(f"- {plain(line)}" for line in lines)]
    return "\n".join(parts) + "\n"


FORMATS: Final[Mapping[str, Callable[[Report], str]]] = {
    "table": table,
    "json": as_json,
    "html": html,
    "junit": junit,
    "markdown": markdown,
}
