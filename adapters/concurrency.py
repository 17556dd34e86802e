"""Make independent calls at the same time: a bounded number of them, and none left running after a failure."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Iterable
from typing import TypeVar

A = TypeVar("A")


async def gather_all(calls: Iterable[Awaitable[A]], *, most: int = 8) -> list[A]:
    """Await many calls, at most `most` at a time, and return their results in order.

    The first failure is raised after the other calls have been cancelled and have ended.  A bare `asyncio.gather`
    leaves them running, and an `asyncio.TaskGroup` wraps the failure in a group that no caller would recognise.
    """
    gate = asyncio.Semaphore(most)
    waiting = list(calls)

    async def one(call: Awaitable[A]) -> A:
        async with gate:
            return await call

    tasks = [asyncio.ensure_future(one(call)) for call in waiting]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for call in waiting:
            if inspect.iscoroutine(call):  # those that never began; closing one that has ended does nothing
                call.close()
        raise


async def gather_outcomes(calls: Iterable[Awaitable[A]], *, most: int = 8) -> list[A | Exception]:
    """Await calls as `gather_all` does, and return the exception of a call that failed in place of its result."""

    async def one(call: Awaitable[A]) -> A | Exception:
        try:
            return await call
        except Exception as error:  # noqa: BLE001 - the caller decides by what it was
            return error

    return await gather_all((one(call) for call in calls), most=most)
