"""A limit on look-ups of what clients can make up: access keys, which Keystone is asked for, and names of buckets.

Only what is not found counts, so many valid keys right after a start are all looked up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from adapters.errors import BackendError, Fault

_SECONDS = 5.0  # unused look-ups of so many seconds may be made at once
_AT_ONCE = 16
_QUEUE = 1000


class UnknownLimit:
    """Allows `rate` look-ups of unknown things a second, with bursts; `clock` returns monotonic seconds.

    `service` is asked for them, and `resource` is what they are.
    """

    def __init__(self, rate: float, clock: Callable[[], float], *, service: str, resource: str) -> None:
        self._service = service
        self._resource = resource
        self._rate = rate
        self._clock = clock
        self._most = max(rate * _SECONDS, 1.0)
        self._left = self._most
        self._counted = clock()
        self._waiting = 0
        self._turn = asyncio.Semaphore(_AT_ONCE)

    @asynccontextmanager
    async def lookup(self) -> AsyncIterator[Callable[[], None]]:
        """Run the block that looks something up; the block calls the yielded function if it is unknown.

        Raises BackendError THROTTLED where too much was unknown lately, or too many look-ups wait already.
        """
        self._check()
        if self._waiting >= _QUEUE and self._turn.locked():
            raise self._too_many()
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
            raise self._too_many()

    def _count_unknown(self) -> None:
        self._left -= 1.0

    def _too_many(self) -> BackendError:
        return BackendError(
            Fault.THROTTLED,
            service=self._service,
            resource=self._resource,
            detail=f"too many look-ups of an unknown {self._resource}",
            retry_after=1,
        )


def of_names(rate: float) -> UnknownLimit:
    """Return the limit on look-ups of bucket names, which the registry of names has in Swift."""
    return UnknownLimit(rate, time.monotonic, service="object-store", resource="bucket name")
