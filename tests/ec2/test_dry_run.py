"""DryRun by a read-only user predicts the result of the real request."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.clients import Boto
from tests.support.names import unique


@pytest.fixture
def reader(reader_aws: Boto) -> Any:
    """EC2 for a user who has the role reader on a project, and no other."""
    return reader_aws("ec2", "reader")


def code(ask: Any, **params: Any) -> str:
    try:
        ask(**params)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "done"


def test_a_reader_makes_key_pairs_and_the_dry_run_says_so(reader: Any) -> None:
    name = unique("dry")
    assert code(reader.create_key_pair, KeyName=name, DryRun=True) == "DryRunOperation"
    assert code(reader.create_key_pair, KeyName=name) == "done"
    assert code(reader.delete_key_pair, KeyName=name, DryRun=True) == "DryRunOperation"
    assert code(reader.delete_key_pair, KeyName=name) == "done"


def test_a_reader_reads_and_the_dry_run_says_so(reader: Any) -> None:
    assert code(reader.describe_volumes, DryRun=True) == "DryRunOperation"
    assert code(reader.describe_volumes) == "done"


def test_of_what_a_reader_changes_a_dry_run_claims_nothing(reader: Any) -> None:
    group = {"GroupName": unique("dry"), "Description": "x"}
    assert code(reader.create_security_group, DryRun=True, **group) == "UnsupportedOperation"
    assert code(reader.create_security_group, **group) == "UnauthorizedOperation"
