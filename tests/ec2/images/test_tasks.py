"""Imports and exports are refused, so there are no tasks."""

from typing import Any

from tests.ec2.client_errors import code


def test_no_task_is_ever_made(ec2: Any) -> None:
    assert ec2.describe_import_image_tasks()["ImportImageTasks"] == []
    assert ec2.describe_import_snapshot_tasks()["ImportSnapshotTasks"] == []
    assert ec2.describe_export_image_tasks()["ExportImageTasks"] == []
    active = [{"Name": "task-state", "Values": ["active"]}]
    assert ec2.describe_import_image_tasks(Filters=active)["ImportImageTasks"] == []
    absent = ["import-ami-" + "0" * 17]
    assert code(ec2.describe_import_image_tasks, ImportTaskIds=absent) == "InvalidConversionTaskId"
    assert code(ec2.describe_export_image_tasks, ExportImageTaskIds=["x"]) == "InvalidExportTaskID.Malformed"
    disk = {"Format": "raw", "UserBucket": {"S3Bucket": "disks", "S3Key": "one"}}
    assert code(ec2.import_image, DiskContainers=[disk]) == "UnsupportedOperation"
    assert code(ec2.import_snapshot, DiskContainer=disk) == "UnsupportedOperation"
    assert code(ec2.cancel_import_task, ImportTaskId=absent[0]) == "UnsupportedOperation"
    place = {"S3Bucket": "disks"}
    asked = {"DiskImageFormat": "RAW", "ImageId": "ami-" + "0" * 32, "S3ExportLocation": place}
    assert code(ec2.export_image, **asked) == "UnsupportedOperation"
