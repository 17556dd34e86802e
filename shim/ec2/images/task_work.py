"""The work of a task that outlives its request: its turn, its progress, its cancellation, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Container
from functools import partial
from typing import Any, Final

from adapters.errors import BackendError, absent_is
from shim.context import Call
from shim.ec2.images import task_records as records
from shim.ec2.images.inspection import RefusedDiskError
from shim.ec2.images.task_records import Task
from shim.errors import AwsError
from shim.record import current
from shim.undo import to_the_end

log = logging.getLogger(__name__)

# What Cinder is doing with a volume or a snapshot that is not to be deleted meanwhile.
BUSY: Final = frozenset(("creating", "downloading", "uploading"))
_PAUSE: Final = 0.5
_LONGEST: Final = 6 * 3600.0  # for Cinder to convert a disk
_PATIENCE: Final = 5.0  # seconds in which Cinder should be able to delete a volume; a gateway that stops waits for it


class Progress:
    """How far a task is: the record of it, and the percentage of the work.

    `left` says that something which the work had made could not be deleted in `patience` seconds.
    """

    def __init__(self, task: Task, patience: float = _PATIENCE) -> None:
        self.task = task
        self.percent = 0
        self.patience = patience
        self.left = False

    async def save(self, call: Call, **change: Any) -> None:
        """Write the task's state.  The work and the one who watches it write in turn, so that no change is lost."""
        async with records.alone(call, self.task.record.id):
            await self._write(call, **change)

    async def step(self, call: Call, *, last: bool = False, **change: Any) -> None:
        """Write the task's state before a step of the work; end the work if the client has cancelled the task.

        The last step cannot be cancelled once it has begun.
        """
        async with records.alone(call, self.task.record.id):
            await self._write(call, **change)
            if self.task.cancelled:
                raise asyncio.CancelledError
            if last:
                await self._write(call, last=True)

    async def _write(self, call: Call, **change: Any) -> None:
        self.task = await records.saved(call, self.task, progress=self.percent, **change)


Work = Callable[[Call, Progress], Awaitable[None]]


async def run(call: Call, progress: Progress, work: Work) -> None:
    """Do the work of a task, and write its end into the record.

    If something of it is left, no end is written: whoever reads the record later ends the task, and deletes that.
    """
    current.set(None)  # the request that began it has a line of its own in the log
    task = progress.task
    message = await _outcome(call, progress, work)
    if progress.left:
        return
    if not message:
        progress.percent = 100
    try:
        await to_the_end(progress.save(call, status="deleted" if message else "completed", message=message))
    except BackendError as error:  # the next gateway that reads the task ends it, by what was made
        log.warning("the end of %s could not be written: %s", task.id, error)


async def _outcome(call: Call, progress: Progress, work: Work) -> str:
    """Do the work, and return '' or the message of its failure."""
    working = asyncio.ensure_future(_in_turn(call, progress, work))
    try:
        await _watched(call, progress, working)
    except asyncio.CancelledError:
        if not progress.task.state.get("last"):  # what has been told as done must not be half done
            working.cancel()
        await to_the_end(asyncio.wait({working}))
        return records.end_of(progress.task) if working.cancelled() or working.exception() else ""
    except RefusedDiskError as refused:
        return f"ClientError: Disk validation failed [{refused}]"
    except AwsError as error:
        return f"{'ClientError' if error.status < 500 else 'ServerError'}: {error.message}"
    except BackendError as error:
        log.warning("%s failed: %s", progress.task.id, error)
        return f"ServerError: {error.service} could not process the disk ({error.fault.value})."
    except Exception:
        log.exception("%s failed", progress.task.id)
        return "ServerError: an internal error has occurred"
    return ""


async def _in_turn(call: Call, progress: Progress, work: Work) -> None:
    async with records.needed(call).jobs.turn(call.caller.account_id):
        await work(call, progress)


async def _watched(call: Call, progress: Progress, working: asyncio.Future[None]) -> None:
    """Wait for the work, write every few seconds that it goes on, and end it when the client has cancelled the task."""
    while True:
        done, _ = await asyncio.wait({working}, timeout=records.BEAT_SECONDS)
        if done:
            return working.result()
        try:
            await progress.save(call)
        except BackendError as error:
            log.debug("the state of %s could not be written: %s", progress.task.id, error)
        if progress.task.cancelled:
            working.cancel()


async def settled(look: Callable[[], Awaitable[Any]], busy: Container[str]) -> Any:
    """Read a resource until its status is none of `busy`."""
    end = time.monotonic() + _LONGEST
    while (found := await look()).status in busy:
        if time.monotonic() > end:
            raise AwsError("InternalError", "The volume service takes too long.", 500)
        await asyncio.sleep(_PAUSE)
    return found


async def volume_gone(call: Call, progress: Progress, volume_id: str) -> None:
    """Delete a volume and its snapshots, if it is there; Cinder refuses that while it is busy with them."""
    block = call.cloud.block
    try:
        async with asyncio.timeout(progress.patience):
            if await absent_is(None, settled(partial(block.volume, volume_id), BUSY)) is None:
                return
            for snapshot in await block.snapshots(volume_id=volume_id):
                await settled(partial(block.snapshot, snapshot.id), BUSY)
        await block.delete_volume(volume_id, cascade=True)
    except (TimeoutError, BackendError) as error:
        log.warning("volume %s of %s is left: %s", volume_id, progress.task.id, error)
        progress.left = True


async def image_gone(call: Call, progress: Progress, image_id: str) -> None:
    """Delete an image that the work has made, if it is there."""
    try:
        await absent_is(None, call.cloud.images.delete_image(image_id))
    except BackendError as error:
        log.warning("image %s of %s is left: %s", image_id, progress.task.id, error)
        progress.left = True


def not_made(what: str) -> AwsError:
    """Return the error of something that Cinder could not make."""
    return AwsError("InternalError", f"The {what} could not be made: the volume service cannot read this disk.", 500)
