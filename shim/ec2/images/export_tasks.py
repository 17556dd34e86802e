"""ExportImage and its tasks as clients see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from adapters.errors import BackendError
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import EXPORT_IMAGE_TASK, IMAGE
from shim.ec2.images import exporting, mapping, names, task_records, uploads
from shim.ec2.images.task_records import Task
from shim.ec2.images.tasks import begun, cancelled, progress, table
from shim.ec2.service import action
from shim.ec2.tags.creating import CreateRequest, creates
from shim.errors import AwsError

EXPORTS: Final = table("ExportImageTasks", "ExportImageTaskId", EXPORT_IMAGE_TASK)


def _check(settings: Settings, req: Mapping[str, Any]) -> dict[str, Any]:
    names.check_description(req)
    place = req["S3ExportLocation"]
    if not place.get("S3Bucket"):
        raise AwsError("MissingParameter", "The request must contain the parameter S3Bucket", refused="S3Bucket")
    return {
        "source": ids.uuid(IMAGE, req["ImageId"]),
        "format": req["DiskImageFormat"],
        "bucket": place["S3Bucket"],
        "prefix": place.get("S3Prefix") or "",
        "description": req.get("Description"),
    }


@action(
    supports="ClientToken Description DiskImageFormat ImageId S3ExportLocation.S3Bucket S3ExportLocation.S3Prefix "
    "TagSpecifications",
    ignores={"RoleName": "The bucket is written with the caller's own rights, so no role has to be assumed."},
    read=creates(EXPORT_IMAGE_TASK, read=_check),
)
async def export_image(call: Call, asked: CreateRequest[dict[str, Any]]) -> Mapping[str, Any]:
    """Begin to export an image."""
    task = await begun(call, asked, exporting.export_image, _check_possible)
    return {**_row(task), "DiskImageFormat": task.state["format"]}


async def _check_possible(call: Call, state: Mapping[str, Any]) -> None:
    """Raise the error of an image that cannot be exported, and of a bucket that cannot be written."""
    image = await uploads.usable(call, state["source"])
    named = ids.aws("ami", image.id)
    volumes = mapping.volumes(image)
    if not (image.size or volumes):
        raise AwsError("InvalidAMIID.Unavailable", f"The image ID '{named}' is not available")
    if "cinder_encryption_key_id" in image.properties:
        raise exporting.not_exported("an encrypted volume")
    if volumes and not (len(volumes) == 1 and mapping.is_root(volumes[0]) and image.snapshots):
        raise AwsError(
            "UnsupportedOperation", f"The image '{named}' has more than one volume; it cannot be exported to one file."
        )
    try:
        key = task_records.exported_key(state, ids.aws(EXPORT_IMAGE_TASK.prefix, image.id))
        await task_records.needed(call).buckets.check_write(call, state["bucket"], key)
    except (AwsError, BackendError) as error:
        if not task_records.is_refusal(error):
            raise
        raise AwsError("InvalidParameter", f"User does not have access to the S3 bucket.({state['bucket']})") from error


@action(supports="ExportTaskId")
async def cancel_export_task(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Cancel an export of an image."""
    await cancelled(call, EXPORT_IMAGE_TASK, req["ExportTaskId"])
    return {}


@describes(EXPORTS, supports="ExportImageTaskIds Filters MaxResults NextToken")
async def describe_export_image_tasks(call: Call, asked: Question) -> list[Row]:
    """List the exports of images."""
    return [_row(one) for one in await task_records.listed(call, EXPORT_IMAGE_TASK, asked.ids)]


def _row(task: Task) -> dict[str, Any]:
    state = task.state
    place = {"S3Bucket": state["bucket"], "S3Prefix": state["prefix"] or None}
    return {
        "Description": state.get("description"),
        "ExportImageTaskId": task.id,
        "ImageId": ids.aws("ami", state["source"]),
        "S3ExportLocation": place,
        "Tags": task.tags,
        **progress(task),
    }
