"""Locks by name: what OpenStack cannot do atomically is done under one of these.

Swift ignores `If-Match` on PUT and DELETE, and nothing in Nova or Neutron makes a ClientToken unique, so a compare and
its write happen while a lock is held.  Within one process an `asyncio.Lock` suffices; between replicas tooz holds the
lock in whatever the operator runs (etcd, Redis, ZooKeeper, or files on a shared directory).
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
from tooz import coordination


class Locks:
    """Named locks, shared by all gateways that use the same `url` (a tooz URL).

    A lock that tooz loses with its connection ends with it; waiting for one is bounded by the request's own client.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._coordinator: Any = None
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
        """Hold the lock of that name for the length of the block; never two at once, since names share locks.

        Names are hashed onto 4,096 locks: parts may hold any text, and the files or keys behind them stay few.
        """
        digest = hashlib.sha256("\0".join(name).encode("utf-8", "surrogateescape")).hexdigest()[:3]
        local = self._local.setdefault(digest, asyncio.Lock())
        async with local:
            if self._coordinator is None:
                yield
                return
            shared = self._coordinator.get_lock(digest.encode())
            # A cancelled wait must not leave a lock behind that a thread takes a moment later.
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(shared.acquire)
            try:
                yield
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(shared.release)
