"""Concurrent calls: bounded, results in order, none left running or unawaited after a failure."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from adapters.errors import BackendError, Fault, absent_is
from shim.concurrency import gather, gather_all, gather_outcomes


class Calls:
    """Calls that count who runs, and tell who was cancelled."""

    def __init__(self) -> None:
        self.running = self.most = 0
        self.cancelled: list[int] = []

    async def of(self, number: int, turns: int = 3) -> int:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            for _ in range(turns):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise
        finally:
            self.running -= 1
        return number


async def failing() -> int:
    await asyncio.sleep(0)
    raise KeyError("the call's own error")


def test_results_come_in_order_and_the_bound_holds() -> None:
    calls = Calls()

    async def scenario() -> list[int]:
        return await gather_all((calls.of(n, turns=9 - n) for n in range(9)), most=3)

    assert asyncio.run(scenario()) == list(range(9))
    assert calls.most == 3


@pytest.mark.parametrize(
    "run",
    [
        lambda calls: gather_all([calls.of(1, 50), failing(), *(calls.of(n, 50) for n in range(2, 9))], most=2),
        lambda calls: gather(calls.of(1, 50), failing()),
    ],
)
def test_a_failure_ends_the_others_first(run: Callable[[Calls], Coroutine[Any, Any, Any]]) -> None:
    """Those that never began are closed, too: a warning of a coroutine that nobody awaited would fail this test."""
    calls = Calls()

    async def scenario() -> int:
        with pytest.raises(KeyError, match="own error"):
            await run(calls)
        return calls.running

    assert asyncio.run(scenario()) == 0
    assert calls.cancelled[0] == 1


def test_a_caller_who_is_cancelled_leaves_nothing_running() -> None:
    calls = Calls()

    async def scenario() -> None:
        work = asyncio.ensure_future(gather_all((calls.of(n, 50) for n in range(4)), most=2))
        for _ in range(4):
            await asyncio.sleep(0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert calls.running == 0

    asyncio.run(scenario())
    assert calls.cancelled == [0, 1]


def test_outcomes_are_returned_one_by_one() -> None:
    calls = Calls()

    async def scenario() -> list[int | Exception]:
        return await gather_outcomes([calls.of(1), failing(), calls.of(3)], most=2)

    first, error, third = asyncio.run(scenario())
    assert (first, third) == (1, 3)
    assert isinstance(error, KeyError)
    assert calls.cancelled == []


def lacking(fault: Fault, resource: str) -> Callable[[], Coroutine[Any, Any, int]]:
    async def call() -> int:
        raise BackendError(fault, service="object-store", resource=resource)

    return call


async def there() -> int:
    return 7


def test_what_is_absent_is_said() -> None:
    gone = lacking(Fault.NOT_FOUND, "object")
    assert asyncio.run(absent_is(None, gone())) is None
    assert asyncio.run(absent_is(0, gone(), resource="object")) == 0
    assert asyncio.run(absent_is(None, there())) == 7


@pytest.mark.parametrize(("fault", "resource"), [(Fault.NOT_FOUND, "container"), (Fault.FORBIDDEN, "object")])
def test_what_else_fails_is_raised(fault: Fault, resource: str) -> None:
    with pytest.raises(BackendError):
        asyncio.run(absent_is(None, lacking(fault, resource)(), resource="object"))


def test_no_more_tasks_are_made_than_may_run() -> None:
    async def call(number: int) -> int:
        await asyncio.sleep(0)
        tasks.append(len(asyncio.all_tasks()))
        return number

    tasks: list[int] = []
    assert asyncio.run(gather_all((call(number) for number in range(1000)), most=8)) == list(range(1000))
    assert max(tasks) == 9
