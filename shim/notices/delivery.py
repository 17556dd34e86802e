"""Delivers what is in the spool, each queue by a task of its own, at least once.

A queue's notices go out in their order, several at a time.  If the webhook takes none, the task pauses, longer each
time, and tries the oldest one alone.  A notice that an answering webhook refuses several times is put at the end of
the queue, so that those behind it have their turn.  A notice that waits too long is dropped, and the log says so.  Any
number of processes may deliver: a queue's lock (`flock`) says which of them has it.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import random
import ssl
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import httpx

from shim import log as lines
from shim.concurrency import gather_all
from shim.notices import webhook
from shim.notices.destinations import Destinations
from shim.notices.segments import Notice, Queue, used
from shim.notices.spool import Entry, Observe, Spool
from shim.notices.webhook import Outcome

log = logging.getLogger(__name__)
T = TypeVar("T")

DELIVERED: Final = "delivered"
FAILED: Final = "failed"
EXPIRED: Final = "expired"

_AT_ONCE: Final = 16  # notices of a queue
_TRIES: Final = 5  # of a notice that is refused, before those behind it have their turn
_LEFT: Final = (Outcome.REFUSED, Outcome.SILENT)
_FIRST_PAUSE: Final = 1.0
_LOOK_SECONDS: Final = 0.25  # between two looks for new notices
_AGAIN_SECONDS: Final = 10.0  # between two looks into a queue that does not grow, as files may have been closed
_LOCK: Final = "lock"


@dataclass(frozen=True)
class Patience:
    """How long one attempt may take, the longest pause between two, and how long a notice is kept."""

    attempt: float
    pause: float
    keep: float


class Deliverer:
    """Delivers all queues of a spool until it is cancelled.  `waiting` is how many bytes the spool has."""

    def __init__(self, spool: Spool, destinations: Destinations, patience: Patience, observe: Observe) -> None:
        self._spool = spool
        self._destinations = destinations
        self._patience = patience
        self._observe = observe
        self._tls = ssl.create_default_context()
        self._threads = ThreadPoolExecutor(4, "queues")
        self._active: dict[str, asyncio.Task[None]] = {}
        self._seen: dict[str, tuple[int, float]] = {}  # the size of a queue when it was looked into, and the time
        self.waiting = 0

    async def run(self) -> None:
        """Look for notices and deliver them."""
        try:
            while True:
                sizes = await self._in_thread(lambda: used(self._spool.directory))
                self.waiting = sum(sizes.values())
                for name, size in sizes.items():
                    if size and name not in self._active and self._is_due(name, size):
                        self._begin(name)
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            ending = set(self._active.values())
            for task in ending:
                task.cancel()
            if ending:
                await asyncio.wait(ending)
            self._threads.shutdown()

    def _is_due(self, name: str, size: int) -> bool:
        """Tell whether a queue has grown since it was looked into, or was not looked into for some time."""
        now = time.monotonic()
        seen, at = self._seen.get(name, (-1, 0.0))
        if size == seen and now - at < _AGAIN_SECONDS:
            return False
        self._seen[name] = size, now
        return True

    def _begin(self, name: str) -> None:
        task = self._active[name] = asyncio.create_task(self._queue(self._spool.directory / name))
        task.add_done_callback(lambda _: self._active.pop(name))

    async def _queue(self, path: Path) -> None:
        """Deliver a queue until nothing is left, unless another process does."""
        try:
            async with self._alone(path) as held:
                queue = Queue(path)
                window: list[Notice] = await self._in_thread(partial(queue.window, 1)) if held else []
                if window:
                    async with webhook.client(self._tls, _AT_ONCE) as client:
                        await self._drain(queue, client)
        except Exception:
            log.exception("notifications: the queue %s broke", path.name)
            await asyncio.sleep(self._patience.pause)

    @asynccontextmanager
    async def _alone(self, path: Path) -> AsyncIterator[bool]:
        lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(lock)

    async def _drain(self, queue: Queue, client: httpx.AsyncClient) -> None:
        failures = tries = 0  # in a row: of the webhook, and of the notices that are shown now
        while window := await self._in_thread(partial(queue.window, 1 if failures else _AT_ONCE)):
            outcomes = await gather_all((self._send(client, one) for one in window), most=_AT_ONCE)
            left = [one for one, fate in zip(window, outcomes, strict=True) if fate in _LEFT]
            if Outcome.TAKEN in outcomes:
                failures = tries = 0
            elif left:
                failures, tries = failures + 1, tries + 1
                await asyncio.sleep(self._pause(failures))
                if tries < _TRIES or Outcome.SILENT in outcomes:
                    continue
                tries = 0
            if not left or await self._again(queue, left):
                await self._in_thread(queue.advance)

    def _pause(self, failures: int) -> float:
        """Return a pause that doubles with each failure, with a random part, so that queues do not act in step."""
        longest = min(_FIRST_PAUSE * 2.0 ** min(failures - 1, 32), self._patience.pause)
        return random.uniform(longest / 2, longest)  # noqa: S311

    async def _send(self, client: httpx.AsyncClient, notice: Notice) -> Outcome:
        now = time.time()
        if now - notice.since > self._patience.keep:
            self._observe(notice.destination, EXPIRED, 1)
            lines.write_audit("notification dropped", destination=notice.destination, **about(notice))
            return Outcome.EXPIRED
        destination = self._destinations.get(notice.destination)
        if destination is None:
            told = "there is no such destination any more"
            outcome = Outcome.SILENT
        else:
            outcome, told = await webhook.send(client, destination, notice.body, now, self._patience.attempt)
        if outcome is Outcome.TAKEN:
            self._observe(notice.destination, DELIVERED, 1)
        else:
            self._observe(notice.destination, FAILED, 1)
            log.warning("notifications: %s did not take a notice: %s", notice.destination, told)
        return outcome

    async def _again(self, queue: Queue, notices: list[Notice]) -> bool:
        """Put notices at the end of their queue; return whether they are there."""
        return await self._spool.put([Entry("", one, queue.path.name) for one in notices], bounded=False)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def about(notice: Notice) -> dict[str, str]:
    """Return what the log tells of a notice: which event of which object it is."""
    try:
        record = notice.body["Records"][0]
        return {
            "event": record["eventName"],
            "bucket": record["s3"]["bucket"]["name"],
            "key": record["s3"]["object"]["key"],
            "request_id": record["responseElements"]["x-amz-request-id"],
        }
    except (KeyError, IndexError, TypeError):
        return {"event": str(notice.body.get("Event", ""))}
