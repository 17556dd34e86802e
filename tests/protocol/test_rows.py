"""Long lists are written column by column: they must say what each row says alone."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from botocore.model import ServiceModel
from hypothesis import example, given
from hypothesis import strategies as st

from shim.protocol.scalars import Iso8601
from shim.protocol.xml import write as xml
from shim.protocol.xml.rows import Table, Times, Written

SHAPES = {
    "Text": {"type": "string"},
    "Names": {"type": "list", "member": {"shape": "Text"}},
    "Inner": {"type": "structure", "members": {"Text": {"shape": "Text"}, "Row": {"shape": "Row"}}},
    "Marked": {
        "type": "structure",
        "members": {"Text": {"shape": "Text"}, "Kind": {"shape": "Text", "xmlAttribute": True, "locationName": "kind"}},
    },
    "Row": {
        "type": "structure",
        "members": {
            "Text": {"shape": "Text", "locationName": "text"},
            "Other": {"shape": "Text", "xmlNamespace": {"uri": "urn:100%s"}},
            "Number": {"shape": "Number"},
            "On": {"shape": "On"},
            "When": {"shape": "When"},
            "Epoch": {"shape": "Epoch"},
            "Inner": {"shape": "Inner"},
            "Marked": {"shape": "Marked"},
            "Names": {"shape": "Names"},
        },
    },
    "Number": {"type": "integer"},
    "On": {"type": "boolean"},
    "When": {"type": "timestamp"},
    "Epoch": {"type": "timestamp", "timestampFormat": "unixTimestamp"},
    "Rows": {"type": "list", "member": {"shape": "Row", "locationName": "item"}},
    "Out": {
        "type": "structure",
        "members": {"Rows": {"shape": "Rows"}, "Flat": {"shape": "Rows", "flattened": True, "locationName": "flat"}},
    },
}
METADATA = {"protocol": "rest-xml", "apiVersion": "2020-01-01", "endpointPrefix": "x", "serviceId": "X"}
SHAPE = ServiceModel({"metadata": METADATA, "operations": {}, "shapes": SHAPES}, "x").shape_for("Out")
EMIT = {escape: xml.Compiler(escape).root("Out", SHAPE, "") for escape in (xml.escape, xml.escape_exactly)}
PARTS: Any = SHAPE
ROW = PARTS.members["Rows"].member
TEXT = {
    escape: {
        "Rows": xml.Compiler(escape).text_of_members(ROW),
        "Inner": xml.Compiler(escape).text_of_members(ROW.members["Inner"]),
    }
    for escape in EMIT
}

ANY_TEXT = st.text(max_size=4) | st.text(st.sampled_from("|%&<>\"'\r\n\t\x00\x1f\x7f\ud800\uffff é"), max_size=6)
TIMES = st.datetimes(timezones=st.just(UTC))
INNER = st.fixed_dictionaries(
    {}, optional={"Text": st.none() | ANY_TEXT, "Row": st.fixed_dictionaries({"Text": ANY_TEXT})}
)
MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "Text": ANY_TEXT,
    "Other": ANY_TEXT,
    "Number": st.integers(),
    "On": st.booleans(),
    "When": TIMES | st.just(Iso8601("2026-01-31T23:59:59.000Z")),
    "Inner": INNER,
    "Marked": st.fixed_dictionaries({"Kind": ANY_TEXT}, optional={"Text": ANY_TEXT}),
    "Names": st.lists(ANY_TEXT, max_size=2),
}


@st.composite
def pages(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw rows in runs, long and short: each run has the same members, of which some are None in some rows."""
    page = []
    for _ in range(draw(st.integers(1, 3))):
        names = draw(st.lists(st.sampled_from(sorted(MEMBERS)), unique=True, max_size=5))
        values = [MEMBERS[name] if draw(st.booleans()) else st.none() | MEMBERS[name] for name in names]
        rows = st.tuples(*values)
        page += [dict(zip(names, draw(rows), strict=True)) for _ in range(draw(st.sampled_from([1, 3, 4, 5, 9])))]
    return page


def written(result: Mapping[str, Any], escape: Any = xml.escape) -> str:
    out: list[str] = []
    EMIT[escape](result, out.append)
    return "".join(out)


@example([{"Text": "a|b"}] * 9, "Flat", xml.escape)
@example([{"Text": "a", "Number": 1}, {"Number": 1, "Text": "a"}] * 9, "Flat", xml.escape)
@example([{"Other": "b", "Number": 1}] * 9, "Flat", xml.escape)
@given(pages(), st.sampled_from(["Rows", "Flat"]), st.sampled_from(list(EMIT)))
def test_a_page_is_its_rows(page: list[dict[str, Any]], name: str, escape: Any) -> None:
    frame = ("<Out><Rows>", "</Rows></Out>") if name == "Rows" else ("<Out>", "</Out>")
    rows = [written({name: [row]}, escape).removeprefix(frame[0]).removesuffix(frame[1]) for row in page]
    assert written({name: page}, escape) == f"{frame[0]}{''.join(rows)}{frame[1]}"


@given(pages(), st.sampled_from(["Rows", "Flat"]), st.sampled_from(list(EMIT)), st.data())
def test_a_page_of_rows_that_are_written_already(
    page: list[dict[str, Any]], name: str, escape: Any, data: st.DataObject
) -> None:
    def early(row: dict[str, Any]) -> dict[str, Any]:
        chosen = data.draw(st.sampled_from(["", "row", "inner"]))
        if chosen == "row":
            return Written({"Text": "read, not written"}, TEXT[escape]["Rows"](row))
        if chosen == "inner" and row.get("Inner") is not None:
            return row | {"Inner": Written({}, TEXT[escape]["Inner"](row["Inner"]))}
        return row

    assert written({name: [early(row) for row in page]}, escape) == written({name: page}, escape)


COLUMNS = MEMBERS | {"When": st.just("2026-01-31T23:59:59.000Z")}


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Draw a page by its columns, some of them with one value for all rows."""
    names = draw(st.lists(st.sampled_from(sorted(COLUMNS)), unique=True, min_size=1, max_size=5))
    rows = draw(st.sampled_from([0, 1, 3, 4, 5, 9]))
    columns = {name: draw(st.lists(COLUMNS[name], min_size=rows, max_size=rows)) for name in names}
    if "When" in columns:
        columns["When"] = Times(columns["When"])
    same = [name for name in MEMBERS if name not in columns]
    return Table(columns, {name: draw(MEMBERS[name]) for name in draw(st.lists(st.sampled_from(same), unique=True))})


@given(tables(), st.sampled_from(["Rows", "Flat"]), st.sampled_from(list(EMIT)))
def test_a_table_is_its_rows(table: Table, name: str, escape: Any) -> None:
    assert len(list(table)) == len(table)
    assert written({name: table}, escape) == written({name: list(table)}, escape)


@pytest.mark.parametrize("rows", [1, 9])
def test_a_table_says_no_more_than_its_rows(rows: int) -> None:
    for columns in ({"Odd": ["x"] * rows}, {"Text": [1] * rows}, {"Epoch": Times(["2026-01-31T23:59:59.000Z"] * rows)}):
        with pytest.raises((LookupError, TypeError), match="Row"):
            written({"Rows": Table(columns, {})})


def test_a_page_as_a_client_reads_it() -> None:
    page = [{"Text": f"{n}|", "Number": n, "On": n == 2, "Inner": {"Text": f"<{n}>"}, "When": None} for n in range(9)]
    found = ET.fromstring(written({"Flat": page}))  # noqa: S314 - our own words
    rows = [{part.tag: part.text or part[0].text for part in row} for row in found.iter("flat")]
    assert rows == [
        {"text": f"{n}|", "Number": str(n), "On": "true" if n == 2 else "false", "Inner": f"<{n}>"} for n in range(9)
    ]


@pytest.mark.parametrize(
    ("member", "value", "words"),
    [
        ("Odd", "x", "Row has no member 'Odd'"),
        ("Text", 1, "Row.Text: "),
        ("Number", True, "Row.Number: expected an int"),
        ("When", "2026-01-31T23:59:59.000Z", "Row.When: a timestamp must be a datetime"),
        ("When", datetime(2026, 1, 31), "Row.When: a timestamp must be a datetime"),  # noqa: DTZ001 - no zone: wrong
        ("Epoch", Iso8601("2026-01-31T23:59:59.000Z"), "Row.Epoch: a timestamp must be a datetime"),
        ("Inner", {"Odd": 1}, "Inner has no member 'Odd'"),
        ("Inner", {"Text": 1}, "Row.Inner: Inner.Text: "),
        ("Inner", "x", "Row.Inner: "),
    ],
)
@pytest.mark.parametrize("rows", [1, 9])
def test_what_aws_could_not_say(member: str, value: Any, words: str, rows: int) -> None:
    page = [{"Text": "x", "On": True} for _ in range(rows)] + [{"Text": "x", member: value} for _ in range(rows)]
    with pytest.raises((LookupError, TypeError)) as caught:
        written({"Rows": page})
    assert words in str(caught.value)


@given(ANY_TEXT)
def test_escapes_go_by_characters(text: str) -> None:
    """Both escapes by what XML 1.0 allows of each character (2.2, Char), which columns rely on."""
    named = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}

    def one(letter: str, exactly: bool) -> str:
        if letter in named:
            return named[letter]
        if letter in "\t\n" or " " <= letter < "\ud800" or "\ue000" <= letter < "\ufffe" or letter >= "\U00010000":
            return letter
        return f"&#x{ord(letter):X};" if exactly and letter < " " else "\ufffd"

    assert xml.escape(text) == "".join(one(letter, False) for letter in text)
    assert xml.escape_exactly(text) == "".join(one(letter, True) for letter in text)
