"""What reports share: the frame of a page, JUnit's XML, and texts as Markdown has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_NOT_XML: Final = {code: "�" for code in range(32) if code not in (9, 10, 13)}


def page(template: Path, title: str, shares: Sequence[tuple[str, int, str]], report: Any, **values: Any) -> str:
    """Return one HTML page, without a reference to anything outside.

    The template extends `frame.html.jinja`, which shows the title, the report's `summary`, and its outcomes as a bar:
    for each a colour (good, noted, open, bad), how many there are, and the word for it.
    """
    environment = Environment(
        loader=FileSystemLoader([template.parent, Path(__file__).parent]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    made = environment.get_template(template.name)
    return made.render(title=title, shares=list(shares), report=report, **values) + "\n"


@dataclass(frozen=True, slots=True)
class Case:
    """A case of JUnit's XML.  `outcome` is passed, failed or skipped."""

    group: str
    name: str
    outcome: str = "passed"
    message: str = ""
    type: str = ""
    text: str = ""
    seconds: float | None = None


def junit(name: str, cases: Sequence[Case]) -> str:
    """Return JUnit's XML."""
    failed, skipped = (sum(case.outcome == outcome for case in cases) for outcome in ("failed", "skipped"))
    counts = {"tests": str(len(cases)), "failures": str(failed), "skipped": str(skipped), "errors": "0"}
    suite = ET.Element("testsuite", {"name": name, **counts})
    for one in cases:
        time = {} if one.seconds is None else {"time": f"{one.seconds:.2f}"}
        case = ET.SubElement(suite, "testcase", {"classname": one.group, "name": _clean(one.name), **time})
        if one.outcome == "failed":
            told = {"message": _clean(one.message), "type": one.type}
            ET.SubElement(case, "failure", told).text = _clean(one.text)
        elif one.outcome == "skipped":
            ET.SubElement(case, "skipped", message=_clean(one.message))
        elif one.text:
            ET.SubElement(case, "system-out").text = _clean(one.text)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _clean(text: str) -> str:
    """Return a text without the characters that XML cannot have."""
    return text.translate(_NOT_XML)


def plain(text: str) -> str:
    """Return a text as a cell of a table of Markdown."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
