"""A bound on look-ups of access keys that nobody has: whoever makes up keys must not keep Keystone busy with them.

Only those that turn out to be wrong count, so that many good keys after a start come through.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from adapters.errors import BackendError, Fault

_SECONDS = 5.0  # what was not used for so long may be used at once
_AT_ONCE = 16
_QUEUE = 1000


class Guesses:
    """Lets `rate` wrong guesses a second through, some at once; `clock` gives monotonic seconds."""

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._most = max(rate * _SECONDS, 1.0)
        self._left = self._most
        self._counted = clock()
        self._waiting = 0
        self._turn = asyncio.Semaphore(_AT_ONCE)

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[Callable[[], None]]:
        """Run the block that asks for a key; it calls what it is given where the key was wrong.

        Raises BackendError THROTTLED where too many were wrong lately, or too many wait already.
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
            yield self._wrong
        finally:
            self._turn.release()

    def _check(self) -> None:
        now = self._clock()
        self._left = min(self._left + (now - self._counted) * self._rate, self._most)
        self._counted = now
        if self._left < 1.0:
            raise _too_many()

    def _wrong(self) -> None:
        self._left -= 1.0


def _too_many() -> BackendError:
    return BackendError(
        Fault.THROTTLED,
        service="identity",
        resource="credential",
        detail="too many unknown access keys",
        retry_after=1,
    )
