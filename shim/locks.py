"""Locks by name: what OpenStack cannot do atomically is done under one of these.

Swift ignores `If-Match` on PUT and DELETE, and nothing in Nova or Neutron makes a ClientToken unique, so a compare and
its write happen while a lock is held.  Within one process an `asyncio.Lock` suffices; between replicas tooz holds the
lock in whatever the operator runs (etcd, Redis, ZooKeeper, or files on a shared directory).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import uuid
import weakref
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio
import anyio.to_thread
from tooz import ToozError, coordination

from adapters.errors import BackendError, Fault
from shim.undo import to_the_end

log = logging.getLogger(__name__)

WAIT_SECONDS = 30.0  # longer than any holder should take; who waits longer is told to try again


class Locks:
    """Named locks, shared by all gateways that use the same `url` (a tooz URL).

    A lock that tooz loses with its connection ends with it.  Who waits for one longer than `wait_seconds`, or cannot
    reach the coordination service, gets BackendError UNAVAILABLE.
    """

    def __init__(self, url: str, wait_seconds: float = WAIT_SECONDS) -> None:
        self._url = url
        self._wait_seconds = wait_seconds
        self._coordinator: Any = None
        # Threads of their own for waiting: those who give a lock back must never queue behind those who wait for one.
        self._waiting = anyio.CapacityLimiter(64)
        self._local: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def start(self) -> None:
        """Connect to the coordination service; a URL that does not work fails the start, not the first request."""
        self._coordinator = coordination.get_coordinator(self._url, uuid.uuid4().hex.encode())
        await anyio.to_thread.run_sync(self._coordinator.start, True)

    async def stop(self) -> None:
        """Leave the coordination service, giving back every lock."""
        if self._coordinator is not None:
            await anyio.to_thread.run_sync(self._coordinator.stop)
            self._coordinator = None

    @asynccontextmanager
    async def hold(self, *name: str) -> AsyncIterator[None]:
        """Hold the lock of that name for the length of the block; never one within another, since names share locks.

        Names are hashed onto 4,096 locks: parts may hold any text, and the files or keys behind them stay few.
        """
        async with self._held(_digest(name)):
            yield

    @asynccontextmanager
    async def hold_all(self, names: Iterable[tuple[str, ...]]) -> AsyncIterator[None]:
        """Hold the locks of several names: in one order for all, so that no two wait for each other for ever."""
        async with AsyncExitStack() as stack:
            for digest in sorted({_digest(name) for name in names}):
                await stack.enter_async_context(self._held(digest))
            yield

    @asynccontextmanager
    async def _held(self, digest: str) -> AsyncIterator[None]:
        async with self._own(self._local.setdefault(digest, asyncio.Lock())):
            if self._coordinator is None:
                yield
                return
            shared = self._coordinator.get_lock(digest.encode())
            try:
                await to_the_end(self._acquire(shared))
            except asyncio.CancelledError:  # the wait went on without its caller, and ended in a lock
                await to_the_end(_release(shared))
                raise
            try:
                yield
            finally:
                await to_the_end(_release(shared))

    @asynccontextmanager
    async def _own(self, local: asyncio.Lock) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._wait_seconds):
                await local.acquire()
        except TimeoutError as error:
            raise _never_free() from error
        try:
            yield
        finally:
            local.release()

    async def _acquire(self, shared: Any) -> None:
        try:
            held = await anyio.to_thread.run_sync(
                lambda: shared.acquire(blocking=self._wait_seconds), limiter=self._waiting
            )
        except ToozError as error:
            raise BackendError(Fault.UNAVAILABLE, service="coordination", detail=type(error).__name__) from error
        if not held:
            raise _never_free()


def _digest(name: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join(name).encode("utf-8", "surrogateescape")).hexdigest()[:3]


def _never_free() -> BackendError:
    return BackendError(Fault.UNAVAILABLE, service="coordination", detail="a lock was not free in time")


async def _release(shared: Any) -> None:
    try:
        await anyio.to_thread.run_sync(shared.release)
    except ToozError as error:
        log.warning("a lock could not be given back, and ends with its session: %s", type(error).__name__)
