"""Changes of images whose data is being uploaded.

Glance ends an upload by writing the properties that it read at the upload's start (`upload` in
glance/api/v2/image_data.py saves the image that it got before), so it takes back what is written meanwhile.  Before
the upload of a snapshot Nova writes the formats of its data, and of two writes at one moment Glance keeps one whole: a
snapshot without formats fails, and Nova deletes it.  Three things follow:

* A change of an image that is being uploaded is written twice: at once, for those who read, and again after the upload.
* A change of a snapshot that Nova has not begun to upload is written after the upload only.  Until then this process
  shows the image with it.
* CreateImage of an instance whose root is no volume gives Nova the mapping of the data volumes as further properties.
  After the upload they become the mapping that Nova reads.  Until then EC2 shows the image as pending.

A watcher waits for the end of the upload.  A request that reads the image before the watcher does, or after a gateway
was killed, writes what is missing itself.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from adapters.errors import BackendError, absent_is
from adapters.types.block import Snapshot
from adapters.types.images import Image, json_list
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.images import mapping
from shim.ec2.images.task_records import needed
from shim.ec2.volumes.snapshot_rows import OF_IMAGE
from shim.errors import AwsError
from shim.record import current

log = logging.getLogger(__name__)

_LATER: Final = "ec2:later:"
_LONGEST_VALUE: Final = 255  # of a server image's metadata (`metadata` in nova/api/validation/parameter_types.py)
_WITH_DATA: Final = frozenset(("saving", "uploading", "importing"))  # an upload has read the properties
_UPLOADING: Final = _WITH_DATA | {"queued"}
_STALE: Final = timedelta(minutes=15)  # after the upload: far more than CreateImage takes to ask for the snapshots
_LONGEST_WATCH: Final = 6 * 3600.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.3, 5.0
_MOST_AT_ONCE: Final = 10  # images that one request finishes


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
    """Return EC2's state of an image; `said` is that of any image of Glance's status."""
    if not unfinished(image) or said != "available":
        return said
    return "failed" if datetime.now(UTC) - image.updated_at > _STALE else "pending"


async def usable(call: Call, uuid: str) -> Image:
    """Read an image that is to be used; raise Unavailable if it cannot be used, or not yet."""
    image = await finished(call, await call.cloud.images.image(uuid))
    check(image)
    return image


def check(image: Image) -> None:
    """Raise Unavailable for an image that cannot be used, or not yet."""
    if image.status != "active" or unfinished(image):
        raise _unavailable(image)


def check_uploaded(image: Image) -> None:
    """Raise Unavailable for an image whose launch permissions Glance would take back at the end of its upload."""
    if image.status in _UPLOADING:
        raise _unavailable(image)


def _unavailable(image: Image) -> AwsError:
    return AwsError("InvalidAMIID.Unavailable", f"The image ID '{ids.aws('ami', image.id)}' is not available")


async def finished(call: Call, image: Image) -> Image:
    """Write what waits for the end of an image's upload, if it has ended; return the image as it is then."""
    return (await all_finished(call, [image]))[0]


async def all_finished(call: Call, images: Iterable[Image]) -> list[Image]:
    """Write what waits for the ends of some images' uploads; return all images as they are then."""
    found = {image.id: image for image in images}
    due = [image for image in found.values() if _is_due(call, image)][:_MOST_AT_ONCE]
    try:
        listed = await call.cloud.block.snapshots() if any(unfinished(image) for image in due) else []
        for image in due:
            found[image.id] = await _written(call, image.id, listed)
    except (AwsError, BackendError) as error:  # a caller who may only read, or a cloud that is busy: the next one tries
        log.debug("what waits for the end of an upload could not be written: %s", error)
    return [_shown(call, image) for image in found.values()]


def _shown(call: Call, image: Image) -> Image:
    """Return an image that Nova has not begun to upload with what waits for the upload's end."""
    changes = _waiting(call).get(image.id) if _is_being_taken(image) else None
    if not changes:
        return image
    merged = {name: value for name, value in {**image.properties, **changes}.items() if value is not None}
    return replace(image, properties=merged)


def _is_being_taken(image: Image) -> bool:
    """Tell whether an image is a snapshot of a server that Nova has not begun to upload (`image_type` is Nova's)."""
    return image.status == "queued" and image.properties.get("image_type") == "snapshot"


def _is_due(call: Call, image: Image) -> bool:
    own = image.owner == call.caller.project_id and image.status not in _UPLOADING
    return own and (unfinished(image) or bool(_waiting(call).get(image.id)))


async def _written(call: Call, image_id: str, listed: Sequence[Snapshot]) -> Image:
    async with alone(call, image_id):
        image = await call.cloud.images.image(image_id)
        changes = _waiting(call).get(image_id) or {}
        if image.status in _UPLOADING:
            return image
        wanted = {name: value for name, value in changes.items() if value is not None}
        drop = [name for name, value in changes.items() if value is None]
        if unfinished(image) and (devices := _devices(image, listed)) is not None:
            wanted |= mapping.properties(devices)
            drop += [name for name in image.properties if name.startswith(_LATER)]
        wanted = {name: value for name, value in wanted.items() if image.properties.get(name) != value}
        drop = [name for name in drop if name in image.properties]
        if wanted or drop:
            image = await call.cloud.images.update_image(image_id, set=wanted, drop=drop)
        changes.clear()
        return image


def _waiting(call: Call) -> dict[str, dict[str, str | None]]:
    return call.imports.late_changes if call.imports else {}


async def left(call: Call, image: Image) -> list[str] | None:
    """Return the snapshots of an image that a killed gateway left without some of them; None for any other image.

    The caller holds the lock of the image's name, so nobody is making the others now.
    """
    if not unfinished(image):
        return None
    listed = await call.cloud.block.snapshots()
    if _devices(image, listed, made=("creating", "available")) is not None:
        return None
    return [one.id for one in listed if one.metadata.get(OF_IMAGE) == image.id]


def _devices(
    image: Image, listed: Sequence[Snapshot], made: Collection[str] = ("available",)
) -> list[dict[str, Any]] | None:
    """Return an image's mapping with its snapshots; None if one of them is missing."""
    of_image = (one for one in listed if one.metadata.get(OF_IMAGE) == image.id and one.status in made)
    by_volume = {one.volume_id: one.id for one in of_image}
    marks = sum(name.startswith(_LATER) for name in image.properties)
    text = "".join(image.properties.get(f"{_LATER}{place}", "") for place in range(marks))
    found = []
    for one in json_list(text):
        if "volume_id" not in one:
            found.append(one)
        elif (snapshot_id := by_volume.get(str(one.pop("volume_id")))) is not None:
            found.append({**one, "snapshot_id": snapshot_id})
        else:
            return None
    return found


async def change(call: Call, image_id: str, *, set: Mapping[str, str], drop: Collection[str] = ()) -> None:
    """Write properties of an image and delete others, for good.

    Raises Unavailable, which clients repeat, if too many of the account's images are being uploaded.
    """
    changes: dict[str, str | None] = {**dict.fromkeys(drop), **set}
    async with alone(call, image_id):
        image = await call.cloud.images.image(image_id)
        taken = _is_being_taken(image)
        if not taken:
            image = await call.cloud.images.update_image(image_id, set=set, drop=drop)
        if image_id in _waiting(call):  # its watcher writes all changes, the last one of each property
            _waiting(call)[image_id].update(changes)
        elif (taken or image.status in _WITH_DATA) and not watch(call, image_id, changes):
            raise AwsError("Unavailable", "Too many images are being uploaded. Please try again later.", 503)


def watch(call: Call, image_id: str, changes: dict[str, str | None]) -> bool:
    """Write what waits for the end of an image's upload, when it ends; return False if too many are watched already."""
    jobs, owner = needed(call).uploads, call.caller.account_id
    if not jobs.has_room(owner):
        return False
    _waiting(call)[image_id] = changes
    jobs.start(owner, _watch(call, image_id))
    return True


async def _watch(call: Call, image_id: str) -> None:
    current.set(None)  # the request that began it has a line of its own in the log
    end, pause = time.monotonic() + _LONGEST_WATCH, _FIRST_PAUSE
    try:
        while time.monotonic() < end:
            if await _has_ended(call, image_id):
                return
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 1.2)
        log.warning("image %s is no longer watched; what was changed during its upload may be lost", image_id)
    except Exception:
        log.exception("the watch of image %s failed", image_id)
    finally:
        _waiting(call).pop(image_id, None)


async def _has_ended(call: Call, image_id: str) -> bool:
    """Write what waits for an image's upload, and tell whether there is nothing more to wait for."""
    try:
        image = await absent_is(None, call.cloud.images.image(image_id))
    except BackendError as error:
        log.debug("image %s could not be read: %s", image_id, error)
        return False
    if image is None:
        return True
    image = await finished(call, image)
    ended = not _is_due(call, image) or state(image, "available") == "failed"
    return ended and image.status not in _UPLOADING


def alone(call: Call, image_id: str) -> AbstractAsyncContextManager[None]:
    """Let nobody else change an image meanwhile, as Glance would forget one of two changes.

    See `task_records.alone`.
    """
    return call.locks.hold("image", call.caller.project_id, image_id)
