"""A limit on look-ups of unknown access keys, so that a client that makes up keys cannot keep Keystone busy.

Only keys that Keystone does not know count, so many valid keys right after a start are all looked up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from adapters.errors import BackendError, Fault

_SECONDS = 5.0  # unused look-ups of so many seconds may be made at once
_AT_ONCE = 16
_QUEUE = 1000


class UnknownKeyLimit:
    """Allows `rate` look-ups of unknown keys a second, with bursts; `clock` returns monotonic seconds."""

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._most = max(rate * _SECONDS, 1.0)
        self._left = self._most
        self._counted = clock()
        self._waiting = 0
        self._turn = asyncio.Semaphore(_AT_ONCE)

    @asynccontextmanager
    async def lookup(self) -> AsyncIterator[Callable[[], None]]:
        """Run the block that asks Keystone for a key; the block calls the yielded function if the key is unknown.

        Raises BackendError THROTTLED where too many keys were unknown lately, or too many look-ups wait already.
        """
        self._check()
        if self._waiting >= _QUEUE and self._turn.locked():
            raise _too_many()
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        try:
            self._check()
            yield self._count_unknown
        finally:
            self._turn.release()

    def _check(self) -> None:
        now = self._clock()
        self._left = min(self._left + (now - self._counted) * self._rate, self._most)
        self._counted = now
        if self._left < 1.0:
            raise _too_many()

    def _count_unknown(self) -> None:
        self._left -= 1.0


def _too_many() -> BackendError:
    return BackendError(
        Fault.THROTTLED,
        service="identity",
        resource="credential",
        detail="too many unknown access keys",
        retry_after=1,
    )
