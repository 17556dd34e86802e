"""Every action that is registered has a scenario: a test or a command line that calls it."""

import re

from botocore import xform_name

from shim.app import SERVICES
from shim.operator.coverage import actions
from shim.s3.refused import REFUSED
from shim.s3.service import s3
from tests.house.source import files, text

ROWS = tuple(actions(SERVICES))
NOT_SCENARIOS = ("tests/house/", "tests/support/", "tests/embedded/", "tests/protocol/", "tests/auth/")
SCENARIOS = "\n".join(
    text(path)
    for path in files()
    if path.parts[0] == "tests" and path.name.startswith("test_") and not str(path).startswith(NOT_SCENARIOS)
)


def test_every_action_has_a_scenario() -> None:
    assert not [f"{row.service}.{row.operation}" for row in ROWS if not is_called(xform_name(row.operation))]


def is_called(method: str) -> bool:
    """Tell whether a test calls an operation: by boto3, its paginator or waiter, or the AWS CLI."""
    spoken = (rf"\.{method}\(", rf"get_(?:paginator|waiter)\(\s*\"{method}\"", rf"\"{method.replace('_', '-')}\"")
    return re.search("|".join(spoken), SCENARIOS) is not None


def test_no_action_does_nothing_with_everything() -> None:
    """An action whose every parameter is ignored would be a stub."""
    assert not [row.operation for row in ROWS if row.ignores and not row.supports]


def test_reasons_are_sentences() -> None:
    short = [f"{row.operation}.{name}" for row in ROWS for name, why in row.ignores.items() if len(why.split()) < 4]
    assert not short


def test_every_operation_of_s3_has_an_action_or_a_reason() -> None:
    assert not REFUSED.keys() & s3.handlers.keys()
    assert REFUSED.keys() | s3.handlers.keys() == set(s3.model.operation_names)
