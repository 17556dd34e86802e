"""Make independent calls to OpenStack at the same time, so that an answer takes as long as the slowest of them.

`Jobs` has the work that outlives the request which began it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar, overload

from adapters.concurrency import gather_all, gather_outcomes

__all__ = ["Jobs", "gather", "gather_all", "gather_outcomes"]

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")


@overload
async def gather(a: Awaitable[A], b: Awaitable[B], /) -> tuple[A, B]: ...
@overload
async def gather(a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], /) -> tuple[A, B, C]: ...
@overload
async def gather(a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], /) -> tuple[A, B, C, D]: ...
@overload
async def gather(
    a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], d: Awaitable[D], e: Awaitable[E], /
) -> tuple[A, B, C, D, E]: ...
async def gather(*calls: Awaitable[Any]) -> tuple[Any, ...]:
    """Await calls with results of different types; raise the first failure when the others are cancelled and ended."""
    return tuple(await gather_all(calls))


class Jobs:
    """Work that outlives its request, until the process stops.

    An owner (an account) has one running job at most, so that it does not take the room of the others, and a bounded
    number of jobs that wait for it.
    """

    def __init__(self, running: int = 8, of_owner: int = 20) -> None:
        self._room = asyncio.Semaphore(running)
        self._most = of_owner
        self._turns: dict[str, asyncio.Lock] = {}
        self._of: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    def has_room(self, owner: str) -> bool:
        """Tell whether an owner may start another job."""
        return self._of[owner] < self._most

    @contextmanager
    def place(self, owner: str) -> Iterator[bool]:
        """Keep a place for a job that is started in the block, after other work, and tell whether there was one."""
        if not self.has_room(owner):
            yield False
            return
        self._of[owner] += 1
        try:
            yield True
        finally:
            self._left(owner)

    def start(self, owner: str, job: Coroutine[Any, Any, None]) -> None:
        """Start a job, which must not raise; the caller has asked `has_room`, or has a `place`."""
        self._of[owner] += 1
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._ended(owner, done))

    @asynccontextmanager
    async def turn(self, owner: str) -> AsyncIterator[None]:
        """Wait until it is an owner's turn and there is room, and keep both for the block."""
        async with self._turns.setdefault(owner, asyncio.Lock()), self._room:
            yield

    async def aclose(self) -> None:
        """Cancel all jobs and wait until they have ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _ended(self, owner: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._left(owner)

    def _left(self, owner: str) -> None:
        self._of[owner] -= 1
        if not self._of[owner]:
            del self._of[owner]
            self._turns.pop(owner, None)
