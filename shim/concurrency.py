"""Independent calls to OpenStack, side by side: an answer takes as long as its slowest part."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any, TypeVar, overload

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")


@overload
async def together(a: Awaitable[A], b: Awaitable[B], /) -> tuple[A, B]: ...
@overload
async def together(a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], /) -> tuple[A, B, C]: ...
@overload
async def together(a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], /) -> tuple[A, B, C, D]: ...
@overload
async def together(
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], e: Awaitable[E], /
) -> tuple[A, B, C, D, E]: ...
async def together(*calls: Awaitable[Any]) -> tuple[Any, ...]:
    """Await all of them; the first to fail is raised, after the others have been cancelled and have ended."""
    return tuple(await each(calls))


async def each(calls: Iterable[Awaitable[A]], *, most: int = 8) -> list[A]:
    """Await many of one sort, at most `most` at a time, and return their results in order; fails as `together`."""
    gate = asyncio.Semaphore(most)

    async def one(call: Awaitable[A]) -> A:
        async with gate:
            return await call

    tasks = [asyncio.ensure_future(one(call)) for call in calls]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
