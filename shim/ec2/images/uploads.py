"""Changes of images whose data is being uploaded.

Glance ends an upload by writing the properties that it read at the upload's start (`upload` in
glance/api/v2/image_data.py saves the image that it got before), so it takes back what is written meanwhile.  Two things
follow:

* A change of such an image is made twice: at once, for those who read, and again after the upload.
* CreateImage of an instance whose root is no volume gives Nova the mapping of the data volumes as further properties.
  After the upload they become the mapping that Nova reads.  Until then EC2 shows the image as pending.  A killed
  gateway loses nothing: whoever reads the image next finishes it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from adapters.errors import BackendError
from adapters.types.block import Snapshot
from adapters.types.images import Image
from shim.concurrency import gather, gather_all
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.images import mapping
from shim.ec2.images.task_records import needed
from shim.errors import AwsError
from shim.record import current

log = logging.getLogger(__name__)

UPLOADING: Final = frozenset(("queued", "saving", "uploading", "importing"))
# The metadata of a snapshot that CreateImage made, with the UUID of the image.
OF_IMAGE: Final = "ec2:image"
_LATER, _FAILED = "ec2:later:", "ec2:failed"
_LONGEST_VALUE: Final = 255  # of a server image's metadata (`metadata` in nova/api/validation/parameter_types.py)
_STALE: Final = timedelta(minutes=2)  # CreateImage makes the snapshots within the 60 s that SDKs wait
_LONGEST_UPLOAD: Final = 6 * 3600.0
_FIRST_PAUSE: Final = 0.3
_LONGEST_PAUSES: Final = {"saving": 5.0}  # seconds, by status: data comes; other uploads may never begin
_LONGEST_PAUSE: Final = 60.0


def later(devices: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Write a mapping as properties that become an image's mapping after its upload.

    A device that is to have a snapshot has `volume_id`, the volume of which CreateImage makes the snapshot.
    """
    text = json.dumps(list(devices), separators=(",", ":"))
    starts = range(0, len(text), _LONGEST_VALUE)
    return {f"{_LATER}{place}": text[start : start + _LONGEST_VALUE] for place, start in enumerate(starts)}


def unfinished(image: Image) -> bool:
    """Tell whether an image does not have its mapping yet."""
    return f"{_LATER}0" in image.properties


def state(image: Image, said: str) -> str:
    """Return EC2's state of an image, from that of an image of Glance's status."""
    if not unfinished(image) or said != "available":
        return said
    return "failed" if _FAILED in image.properties else "pending"


async def usable(call: Call, uuid: str) -> Image:
    """Read an image that is to be used; raise Unavailable if it cannot be used, or not yet."""
    image = await finished(call, await call.cloud.images.image(uuid))
    check(image)
    return image


def check(image: Image) -> None:
    """Raise Unavailable for an image that cannot be used, or not yet."""
    if image.status != "active" or unfinished(image):
        raise AwsError("InvalidAMIID.Unavailable", f"The image ID '{ids.aws('ami', image.id)}' is not available")


async def all_finished(call: Call, images: Iterable[Image]) -> list[Image]:
    """Finish images whose uploads have ended."""
    return await gather_all((finished(call, image) for image in images), most=4)


async def finished(call: Call, image: Image) -> Image:
    """Write the mapping of an image of the project's own if its upload has ended; return the image as it is then."""
    own = image.owner == call.caller.project_id
    if not (own and unfinished(image) and image.status == "active") or _FAILED in image.properties:
        return image
    try:
        async with _alone(call, image.id):
            image, listed = await gather(call.cloud.images.image(image.id), call.cloud.block.snapshots())
            return await _mapped(call, image, listed) if unfinished(image) else image
    except (AwsError, BackendError) as error:  # a caller who may only read, or a cloud that is busy: the next one tries
        log.debug("the mapping of image %s could not be written: %s", image.id, error)
        return image


async def _mapped(call: Call, image: Image, listed: Sequence[Snapshot]) -> Image:
    devices = _devices(image, _made(image, listed))
    if devices is None:
        if datetime.now(UTC) - image.created_at < _STALE:
            return image  # the request that makes the snapshots goes on
        return await call.cloud.images.update_image(image.id, set={_FAILED: "1"})
    marks = [name for name in image.properties if name.startswith(_LATER)]
    return await call.cloud.images.update_image(image.id, set=mapping.properties(devices), drop=marks)


async def left(call: Call, image: Image) -> list[str] | None:
    """Return the snapshots of an image that a killed gateway left without some of them; None for any other image.

    The caller holds the lock of the image's name, so nobody is making the others now.
    """
    if not unfinished(image):
        return None
    made = _made(image, await call.cloud.block.snapshots())
    return [*made.values()] if _devices(image, made) is None else None


def _made(image: Image, listed: Iterable[Snapshot]) -> dict[str, str]:
    """Return the snapshots that were made for an image, by their volumes."""
    return {one.volume_id: one.id for one in listed if one.metadata.get(OF_IMAGE) == image.id}


def _devices(image: Image, made: Mapping[str, str]) -> list[dict[str, Any]] | None:
    """Return an image's mapping with its snapshots; None if one of them is missing."""
    found = []
    for one in _wanted(image):
        if "volume_id" not in one:
            found.append(one)
        elif (snapshot_id := made.get(str(one.pop("volume_id")))) is not None:
            found.append({**one, "snapshot_id": snapshot_id})
        else:
            return None
    return found


def _wanted(image: Image) -> list[dict[str, Any]]:
    """Read what `later` wrote."""
    marks = sum(name.startswith(_LATER) for name in image.properties)
    text = "".join(image.properties.get(f"{_LATER}{place}", "") for place in range(marks))
    try:
        found = json.loads(text)
    except ValueError:  # the properties are the project's own to change
        return []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def finish_later(call: Call, image_id: str) -> None:
    """Write an image's mapping when its upload has ended; if too much waits already, whoever reads it will."""
    _start(call, partial(_finish, call, image_id))


async def _finish(call: Call, image_id: str) -> None:
    if (image := await _uploaded(call, image_id)) is not None:
        await finished(call, image)


async def change(call: Call, image_id: str, *, set: Mapping[str, str], drop: Collection[str] = ()) -> None:
    """Write properties of an image and delete others, for good."""
    async with _alone(call, image_id):
        image = await call.cloud.images.update_image(image_id, set=set, drop=drop)
    if image.status not in UPLOADING:
        return
    changes: dict[str, str | None] = {**dict.fromkeys(drop), **set}
    waiting = needed(call).late_changes
    if image_id in waiting:  # the job that waits makes all changes, the last one of each property
        waiting[image_id].update(changes)
    elif _start(call, partial(_change_again, call, image_id)):
        waiting[image_id] = changes
    else:
        log.warning("changes of image %s will be lost at the end of its upload: too many others wait", image_id)


async def _change_again(call: Call, image_id: str) -> None:
    waiting = needed(call).late_changes
    try:
        image = await _uploaded(call, image_id)
    finally:
        changes = waiting.pop(image_id)
    if image is None:
        return
    try:
        async with _alone(call, image_id):
            has = (await call.cloud.images.image(image_id)).properties
            lost = {name: value for name, value in changes.items() if value is not None and has.get(name) != value}
            back = [name for name, value in changes.items() if value is None and name in has]
            if lost or back:
                await call.cloud.images.update_image(image_id, set=lost, drop=back)
    except (AwsError, BackendError) as error:
        log.warning("changes of image %s that were made during its upload are lost: %s", image_id, error)


async def _uploaded(call: Call, image_id: str) -> Image | None:
    """Wait until an image's upload has ended; return None if the image is gone, or cannot be read."""
    end, pause = time.monotonic() + _LONGEST_UPLOAD, _FIRST_PAUSE
    try:
        while (image := await call.cloud.images.image(image_id)).status in UPLOADING and time.monotonic() < end:
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSES.get(image.status, _LONGEST_PAUSE), pause * 1.2)
    except (AwsError, BackendError) as error:
        log.debug("the upload of image %s is no longer watched: %s", image_id, error)
        return None
    return image


def _start(call: Call, job: Callable[[], Awaitable[None]]) -> bool:
    """Start a job after the answer; return False if its account has too many."""

    async def detached() -> None:
        current.set(None)  # the request that began it has a line of its own in the log
        await job()

    jobs, owner = needed(call).jobs, call.caller.account_id
    if room := jobs.has_room(owner):
        jobs.start(owner, detached())
    return room


def _alone(call: Call, image_id: str) -> AbstractAsyncContextManager[None]:
    """Let nobody else change an image's properties meanwhile, as Glance would forget one of two changes.

    See `task_records.alone`.
    """
    return call.locks.hold("image", call.caller.project_id, image_id)
