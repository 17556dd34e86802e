"""The work of ImportImage and ImportSnapshot: a disk image in a bucket becomes an image, or a snapshot.

The object is inspected first.  Then it is streamed to Glance, which keeps it in its format, and inspected again on the
way: another object may have taken its place.  For a snapshot Cinder makes a volume of that image, converting it, and
the snapshot of this volume.  See decision 31.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Container
from functools import partial
from typing import Any, Final

from adapters.errors import BackendError, Fault
from adapters.types.block import NewSnapshot, NewVolume
from adapters.types.images import Image, NewImage
from shim.context import Call, Imports, Opened
from shim.ec2.images import task_records as records
from shim.ec2.images.inspection import FOOTER, FORMATS, Format, Inspection, RefusedDiskError, Verdict
from shim.ec2.images.task_records import Task
from shim.ec2.tags.creating import HALF_DONE
from shim.ec2.volumes import snapshot_rows
from shim.errors import AwsError
from shim.record import current
from shim.undo import to_the_end, undoing

log = logging.getLogger(__name__)

_GIB: Final = 1 << 30
_BUSY: Final = frozenset(("creating", "downloading"))
_PAUSE: Final = 1.0
_LONGEST: Final = 6 * 3600.0  # for Cinder to convert a disk


class Progress:
    """How far a task is: the record of it, and the percentage of the work."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.percent = 0

    async def save(self, call: Call, **change: Any) -> None:
        """Write the task's state.  The work and the one who watches it write in turn, so that no change is lost."""
        async with records.alone(call, self.task):
            await self._write(call, **change)

    async def step(self, call: Call, *, last: bool = False, **change: Any) -> None:
        """Write the task's state before a step of the work; end the work if the client has cancelled the task.

        The last step cannot be cancelled once it has begun.
        """
        async with records.alone(call, self.task):
            await self._write(call, **change)
            if self.task.cancelled:
                raise asyncio.CancelledError
            if last:
                await self._write(call, last=True)

    async def _write(self, call: Call, **change: Any) -> None:
        self.task = await records.saved(call, self.task, progress=self.percent, **change)


Work = Callable[[Call, Progress], Awaitable[None]]


def needed(call: Call) -> Imports:
    """Return what imports need."""
    assert call.imports is not None  # the gateway serves S3 beside EC2
    return call.imports


async def run(call: Call, task: Task, work: Work) -> None:
    """Do the work of a task, and write its end into the record."""
    current.set(None)  # the request that began it has a line of its own in the log
    progress = Progress(task)
    message = await _outcome(call, progress, work)
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
        working.cancel()
        await to_the_end(asyncio.wait({working}))
        return records.end_of(progress.task) if working.cancelled() or working.exception() else ""
    except RefusedDiskError as refused:
        return f"ClientError: Disk validation failed [{refused}]"
    except AwsError as error:
        return f"{'ClientError' if error.status < 500 else 'ServerError'}: {error.message}"
    except BackendError as error:
        log.warning("%s failed: %s", progress.task.id, error)
        return f"ServerError: {error.service} could not store the disk ({error.fault.value})."
    except Exception:
        log.exception("%s failed", progress.task.id)
        return "ServerError: an internal error has occurred"
    return ""


async def _in_turn(call: Call, progress: Progress, work: Work) -> None:
    async with needed(call).jobs.turn(call.caller.account_id):
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


async def import_image(call: Call, progress: Progress) -> None:
    """Make an image of the object."""
    async with undoing() as undo:
        image = await _stored(call, progress, undo)
        await progress.step(call, last=True)
        await call.cloud.images.update_image(image.id, set={}, drop=[HALF_DONE])


async def import_snapshot(call: Call, progress: Progress) -> None:
    """Make a snapshot of the object; its volume is marked as a copy's is, so it is not shown and ends with it."""
    block, task = call.cloud.block, progress.task
    async with undoing() as undo:
        image = await _stored(call, progress, undo)
        mark = {snapshot_rows.COPY: task.record.id}
        made = await block.create_volume(
            NewVolume(size=image.min_disk, image_id=image.id, metadata={**mark, HALF_DONE: "1"}, name=task.id)
        )
        undo(partial(_volume_gone, call), made.id)
        await progress.step(call, volume=made.id, message="creating the snapshot")
        volume = await _settled(partial(block.volume, made.id), _BUSY)
        if volume.status != "available":
            raise _not_made("volume")
        snapshot = await block.create_snapshot(
            NewSnapshot(made.id, description=str(task.state.get("description") or ""), metadata=mark)
        )
        await progress.step(call, snapshot=snapshot.id)
        if (await _settled(partial(block.snapshot, snapshot.id), _BUSY)).status != "available":
            raise _not_made("snapshot")
        await progress.step(call, last=True)
        await call.cloud.images.delete_image(image.id)
        await block.delete_volume_metadata(made.id, HALF_DONE)


def _not_made(what: str) -> AwsError:
    return AwsError("InternalError", f"The {what} could not be made: the volume service cannot read this disk.", 500)


async def _settled(look: Callable[[], Awaitable[Any]], busy: Container[str]) -> Any:
    """Read a resource until its status is none of `busy`."""
    end = time.monotonic() + _LONGEST
    while (found := await look()).status in busy:
        if time.monotonic() > end:
            raise AwsError("InternalError", "The volume service takes too long.", 500)
        await asyncio.sleep(_PAUSE)
    return found


async def _volume_gone(call: Call, volume_id: str) -> None:
    """Delete the volume and its snapshot, which Cinder refuses while it makes them."""
    block = call.cloud.block
    await _settled(partial(block.volume, volume_id), _BUSY)
    for snapshot in await block.snapshots(volume_id=volume_id):
        await _settled(partial(block.snapshot, snapshot.id), _BUSY)
    await block.delete_volume(volume_id, cascade=True)


async def _stored(call: Call, progress: Progress, undo: Callable[..., None]) -> Image:
    """Inspect the object, and upload it as an image with the half-done mark, whose name is the task's id."""
    state, images = progress.task.state, call.cloud.images
    bucket, key = state["bucket"], state["key"]
    await progress.step(call, message="validating")
    told = await _inspected(call, FORMATS[state["format"]], bucket, key)
    properties = {**(state.get("properties") or {}), HALF_DONE: "1"}
    image = await images.create_image(
        NewImage(progress.task.id, properties, disk_format=told.format.disk_format, min_disk=-(-told.disk // _GIB))
    )
    undo(images.delete_image, image.id)
    progress.percent = 5
    await progress.step(call, message="converting", image=image.id, size=told.disk)
    reading = await opened(call, bucket, key, f"bytes=0-{told.length - 1}")
    try:
        await images.upload(image.id, checked(reading, told, progress), told.length)
    finally:
        reading.close()
    stored = await images.image(image.id)
    if stored.status != "active" or stored.size != told.length:
        raise BackendError(Fault.UNAVAILABLE, service="image", resource="image", id=image.id, detail=stored.status)
    return stored


async def _inspected(call: Call, wanted: Format, bucket: str, key: str) -> Verdict:
    """Inspect an object before any of it is sent; raise RefusedDiskError."""
    end = await opened(call, bucket, key, f"bytes=-{FOOTER}")
    try:
        footer = b"".join([piece async for piece in end.pieces])
    finally:
        end.close()
    inspection = Inspection()
    reading = await opened(call, bucket, key)
    try:
        async for piece in reading.pieces:
            inspection.eat(piece)
            if inspection.decided:
                break
    finally:
        reading.close()
    inspection.footer = footer
    return inspection.verdict(wanted, reading.size)


async def checked(reading: Opened, told: Verdict, progress: Progress) -> AsyncIterator[bytes]:
    """Pass the pieces of an object on; raise RefusedDiskError before the last one if they are not what was inspected.

    So an upload of other content never becomes whole, and Glance never makes an image of it.
    """
    inspection, read = Inspection(), 0
    async for piece, last in _with_last(reading.pieces):
        inspection.eat(piece)
        read += len(piece)
        if last and inspection.verdict(told.format, read) != told:
            raise RefusedDiskError("the object changed while it was read")
        yield piece
        progress.percent = min(95, 5 + 90 * read // told.length)


async def _with_last(pieces: AsyncIterable[bytes]) -> AsyncIterator[tuple[bytes, bool]]:
    """Yield each piece, and whether it is the last one."""
    before: bytes | None = None
    async for piece in pieces:
        if before is not None:
            yield before, False
        before = piece
    if before is not None:
        yield before, True


async def opened(call: Call, bucket: str, key: str, span: str = "") -> Opened:
    """Open an object of a bucket with the caller's rights; raise InvalidParameter where that is not possible."""
    try:
        return await needed(call).buckets.open(call, bucket, key, span)
    except AwsError as error:
        if error.status >= 500:
            raise
        raise _unreadable(bucket, key) from error
    except BackendError as error:
        if error.fault not in (Fault.NOT_FOUND, Fault.FORBIDDEN, Fault.RANGE):
            raise
        raise _unreadable(bucket, key) from error


def _unreadable(bucket: str, key: str) -> AwsError:
    return AwsError("InvalidParameter", f"User does not have access to the S3 object.({bucket}/{key})")
