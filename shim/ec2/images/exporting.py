"""The work of ExportImage: an image's data becomes an object of a bucket, in the format that the client wants.

Data that has this format is passed on as it is; a raw disk becomes a VHD by a footer.  Otherwise Cinder makes a volume
of the image or of its snapshot, and of the volume a temporary image: qemu-img runs in Cinder, so no data of a user is
parsed in the gateway.
See decision 32.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Final, NamedTuple

from adapters.errors import BackendError, Fault, absent_is
from adapters.types.block import NewVolume, Volume
from adapters.types.images import Image
from shim.context import Call, Upload
from shim.ec2.images import fixed_vhd
from shim.ec2.images import task_records as records
from shim.ec2.images.task_work import BUSY, Progress, image_gone, not_made, settled, volume_gone
from shim.ec2.tags.creating import HALF_DONE
from shim.ec2.volumes.snapshot_rows import COPY
from shim.errors import AwsError
from shim.undo import to_the_end, undoing


class Format(NamedTuple):
    """A format of exported images: Glance's name of it, and the format of Glance from which it is written.

    `tail` returns what follows the data, by their size.
    """

    disk_format: str
    written_from: str
    tail: Callable[[int], bytes] = lambda size: b""


# Cinder writes a VHD that it then refuses itself, as qemu-img has another name for it (`qemu-img info -f vhd`).
FORMATS: Final[Mapping[str, Format]] = {
    "RAW": Format("raw", "raw"),
    "VHD": Format("vhd", "raw", fixed_vhd.tail),
    "VMDK": Format("vmdk", "vmdk"),
}
PART: Final = 64 << 20  # bytes
_MOST_PARTS: Final = 10_000
_GIB: Final = 1 << 30


async def export_image(call: Call, progress: Progress) -> None:
    """Write an image into its object."""
    buckets, state = records.needed(call).buckets, progress.task.state
    async with undoing() as undo:
        image, tail = await _in_format(call, progress, undo)
        await progress.step(call, message="uploading")
        upload = await buckets.begin(call, state["bucket"], records.exported_key(state, progress.task.id))
        undo(partial(buckets.abort, call), upload)
        await progress.step(call, upload=upload.id)
        etags = await _sent(call, progress, image, tail, upload)
        if volume := progress.task.state.get("volume"):
            await image_gone(call, progress, image.id)
            await volume_gone(call, progress, volume)
        await progress.step(call, last=True)
        await buckets.complete(call, upload, etags)


async def _in_format(call: Call, progress: Progress, undo: Callable[..., None]) -> tuple[Image, bytes]:
    """Return an image, and what follows its data: the image itself if it can be passed on, or one that Cinder makes."""
    images, state = call.cloud.images, progress.task.state
    source, wanted = await images.image(state["source"]), FORMATS[state["format"]]
    if not source.snapshots and source.disk_format == wanted.disk_format:
        return source, b""
    if source.snapshots or source.disk_format != wanted.written_from:
        source = await _converted(call, progress, source, wanted.written_from, undo)
    return source, wanted.tail(source.size or 0)


async def _converted(
    call: Call, progress: Progress, source: Image, disk_format: str, undo: Callable[..., None]
) -> Image:
    """Let Cinder make an image in a format."""
    task, images, block = progress.task, call.cloud.images, call.cloud.block
    await progress.step(call, message="converting")

    async def volume_made() -> Volume:
        made = await block.create_volume(_volume(source, task))
        undo(partial(volume_gone, call, progress), made.id)
        return made

    volume = await to_the_end(volume_made())
    await progress.step(call, volume=volume.id)
    settled_volume = await settled(partial(block.volume, volume.id), BUSY)
    if settled_volume.status != "available":
        raise not_made("volume")
    if settled_volume.encrypted:
        raise not_exported("an encrypted snapshot")

    async def image_made() -> str:
        made = await block.upload_volume(volume.id, task.id, disk_format, {HALF_DONE: "1"})
        undo(partial(image_gone, call, progress), made)
        return made

    made = await to_the_end(image_made())
    progress.percent = 20
    await progress.step(call)
    await settled(partial(block.volume, volume.id), BUSY)
    image = await absent_is(None, images.image(made))
    if image is None or image.status != "active":
        raise not_made("image")
    progress.percent = 50
    return image


def _volume(source: Image, task: records.Task) -> NewVolume:
    """Describe the volume for an image; it is marked like that of a copied snapshot, so no client sees it."""
    marks = {COPY: task.record.id}
    if source.snapshots:
        return NewVolume(snapshot_id=source.snapshots[0], metadata=marks, name=task.id)
    size = -(-max(source.virtual_size or 0, source.size or 0) // _GIB)
    return NewVolume(size=max(source.min_disk, size, 1), image_id=source.id, metadata=marks, name=task.id)


def not_exported(what: str) -> AwsError:
    """Return the error of an image that cannot be exported."""
    return AwsError("UnsupportedOperation", f"An image of {what} cannot be exported.")


async def _sent(call: Call, progress: Progress, image: Image, tail: bytes, upload: Upload) -> list[str]:
    """Send the data of an image, and what follows them, in parts; return the parts' ETags."""
    size, begun = (image.size or 0) + len(tail), progress.percent
    length = max(PART, -(-size // _MOST_PARTS))
    buckets = records.needed(call).buckets
    etags: list[str] = []
    async with aclosing(call.cloud.images.download(image.id)) as data, aclosing(_followed(data, tail)) as pieces:
        cut = Cut(pieces)
        for start in range(0, size, length):
            part = min(length, size - start)
            etags.append(await buckets.add(call, upload, len(etags) + 1, cut.take(part), part))
            progress.percent = begun + (95 - begun) * (start + part) // size
    return etags


async def _followed(data: AsyncIterator[bytes], tail: bytes) -> AsyncGenerator[bytes, None]:
    async for piece in data:
        yield piece
    if tail:
        yield tail


class Cut:
    """Cuts a stream into parts of a length."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    async def take(self, size: int) -> AsyncIterator[bytes]:
        """Yield the next `size` bytes; raise BackendError UNAVAILABLE where the stream ends before."""
        while size:
            held = self._left or await anext(self._pieces, b"")
            if not held:
                raise BackendError(Fault.UNAVAILABLE, service="image", resource="image", detail="its data ended early")
            piece, self._left = held[:size], held[size:]
            size -= len(piece)
            yield piece
