"""The sweeper as an operator runs it: a process of its own, which sweeps once and ends."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.gateway import environment, is_fault
from tests.support.target import Target

Sweep = Callable[..., list[dict[str, Any]]]
DAY_SECONDS = 1.0


@pytest.fixture
def sweep(cloud: Target) -> Sweep:
    """Run `passerelle sweep --once` with days of a second, and return the audit lines of one bucket.

    Words take the place of `--once`.
    """

    def run(bucket: str, *words: str, **settings: str) -> list[dict[str, Any]]:
        return _lines(cloud, bucket, ["shim", "sweep", "--cloud", cloud.cloud, *(words or ("--once",))], settings)

    return run


@pytest.fixture
def hasty(cloud: Target) -> Sweep:
    """Run `passerelle sweep --segments` for which a second is a day, with more words, and return a bucket's lines."""

    def run(bucket: str, *words: str, **settings: str) -> list[dict[str, Any]]:
        return _lines(cloud, bucket, ["tests.sweeps.hasty", cloud.cloud, *words], settings)

    return run


def _lines(cloud: Target, bucket: str, command: list[str], settings: dict[str, str]) -> list[dict[str, Any]]:
    given = environment(cloud, {"lifecycle_day_seconds": str(DAY_SECONDS), **settings})
    done = subprocess.run([sys.executable, "-m", *command], env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert not [line for line in lines if is_fault(line)]
    told = [json.loads(line) for line in lines]
    return [one for one in told if one["logger"] == "passerelle.audit" and one["bucket"] == bucket]
