"""A subnet, an instance and a volume in each availability zone, looked at from OpenStack's side."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from openstack.connection import Connection

from tests.ec2.client_errors import refusal
from tests.ec2.conftest import WAIT, Launch, end, eventually
from tests.ec2.instances.test_instances import instances, server_id
from tests.ec2.routing.test_internet_gateways import remove_routed
from tests.ec2.volumes.test_volume_attachments import settle
from tests.ec2.volumes.test_volumes import remove
from tests.support.names import native_uuid, unique

ONE_SECOND = {"Delay": 1}

VolumeIn = Callable[[str], str]


@pytest.fixture
def subnets(ec2: Any) -> Iterator[Mapping[str, str]]:
    """A subnet in each of three zones of a new VPC, by the zone's name; with fewer zones there is nothing to see."""
    zones = [one["ZoneName"] for one in ec2.describe_availability_zones()["AvailabilityZones"]][:3]
    if len(zones) < 3:
        pytest.skip("the cloud has fewer than three availability zones")
    vpc = ec2.create_vpc(CidrBlock="10.78.0.0/16")["Vpc"]["VpcId"]
    yield {
        zone: ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.78.{place}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for place, zone in enumerate(zones)
    }
    remove_routed(ec2, vpc)


@pytest.fixture
def spread(ec2: Any) -> Iterator[str]:
    """A placement group that spreads its instances."""
    name = unique("spread")
    ec2.create_placement_group(GroupName=name, Strategy="spread")
    yield name
    ec2.delete_placement_group(GroupName=name)


@pytest.fixture
def volume_in(ec2: Any) -> Iterator[VolumeIn]:
    """Return a function that makes a volume in a zone; it is gone after the test."""
    made: list[str] = []

    def make(zone: str) -> str:
        made.append(ec2.create_volume(Size=1, AvailabilityZone=zone)["VolumeId"])
        ec2.get_waiter("volume_available").wait(VolumeIds=made[-1:], WaiterConfig=ONE_SECOND)
        return made[-1]

    yield make
    if made:  # the waiter would wait for all volumes where none is named
        remove(ec2, *made)


def test_instances_and_volumes_are_where_their_subnets_are(
    ec2: Any,
    openstack_main: Connection,
    subnets: Mapping[str, str],
    spread: str,
    volume_in: VolumeIn,
    launch: Launch,
) -> None:
    made = {zone: launch(SubnetId=one, Placement={"GroupName": spread})[0] for zone, one in subnets.items()}
    ec2.get_waiter("instance_running").wait(InstanceIds=[*made.values()], WaiterConfig=WAIT)
    shown = {one["InstanceId"]: one for one in instances(ec2, InstanceIds=[*made.values()])}
    native = {zone: openstack_main.compute.get_server(server_id(one)) for zone, one in made.items()}
    for zone, one in made.items():
        assert (shown[one]["Placement"]["AvailabilityZone"], shown[one]["SubnetId"]) == (zone, subnets[zone])
        subnet = openstack_main.network.get_subnet(native_uuid(subnets[zone]))
        tags = openstack_main.network.get_network(subnet.network_id).tags
        assert f"ec2:az={native[zone].availability_zone}" in tags
    assert len({one.availability_zone for one in native.values()}) == 3
    assert len({one.host_id for one in native.values()}) == 3
    first, second, third = subnets
    check_volume(ec2, openstack_main, made, first, volume_in(third), third)
    check_volume(ec2, openstack_main, made, third, volume_in(first), first)
    check_resize(ec2, openstack_main, made[second], native[second])
    assert refusal(launch, SubnetId=subnets[second], Placement={"AvailabilityZone": third}) == (
        "InvalidParameterValue",
        f"Value ({third}) for parameter availabilityZone is invalid. Subnet '{subnets[second]}' is in the "
        f"availability zone {second}",
    )
    end(ec2, [*made.values()])


def check_volume(ec2: Any, connection: Connection, made: Mapping[str, str], other: str, volume: str, zone: str) -> None:
    """Attach a volume of a zone to the instance there, and to none elsewhere."""
    assert refusal(ec2.attach_volume, VolumeId=volume, InstanceId=made[other], Device="/dev/sdf") == (
        "InvalidVolume.ZoneMismatch",
        f"The volume '{volume}' is not in the same availability zone as instance '{made[other]}'",
    )
    assert not connection.block_storage.get_volume(native_uuid(volume)).attachments
    ec2.attach_volume(VolumeId=volume, InstanceId=made[zone], Device="/dev/sdf")
    settle(ec2, volume, "attached")  # the volume is `in-use` before Cinder has attached it
    [held] = connection.block_storage.get_volume(native_uuid(volume)).attachments
    assert held["server_id"] == server_id(made[zone])
    assert ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["AvailabilityZone"] == zone
    ec2.detach_volume(VolumeId=volume)
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=ONE_SECOND)


def check_resize(ec2: Any, connection: Connection, instance: str, before: Any) -> None:
    """Give an instance another type: it stays in its zone."""
    ec2.stop_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    types = [one for one in connection.compute.flavors() if one.disk and one.name != before.flavor.original_name]
    wanted = min(types, key=lambda one: (one.ram, one.vcpus))
    ec2.modify_instance_attribute(InstanceId=instance, InstanceType={"Value": wanted.name})
    ec2.start_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    assert eventually(lambda: instances(ec2, InstanceIds=[instance])[0]["InstanceType"] == wanted.name)
    after = connection.compute.get_server(before.id)
    assert (after.availability_zone, after.flavor.original_name) == (before.availability_zone, wanted.name)
