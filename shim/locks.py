"""Named locks, for sequences of calls that OpenStack cannot do atomically.

Swift ignores `If-Match` on PUT and DELETE, and nothing in Nova or Neutron makes a ClientToken unique, so a compare and
its write happen while a lock is held.  Within one process an `asyncio.Lock` suffices; between replicas the lock is a
file in a shared directory (`file://`), or one of tooz in a service that the operator runs (etcd, Redis, ZooKeeper).

`Rounds` lets requests that wait for the same lock do their work together, once one of them has it.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import logging
import os
import random
import re
import uuid
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
from tooz import ToozError, coordination

from adapters.errors import BackendError, Fault
from shim.undo import to_the_end

log = logging.getLogger(__name__)

T = TypeVar("T")

# A holder makes a few calls to OpenStack and waits for nothing else, neither for a server to become ACTIVE nor for a
# volume to become available.  A request that waits longer than this for a lock is answered 503, and SDKs retry it.
WAIT_SECONDS = 30.0
_THREADS = 16  # each makes short calls; no thread blocks until a lock is free
_THREADS_EACH = 4  # of which one account uses so many at a time, so that others have some when its calls are slow
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.25
_TRIES_PER_SECOND = 50  # how often all waiters of one account together try again
_FILE = re.compile(r"[0-9a-f]{64}")


class SharedLock(Protocol):
    """A lock that all gateways see."""

    def acquire(self, blocking: bool) -> bool:
        """Take the lock at once and return True, or return False; never wait."""
        ...

    def release(self) -> object:
        """Release the lock."""
        ...


class LockService(Protocol):
    """A store of shared locks.  Its calls block, and raise ToozError or OSError where the service cannot be reached."""

    def start(self) -> object:
        """Connect."""
        ...

    def stop(self) -> object:
        """Disconnect and release every lock."""
        ...

    def get_lock(self, name: bytes) -> SharedLock:
        """Return a lock by its name."""
        ...


class Locks:
    """Named locks, shared by all gateways that use the same `url` (`file:///directory`, or a URL of tooz).

    A name has a kind, the account (a project id) that it belongs to, and further parts.  Different names are different
    locks.  A lock ends with the connection to its service.  Raises BackendError UNAVAILABLE for a wait longer than
    `wait_seconds`, and where the service cannot be reached.
    """

    def __init__(self, url: str, wait_seconds: float = WAIT_SECONDS) -> None:
        self._url = url
        self.wait_seconds = wait_seconds
        self.rounds = Rounds(self)
        self._service: LockService | None = None
        self._threads = anyio.CapacityLimiter(_THREADS)
        self._local: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._turns: weakref.WeakValueDictionary[str, asyncio.Semaphore] = weakref.WeakValueDictionary()
        self._waiting: Counter[str] = Counter()  # waits for locks that other gateways hold, by account

    async def start(self) -> None:
        """Connect to the service; a URL that does not work fails the start, not the first request."""
        parts = urlsplit(self._url)
        service: LockService = FileLocks(Path(parts.path)) if parts.scheme == "file" else Coordination(self._url)
        await anyio.to_thread.run_sync(service.start)
        self._service = service

    async def stop(self) -> None:
        """Disconnect from the service and release every lock."""
        if self._service is not None:
            await anyio.to_thread.run_sync(self._service.stop)
            self._service = None

    @asynccontextmanager
    async def hold(self, sort: str, account: str = "", *name: str) -> AsyncIterator[None]:
        """Hold the lock of that name for the length of the block."""
        async with self._held((sort, account, *name)):
            yield

    def within(self, *name: str) -> asyncio.Lock:
        """Return a lock that this process alone knows."""
        return self._local.setdefault("within " + _digest(name), asyncio.Lock())

    @asynccontextmanager
    async def hold_until(self, until: float, name: tuple[str, ...]) -> AsyncIterator[None]:
        """Hold a lock, and wait for it until that time of the event loop at most."""
        async with self._held(name, until):
            yield

    @asynccontextmanager
    async def hold_all(self, names: Iterable[tuple[str, ...]]) -> AsyncIterator[None]:
        """Hold the locks of several names; all callers take them in the same order, so that no two deadlock."""
        async with AsyncExitStack() as stack:
            for name in sorted(set(names)):
                await stack.enter_async_context(self._held(name))
            yield

    @asynccontextmanager
    async def _held(self, name: tuple[str, ...], until: float | None = None) -> AsyncIterator[None]:
        digest = _digest(name)
        local = self._local.setdefault(digest, asyncio.Lock())
        shared = self._service.get_lock(digest.encode()) if self._service else None
        account = name[1] if len(name) > 1 else ""
        until = asyncio.get_running_loop().time() + self.wait_seconds if until is None else until
        try:
            async with asyncio.timeout_at(until):
                await local.acquire()
        except TimeoutError as error:
            raise _never_free() from error
        try:
            if shared is not None:
                await self._acquire(shared, account, until)
            try:
                yield
            finally:
                if shared is not None:
                    await to_the_end(self._release(shared, account))
        finally:
            local.release()

    async def _acquire(self, shared: SharedLock, account: str, until: float) -> None:
        """Try until the lock is free; the more waiters an account has, the less often each of them tries."""
        if await self._try(shared, account):
            return
        pause = _FIRST_PAUSE
        self._waiting[account] += 1
        try:
            while asyncio.get_running_loop().time() < until:
                least = self._waiting[account] / _TRIES_PER_SECOND
                await asyncio.sleep(max(pause, least) * random.uniform(0.75, 1.25))  # noqa: S311 - no secret
                if await self._try(shared, account):
                    return
                pause = min(pause * 2, _LONGEST_PAUSE)
            raise _never_free()
        finally:
            self._waiting[account] -= 1
            if not self._waiting[account]:
                del self._waiting[account]

    async def _try(self, shared: SharedLock, account: str) -> bool:
        trying = asyncio.ensure_future(self._in_thread(account, lambda: bool(shared.acquire(blocking=False))))
        try:
            return await to_the_end(trying)
        except asyncio.CancelledError:  # the thread's call went on, and may have taken the lock
            if trying.done() and not trying.cancelled() and not trying.exception() and trying.result():
                await to_the_end(self._release(shared, account))
            raise

    async def _release(self, shared: SharedLock, account: str) -> None:
        try:
            await self._in_thread(account, shared.release)
        except BackendError as error:
            log.warning("a lock could not be given back, and ends with its session: %s", error.detail)

    async def _in_thread(self, account: str, call: Callable[[], T]) -> T:
        try:
            async with self._turns.setdefault(account, asyncio.Semaphore(_THREADS_EACH)):
                return await anyio.to_thread.run_sync(call, limiter=self._threads)
        except (ToozError, OSError) as error:
            raise BackendError(Fault.UNAVAILABLE, service="coordination", detail=type(error).__name__) from error


@dataclass(slots=True, eq=False)
class _Waiting:
    """A request that waits for a round: `turn` ends when it leads one, or when another has done its work (False)."""

    work: Any
    until: float
    alone: bool = False
    turn: asyncio.Future[bool] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Rounds:
    """Work of several requests that is done in one go, under a lock that each of them would have waited for.

    The first request of a process waits for the lock.  Once it has it, it does the work of all that wait by then, and
    those that come meanwhile are the next round.  If a round fails, each of its requests is done again by itself, under
    the lock, so that every request gets its own answer.  Processes know nothing of each other's rounds: between them
    there is the lock.
    """

    def __init__(self, locks: Locks) -> None:
        self._locks = locks
        self._queues: dict[Hashable, list[_Waiting]] = {}

    async def join(
        self, name: tuple[str, ...], who: Hashable, work: T, run: Callable[[Sequence[T]], Awaitable[None]]
    ) -> None:
        """Have `work` done by `run` under the lock of that name, maybe with the work of others.

        Only requests of the same `who` are done together, since each acts with the rights of one of them.  `run` takes
        back what it did if it fails.
        """
        me = _Waiting(work, self._latest())
        key = (name, who)
        queue = self._queues.setdefault(key, [])
        queue.append(me)
        try:
            if queue[0] is me or await me.turn:
                while not await self._lead(name, queue, me, run):
                    pass
        finally:
            self._leave(key, queue, me)

    async def _lead(
        self,
        name: tuple[str, ...],
        queue: list[_Waiting],
        me: _Waiting,
        run: Callable[[Sequence[T]], Awaitable[None]],
    ) -> bool:
        """Do a round, and tell whether it is done; if it failed with others in it, it is to be done alone."""
        async with self._locks.hold_until(me.until, name):
            taken = [] if me.alone else [one for one in queue[1:] if not one.alone]
            for one in taken:
                queue.remove(one)
            try:
                await run([one.work for one in (me, *taken)])
            except BaseException as error:
                left = [one for one in taken if not one.turn.done()]
                queue[1:1] = left
                if not taken or not isinstance(error, Exception):
                    raise
                for one in (me, *left):
                    one.alone, one.until = True, self._latest()
                return False
            for one in taken:
                if not one.turn.done():  # its request may have been cancelled
                    one.turn.set_result(False)
        return True

    def _latest(self) -> float:
        """Return until when a request may wait for its next turn."""
        return asyncio.get_running_loop().time() + self._locks.wait_seconds

    def _leave(self, key: Hashable, queue: list[_Waiting], me: _Waiting) -> None:
        """Leave the queue, and let the next one lead if this one did."""
        if me not in queue:
            return
        led = queue[0] is me
        queue.remove(me)
        if not queue:
            del self._queues[key]
        elif led and not queue[0].turn.done():  # a cancelled one lets the next one lead when it leaves
            queue[0].turn.set_result(True)


class Coordination:
    """tooz's locks, in the service that a URL names."""

    def __init__(self, url: str) -> None:
        self._coordinator: Any = coordination.get_coordinator(url, uuid.uuid4().hex.encode())

    def start(self) -> None:
        """Connect, and keep the session alive by heartbeats from here on."""
        self._coordinator.start(True)

    def stop(self) -> None:
        """Disconnect."""
        self._coordinator.stop()

    def get_lock(self, name: bytes) -> SharedLock:
        """Return a lock of tooz's."""
        lock: SharedLock = self._coordinator.get_lock(name)
        return lock


class FileLocks:
    """A file for each lock that is held, in one directory.

    tooz's own driver leaves a file behind for every name that was ever locked.  Here the holder removes its file before
    it releases the lock, so there are as many files as held locks.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def start(self) -> None:
        """Make the directory, see that files in it can be locked, and remove what killed gateways left there."""
        self._directory.mkdir(parents=True, exist_ok=True)
        left = [Path(one.path) for one in os.scandir(self._directory) if _FILE.fullmatch(one.name)]
        for path in [*left, self._directory / uuid.uuid4().hex]:
            one = FileLock(path)
            if one.acquire(blocking=False):
                one.release()

    def stop(self) -> None:
        """Do nothing: locks of files end with their holder."""

    def get_lock(self, name: bytes) -> SharedLock:
        """Return a lock by its name, which is the name of its file."""
        return FileLock(self._directory / name.decode())


class FileLock:
    """A lock on a file of its own (flock(2), which the kernel releases when the holder dies)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1

    def acquire(self, blocking: bool) -> bool:
        """Take the lock, or return False; `blocking` is tooz's parameter, and always False."""
        file = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            taken = take(file, self._path)
        except BaseException:
            os.close(file)
            raise
        if taken:
            self._file = file
        else:
            os.close(file)
        return taken

    def release(self) -> None:
        """Remove the file and release the lock by closing it."""
        with suppress(FileNotFoundError):
            self._path.unlink()
        os.close(self._file)
        self._file = -1


def take(file: int, path: Path) -> bool:
    """Lock an open file, and say whether it is the lock of that path.

    A holder removes its file: a process that opened it before that has locked a file that others will not find.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file), path.stat())
    except (BlockingIOError, FileNotFoundError):
        return False


def _digest(name: tuple[str, ...]) -> str:
    """Return a digest of a lock's name, which every service accepts as a name."""
    parts = (part.encode("utf-8", "surrogateescape") for part in name)
    return hashlib.sha256(b"".join(b"%d:%b" % (len(part), part) for part in parts)).hexdigest()


def _never_free() -> BackendError:
    return BackendError(Fault.UNAVAILABLE, service="coordination", detail="a lock was not free in time")
