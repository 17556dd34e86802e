"""The work of ImportImage and ImportSnapshot: a disk image in a bucket becomes an image, or a snapshot.

The object is inspected first.  Then it is streamed to Glance, which keeps it in its format, and inspected again on the
way: another object may have taken its place.  For a snapshot Cinder makes a volume of that image, converting it, and
the snapshot of this volume.  See decision 31.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable
from functools import partial
from typing import Final

from adapters.errors import BackendError, Fault
from adapters.types.block import NewSnapshot, NewVolume
from adapters.types.images import Image, NewImage
from shim.context import Call, Opened
from shim.ec2.images import task_records as records
from shim.ec2.images.inspection import FOOTER, FORMATS, Format, Inspection, RefusedDiskError, Verdict
from shim.ec2.images.task_work import BUSY, Progress, image_gone, not_made, settled, volume_gone
from shim.ec2.tags.creating import HALF_DONE
from shim.ec2.volumes import snapshot_rows
from shim.errors import AwsError
from shim.undo import undoing

_GIB: Final = 1 << 30


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
        undo(partial(volume_gone, call, progress), made.id)
        await progress.step(call, message="creating the snapshot")
        volume = await settled(partial(block.volume, made.id), BUSY)
        if volume.status != "available":
            raise not_made("volume")
        snapshot = await block.create_snapshot(
            NewSnapshot(made.id, description=str(task.state.get("description") or ""), metadata=mark)
        )
        await progress.step(call, snapshot=snapshot.id)
        if (await settled(partial(block.snapshot, snapshot.id), BUSY)).status != "available":
            raise not_made("snapshot")
        await progress.step(call, last=True)
        await call.cloud.images.delete_image(image.id)
        await block.delete_volume_metadata(made.id, HALF_DONE)


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
    undo(partial(image_gone, call, progress), image.id)
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
        return await records.needed(call).buckets.open(call, bucket, key, span)
    except (AwsError, BackendError) as error:
        if not records.is_refusal(error):
            raise
        raise _unreadable(bucket, key) from error


def _unreadable(bucket: str, key: str) -> AwsError:
    return AwsError("InvalidParameter", f"User does not have access to the S3 object.({bucket}/{key})")
