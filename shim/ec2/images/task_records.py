"""Tasks that import and export disks, kept without a database: each has an image of Glance without data as its record.

The record has the half-done mark, so EC2 does not show it as an image.  Its state is one JSON property, written by the
gateway that does the work.  That gateway also writes the time every few seconds.  A task that is active while its time
stands still was left by a gateway that was killed: the next gateway that reads it ends it, and deletes what it made.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from adapters.errors import BackendError, Fault, absent_is
from adapters.types.images import Image, NewImage
from shim.concurrency import gather_all
from shim.context import Call, Imports, Upload
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import EXPORT_IMAGE_TASK, ResourceType
from shim.ec2.tags import codec as tag_codec
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.creating import HALF_DONE
from shim.ec2.volumes.snapshot_rows import COPY
from shim.errors import AwsError

log = logging.getLogger(__name__)

# The property of an image that is the record of a task, with the name of its resource type.
TASK: Final = "ec2:task"
_STATE, _BEAT, _CANCEL = "ec2:task:state", "ec2:task:beat", "ec2:task:cancel"
BEAT_SECONDS: Final = 3.0
_STALE: Final = timedelta(minutes=2)  # far more than a slow Glance, and clocks that differ a little, account for
# "Currently active or were completed or canceled in the previous 7 days" (DescribeImportImageTasks).
_KEPT: Final = timedelta(days=7)
_STOPPED: Final = "ServerError: The gateway that did the work has stopped; please start the task again."
# Members of a state without which a task cannot be shown.
_NEEDS: Final = frozenset(("status", "format", "bucket", "key"))
_NEEDS_OF_EXPORTS: Final = frozenset(("status", "format", "bucket", "prefix", "source"))
_CANCELLED: Final = "User initiated cancellation"


@dataclass(frozen=True, slots=True)
class Task:
    """A task: its type, its record, and what the record says."""

    resource_type: ResourceType
    record: Image
    state: Mapping[str, Any]

    @property
    def status(self) -> str:
        """EC2's status: active, completed, deleting or deleted."""
        said = str(self.state["status"])
        return "deleting" if said == "active" and self.cancelled else said

    @property
    def cancelled(self) -> bool:
        """Whether the client has cancelled the task before the last step of its work began."""
        return _CANCEL in self.record.properties and not self.state.get("last")

    @property
    def tags(self) -> list[dict[str, str]]:
        """The task's tags."""
        return tag_rules.shown(tag_codec.from_metadata(self.record.properties))

    @property
    def id(self) -> str:
        """The task's id, which is also the name of the image that it makes."""
        return ids.aws(self.resource_type.prefix, self.record.id)


def needed(call: Call) -> Imports:
    """Return what imports and exports of disks need."""
    assert call.imports is not None  # the gateway serves S3 beside EC2
    return call.imports


def _read(record: Image, resource_type: ResourceType) -> Task | None:
    """Return the task of a record; None for an image that is no such record, or one that was damaged."""
    if record.properties.get(TASK) != resource_type.name:
        return None
    try:
        state = json.loads(record.properties[_STATE])
        datetime.fromisoformat(record.properties[_BEAT])
    except (KeyError, ValueError):
        return None
    needs = _NEEDS_OF_EXPORTS if resource_type is EXPORT_IMAGE_TASK else _NEEDS
    return Task(resource_type, record, state) if isinstance(state, dict) and needs <= state.keys() else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


async def made(call: Call, resource_type: ResourceType, state: Mapping[str, Any], items: Mapping[str, str]) -> Task:
    """Make the record of a new task; `items` are its tags and its ClientToken."""
    begun = {"status": "active", "message": "pending", "progress": 0, **state}
    facts = {HALF_DONE: "1", TASK: resource_type.name, _STATE: json.dumps(begun), _BEAT: _now()}
    record = await call.cloud.images.create_image(NewImage(f"{resource_type.name} of EC2", {**items, **facts}))
    return Task(resource_type, record, begun)


async def listed(call: Call, resource_type: ResourceType, named: Sequence[str] = ()) -> list[Task]:
    """List the project's tasks of a type, or read the one of a single id; end those that were left.

    A task that ended a week ago is forgotten.
    """
    if len(named) == 1:
        one = await absent_is(None, call.cloud.images.image(ids.uuid(resource_type, named[0])))
        records = [one] if one is not None and one.owner == call.caller.project_id else []
    else:
        records = await call.cloud.images.images(owner=call.caller.project_id)
    tasks = [task for record in records if (task := _read(record, resource_type))]
    return [task for task in await gather_all((_tended(call, task) for task in tasks), most=4) if task is not None]


async def _tended(call: Call, task: Task) -> Task | None:
    quiet = datetime.now(UTC) - datetime.fromisoformat(task.record.properties[_BEAT])
    active = task.state["status"] == "active"
    if not (quiet > _STALE if active else quiet > _KEPT):
        return task
    try:
        if active:
            return await _left(call, task)
        await absent_is(None, call.cloud.images.delete_image(task.record.id))
    except (AwsError, BackendError) as error:
        # The caller may only read, or Cinder is still making the volume: whoever looks next tries again.
        log.debug("a task that was left could not be ended: %s", error)
        return replace(task, state={**task.state, "status": "deleting", "message": _STOPPED}) if active else task
    return None


async def _left(call: Call, task: Task) -> Task:
    """End a task whose gateway was killed: what it had made and not finished is deleted.

    A record is the project's own to change, so it is not trusted: what is deleted must have the task's marks itself.
    """
    images, block, own = call.cloud.images, call.cloud.block, call.caller.project_id
    # By their marks and not by the record: a gateway may be killed before it has written what it had made.
    named = await images.images(owner=own, name=task.id)
    image = next((one for one in named if one.name == task.id and one.owner == own), None)
    volume = next(iter(await block.volumes(metadata={COPY: task.record.id})), None)
    exports = task.resource_type is EXPORT_IMAGE_TASK
    if exports and image is not None and HALF_DONE not in image.properties:
        image = None  # somebody's own image of that name
    marks = volume.metadata if volume else image.properties if image else {HALF_DONE: ""}
    finished = not exports and HALF_DONE not in marks
    if volume and not finished:
        await absent_is(None, block.delete_volume(volume.id, cascade=True))
    if image and (volume or not finished):
        await absent_is(None, images.delete_image(image.id))
    if finished or (task.state.get("upload") and await _is_exported(call, task)):
        return await saved(call, task, status="completed", message="", progress=100)
    return await saved(call, task, status="deleted", message=end_of(task))


async def _is_exported(call: Call, task: Task) -> bool:
    """Tell whether an export's object is there, by its name, which no other object has; else delete its upload."""
    buckets, bucket, key = needed(call).buckets, task.state["bucket"], exported_key(task.state, task.id)
    try:
        (await buckets.open(call, bucket, key, "bytes=0-0")).close()
    except (AwsError, BackendError) as error:
        if not is_refusal(error):
            raise
    else:
        return True
    try:
        await buckets.abort(call, Upload(bucket, key, task.state["upload"]))
    except (AwsError, BackendError) as error:
        if not is_refusal(error):
            raise
        # It has been completed, and the caller may only write.
        return bool(task.state.get("last")) and isinstance(error, AwsError) and error.code == "NoSuchUpload"
    return False


def exported_key(state: Mapping[str, Any], task_id: str) -> str:
    """Return the key of an export's object, from its task's state and id."""
    return f"{state['prefix']}{task_id}.{state['format'].lower()}"


def is_refusal(error: Exception) -> bool:
    """Tell whether S3 refused an action because of what is asked, or by whom; not because it failed."""
    if isinstance(error, BackendError):
        return error.fault in (Fault.NOT_FOUND, Fault.FORBIDDEN, Fault.RANGE)
    return isinstance(error, AwsError) and error.status < 500


def alone(call: Call, record_id: str) -> AbstractAsyncContextManager[None]:
    """Let nobody else change a task's record meanwhile.

    Glance deletes properties that another request added between its reading and its writing of an image
    (`purge_props` in glance/db/__init__.py).
    """
    return call.locks.hold("import task", call.caller.project_id, record_id)


async def saved(call: Call, task: Task, **change: Any) -> Task:
    """Write a change of a task's state, and the time; the answer tells whether it was cancelled meanwhile."""
    state = {name: value for name, value in {**task.state, **change}.items() if value is not None}
    wanted = {_STATE: json.dumps(state), _BEAT: _now()}
    record = await call.cloud.images.update_image(task.record.id, set=wanted)
    return replace(task, record=record, state=state)


async def cancel(call: Call, task: Task) -> Task:
    """Ask the gateway that does the work to end a task; one that nobody works on is ended when it is next looked at.

    Either the work sees the mark before its last step, or the task returned here says that this step has begun.
    """
    async with alone(call, task.record.id):
        record = await call.cloud.images.update_image(task.record.id, set={_CANCEL: "1"})
    return _read(record, task.resource_type) or task


def end_of(task: Task) -> str:
    """Return the message of a task that ended before its work was done."""
    return _CANCELLED if task.cancelled else _STOPPED
