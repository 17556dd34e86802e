"""Images whose data is being uploaded: what is changed meanwhile stays, and their volumes follow."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from openstack.connection import Connection

from adapters.errors import BackendError, Fault
from adapters.types.images import Image
from shim.concurrency import Jobs
from shim.context import Call, Imports
from shim.ec2.images import mapping, names, uploads
from shim.ec2.images.task_records import needed
from shim.ec2.volumes.snapshot_rows import OF_IMAGE
from shim.ec2.volumes.snapshots import image_users
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
    ec2.get_waiter("volume_available").wait(VolumeIds=[disk], WaiterConfig=WAIT)
    cinder = openstack_main.block_storage.get_volume(uuid(disk))
    device = mapping.of_volume("/dev/sdh", volume("1", "", id=cinder.id), delete_on_termination=True)
    own = made(openstack_main, **uploads.later([device]))
    ami = f"ami-{own.replace('-', '')}"
    snap = openstack_main.block_storage.create_snapshot(volume_id=cinder.id, metadata={OF_IMAGE: own}).id
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


def ignored(access: object) -> None:
    """Take no note of an access to a bucket."""


def tagging(cloud: Uploading) -> Call:
    """Return a call whose account has room for one watcher."""
    imports = Imports(OwnBuckets(ignored), Jobs(), Jobs(of_owner=1), {})
    return replace(call("CreateTags", images=cloud, block=cloud), imports=imports)


async def watchers() -> None:
    """Wait until all watchers have ended."""
    async with asyncio.timeout(30):
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})


@pytest.mark.parametrize("ends_after", range(3))
def test_what_is_changed_during_an_upload_is_there_after_it(ends_after: int) -> None:
    """The upload ends before the first change, between them, or after them."""
    cloud, changes = Uploading(0), [({"tag:Name": "1", "gone": "1"}, ["old"]), ({"tag:Name": "2"}, ["gone"])]
    cloud.begin(description="before", old="1")

    async def main() -> None:
        here = tagging(cloud)
        for place, (wanted, drop) in enumerate(changes):
            if place == ends_after:
                cloud.end()
            seen = (await uploads.finished(here, await cloud.image(IMAGE))).properties
            there = [name for name in drop if name in seen]
            await uploads.change(here, IMAGE, set=wanted, drop=there)
        if ends_after == len(changes):
            cloud.end()
        await watchers()
        assert not needed(here).late_changes

    asyncio.run(main())
    assert cloud.images_[IMAGE].properties == {"description": "before", "tag:Name": "2"}


def test_a_snapshot_that_nova_is_taking_is_left_alone_until_it_is_there() -> None:
    """Nova writes the formats of a snapshot before its data, and of two writes at once Glance keeps one."""
    cloud = Uploading(0)
    cloud.begin(image_type="snapshot", old="1")
    cloud.images_ = {IMAGE: replace(cloud.images_[IMAGE], status="queued")}

    async def main() -> None:
        here = tagging(cloud)
        await uploads.change(here, IMAGE, set={"tag:Name": "silver"}, drop=["old"])
        await uploads.change(here, IMAGE, set={"tag:Name": "gold"})
        assert cloud.images_[IMAGE].properties == {"image_type": "snapshot", "old": "1"}
        (seen,) = await uploads.all_finished(here, [await cloud.image(IMAGE)])
        assert seen.properties == {"image_type": "snapshot", "tag:Name": "gold"}
        cloud.end()
        await watchers()
        assert not needed(here).late_changes

    asyncio.run(main())
    assert cloud.images_[IMAGE].properties == {"image_type": "snapshot", "tag:Name": "gold"}


def test_a_reader_does_not_wait_for_the_watcher() -> None:
    cloud = Uploading(0)
    cloud.begin()

    async def main() -> None:
        here = tagging(cloud)
        await uploads.change(here, IMAGE, set={"tag:Name": "gold"})
        cloud.end()
        (seen,) = await uploads.all_finished(here, [await cloud.image(IMAGE)])
        assert seen.properties == {"tag:Name": "gold"}
        await watchers()

    asyncio.run(main())


def test_a_glance_that_is_away_for_a_moment_loses_no_change() -> None:
    cloud, looks = Uploading(0), 0
    cloud.begin()

    async def image_(id: str) -> Image:
        nonlocal looks
        if (looks := looks + 1) < 3:
            raise BackendError(Fault.UNAVAILABLE, service="image")
        return cloud.images_[id]

    async def main() -> None:
        here = tagging(cloud)
        await uploads.change(here, IMAGE, set={"tag:Name": "gold"})
        cloud.end()
        cloud.image = image_  # type: ignore[method-assign]
        await watchers()

    asyncio.run(main())
    assert (looks > 3, cloud.images_[IMAGE].properties) == (True, {"tag:Name": "gold"})


def test_a_change_that_would_be_lost_is_to_be_repeated() -> None:
    cloud = Uploading(0)
    cloud.begin()
    cloud.images_["other"] = replace(cloud.images_[IMAGE], id="other")

    async def main() -> None:
        here = tagging(cloud)
        await uploads.change(here, IMAGE, set={"tag:Name": "gold"})
        with pytest.raises(AwsError, match="Too many images"):
            await uploads.change(here, "other", set={"tag:Name": "gold"})
        await needed(here).uploads.aclose()

    asyncio.run(main())


OLD = datetime(2020, 1, 1, tzinfo=UTC)


def unfinished(updated_at: datetime) -> tuple[Cloud, Any]:
    """Return a cloud with an image of two volumes and the snapshot of one, and a call to it."""
    cloud = Cloud(0)
    devices = [
        mapping.of_volume(f"/dev/sd{letter}", cloud.volumes_[one], delete_on_termination=True)
        for letter, one in zip("gh", VOLUMES, strict=True)
    ]
    cloud.images_ = {IMAGE: replace(image(IMAGE, "half", uploads.later(devices)), updated_at=updated_at)}
    cloud.snapshots_ = {SNAPSHOT: snapshot(SNAPSHOT, VOLUMES[0], {OF_IMAGE: IMAGE})}
    return cloud, call("DescribeImages", compute=cloud, block=cloud, images=cloud)


@pytest.mark.parametrize("status", ["none", "error", "creating", "deleting"])
def test_an_image_waits_for_its_snapshots(status: str) -> None:
    cloud, here = unfinished(datetime.now(UTC))
    if status != "none":
        other = replace(snapshot("other", VOLUMES[1], {OF_IMAGE: IMAGE}), status=status)
        cloud.snapshots_["other"] = other
    found = asyncio.run(uploads.finished(here, cloud.images_[IMAGE]))
    assert uploads.state(found, "available") == "pending"
    users = asyncio.run(image_users(here))
    assert {users.of(one) for one in cloud.snapshots_.values()} == {IMAGE}


@pytest.mark.parametrize("written", ["[" * 100_000, "[1]", "{}", "x"])
def test_properties_that_somebody_else_wrote_do_no_harm(written: str) -> None:
    cloud, here = unfinished(datetime.now(UTC))
    for marks in ({"ec2:later:0": written}, {"block_device_mapping": written}):
        cloud.images_[IMAGE] = replace(cloud.images_[IMAGE], properties=marks)
        assert asyncio.run(uploads.finished(here, cloud.images_[IMAGE])).block_devices == []


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
    cloud.snapshots_["other"] = snapshot("other", VOLUMES[1], {OF_IMAGE: IMAGE})
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
