"""Images whose data is being uploaded: what is changed meanwhile stays, and their volumes follow."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from openstack.connection import Connection

from shim.concurrency import Jobs
from shim.context import Imports
from shim.ec2.images import mapping, names, uploads
from shim.errors import AwsError
from shim.s3.access.own_buckets import OwnBuckets
from tests.ec2.client_errors import code
from tests.ec2.conftest import WAIT, Launch, eventually
from tests.ec2.images.test_making_images import available, described, discard, snapshots
from tests.ec2.images.test_undone import IMAGE, SNAPSHOT, VOLUMES, Cloud, image, snapshot
from tests.ec2.instances.test_instance_rows import volume
from tests.ec2.network.test_security_groups import uuid
from tests.ec2.test_half_done import call
from tests.support.names import unique


def made(openstack: Connection, **properties: str) -> str:
    """Make an image without data, as Nova does before it uploads the disk of a server."""
    own: str = openstack.image.create_image(
        name=unique("upload"), disk_format="raw", container_format="bare", visibility="private", **properties
    ).id
    return own


def uploaded(openstack: Connection, image_id: str) -> None:
    """Upload an image's data."""
    headers = {"Content-Type": "application/octet-stream"}
    assert openstack.image.put(f"/images/{image_id}/file", data=b"\0" * 4096, headers=headers).status_code == 204


def test_an_instance_with_a_disk_of_its_own_and_a_volume(ec2: Any, openstack_main: Connection, launch: Launch) -> None:
    [source] = launch(BlockDeviceMappings=[{"DeviceName": "/dev/sdh", "Ebs": {"VolumeSize": 1}}])
    ec2.get_waiter("instance_running").wait(InstanceIds=[source], WaiterConfig=WAIT)
    name = unique("own-disk")
    ami = ec2.create_image(
        InstanceId=source,
        Name=name,
        NoReboot=True,
        BlockDeviceMappings=[
            {"DeviceName": "/dev/sdh", "Ebs": {"VolumeSize": 2, "DeleteOnTermination": True}},
            {"DeviceName": "/dev/sdi", "Ebs": {"VolumeSize": 1}},
        ],
        TagSpecifications=[{"ResourceType": "snapshot", "Tags": [{"Key": "of", "Value": name}]}],
    )["ImageId"]
    ec2.create_tags(Resources=[ami], Tags=[{"Key": "Name", "Value": "gold"}])
    seen = available(ec2, ami)
    by_name = {one["DeviceName"]: one["Ebs"] for one in seen["BlockDeviceMappings"]}
    assert set(by_name) == {seen["RootDeviceName"], "/dev/sdh", "/dev/sdi"}
    assert (by_name["/dev/sdh"]["VolumeSize"], by_name["/dev/sdh"]["DeleteOnTermination"]) == (2, True)
    (kept,) = snapshots(seen)
    assert ec2.describe_snapshots(SnapshotIds=[kept])["Snapshots"][0]["Tags"] == [{"Key": "of", "Value": name}]
    assert eventually(lambda: described(ec2, ami)["Tags"] == [{"Key": "Name", "Value": "gold"}])
    native = openstack_main.image.get_image(uuid(ami)).properties
    assert [one.get("snapshot_id") for one in json.loads(native["block_device_mapping"])] == [uuid(kept), None]
    assert not [name for name in native if name.startswith(("ec2:later", "ec2:half"))]
    # An instance of the image has a copy of the volume.
    [copy] = launch(ImageId=ami)
    ec2.get_waiter("instance_running").wait(InstanceIds=[copy], WaiterConfig=WAIT)
    held = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [copy]}])["Volumes"]
    assert {(one.get("SnapshotId"), one["Size"]) for one in held} >= {(kept, 2)}
    discard(ec2, openstack_main, ami)


def test_whoever_reads_an_image_of_a_killed_gateway_finishes_it(ec2: Any, openstack_main: Connection) -> None:
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    disk = ec2.create_volume(Size=1, AvailabilityZone=zone)["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[disk], WaiterConfig={"Delay": 1})
    cinder = openstack_main.block_storage.get_volume(uuid(disk))
    device = mapping.of_volume("/dev/sdh", volume("1", "", id=cinder.id), delete_on_termination=True)
    own = made(openstack_main, **uploads.later([device]))
    ami = f"ami-{own.replace('-', '')}"
    snap = openstack_main.block_storage.create_snapshot(volume_id=cinder.id, metadata={uploads.OF_IMAGE: own}).id
    try:
        assert described(ec2, ami)["State"] == "pending"
        uploaded(openstack_main, own)
        seen = described(ec2, ami)
        assert (seen["State"], [uuid(one) for one in snapshots(seen)]) == ("available", [snap])
        native = openstack_main.image.get_image(own).properties
        assert json.loads(native["block_device_mapping"])[0]["snapshot_id"] == snap
    finally:
        discard(ec2, openstack_main, ami)
        ec2.delete_volume(VolumeId=disk)


@dataclass
class Uploading(Cloud):
    """A Glance whose uploads end by writing the properties that they read at their start."""

    read: Mapping[str, str] = field(default_factory=dict)

    def begin(self, **properties: str) -> None:
        self.read = properties
        self.images_ = {IMAGE: replace(image(IMAGE, "saving", properties), status="saving")}

    def end(self) -> None:
        self.images_[IMAGE] = replace(self.images_[IMAGE], status="active", properties=self.read)


async def changed(cloud: Uploading, *changes: tuple[dict[str, str], list[str]], during: bool = True) -> set[str]:
    """Change the image, during its upload or after it; return its properties when all work has ended."""
    jobs = Jobs(of_owner=1)
    here = replace(call("CreateTags", images=cloud), imports=Imports(OwnBuckets(), jobs, {}))
    if not during:
        cloud.end()
    for wanted, drop in changes:
        await uploads.change(here, IMAGE, set=wanted, drop=drop)
    told = cloud.images_[IMAGE].properties
    if during:
        cloud.end()
    async with asyncio.timeout(30):
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
    assert cloud.images_[IMAGE].properties == told
    return set(told)


@pytest.mark.parametrize("during", [True, False])
def test_what_is_changed_during_an_upload_is_there_after_it(during: bool) -> None:
    cloud = Uploading(0)
    cloud.begin(description="before", old="1")
    changes = [({"tag:Name": "gold", "gone": "1"}, ["old"]), ({"description": "after"}, ["gone"])]
    assert asyncio.run(changed(cloud, *changes, during=during)) == {"description", "tag:Name"}
    assert cloud.images_[IMAGE].properties["description"] == "after"


OLD = datetime(2020, 1, 1, tzinfo=UTC)


def unfinished(created_at: datetime) -> tuple[Cloud, Any]:
    """Return a cloud with an image of two volumes and the snapshot of one, and a call to it."""
    cloud = Cloud(0)
    devices = [
        mapping.of_volume(f"/dev/sd{letter}", cloud.volumes_[one], delete_on_termination=True)
        for letter, one in zip("gh", VOLUMES, strict=True)
    ]
    cloud.images_ = {IMAGE: replace(image(IMAGE, "half", uploads.later(devices)), created_at=created_at)}
    cloud.snapshots_ = {SNAPSHOT: snapshot(SNAPSHOT, VOLUMES[0], {uploads.OF_IMAGE: IMAGE})}
    return cloud, call("DescribeImages", compute=cloud, block=cloud, images=cloud)


@pytest.mark.parametrize(("age", "state"), [(timedelta(0), "pending"), (timedelta(hours=1), "failed")])
def test_an_image_that_lacks_a_snapshot_is_never_available(age: timedelta, state: str) -> None:
    cloud, here = unfinished(datetime.now(UTC) - age)
    found = asyncio.run(uploads.finished(here, cloud.images_[IMAGE]))
    assert uploads.state(found, "available") == state
    assert "block_device_mapping" not in cloud.images_[IMAGE].properties
    with pytest.raises(AwsError, match="is not available"):
        asyncio.run(uploads.usable(here, IMAGE))


def test_its_name_is_free_for_the_repetition() -> None:
    cloud, here = unfinished(OLD)
    asyncio.run(names.free(here, "half"))
    assert (cloud.images_, cloud.snapshots_) == ({}, {})


def test_the_name_of_a_whole_one_is_not() -> None:
    cloud, here = unfinished(OLD)
    cloud.snapshots_["other"] = snapshot("other", VOLUMES[1], {uploads.OF_IMAGE: IMAGE})
    with pytest.raises(AwsError, match="is already in use"):
        asyncio.run(names.free(here, "half"))
    found = asyncio.run(uploads.finished(here, cloud.images_[IMAGE]))
    assert found.snapshots == [SNAPSHOT, "other"]
    assert not uploads.unfinished(found)


def test_an_image_is_not_launched_before_it_has_its_volumes(
    ec2: Any, openstack_main: Connection, launch: Launch
) -> None:
    device = mapping.of_volume("/dev/sdh", volume("1", ""), delete_on_termination=True)
    own = made(openstack_main, **uploads.later([device]))
    try:
        uploaded(openstack_main, own)
        assert code(launch, ImageId=f"ami-{own.replace('-', '')}") == "InvalidAMIID.Unavailable"
    finally:
        openstack_main.image.delete_image(own)
