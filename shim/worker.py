"""Worker: one thread for long computations on single requests, shared fairly by the accounts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")


class Worker:
    """Runs pure functions in one thread, so that the event loop serves other requests meanwhile.

    It is one thread, as Python runs the code of one thread at a time: with several, the event loop would wait up to
    five milliseconds (`sys.getswitchinterval`) for each of them before each of its turns.  It is not the loop's default
    executor, so a login to Keystone does not wait behind a parser.

    An owner (an account) has at most one function in the thread's queue, and its other calls wait for that one.  So a
    function waits for at most one function of each other owner, however many those have.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="worker")
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # in use or waited for

    async def run(self, owner: str, work: Callable[[], T]) -> T:
        """Return the result of `work()`.  Cancelled, it does not run; a function that already runs ends first."""
        turn = self._turns.get(owner)
        if turn is None:
            turn = self._turns[owner] = asyncio.Lock()
        await turn.acquire()
        loop = asyncio.get_running_loop()
        job = self._thread.submit(work)
        # The turn ends with the function and not with the caller, which may be cancelled while the function runs.
        job.add_done_callback(lambda _: loop.call_soon_threadsafe(turn.release))
        return await asyncio.wrap_future(job)

    def close(self) -> None:
        """Wait for the function that runs; those that wait are cancelled."""
        self._thread.shutdown(cancel_futures=True)
