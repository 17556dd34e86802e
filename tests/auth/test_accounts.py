"""Account ids: twelve digits, always the same, chosen by the operator where need be."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from shim.auth import account_id

PROJECT = "8f1d8c6f4e6f4f0b9c1a2b3c4d5e6f70"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_twelve_digits(project: str) -> None:
    assert re.fullmatch("[0-9]{12}", account_id(project))


def test_never_changes() -> None:
    # int(sha256(project)) mod 10^12; clients keep ARNs for ever, so this must not either.
    assert account_id(PROJECT) == account_id(PROJECT, {}) == "898416474578"
    assert account_id("") == "115665086549"


def test_operator_chooses() -> None:
    assert account_id(PROJECT, {PROJECT: "123456789012"}) == "123456789012"
    assert account_id(PROJECT, {"other": "123456789012"}) == account_id(PROJECT)
