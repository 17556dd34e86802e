"""Write a report as a table for the terminal, as JSON, as one HTML page, as JUnit's XML, or as Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from assess.report import Report, Row
from assess.verdicts import Finding, Outcome

_WORDS: Final = {
    Outcome.REFUSED: ("refused", "bold red"),
    Outcome.UNKNOWN: ("unknown", "yellow"),
    Outcome.DIFFERS: ("differs", "cyan"),
    Outcome.WORKS: ("works", "green"),
}
_SHOWN: Final = 3  # findings, and places, of a row in the terminal
_NOT_XML: Final = {code: "�" for code in range(32) if code not in (9, 10, 13)}


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
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = found.get_template("report.html.jinja")
    return page.render(report=report, Outcome=Outcome, told=told) + "\n"


def junit(report: Report) -> str:
    """Return the report as JUnit's XML: a case for each row, which fails where it is refused, skipped where unknown."""
    refused, unknown = (
        sum(row.outcome is outcome for row in report.rows) for outcome in (Outcome.REFUSED, Outcome.UNKNOWN)
    )
    counts = {"tests": str(len(report.rows)), "failures": str(refused), "skipped": str(unknown), "errors": "0"}
    suite = ET.Element("testsuite", {"name": "passerelle assess", **counts})
    for number, row in enumerate(report.rows, 1):
        name = f"{row.operation} {number}"
        case = ET.SubElement(suite, "testcase", classname=f"assess.{row.service}", name=_clean(name))
        text = _clean("\n".join([*map(told, row.findings), *row.places]))
        if row.outcome is Outcome.REFUSED:
            why = next(one for one in row.findings if one.outcome is Outcome.REFUSED)
            ET.SubElement(case, "failure", message=_clean(told(why)), type=why.code).text = text
        elif row.outcome is Outcome.UNKNOWN:
            ET.SubElement(case, "skipped", message=_clean(told(row.findings[0])))
        elif text:
            ET.SubElement(case, "system-out").text = text
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _clean(text: str) -> str:
    """Return a text without the characters that XML cannot have."""
    return text.translate(_NOT_XML)


def markdown(report: Report) -> str:
    """Return the report as Markdown."""
    parts = ["# Will it run here?\n", f"{report.summary}\n"]
    if report.changes:
        parts.append("## Changes\n")
        parts += [
            f"{number}. {one.operation} `{one.path}`: {_plain(one.sentence)} ({one.count:,})"
            for number, one in enumerate(report.changes, 1)
        ]
        parts.append("")
    parts.append("## Calls\n\n| calls | operation | verdict | why |\n| ---: | --- | --- | --- |")
    for row in report.rows:
        why = "<br>".join(_plain(told(one)) + (f" ({one.docs})" if one.docs else "") for one in row.findings)
        parts.append(f"| {row.count:,} | {row.service} {row.operation} | {row.outcome.value} | {why} |")
    for title, lines in (("Not followed", report.unfollowed), ("Notes", report.notes)):
        if lines:
            parts += [f"\n## {title}\n", *(f"- {_plain(line)}" for line in lines)]
    return "\n".join(parts) + "\n"


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


FORMATS: Final[Mapping[str, Callable[[Report], str]]] = {
    "table": table,
    "json": as_json,
    "html": html,
    "junit": junit,
    "markdown": markdown,
}
