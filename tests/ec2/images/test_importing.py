"""ImportImage and ImportSnapshot: from a bucket to Glance and Cinder."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from openstack.connection import Connection

from shim.keystore import add
from tests.conftest import remove_bucket
from tests.ec2.client_errors import code, refusal
from tests.ec2.conftest import WAIT, end, eventually
from tests.ec2.images.disks import BAD, GOOD, RAW, STORED
from tests.ec2.network.test_security_groups import uuid
from tests.support.clients import Boto
from tests.support.gateway import faults
from tests.support.gateway import gateway as run_gateway
from tests.support.names import unique
from tests.support.target import Target

ABSENT = "import-ami-" + "0" * 17


@pytest.fixture(scope="module")
def bucket(s3: Any) -> Iterator[str]:
    """A bucket with every disk under its name."""
    name = unique("disks")
    s3.create_bucket(Bucket=name)
    for key, (_, disk) in (GOOD | BAD).items():
        s3.put_object(Bucket=name, Key=key, Body=disk)
    yield name
    for one in s3.list_objects_v2(Bucket=name)["Contents"]:
        s3.delete_object(Bucket=name, Key=one["Key"])
    s3.delete_bucket(Bucket=name)


def records(openstack: Connection, task: str) -> list[Any]:
    """The images that a task has: its record, and what it made."""
    return [one for one in openstack.image.images() if one.id == uuid(task) or one.name == task]


def written(glance: Any, id: str, properties: dict[str, str]) -> None:
    """Write properties of an image as another gateway does."""
    changes = [{"op": "add", "path": f"/{name}", "value": value} for name, value in properties.items()]
    patch = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    assert glance.patch(f"/images/{id}", json=changes, headers=patch).ok


def ended(ec2: Any, task: str) -> dict[str, Any]:
    """Wait for the end of a task and describe it."""
    deadline = time.monotonic() + 120
    while True:
        if task.startswith("import-ami"):
            found = ec2.describe_import_image_tasks(ImportTaskIds=[task])["ImportImageTasks"][0]
            status = found["Status"]
        else:
            found = ec2.describe_import_snapshot_tasks(ImportTaskIds=[task])["ImportSnapshotTasks"][0]
            status = found["SnapshotTaskDetail"]["Status"]
        if status in ("completed", "deleted"):
            return dict(found)
        assert time.monotonic() < deadline, found
        time.sleep(0.3)


def disk(bucket: str, name: str, kind: str = "") -> dict[str, Any]:
    return {"Format": kind or (GOOD | BAD)[name][0], "UserBucket": {"S3Bucket": bucket, "S3Key": name}}


@pytest.mark.parametrize("name", GOOD)
def test_an_object_becomes_an_image(
    ec2: Any, openstack_main: Connection, bucket: str, forget: list[str], name: str
) -> None:
    tags = [{"ResourceType": "import-image-task", "Tags": [{"Key": "for", "Value": name}]}]
    begun = ec2.import_image(
        DiskContainers=[disk(bucket, name)], Description="mine", Platform="Linux", TagSpecifications=tags
    )
    task = begun["ImportTaskId"]
    forget.append(task)
    assert (begun["Status"], begun["Description"]) == ("active", "mine")
    done = ended(ec2, task)
    assert done["Status"] == "completed", done
    assert done["Tags"] == [{"Key": "for", "Value": name}]
    assert done["SnapshotDetails"][0]["UserBucket"] == {"S3Bucket": bucket, "S3Key": name}
    image = ec2.describe_images(ImageIds=[done["ImageId"]])["Images"][0]
    assert (image["State"], image["Name"], image["Description"]) == ("available", task, "mine")
    native = openstack_main.image.get_image(uuid(done["ImageId"]))
    kind, body = GOOD[name]
    disk_format, length = STORED.get(name, (kind.lower(), len(body)))
    assert (native.disk_format, native.size, native.min_disk) == (disk_format, length, 1)
    assert openstack_main.image.download_image(native).content == body[:length]
    active = [{"Name": "task-state", "Values": ["active"]}]
    assert task not in str(ec2.describe_import_image_tasks(Filters=active))
    assert code(ec2.cancel_import_task, ImportTaskId=task) == "IncorrectState"
    ec2.deregister_image(ImageId=done["ImageId"])


@pytest.mark.parametrize("name", BAD)
def test_what_could_read_other_files_never_reaches_glance(
    ec2: Any, openstack_main: Connection, bucket: str, forget: list[str], name: str
) -> None:
    task = ec2.import_image(DiskContainers=[disk(bucket, name)])["ImportTaskId"]
    forget.append(task)
    done = ended(ec2, task)
    assert done["Status"] == "deleted"
    assert done["StatusMessage"].startswith("ClientError: Disk validation failed [")
    assert "ImageId" not in done
    [record] = records(openstack_main, task)
    assert (record.status, record.size) == ("queued", None)
    assert uuid(task).replace("-", "") not in str(ec2.describe_images(Owners=["self"]))


def test_an_object_becomes_a_snapshot(ec2: Any, openstack_main: Connection, bucket: str, forget: list[str]) -> None:
    begun = ec2.import_snapshot(DiskContainer=disk(bucket, "raw"), Description="mine")
    forget.append(begun["ImportTaskId"])
    done = ended(ec2, begun["ImportTaskId"])["SnapshotTaskDetail"]
    assert done["Status"] == "completed", done
    snapshot = ec2.describe_snapshots(SnapshotIds=[done["SnapshotId"]])["Snapshots"][0]
    assert (snapshot["State"], snapshot["VolumeSize"], snapshot["Description"]) == ("completed", 1, "mine")
    assert len(records(openstack_main, begun["ImportTaskId"])) == 1  # the image that Cinder read is gone
    native = openstack_main.block_storage.get_snapshot(uuid(done["SnapshotId"]))
    assert native.volume_id.replace("-", "") not in str(ec2.describe_volumes())
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    volume = ec2.create_volume(SnapshotId=done["SnapshotId"], AvailabilityZone=zone)["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=WAIT)
    ec2.delete_volume(VolumeId=volume)
    ec2.get_waiter("volume_deleted").wait(VolumeIds=[volume], WaiterConfig=WAIT)
    ec2.delete_snapshot(SnapshotId=done["SnapshotId"])
    assert eventually(lambda: openstack_main.block_storage.find_volume(native.volume_id) is None)


def test_the_same_token_finds_the_same_task(
    ec2: Any, bucket: str, forget: list[str], openstack_main: Connection
) -> None:
    wanted = {"DiskContainers": [disk(bucket, "raw")], "ClientToken": unique("token")}
    task = ec2.import_image(**wanted)["ImportTaskId"]
    forget.append(task)
    assert ec2.import_image(**wanted)["ImportTaskId"] == task
    assert code(ec2.import_image, **wanted, Description="other") == "IdempotentParameterMismatch"
    done = ended(ec2, task)
    assert ec2.import_image(**wanted)["ImportTaskId"] == task
    ec2.deregister_image(ImageId=done["ImageId"])


def test_a_task_left_by_a_killed_gateway_says_so(
    ec2: Any, openstack_main: Connection, bucket: str, forget: list[str]
) -> None:
    """What such a gateway leaves: an active record whose time stands still, and an image that is not finished."""
    task = ec2.import_image(DiskContainers=[disk(bucket, "raw")])["ImportTaskId"]
    forget.append(task)
    image = ended(ec2, task)["ImageId"]
    glance = openstack_main.image
    record = glance.get_image(uuid(task))
    state = record.properties["ec2:task:state"].replace('"completed"', '"active"')
    written(glance, uuid(image), {"ec2:half-done": "1"})
    written(glance, uuid(task), {"ec2:task:state": state, "ec2:task:beat": "2026-01-01T00:00:00+00:00"})
    found = ended(ec2, task)
    assert (found["Status"], found["StatusMessage"].partition(":")[0]) == ("deleted", "ServerError")
    assert glance.find_image(uuid(image)) is None


def test_an_unfinished_snapshot_of_a_killed_gateway_is_deleted(
    ec2: Any, openstack_main: Connection, bucket: str, forget: list[str]
) -> None:
    task = ec2.import_snapshot(DiskContainer=disk(bucket, "raw"))["ImportTaskId"]
    forget.append(task)
    made = uuid(ended(ec2, task)["SnapshotTaskDetail"]["SnapshotId"])
    glance, cinder = openstack_main.image, openstack_main.block_storage
    volume = cinder.get_snapshot(made).volume_id
    state = glance.get_image(uuid(task)).properties["ec2:task:state"].replace('"completed"', '"active"')
    past = "2026-01-01T00:00:00+00:00"
    written(glance, uuid(task), {"ec2:task:state": state, "ec2:task:beat": past})
    assert ended(ec2, task)["SnapshotTaskDetail"]["Status"] == "completed"  # it was killed before it could write that
    cinder.set_volume_metadata(volume, **{"ec2:half-done": "1"})
    written(glance, uuid(task), {"ec2:task:state": state, "ec2:task:beat": past})
    found = ended(ec2, task)["SnapshotTaskDetail"]
    assert (found["Status"], "SnapshotId" in found) == ("deleted", False)
    assert eventually(lambda: cinder.find_volume(volume) is None)
    assert cinder.find_snapshot(made) is None


def test_a_record_that_names_another_image_deletes_nothing(
    ec2: Any, openstack_main: Connection, bucket: str, forget: list[str]
) -> None:
    glance = openstack_main.image
    other = glance.create_image(name=unique("other"), disk_format="raw", container_format="bare")
    try:
        written(glance, other.id, {"ec2:half-done": "1"})
        task = ec2.import_image(DiskContainers=[disk(bucket, "qcow2 with a backing file")])["ImportTaskId"]
        forget.append(task)
        ended(ec2, task)
        record = glance.get_image(uuid(task))
        state = {**json.loads(record.properties["ec2:task:state"]), "status": "active", "image": other.id}
        past = "2026-01-01T00:00:00+00:00"
        written(glance, uuid(task), {"ec2:task:state": json.dumps(state), "ec2:task:beat": past})
        assert ended(ec2, task)["StatusMessage"].startswith("ServerError")
        assert glance.find_image(other.id) is not None
    finally:
        glance.delete_image(other.id)


def test_an_import_is_cancelled(ec2: Any, s3: Any, bucket: str, forget: list[str], openstack_main: Connection) -> None:
    s3.put_object(Bucket=bucket, Key="large", Body=RAW + bytes(95 << 20))
    large = {"Format": "RAW", "UserBucket": {"S3Bucket": bucket, "S3Key": "large"}}
    tasks = [ec2.import_image(DiskContainers=[one])["ImportTaskId"] for one in (large, disk(bucket, "raw"))]
    forget.extend(tasks)
    last = tasks[-1]  # one job of an account runs at a time
    answer = ec2.cancel_import_task(ImportTaskId=last)
    assert (answer["PreviousState"], answer["State"]) == ("active", "deleting")
    done = ended(ec2, last)
    assert (done["Status"], done["StatusMessage"]) == ("deleted", "User initiated cancellation")
    assert len(records(openstack_main, last)) == 1
    for task in tasks[:-1]:
        ec2.deregister_image(ImageId=ended(ec2, task)["ImageId"])


def test_refusals(ec2: Any, bucket: str) -> None:
    place = {"S3Bucket": bucket, "S3Key": "raw"}
    for disks, expected in (
        ([], "MissingParameter"),
        ([disk(bucket, "raw")] * 2, "UnsupportedOperation"),
        ([{"UserBucket": place}], "MissingParameter"),
        ([{"UserBucket": place, "Format": "OVA"}], "UnsupportedOperation"),
        ([{"UserBucket": place, "Format": "bogus"}], "InvalidParameter"),
        ([{"Format": "RAW"}], "InvalidParameter"),
        ([{"Format": "RAW", "Url": "https://example.org/disk"}], "InvalidParameter"),
        ([{"Format": "RAW", "Url": f"s3://{bucket}/absent"}], "InvalidParameter"),
        ([{"Format": "RAW", "UserBucket": {"S3Bucket": unique("absent"), "S3Key": "x"}}], "InvalidParameter"),
    ):
        assert code(ec2.import_image, DiskContainers=disks) == expected, disks
    assert code(ec2.import_snapshot) == "MissingParameter"
    assert code(ec2.import_image, DiskContainers=[disk(bucket, "raw")], Encrypted=True) == "UnsupportedOperation"
    assert code(ec2.describe_import_image_tasks, ImportTaskIds=[ABSENT]) == "InvalidConversionTaskId"
    assert code(ec2.cancel_import_task, ImportTaskId=ABSENT) == "InvalidConversionTaskId"
    assert code(ec2.cancel_import_task, ImportTaskId="x") == "InvalidConversionTaskId.Malformed"


def test_the_buckets_policy_decides(ec2: Any, s3: Any, bucket: str) -> None:
    denied = f"arn:aws:s3:::{bucket}/raw"
    rule = f'{{"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "{denied}"}}'
    s3.put_bucket_policy(Bucket=bucket, Policy=f'{{"Version": "2012-10-17", "Statement": [{rule}]}}')
    try:
        said = refusal(ec2.import_image, DiskContainers=[disk(bucket, "raw")])
        assert said[0] == "InvalidParameter"
    finally:
        s3.delete_bucket_policy(Bucket=bucket)


def test_an_encrypted_and_versioned_object_is_read(
    cloud: Target, tmp_path: Path, openstack_main: Connection, forget: list[str]
) -> None:
    add(tmp_path / "keys.json")
    name = unique("sealed")
    settings = {"sse_key_file": str(tmp_path / "keys.json")}
    with (
        run_gateway(cloud, "imports", settings=settings) as gateway,
        closing(Boto(gateway.url, dict(cloud.keys))) as clients,
    ):
        s3, ec2 = clients("s3"), clients("ec2")
        s3.create_bucket(Bucket=name)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        for body in (b"an older version", RAW):
            s3.put_object(Bucket=name, Key="raw", Body=body, ServerSideEncryption="AES256")
        task = ec2.import_image(DiskContainers=[disk(name, "raw")])["ImportTaskId"]
        forget.append(task)
        done = ended(ec2, task)
        assert done["Status"] == "completed", done
        assert openstack_main.image.download_image(uuid(done["ImageId"])).content == RAW
        ec2.deregister_image(ImageId=done["ImageId"])
        remove_bucket(s3, name)
        assert not faults(gateway.log)


def test_an_imported_image_boots(
    ec2: Any, bucket: str, openstack_main: Connection, forget: list[str], instance_type: str
) -> None:
    task = ec2.import_image(DiskContainers=[disk(bucket, "qcow2")])["ImportTaskId"]
    forget.append(task)
    image = ended(ec2, task)["ImageId"]
    launched = ec2.run_instances(ImageId=image, InstanceType=instance_type, MinCount=1, MaxCount=1)["Instances"]
    ids = [one["InstanceId"] for one in launched]
    try:
        ec2.get_waiter("instance_running").wait(InstanceIds=ids, WaiterConfig=WAIT)
        assert openstack_main.compute.get_server(uuid(ids[0])).image["id"] == uuid(image)
    finally:
        end(ec2, ids)
        ec2.deregister_image(ImageId=image)
