"""Make independent calls at the same time: a bounded number of them, and none left running after a failure."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")
_SLICE = 16


async def gather_all(calls: Iterable[Awaitable[A]], *, most: int = 8) -> list[A]:
    """Await many calls, at most `most` at a time, and return their results in order.

    The first failure is raised after the other calls have been cancelled and have ended.  A bare `asyncio.gather`
    leaves them running, and an `asyncio.TaskGroup` wraps the failure in a group that no caller would recognise.
    There are at most `most` tasks: ten thousand at once would occupy the event loop before the first one has ended.
    """
    waiting = list(calls)
    results: dict[int, A] = {}
    queue = iter(enumerate(waiting))

    async def one_after_another() -> None:
        for number, call in queue:
            results[number] = await call

    tasks = [asyncio.ensure_future(one_after_another()) for _ in waiting[:most]]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for call in waiting:
            if inspect.iscoroutine(call):  # those that never began; closing one that has ended does nothing
                call.close()
        raise
    return [results[number] for number in range(len(waiting))]


async def gather_outcomes(calls: Iterable[Awaitable[A]], *, most: int = 8) -> list[A | Exception]:
    """Await calls as `gather_all` does, and return the exception of a call that failed in place of its result."""

    async def one(call: Awaitable[A]) -> A | Exception:
        try:
            return await call
        except Exception as error:  # noqa: BLE001 - the caller decides by what it was
            return error

    return await gather_all((one(call) for call in calls), most=most)


async def map_in_turns(function: Callable[[A], B], items: Iterable[A]) -> list[B]:
    """Apply a function to many items; after some of them, the event loop serves other requests."""
    results = []
    for number, item in enumerate(items, 1):
        results.append(function(item))
        if number % _SLICE == 0:
            await asyncio.sleep(0)
    return results
