"""The sentences of the known differences stand where they say: in AWS's API reference, or in the gateway's own docs."""

from __future__ import annotations

import re

import pytest

from recording.replay.known import Entry, load
from tests.conformance import shapes
from tests.house.source import REPOSITORY

KNOWN = load(REPOSITORY / "docs" / "known-differences.toml")


@pytest.mark.parametrize("entry", KNOWN, ids=lambda one: f"{one.source.rpartition('/')[2]}-{one.path}")
def test_the_sentence_stands_in_its_source(entry: Entry) -> None:
    service = entry.operation.split()[0]
    if page := re.fullmatch(r"https://docs\.aws\.amazon\.com/.*/API_(\w+)\.html", entry.source):
        assert shapes.stands(entry.sentence, service, page[1])
    else:
        own = (REPOSITORY / entry.source).read_text(encoding="utf-8")
        assert entry.sentence in shapes.plain(own.replace("`", ""))
