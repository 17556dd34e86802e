"""A limit on look-ups of what clients can make up: access keys, which Keystone is asked for, and names of buckets.

Only what is not found counts, so many valid keys right after a start are all looked up.  A client's address has a share
of the limit, so that one that makes things up leaves the rest to the others.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from adapters.errors import BackendError, Fault

_SECONDS = 5.0  # unused look-ups of so many seconds may be made at once
_AT_ONCE = 16
_QUEUE = 1000
_SHARE = 0.5  # of the limit, for one address
_ADDRESSES = 4096  # that are remembered; what is left of the limit bounds all of them together


class _Allowance:
    """How many unknown things may be looked up now: `rate` a second, with bursts."""

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._most = max(rate * _SECONDS, 1.0)
        self._left = self._most
        self._counted = now

    def is_used_up(self, now: float) -> bool:
        """Return whether nothing more may be looked up now."""
        self._left = min(self._left + (now - self._counted) * self._rate, self._most)
        self._counted = now
        return self._left < 1.0

    def use(self) -> None:
        """Count an unknown thing."""
        self._left -= 1.0


class UnknownLimit:
    """Allows `rate` look-ups of unknown things a second, with bursts; `clock` returns monotonic seconds.

    `service` is asked for them, and `resource` is what they are.
    """

    def __init__(self, rate: float, clock: Callable[[], float], *, service: str, resource: str) -> None:
        self._service = service
        self._resource = resource
        self._rate = rate
        self._clock = clock
        self._whole = _Allowance(rate, clock())
        self._shares: OrderedDict[str, _Allowance] = OrderedDict()
        self._waiting = 0
        self._turn = asyncio.Semaphore(_AT_ONCE)

    @asynccontextmanager
    async def lookup(self, address: str = "") -> AsyncIterator[Callable[[], None]]:
        """Run the block that looks something up for a client; the block calls the yielded function if it is unknown.

        Raises BackendError THROTTLED where too much was unknown lately, or too many look-ups wait already.
        """
        self._check(address)
        if self._waiting >= _QUEUE and self._turn.locked():
            raise self._too_many()
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        try:
            self._check(address)
            yield partial(self._count_unknown, address)
        finally:
            self._turn.release()

    def _check(self, address: str) -> None:
        now, share = self._clock(), self._shares.get(address)
        if self._whole.is_used_up(now) or (share is not None and share.is_used_up(now)):
            raise self._too_many()

    def _count_unknown(self, address: str) -> None:
        self._whole.use()
        if not address:
            return
        share = self._shares.pop(address, None) or _Allowance(self._rate * _SHARE, self._clock())
        share.use()
        self._shares[address] = share
        if len(self._shares) > _ADDRESSES:
            self._shares.popitem(last=False)

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
