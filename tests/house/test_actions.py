"""Every action that is registered has a scenario: a test or a command line that calls it."""

import re

import pytest
from botocore import xform_name

from shim.cli.actions import Row, rows
from tests.house.source import files, text

NOT_SCENARIOS = ("tests/house/", "tests/support/", "tests/embedded/", "tests/protocol/", "tests/auth/")
SCENARIOS = "\n".join(
    text(path)
    for path in files()
    if path.parts[0] == "tests" and path.name.startswith("test_") and not str(path).startswith(NOT_SCENARIOS)
)


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.service}.{row.operation}")
def test_an_action_has_a_scenario(row: Row) -> None:
    method = xform_name(row.operation)
    spoken = [rf"\.{method}\(", rf"get_(?:paginator|waiter)\(\s*\"{method}\"", rf"\"{method.replace('_', '-')}\""]
    assert re.search("|".join(spoken), SCENARIOS), f"no test calls {method}"


def test_no_action_does_nothing_with_everything() -> None:
    """An action whose every parameter is ignored would be a stub."""
    assert not [row.operation for row in rows() if row.ignores and not row.supports]


def test_reasons_are_sentences() -> None:
    short = [f"{row.operation}.{name}" for row in rows() for name, why in row.ignores.items() if len(why.split()) < 4]
    assert not short
