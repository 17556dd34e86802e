"""Runs pytest in a process of its own on a file of tests."""

import os
import re
import sys

import pytest

from tests.support.target import REPOSITORY

NO_CLOUD = ("-p", "tests.plugin.moto_here")


def run(pytester: pytest.Pytester, *options: str, **files: str) -> pytest.RunResult:
    """Write the files and run pytest, where every warning is an error."""
    pytester.makepyfile(**files)
    patch = pytest.MonkeyPatch()
    try:
        for name in [name for name in os.environ if name.startswith(("AWS_", "PYTEST_XDIST", "PYTEST_ADDOPTS"))]:
            patch.delenv(name)
        for name in ("CI", "BUILD_NUMBER"):  # pytest writes a longer summary where one of them is set
            patch.delenv(name, raising=False)
        patch.setenv("PYTHONPATH", str(REPOSITORY))
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        return pytester.run(sys.executable, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", *options)
    finally:
        patch.undo()


def outcomes(result: pytest.RunResult) -> dict[str, int]:
    """Return the counts of the last line, as `passed`, `failed` and so on."""
    return {word: int(count) for count, word in re.findall(r"(\d+) (passed|failed|error|skipped)", result.outlines[-1])}
