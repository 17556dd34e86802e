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
        command = [sys.executable, "-m", "shim", "sweep", "--cloud", cloud.cloud, *(words or ("--once",))]
        given = {"lifecycle_day_seconds": str(DAY_SECONDS), **settings}
        done = subprocess.run(command, env=environment(cloud, given), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        lines = done.stderr.splitlines()
        assert not [line for line in lines if is_fault(line)]
        told = [json.loads(line) for line in lines]
        return [one for one in told if one["logger"] == "passerelle.audit" and one["bucket"] == bucket]

    return run
