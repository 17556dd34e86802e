"""Write a report as a table for the terminal, as JSON, as one HTML page, as JUnit's XML, or as Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from assess import frame
from conformance.results import Outcome, Report, Score

_TITLE: Final = "Does it answer as AWS does?"
_COLOURS: Final = {Outcome.PASSES: "good", Outcome.REFUSED: "open", Outcome.DIFFERS: "bad"}
_STYLES: Final = {Outcome.PASSES: "green", Outcome.REFUSED: "yellow", Outcome.DIFFERS: "bold red"}
_INDENT: Final = (0, 0, 0, 8)
_COLUMNS: Final = ("pass", "refused", "differ", "of")


def table(report: Report) -> str:
    """Return the report for a terminal of a usual width; colours are added where it is one."""
    console = Console()
    with console.capture() as captured:
        console.print(Text(report.summary, style="bold"))
        console.print()
        scores = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("service", "capability"):
            scores.add_column(name, no_wrap=True)
        for name in _COLUMNS:
            scores.add_column(name, justify="right")
        for one in report.scores:
            style = "green" if one.passed == one.total else ""
            scores.add_row(one.service, one.capability, *_numbers(one), style=style)
        scores.add_section()
        for one in report.totals:
            scores.add_row(one.service, "all", *_numbers(one), style="bold")
        console.print(scores)
        for result in report.failed:
            word = Text(f"{result.outcome.value:<8}", style=_STYLES[result.outcome])
            console.print(word, Text(result.scenario.id), sep="")
            console.print(Padding(Text(result.why), _INDENT, expand=False))
            console.print(Padding(Text(f"AWS: {result.scenario.says}", style="dim"), _INDENT, expand=False))
        if report.left:
            console.print(Text("Not deleted", style="bold red"))
            console.print(Text("\n".join(f"  {line}" for line in report.left)))
    return captured.get()


def _numbers(score: Score) -> list[str]:
    return [str(number or "") for number in (score.passed, score.refused, score.differs)] + [str(score.total)]


def as_json(report: Report) -> str:
    """Return the report as JSON."""
    return json.dumps(report.data(), indent=1, ensure_ascii=False) + "\n"


def html(report: Report) -> str:
    """Return the report as one page; its only links are those to AWS's documentation."""
    words = {Outcome.PASSES: "pass", Outcome.REFUSED: "refused as not offered", Outcome.DIFFERS: "differ"}
    shares = [(colour, report.count(outcome), words[outcome]) for outcome, colour in _COLOURS.items()]
    template = Path(__file__).with_name("report.html.jinja")
    return frame.page(template, _TITLE, shares, report, colours=_COLOURS, Outcome=Outcome)


def junit(report: Report) -> str:
    """Return the report as JUnit's XML: a case for each scenario, which fails unless it passes, and each leftover."""
    cases = [
        frame.Case(
            group=f"check.{one.scenario.service}.{one.scenario.capability}",
            name=one.scenario.name,
            outcome="passed" if one.outcome is Outcome.PASSES else "failed",
            message=one.why,
            type=one.outcome.value,
            text=f"{one.scenario.says}\n{one.scenario.at}",
            seconds=one.seconds,
        )
        for one in report.results
    ]
    cases += [frame.Case("check.left", line, "failed", "could not be deleted", "left", line) for line in report.left]
    return frame.junit("passerelle check", cases)


def markdown(report: Report) -> str:
    """Return the report as Markdown."""
    parts = [f"# {_TITLE}\n", f"{report.summary}\n"]
    parts += [f"| service | capability | {' | '.join(_COLUMNS)} |", "| --- | --- | ---: | ---: | ---: | ---: |"]
    parts += [f"| {one.service} | {one.capability} | {' | '.join(_numbers(one))} |" for one in report.scores]
    parts += [f"| **{one.service}** | **all** | {' | '.join(_numbers(one))} |" for one in report.totals]
    for outcome, title in ((Outcome.DIFFERS, "Different from AWS"), (Outcome.REFUSED, "Refused as not offered")):
        if found := report.of(outcome):
            parts.append(f"\n## {title}\n\n| scenario | what happens | AWS's documentation |\n| --- | --- | --- |")
            parts += [
                f"| {frame.plain(one.scenario.id)} | {frame.plain(one.why)} "
                f"| [{frame.plain(one.scenario.says)}]({one.scenario.at}) |"
                for one in found
            ]
    if report.left:
        parts += ["\n## Not deleted\n", *(f"- {frame.plain(line)}" for line in report.left)]
    return "\n".join(parts) + "\n"


FORMATS: Final[Mapping[str, Callable[[Report], str]]] = {
    "table": table,
    "json": as_json,
    "html": html,
    "junit": junit,
    "markdown": markdown,
}
