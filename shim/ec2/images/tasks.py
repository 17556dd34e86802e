"""Tasks that import and export images and snapshots: none is ever made here, so the lists are empty."""

from __future__ import annotations

from shim.context import Call
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row, nothing
from shim.ec2.engine.resource_types import ResourceType


def _tasks(items: str, id: str, prefix: str, code: str) -> Table:
    """Return the table of a list of tasks; `code` is AWS's for an id that no task has."""
    sentence = "The task ID '{id}' does not exist"
    return Table(
        items=items,
        id=id,
        ids=f"{id}s",
        resource_type=ResourceType(prefix, f"{prefix}-task", code, sentence, sentence, f"{code}.Malformed"),
        cut=True,
        filters={"task-state": nothing},
    )


IMAGE_IMPORTS = _tasks("ImportImageTasks", "ImportTaskId", "import-ami", "InvalidConversionTaskId")
SNAPSHOT_IMPORTS = _tasks("ImportSnapshotTasks", "ImportTaskId", "import-snap", "InvalidConversionTaskId")
IMAGE_EXPORTS = _tasks("ExportImageTasks", "ExportImageTaskId", "export-ami", "InvalidExportTaskID")


@describes(IMAGE_IMPORTS, supports="ImportTaskIds Filters MaxResults NextToken")
async def describe_import_image_tasks(call: Call, asked: Question) -> list[Row]:
    """List no tasks: ImportImage is refused."""
    return []


@describes(SNAPSHOT_IMPORTS, supports="ImportTaskIds Filters MaxResults NextToken")
async def describe_import_snapshot_tasks(call: Call, asked: Question) -> list[Row]:
    """List no tasks: ImportSnapshot is refused."""
    return []


@describes(IMAGE_EXPORTS, supports="ExportImageTaskIds Filters MaxResults NextToken")
async def describe_export_image_tasks(call: Call, asked: Question) -> list[Row]:
    """List no tasks: ExportImage is refused."""
    return []
