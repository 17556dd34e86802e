"""The spool: puts notices on the disk, those of many requests by one write.

A request waits until its notices are on the disk.  A thread of its own writes; what comes while it writes is written
together next.  Each destination has a queue for each project.  If a queue, or the spool as a whole, has no room, or the
disk fails, new notices are dropped and counted, and the request goes on: a webhook that is down must not stop a
bucket.  See decision 22.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from shim.config import Settings
from shim.notices.destinations import Destination, Destinations
from shim.notices.segments import Notice, Segment, line, queue_name, used

log = logging.getLogger(__name__)

STORED: Final = "stored"
DROPPED: Final = "dropped"
UNKNOWN: Final = "unknown"

_SHARE: Final = 8  # a queue may have this part of the spool
_SEGMENT_BYTES: Final = 1 << 20  # a file of this size gets a successor
_MOST_OPEN: Final = 64  # files that are open for appending
_LOOK_SECONDS: Final = 1.0  # between two looks at what is on the disk
_TELL_SECONDS: Final = 10.0  # between two lines of the log about dropped notices

Observe = Callable[[str, str, int], None]  # destination, outcome, how many


class Entry(NamedTuple):
    """A notice for the queue of a project, or for one that is named."""

    project: str
    notice: Notice
    queue: str = ""


class Spool:
    """Appends notices to queues below a directory, which at most `most` bytes may take."""

    def __init__(self, directory: Path, most: int, observe: Observe) -> None:
        self.directory = directory
        self._most = most
        self._observe = observe
        self._waiting: list[tuple[Sequence[Entry], bool, asyncio.Future[bool]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "notices")
        # The following are used by that thread only.
        self._open: dict[str, Segment] = {}
        self._used: dict[str, int] = {}
        self._looked = float("-inf")
        self._told = float("-inf")

    async def put(self, entries: Sequence[Entry], *, bounded: bool = True) -> bool:
        """Store notices; return whether all of them are on the disk.  Without `bounded`, no room is no reason."""
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((entries, bounded, stored))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await stored

    async def aclose(self) -> None:
        """Close all files, after what waits is written."""
        if self._writer is not None:
            await self._writer
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            told = [(one, bounded) for entries, bounded, _ in batch for one in entries]
            try:
                fates = await loop.run_in_executor(self._thread, self._commit, told)
            except Exception as error:  # noqa: BLE001 - a bug: each request that waits gets it
                for _, _, stored in batch:
                    if not stored.done():
                        stored.set_exception(error)
                continue
            rest = iter(zip(told, fates, strict=True))
            for entries, _, stored in batch:
                mine = [next(rest) for _ in entries]
                for (entry, _), fate in mine:
                    self._observe(entry.notice.destination, STORED if fate else DROPPED, 1)
                if not stored.done():  # its request may have been cancelled
                    stored.set_result(all(fate for _, fate in mine))

    # In the thread.

    def _commit(self, told: Sequence[tuple[Entry, bool]]) -> list[bool]:
        """Write notices by queue; return for each whether it is on the disk."""
        self._look()
        fates = [False] * len(told)
        queues: defaultdict[str, list[tuple[int, bytes]]] = defaultdict(list)
        in_all = sum(self._used.values())
        for place, (entry, bounded) in enumerate(told):
            queue = entry.queue or queue_name(entry.notice.destination, entry.project)
            text = line(entry.notice)
            size = self._used.get(queue, 0) + len(text)
            if bounded and (size > self._most // _SHARE or in_all + len(text) > self._most):
                self._tell("the queue of %s is full", entry.notice.destination)
                continue
            self._used[queue] = size
            in_all += len(text)
            queues[queue].append((place, text))
        for queue, lines in queues.items():
            if self._append(queue, b"".join(text for _, text in lines)):
                for place, _ in lines:
                    fates[place] = True
        return fates

    def _append(self, queue: str, data: bytes) -> bool:
        try:
            segment = self._open.pop(queue, None) or Segment(self.directory / queue)
        except OSError as error:
            self._tell("nothing can be stored: %s", error)
            return False
        try:
            segment.append(data)
        except OSError as error:
            segment.close()  # what it has behind its last whole write was never reported as stored
            self._tell("nothing can be stored: %s", error)
            return False
        if segment.size >= _SEGMENT_BYTES:
            segment.close()
            return True
        self._open[queue] = segment
        if len(self._open) > _MOST_OPEN:
            self._open.pop(next(iter(self._open))).close()
        return True

    def _look(self) -> None:
        """Look what is on the disk, where others write too and the deliverer deletes."""
        now = time.monotonic()
        if now - self._looked > _LOOK_SECONDS:
            self._looked = now
            try:
                self._used = used(self.directory)
            except OSError as error:
                self._tell("nothing can be stored: %s", error)

    def _tell(self, text: str, what: str | OSError) -> None:
        now = time.monotonic()
        if now - self._told > _TELL_SECONDS:
            self._told = now
            log.warning("notifications are dropped: %s", text % what)

    def _close(self) -> None:
        while self._open:
            self._open.popitem()[1].close()


def opened(settings: Settings, observe: Observe) -> Notices | None:
    """Return what the actions use; None where the operator has named no destinations."""
    if settings.notification_file is None:
        return None
    destinations = Destinations(settings.notification_file.expanduser())
    return Notices(destinations, spool(settings, observe), observe)


def spool(settings: Settings, observe: Observe) -> Spool:
    """Return the spool of this machine."""
    place = settings.notification_dir or settings.state_dir / "notifications"
    return Spool(place.expanduser(), settings.notification_bytes, observe)


class Notices:
    """What the actions use: the destinations that a configuration may name, and the spool."""

    def __init__(self, destinations: Destinations, spool: Spool, observe: Observe) -> None:
        self._destinations = destinations
        self._spool = spool
        self._observe = observe

    def destination(self, arn: str) -> Destination | None:
        """Return the webhook behind an ARN; None if the operator has named none."""
        return self._destinations.get(arn)

    async def put(self, project: str, notices: Sequence[Notice]) -> None:
        """Store notices of a project's bucket; those without a destination any more are counted only."""
        known = []
        for one in notices:
            if self._destinations.get(one.destination) is None:
                self._observe("", UNKNOWN, 1)
            else:
                known.append(Entry(project, one))
        if known:
            await self._spool.put(known)

    async def aclose(self) -> None:
        """End the spool."""
        await self._spool.aclose()
