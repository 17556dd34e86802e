"""Tags of all kinds of resources: those written by EC2 are visible in OpenStack, and the reverse."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.ec2.conftest import WAIT, refused
from tests.support.names import unique

ODD = [
    {"Key": "Name", "Value": "x y"},
    {"Key": "name", "Value": ""},
    {"Key": "kubernetes.io/cluster,a=b%é", "Value": "v" * 256},
]


@pytest.fixture(scope="module")
def resources(ec2: Any, instance: str) -> Iterator[list[str]]:
    """One resource of each store: Nova's, Cinder's, Neutron's."""
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    volume = ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
    group = ec2.create_security_group(GroupName=unique("group"), Description="for tags")["GroupId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=WAIT)
    yield [instance, volume, group]
    ec2.delete_security_group(GroupId=group)
    ec2.delete_volume(VolumeId=volume)
    ec2.get_waiter("volume_deleted").wait(VolumeIds=[volume], WaiterConfig=WAIT)


def tags(ec2: Any, resource: str, **more: Any) -> dict[str, str]:
    asked = [{"Name": "resource-id", "Values": [resource]}]
    return {tag["Key"]: tag["Value"] for tag in ec2.describe_tags(Filters=asked, **more)["Tags"]}


def test_odd_tags_come_back_and_go(ec2: Any, resources: list[str]) -> None:
    odd = {tag["Key"]: tag["Value"] for tag in ODD}
    ec2.create_tags(Resources=resources, Tags=ODD)
    assert [tags(ec2, one) for one in resources] == [odd] * 3
    ec2.create_tags(Resources=resources, Tags=[{"Key": "Name", "Value": "X Y"}, {"Key": ODD[2]["Key"], "Value": "w"}])
    assert [tags(ec2, one) for one in resources] == [odd | {"Name": "X Y", ODD[2]["Key"]: "w"}] * 3
    ec2.delete_tags(Resources=resources, Tags=[{"Key": "Name", "Value": "x y"}, {"Key": "name"}, {"Key": "absent"}])
    assert [tags(ec2, one) for one in resources] == [{"Name": "X Y", ODD[2]["Key"]: "w"}] * 3
    ec2.delete_tags(Resources=resources, Tags=[{"Key": "Name", "Value": ""}])
    assert [len(tags(ec2, one)) for one in resources] == [2] * 3
    ec2.delete_tags(Resources=resources)
    assert [tags(ec2, one) for one in resources] == [{}] * 3


def test_both_views(ec2: Any, openstack_main: Any, resources: list[str]) -> None:
    instance, volume, _ = (str(UUID(one.split("-")[1])) for one in resources)
    ec2.create_tags(Resources=resources[:2], Tags=[{"Key": "team", "Value": "blue"}])
    assert openstack_main.compute.get_server(instance).metadata["tag:team"] == "blue"
    assert openstack_main.block_storage.get_volume(volume).metadata["tag:team"] == "blue"
    openstack_main.compute.set_server_metadata(instance, **{"tag:team": "red", "other": "thing"})
    assert tags(ec2, resources[0]) == {"team": "red"}
    ec2.delete_tags(Resources=resources)
    metadata = openstack_main.compute.get_server(instance).metadata
    assert {key: value for key, value in metadata.items() if not key.startswith("ec2:")} == {"other": "thing"}
    openstack_main.compute.delete_server_metadata(instance, ["other"])


def test_fifty_tags_or_as_many_as_the_store_keeps(ec2: Any, resources: list[str]) -> None:
    fifty = [{"Key": f"k{n}", "Value": "v" * 200} for n in range(50)]
    ec2.create_tags(Resources=resources[:2], Tags=fifty)
    assert [len(tags(ec2, one)) for one in resources[:2]] == [50, 50]
    with refused("TagLimitExceeded"):
        ec2.create_tags(Resources=resources[:1], Tags=[{"Key": "one more", "Value": ""}])
    with refused("TagLimitExceeded"):
        ec2.create_tags(Resources=resources[2:], Tags=fifty)
    assert tags(ec2, resources[2]) == {}
    pages = ec2.get_paginator("describe_tags").paginate(
        Filters=[{"Name": "resource-id", "Values": resources}, {"Name": "key", "Values": ["k*"]}],
        PaginationConfig={"PageSize": 30},
    )
    assert sum(len(page["Tags"]) for page in pages) == 100
    ec2.delete_tags(Resources=resources)


def test_filters(ec2: Any, resources: list[str]) -> None:
    ec2.create_tags(Resources=resources, Tags=[{"Key": "shelf", "Value": "3"}])
    for filters, expected in (
        ([{"Name": "tag:shelf", "Values": ["3"]}], resources),
        ([{"Name": "key", "Values": ["shelf"]}, {"Name": "resource-type", "Values": ["volume"]}], resources[1:2]),
        ([{"Name": "value", "Values": ["4"]}, {"Name": "resource-id", "Values": resources}], []),
        ([{"Name": "resource-id", "Values": [resources[0][:-1] + "?"]}], resources[:1]),
    ):
        found = ec2.describe_tags(Filters=filters)["Tags"]
        assert sorted(tag["ResourceId"] for tag in found) == sorted(expected)
    ec2.delete_tags(Resources=resources)


def test_tags_are_taken_while_nova_builds(ec2: Any, launch: Any) -> None:
    made = launch()
    ec2.create_tags(Resources=made, Tags=[{"Key": "early", "Value": "yes"}])
    assert tags(ec2, made[0]) == {"early": "yes"}


@pytest.mark.parametrize(
    ("code", "resource", "given"),
    [
        ("InvalidID", "nonsense", [{"Key": "a", "Value": "b"}]),
        ("InvalidInstanceID.NotFound", "i-" + "0" * 32, [{"Key": "a", "Value": "b"}]),
        ("InvalidVolume.NotFound", "vol-" + "0" * 32, [{"Key": "a", "Value": "b"}]),
        ("InvalidGroup.NotFound", "sg-" + "0" * 32, [{"Key": "a", "Value": "b"}]),
        ("InvalidParameterValue", "", [{"Key": "aws:a", "Value": "b"}]),
        ("InvalidParameterValue", "", [{"Key": "k" * 129, "Value": "b"}]),
        ("InvalidParameterValue", "", [{"Key": "a", "Value": "b" * 257}]),
        ("InvalidParameterValue", "", [{"Key": "a", "Value": "b"}, {"Key": "a", "Value": "c"}]),
        ("TagLimitExceeded", "", [{"Key": f"k{n}", "Value": ""} for n in range(51)]),
    ],
)
def test_tags_that_cannot_be(ec2: Any, instance: str, code: str, resource: str, given: list[dict[str, str]]) -> None:
    with refused(code):
        ec2.create_tags(Resources=[instance, resource] if resource else [instance], Tags=given)
    assert tags(ec2, instance) == {}
