"""ImportImage, ImportSnapshot and their tasks as clients see them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import IMPORT_IMAGE_TASK, IMPORT_SNAPSHOT_TASK, ResourceType
from shim.ec2.images import importing, task_records
from shim.ec2.images.inspection import FOOTER, FORMATS
from shim.ec2.images.task_records import Task
from shim.ec2.images.task_work import Progress, Work, run
from shim.ec2.service import action
from shim.ec2.tags.creating import CreateRequest, Creation, creates, creating
from shim.ec2.volumes.default_encryption import is_on, plain
from shim.ec2.volumes.volumes import NOT_ENCRYPTED
from shim.errors import AwsError
from shim.protocol.values import only

_GIB: Final = 1 << 30
Check = Callable[[Call, Mapping[str, Any]], Awaitable[None]]


def table(items: str, id: str, resource_type: ResourceType, status: str = "Status") -> Table:
    """Return the table of a sort of tasks."""
    return Table(
        items=items, id=id, ids=f"{id}s", resource_type=resource_type, cut=True, filters={"task-state": status}
    )


IMAGE_IMPORTS = table("ImportImageTasks", "ImportTaskId", IMPORT_IMAGE_TASK)
SNAPSHOT_IMPORTS = table("ImportSnapshotTasks", "ImportTaskId", IMPORT_SNAPSHOT_TASK, "SnapshotTaskDetail.Status")

_ARCHITECTURES: Final = {"x86_64": "x86_64", "arm64": "aarch64", "i386": "i686"}
_FIRMWARE: Final = {"legacy-bios": "bios", "uefi": "uefi"}
_IGNORED: Final = {
    "ClientData": "It describes the client's upload and has no effect in AWS either.",
    "RoleName": "The bucket is read with the caller's own rights, so no role has to be assumed.",
}


def _source(disk: Mapping[str, Any]) -> dict[str, Any]:
    """Return the format and the place of a disk, checked."""
    kind = str(disk.get("Format") or "").upper()
    if not kind:
        raise AwsError("MissingParameter", "The request must contain the parameter format")
    if kind in ("OVA", "VHDX"):
        raise AwsError(
            "UnsupportedOperation", f"The disk format {kind} is not supported.", refused="DiskContainer.Format"
        )
    if kind not in FORMATS:
        raise AwsError("InvalidParameter", f"Unknown disk image format: {disk['Format']}", refused="Format")
    place, url = disk.get("UserBucket") or {}, disk.get("Url") or ""
    bucket, key = place.get("S3Bucket") or "", place.get("S3Key") or ""
    if url and not place:
        bucket, _, key = url.removeprefix("s3://").partition("/") if url.startswith("s3://") else ("", "", "")
    if not bucket or not key or (url and place):
        raise AwsError(
            "InvalidParameter",
            "A disk is named by a bucket and a key, or by a URL of the form s3://bucket/key.",
            refused="DiskContainer",
        )
    return {"format": kind, "bucket": bucket, "key": key, "disk": disk.get("Description")}


def _check_image(settings: Settings, req: Mapping[str, Any]) -> dict[str, Any]:
    disks = req.get("DiskContainers") or ()
    if not disks:
        raise AwsError("MissingParameter", "The request must contain the parameter diskContainers")
    if len(disks) > 1:
        raise AwsError(
            "UnsupportedOperation",
            "An image is imported of one disk; import the others as snapshots.",
            refused="DiskContainers",
        )
    properties = {
        "description": req.get("Description"),
        "hw_architecture": _ARCHITECTURES.get(req.get("Architecture") or ""),
        "hw_firmware_type": _FIRMWARE.get(req.get("BootMode") or ""),
        "os_type": (req.get("Platform") or "").lower() or None,
        "root_device_name": disks[0].get("DeviceName"),
    }
    kept = {name: value for name, value in properties.items() if value}
    return {**_source(disks[0]), "description": req.get("Description"), "properties": kept}


def _check_snapshot(settings: Settings, req: Mapping[str, Any]) -> dict[str, Any]:
    disk = req.get("DiskContainer")
    if not disk:
        raise AwsError("MissingParameter", "The request must contain the parameter diskContainer")
    return {**_source(disk), "description": req.get("Description") or disk.get("Description")}


@action(
    supports="Architecture BootMode ClientToken Description DiskContainers.Description DiskContainers.DeviceName "
    "DiskContainers.Format DiskContainers.Url DiskContainers.UserBucket Encrypted Hypervisor Platform "
    "TagSpecifications",
    ignores={**_IGNORED, "LicenseType": "The guest's licence is the client's own affair: this cloud sells none."},
    values={
        "Encrypted": NOT_ENCRYPTED,
        "Architecture": only(*_ARCHITECTURES),
        "BootMode": only(*_FIRMWARE),
        "Hypervisor": only("xen"),
        "Platform": only("Linux", "Windows"),
    },
    read=creates(IMPORT_IMAGE_TASK, read=_check_image),
)
async def import_image(call: Call, asked: CreateRequest[dict[str, Any]]) -> Mapping[str, Any]:
    """Begin to import an image."""
    return _image_row(await begun(call, asked, importing.import_image, _check_readable))


@action(
    supports="ClientToken Description DiskContainer.Description DiskContainer.Format DiskContainer.Url "
    "DiskContainer.UserBucket Encrypted TagSpecifications",
    ignores=_IGNORED,
    values={"Encrypted": NOT_ENCRYPTED},
    read=creates(IMPORT_SNAPSHOT_TASK, read=_check_snapshot),
)
async def import_snapshot(call: Call, asked: CreateRequest[dict[str, Any]]) -> Mapping[str, Any]:
    """Begin to import a snapshot: of what a bucket has, so it is not encrypted."""
    return _snapshot_row(await begun(call, asked, importing.import_snapshot, _check_snapshot_source))


async def _check_snapshot_source(call: Call, state: Mapping[str, Any]) -> None:
    if await is_on(call):
        raise plain("a disk image")
    await _check_readable(call, state)


async def _check_readable(call: Call, state: Mapping[str, Any]) -> None:
    (await importing.opened(call, state["bucket"], state["key"], f"bytes=-{FOOTER}")).close()


async def begun(call: Call, asked: CreateRequest[dict[str, Any]], work: Work, check: Check) -> Task:
    """Make the record of a task and start its work; the same ClientToken finds the task that it began.

    `check` is called before, and raises what the client should hear at once.
    """
    new: Creation[Task] = creating(call, asked)
    state, owner, kind = asked.read, call.caller.account_id, asked.resource_type
    jobs = task_records.needed(call).jobs

    async def find(mark: Mapping[str, str]) -> list[tuple[Task, Mapping[str, str]]]:
        # A task that failed is no answer to its repetition.
        tasks = [one for one in await task_records.listed(call, kind) if one.status in ("active", "completed")]
        told = [(one, one.state.get("token") or {}) for one in tasks]
        return [(one, token) for one, token in told if mark and mark.items() <= token.items()]

    async with new.once(find):
        if new.earlier:
            return new.earlier[0]
        with jobs.place(owner) as there:
            if not there:
                raise AwsError(
                    "ResourceLimitExceeded", "Too many imports and exports are waiting. Please try again later."
                )
            await check(call, state)
            tags = {name: value for name, value in new.items.items() if name not in asked.token}
            task = await task_records.made(call, kind, {**state, "token": dict(asked.token)}, tags)
            jobs.start(owner, run(call, Progress(task), work))
    return task


@action(
    supports="ImportTaskId", ignores={"CancelReason": "AWS keeps the reason in its own records and shows it nowhere."}
)
async def cancel_import_task(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Cancel an import."""
    named = req.get("ImportTaskId") or ""
    kind = next((one for one in _KINDS if named.startswith(f"{one.prefix}-")), IMPORT_IMAGE_TASK)
    await cancelled(call, kind, named)
    return {"ImportTaskId": named, "PreviousState": "active", "State": "deleting"}


async def cancelled(call: Call, kind: ResourceType, named: str) -> None:
    """Cancel a task; the gateway that does its work notices in a moment, and deletes what it has made."""
    tasks = await task_records.listed(call, kind, [named])
    if not tasks:
        raise ids.missing(kind, [named])
    task = tasks[0]
    if task.status == "active":
        task = await task_records.cancel(call, task)
        if task.cancelled:
            return
    raise AwsError("IncorrectState", f"The task '{named}' is {task.status} and cannot be cancelled.")


_KINDS = (IMPORT_IMAGE_TASK, IMPORT_SNAPSHOT_TASK)


@describes(IMAGE_IMPORTS, supports="ImportTaskIds Filters MaxResults NextToken")
async def describe_import_image_tasks(call: Call, asked: Question) -> list[Row]:
    """List the imports of images."""
    return [_image_row(one) for one in await task_records.listed(call, IMPORT_IMAGE_TASK, asked.ids)]


@describes(SNAPSHOT_IMPORTS, supports="ImportTaskIds Filters MaxResults NextToken")
async def describe_import_snapshot_tasks(call: Call, asked: Question) -> list[Row]:
    """List the imports of snapshots."""
    return [_snapshot_row(one) for one in await task_records.listed(call, IMPORT_SNAPSHOT_TASK, asked.ids)]


def _image_row(task: Task) -> dict[str, Any]:
    state, properties = task.state, task.state.get("properties") or {}
    named = {value: name for name, value in _ARCHITECTURES.items()}
    image = state.get("image") if task.status == "completed" else None
    return {
        "Architecture": named.get(properties.get("hw_architecture", "x86_64")),
        "Description": state.get("description"),
        "ImageId": ids.aws("ami", image) if image else None,
        "ImportTaskId": task.id,
        "Platform": (properties.get("os_type") or "linux").capitalize(),
        "SnapshotDetails": [{**_disk(task), "DeviceName": properties.get("root_device_name")}],
        "Tags": task.tags,
        **progress(task),
    }


def _snapshot_row(task: Task) -> dict[str, Any]:
    snapshot = task.state.get("snapshot") if task.status == "completed" else None
    return {
        "Description": task.state.get("description"),
        "ImportTaskId": task.id,
        "SnapshotTaskDetail": {
            **_disk(task),
            **progress(task),
            "Encrypted": False,
            "SnapshotId": ids.aws("snap", snapshot) if snapshot else None,
        },
        "Tags": task.tags,
    }


def _disk(task: Task) -> dict[str, Any]:
    state = task.state
    return {
        "Description": state.get("disk"),
        "DiskImageSize": round(state["size"] / _GIB, 3) if state.get("size") else 0.0,
        "Format": state["format"],
        "Status": task.status,
        "UserBucket": {"S3Bucket": state["bucket"], "S3Key": state["key"]},
    }


def progress(task: Task) -> dict[str, Any]:
    """Return status, message and progress; AWS shows progress for active tasks only."""
    shown = {"Status": task.status, "StatusMessage": task.state.get("message") or None}
    return {**shown, "Progress": str(task.state.get("progress") or 0)} if task.status == "active" else shown
