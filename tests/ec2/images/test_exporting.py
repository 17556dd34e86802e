"""ExportImage: from Glance and Cinder to a bucket."""

import asyncio
import json
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openstack.connection import Connection

from adapters.errors import BackendError
from shim.ec2.images import fixed_vhd
from shim.ec2.images.exporting import Cut
from tests.conftest import remove_bucket
from tests.ec2.client_errors import code
from tests.ec2.conftest import WAIT
from tests.ec2.images.disks import GOOD, RAW
from tests.ec2.images.test_importing import ended as imported
from tests.ec2.images.test_importing import records, written
from tests.ec2.network.test_security_groups import uuid
from tests.support.names import unique

PAST = "2026-01-01T00:00:00+00:00"
LARGE = RAW + bytes(95 << 20)  # two parts


@pytest.fixture(scope="module")
def bucket(s3: Any) -> Iterator[str]:
    name = unique("exports")
    s3.create_bucket(Bucket=name)
    yield name
    remove_bucket(s3, name)


@pytest.fixture(scope="module")
def images(openstack_main: Connection) -> Iterator[dict[str, str]]:
    """EC2's ids of images in two formats."""
    made = {}
    for disk_format, data in (("raw", LARGE), ("qcow2", GOOD["qcow2"][1])):
        made[disk_format] = openstack_main.image.create_image(
            name=unique(disk_format), disk_format=disk_format, container_format="bare", data=data
        ).id
    yield {name: f"ami-{one.replace('-', '')}" for name, one in made.items()}
    for one in made.values():
        openstack_main.image.delete_image(one)


def wanted(image: str, bucket: str, kind: str = "RAW", **more: Any) -> dict[str, Any]:
    place = {"S3Bucket": bucket, "S3Prefix": "vm/"}
    return {"ImageId": image, "DiskImageFormat": kind, "S3ExportLocation": place, **more}


def ended(ec2: Any, task: str) -> dict[str, Any]:
    deadline = time.monotonic() + 150
    while True:
        found = ec2.describe_export_image_tasks(ExportImageTaskIds=[task])["ExportImageTasks"][0]
        if found["Status"] in ("completed", "deleted"):
            return dict(found)
        assert time.monotonic() < deadline, found
        time.sleep(0.3)


def volumes(openstack: Connection, task: str) -> list[Any]:
    return [one for one in openstack.block_storage.volumes() if one.name == task]


def nothing_left(openstack: Connection, s3: Any, bucket: str, task: str) -> bool:
    """Whether a task has its record alone: no image, no volume, no upload."""
    uploads = s3.list_multipart_uploads(Bucket=bucket).get("Uploads", ())
    return (
        [one.id for one in records(openstack, task)] == [uuid(task)]
        and not [one for one in volumes(openstack, task) if one.status != "deleting"]
        and not [one for one in uploads if task in one["Key"]]
    )


def test_an_image_becomes_an_object(
    ec2: Any, s3: Any, bucket: str, images: dict[str, str], openstack_main: Connection, forget: list[str]
) -> None:
    tags = [{"ResourceType": "export-image-task", "Tags": [{"Key": "for", "Value": "a test"}]}]
    asked = wanted(images["raw"], bucket, Description="mine", TagSpecifications=tags, ClientToken=unique("token"))
    begun = ec2.export_image(**asked)
    task = begun["ExportImageTaskId"]
    forget.append(task)
    place = {"S3Bucket": bucket, "S3Prefix": "vm/"}
    told = {"ImageId": images["raw"], "Description": "mine", "S3ExportLocation": place, "Tags": tags[0]["Tags"]}
    assert told.items() <= begun.items()
    assert (begun["Status"], begun["DiskImageFormat"]) == ("active", "RAW")
    assert ec2.export_image(**asked)["ExportImageTaskId"] == task
    done = ended(ec2, task)
    assert done["Status"] == "completed", done
    assert told.items() <= done.items()
    found = s3.get_object(Bucket=bucket, Key=f"vm/{task}.raw")
    assert found["ETag"].endswith('-2"')
    assert found["Body"].read() == LARGE
    assert nothing_left(openstack_main, s3, bucket, task)
    active = [{"Name": "task-state", "Values": ["active"]}]
    assert task not in str(ec2.describe_export_image_tasks(Filters=active))
    assert code(ec2.cancel_export_task, ExportTaskId=task) == "IncorrectState"
    ec2.create_tags(Resources=[task], Tags=[{"Key": "more", "Value": "1"}])
    assert len(ended(ec2, task)["Tags"]) == 2


needs_qemu = pytest.mark.skipif(not shutil.which("qemu-img"), reason="there is no qemu-img for the embedded Cinder")


def test_a_raw_disk_becomes_a_vhd_and_is_imported_again(
    ec2: Any, s3: Any, bucket: str, images: dict[str, str], openstack_main: Connection, forget: list[str]
) -> None:
    task = ec2.export_image(**wanted(images["raw"], bucket, "VHD"))["ExportImageTaskId"]
    forget.append(task)
    assert ended(ec2, task)["Status"] == "completed"
    key = f"vm/{task}.vhd"
    place = {"Format": "VHD", "UserBucket": {"S3Bucket": bucket, "S3Key": key}}
    back = ec2.import_image(DiskContainers=[place])["ImportTaskId"]
    forget.append(back)
    image = imported(ec2, back)["ImageId"]
    assert openstack_main.image.download_image(uuid(image)).content == LARGE
    ec2.deregister_image(ImageId=image)


@needs_qemu
@pytest.mark.parametrize(("kind", "magic"), [("VMDK", b"KDMV"), ("VHD", b"conectix")])
def test_data_of_another_format_is_converted(
    ec2: Any,
    s3: Any,
    bucket: str,
    images: dict[str, str],
    openstack_main: Connection,
    forget: list[str],
    kind: str,
    magic: bytes,
) -> None:
    task = ec2.export_image(**wanted(images["qcow2"], bucket, kind))["ExportImageTaskId"]
    forget.append(task)
    done = ended(ec2, task)
    assert done["Status"] == "completed", done
    body = s3.get_object(Bucket=bucket, Key=f"vm/{task}.{kind.lower()}")["Body"].read()
    assert magic in body[:512] + body[-512:]
    assert nothing_left(openstack_main, s3, bucket, task)


def test_an_image_of_a_snapshot_is_exported(
    ec2: Any, s3: Any, bucket: str, openstack_main: Connection, forget: list[str]
) -> None:
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    volume = ec2.create_volume(Size=1, AvailabilityZone=zone)["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=WAIT)
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot], WaiterConfig=WAIT)
    root = {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": snapshot}}
    image = ec2.register_image(Name=unique("root"), RootDeviceName="/dev/sda1", BlockDeviceMappings=[root])["ImageId"]
    data = {"DeviceName": "/dev/sdb", "Ebs": {"SnapshotId": snapshot}}
    two = ec2.register_image(Name=unique("two"), RootDeviceName="/dev/sda1", BlockDeviceMappings=[root, data])
    try:
        task = ec2.export_image(**wanted(image, bucket, "VHD"))["ExportImageTaskId"]
        forget.append(task)
        done = ended(ec2, task)
        assert done["Status"] == "completed", done
        assert s3.get_object(Bucket=bucket, Key=f"vm/{task}.vhd")["Body"].read()[-512:-504] == b"conectix"
        assert nothing_left(openstack_main, s3, bucket, task)
        assert code(ec2.export_image, **wanted(two["ImageId"], bucket)) == "UnsupportedOperation"
    finally:
        for one in (image, two["ImageId"]):
            ec2.deregister_image(ImageId=one)
        ec2.delete_snapshot(SnapshotId=snapshot)
        ec2.delete_volume(VolumeId=volume)


def test_an_export_is_cancelled(
    ec2: Any, s3: Any, bucket: str, images: dict[str, str], openstack_main: Connection, forget: list[str]
) -> None:
    tasks = [ec2.export_image(**wanted(images["raw"], bucket))["ExportImageTaskId"] for _ in range(2)]
    forget.extend(tasks)
    ec2.cancel_export_task(ExportTaskId=tasks[1])  # one job of an account runs at a time
    done = ended(ec2, tasks[1])
    assert (done["Status"], done["StatusMessage"]) == ("deleted", "User initiated cancellation")
    assert nothing_left(openstack_main, s3, bucket, tasks[1])
    assert ended(ec2, tasks[0])["Status"] == "completed"


def test_an_export_that_was_left_by_a_killed_gateway_ends(
    ec2: Any, s3: Any, bucket: str, images: dict[str, str], openstack_main: Connection, forget: list[str]
) -> None:
    """What such a gateway leaves: an active record whose time stands still, and an open upload or its object."""
    task = ec2.export_image(**wanted(images["raw"], bucket))["ExportImageTaskId"]
    forget.append(task)
    ended(ec2, task)
    glance, key = openstack_main.image, f"vm/{task}.raw"
    state = json.loads(glance.get_image(uuid(task)).properties["ec2:task:state"])
    left = {**state, "status": "active"}
    del left["last"]
    written(glance, uuid(task), {"ec2:task:state": json.dumps(left), "ec2:task:beat": PAST})
    assert ended(ec2, task)["Status"] == "completed"  # it was killed before it could write that

    s3.delete_object(Bucket=bucket, Key=key)
    other = s3.create_multipart_upload(Bucket=bucket, Key="other")["UploadId"]
    left["upload"] = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    for upload in (other, left["upload"]):
        written(glance, uuid(task), {"ec2:task:state": json.dumps({**left, "upload": upload}), "ec2:task:beat": PAST})
        found = ended(ec2, task)
        assert (found["Status"], found["StatusMessage"].partition(":")[0]) == ("deleted", "ServerError")
    open_uploads = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [one["Key"] for one in open_uploads] == ["other"]  # a record cannot name another object
    s3.abort_multipart_upload(Bucket=bucket, Key="other", UploadId=other)


def test_refusals(ec2: Any, s3: Any, bucket: str, images: dict[str, str]) -> None:
    raw = images["raw"]
    for asked, expected in (
        (wanted("ami-" + "0" * 32, bucket), "InvalidAMIID.NotFound"),
        (wanted("x", bucket), "InvalidAMIID.Malformed"),
        (wanted(raw, unique("absent")), "InvalidParameter"),
        (wanted(raw, ""), "MissingParameter"),
        (wanted(raw, bucket, "OVA"), "InvalidParameterValue"),
        (wanted(raw, bucket, Description="x" * 256), "InvalidParameterValue"),
    ):
        assert code(ec2.export_image, **asked) == expected, asked
    absent = "export-ami-" + "0" * 32
    assert code(ec2.cancel_export_task, ExportTaskId=absent) == "InvalidExportTaskID"
    assert code(ec2.cancel_export_task, ExportTaskId="x") == "InvalidExportTaskID.Malformed"
    assert code(ec2.describe_export_image_tasks, ExportImageTaskIds=[absent]) == "InvalidExportTaskID"
    rule = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/vm/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [rule]}))
    try:
        assert code(ec2.export_image, **wanted(raw, bucket)) == "InvalidParameter"
    finally:
        s3.delete_bucket_policy(Bucket=bucket)


async def _pieces(sizes: list[int]) -> AsyncIterator[bytes]:
    place = 0
    for size in sizes:
        yield bytes((place + one) % 251 for one in range(size))
        place += size


@given(st.lists(st.integers(1, 50)), st.integers(1, 60))
def test_parts_are_cut_as_they_are_long(sizes: list[int], length: int) -> None:
    async def main() -> list[bytes]:
        cut, left = Cut(_pieces(sizes)), sum(sizes)
        found = []
        while left:
            part = min(length, left)
            found.append(b"".join([piece async for piece in cut.take(part)]))
            left -= part
        with pytest.raises(BackendError):
            await anext(cut.take(1))
        return found

    parts = asyncio.run(main())
    assert all(len(part) == length for part in parts[:-1])
    assert b"".join(parts) == bytes(one % 251 for one in range(sum(sizes)))


@given(st.integers(1, 1 << 42))
def test_a_fixed_vhd_says_its_size(size: int) -> None:
    end = fixed_vhd.tail(size)
    padding, footer = end[:-512], end[-512:]
    assert (size + len(padding)) % 512 == 0 <= len(padding) < 512
    assert int.from_bytes(footer[48:56], "big") == size + len(padding)
    cylinders, heads, sectors = int.from_bytes(footer[56:58], "big"), footer[58], footer[59]
    assert cylinders * heads * sectors * 512 <= size + len(padding)
    unchecked = footer[:64] + bytes(4) + footer[68:]
    assert int.from_bytes(footer[64:68], "big") == ~sum(unchecked) & 0xFFFFFFFF


@pytest.mark.parametrize("size", [1 << 20, (5 << 20) + 512, 3 << 30])
@needs_qemu
def test_qemu_reads_a_fixed_vhd(size: int, tmp_path: Path) -> None:
    disk = tmp_path / "disk.vhd"
    with disk.open("wb") as file:
        file.seek(size)
        file.write(fixed_vhd.tail(size))
    told = subprocess.run(["qemu-img", "info", "-f", "vpc", "--output=json", disk], capture_output=True, check=True)
    found = json.loads(told.stdout)
    assert (found["format"], found["virtual-size"]) == ("vpc", size)
