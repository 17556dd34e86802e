"""Half-done work is undone, whether an error or a cancellation ended it."""

import asyncio
import logging
from functools import partial
from typing import Any

import pytest

from shim.config import Settings
from shim.context import NO_CLOUD, Call, Caller
from shim.locks import Locks
from shim.undo import to_the_end, undoing


def test_nothing_is_undone_after_success() -> None:
    async def scenario() -> list[str]:
        done: list[str] = []

        async def step(what: str) -> None:
            done.append(what)

        async with undoing() as undo:
            undo(step, "a")
        return done

    assert asyncio.run(scenario()) == []


def test_newest_first_and_past_a_step_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    async def step(what: str) -> None:
        done.append(what)
        if what == "b":
            raise RuntimeError("stuck")

    async def scenario() -> None:
        async with undoing() as undo:
            for what in "abc":
                undo(step, what)
            raise KeyError("the work's own error")

    with caplog.at_level(logging.ERROR), pytest.raises(KeyError):
        asyncio.run(scenario())
    assert done == ["c", "b", "a"]
    assert "could not take back" in caplog.text


def test_a_cancelled_task_undoes_to_the_end_though_cancelled_again() -> None:
    done: list[str] = []

    async def step(what: str) -> None:
        await asyncio.sleep(0.02)
        done.append(what)

    async def work() -> None:
        async with undoing() as undo:
            undo(step, "a")
            undo(step, "b")
            await asyncio.sleep(60)

    async def scenario() -> None:
        task = asyncio.ensure_future(work())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    assert done == ["b", "a"]


def test_to_the_end_gives_results_and_errors() -> None:
    async def fine() -> int:
        return 7

    async def broken() -> int:
        raise ValueError("no")

    assert asyncio.run(to_the_end(fine())) == 7
    with pytest.raises(ValueError, match="no"):
        asyncio.run(to_the_end(broken()))


def request() -> Call:
    """A call that holds a secret and the caller's access key."""
    settings = Settings.model_validate({"coordination_url": "redis://:do-not-show@192.0.2.1/0"})
    caller = Caller("do-not-show-key", "u", "user", "p", "project", "123456789012", frozenset())
    return Call(NO_CLOUD, caller, "request-1", "us-east-1", "RunInstances", settings, Locks(""))


def test_a_step_that_fails_is_logged_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    async def step(*args: Any) -> None:
        raise RuntimeError("stuck")

    async def scenario() -> None:
        async with undoing() as undo:
            undo(step, request(), {"password": "do-not-show"}, "server-1", 7)
            undo(partial(step, request(), {"password": "do-not-show"}), "server-2")
            raise KeyError("the work's own error")

    with pytest.raises(KeyError):
        asyncio.run(scenario())
    assert [record.getMessage() for record in caplog.records] == [
        "could not take back partial('server-2')",
        "could not take back step('server-1', 7)",
    ]
    assert "do-not-show" not in caplog.text


def test_neither_a_call_nor_the_settings_are_written_with_secrets() -> None:
    call = request()
    assert repr(call) == "Call(request-1)"
    assert "do-not-show" not in f"{call.settings!r} {call.settings}"
