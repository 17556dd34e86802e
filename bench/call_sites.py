"""A plugin of pytest for bench.verdicts: chooses tests at random, and notes which place of them makes which call.

`sys.setprofile` and the like would see more, and slow everything; a call's own stack tells its place. So calls that are
made in another thread (S3's transfers) have no place and are not noted.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import botocore.handlers
import pytest

from pytest_passerelle.calls import HERE

# The environment, as a worker of pytest-xdist knows no options of a plugin that is named by `-p`.
NOTES, SOURCES, SEED, TESTS = "BENCH_NOTES", "BENCH_SOURCES", "BENCH_SEED", "BENCH_TESTS"
PLACE = "bench.place"  # the entry of a call's context


class Notes:
    """A file of JSON lines, one for each call that the gateway has answered."""

    def __init__(self, folder: Path, sources: str) -> None:
        self._sources = sources.rstrip("/") + "/"
        self._file = (folder / f"{os.getpid()}.jsonl").open("a", encoding="utf-8")

    def before_call(self, params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
        """Note the place of a call and its parameters; botocore's handler of `provide-client-params`."""
        frame = sys._getframe()  # noqa: SLF001 - the only way to the caller that costs nothing
        while frame and not frame.f_code.co_filename.startswith(self._sources):
            if frame.f_back is None:
                return
            frame = frame.f_back
        params = json.loads(json.dumps(params, default=lambda value: {"$": type(value).__name__}, skipkeys=True))
        context[PLACE] = {"file": frame.f_code.co_filename, "line": frame.f_lineno, "params": params}

    def after_call(self, http_response: Any, parsed: Mapping[str, Any], model: Any, context: Any, **_: Any) -> None:
        """Note what came back; botocore's handler of `after-call`."""
        if PLACE not in context or HERE not in context:
            return
        error = parsed.get("Error", {}) if http_response.status_code >= 300 else {}
        told = {
            **context[PLACE],
            "service": model.service_model.service_name,
            "operation": model.name,
            "status": http_response.status_code,
            "code": str(error.get("Code", "")),
            "message": str(error.get("Message", ""))[:300],
        }
        print(json.dumps(told), file=self._file, flush=True)


def pytest_configure(config: pytest.Config) -> None:
    """Begin to note, in each process that runs tests."""
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        return
    notes = Notes(Path(os.environ[NOTES]), os.environ[SOURCES])
    botocore.handlers.BUILTIN_HANDLERS.append(("provide-client-params", notes.before_call))
    botocore.handlers.BUILTIN_HANDLERS.append(("after-call", notes.after_call))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose tests at random; every process chooses the same."""
    seed, number = os.environ[SEED], int(os.environ[TESTS])
    chosen = random.Random(seed).sample(items, min(number, len(items)))
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen
