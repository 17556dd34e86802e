"""Placement groups through boto3, and the same server groups through openstacksdk."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from openstack.connection import Connection

from adapters.types.compute import Server, ServerGroup
from shim.ec2.launch.placement_groups import delete_placement_group
from shim.errors import AwsError
from tests.ec2.acting import act
from tests.ec2.client_errors import code
from tests.ec2.conftest import WAIT, Launch, end
from tests.ec2.instances.test_instance_rows import SERVER
from tests.ec2.instances.test_instances import instances, server_id
from tests.ec2.test_half_done import UUID, call
from tests.support.names import unique


def test_a_placement_group_and_its_instance(ec2: Any, launch: Launch, openstack_main: Connection) -> None:
    name = unique("group")
    made = ec2.create_placement_group(GroupName=name, Strategy="spread")["PlacementGroup"]
    assert (made["State"], made["Strategy"], made["SpreadLevel"]) == ("available", "spread", "host")
    assert ec2.describe_placement_groups(GroupIds=[made["GroupId"]])["PlacementGroups"] == [made]
    native = next(one for one in openstack_main.compute.server_groups() if one.name == name)
    assert native.policy == "anti-affinity"
    assert code(ec2.create_placement_group, GroupName=name, Strategy="cluster") == "InvalidPlacementGroup.Duplicate"
    (one,) = launch(Placement={"GroupName": name})
    ec2.get_waiter("instance_running").wait(InstanceIds=[one], WaiterConfig=WAIT)
    (found,) = instances(ec2, Filters=[{"Name": "placement-group-name", "Values": [name]}])
    assert (found["InstanceId"], found["Placement"]["GroupName"]) == (one, name)
    native = openstack_main.compute.get_server_group(native.id)
    assert native.member_ids == [server_id(one)]
    assert code(ec2.delete_placement_group, GroupName=name) == "InvalidPlacementGroup.InUse"
    end(ec2, [one])
    ec2.delete_placement_group(GroupName=name)
    assert code(ec2.describe_placement_groups, GroupNames=[name]) == "InvalidPlacementGroup.Unknown"
    assert code(ec2.delete_placement_group, GroupName=name) == "InvalidPlacementGroup.Unknown"


def test_a_server_group_of_openstack(ec2: Any, openstack_main: Connection) -> None:
    native = openstack_main.compute.create_server_group(name=unique("native"), policy="soft-affinity")
    try:
        (found,) = ec2.describe_placement_groups(GroupNames=[native.name])["PlacementGroups"]
        assert found["Strategy"] == "cluster"
    finally:
        openstack_main.compute.delete_server_group(native.id)


def test_what_hosts_cannot_do_is_refused(ec2: Any, image: str, instance_type: str) -> None:
    assert code(ec2.create_placement_group, GroupName="p", Strategy="partition") == "UnsupportedOperation"
    assert code(ec2.create_placement_group, GroupName="p", Strategy="spread", SpreadLevel="rack") == (
        "UnsupportedOperation"
    )
    assert code(ec2.create_placement_group, Strategy="cluster") == "MissingParameter"
    assert code(ec2.create_placement_group, GroupName="p", Strategy="cluster", DryRun=True) == "DryRunOperation"
    asked = {"ImageId": image, "InstanceType": instance_type, "MinCount": 1, "MaxCount": 1}
    assert code(ec2.run_instances, **asked, Placement={"GroupName": "no such"}) == "InvalidPlacementGroup.Unknown"


class Nova:
    """A group of two servers, of which one has just been deleted."""

    def __init__(self, **others: str) -> None:
        self.found = [replace(SERVER, status="DELETED")]
        self.found += [replace(SERVER, id=one, status=status) for one, status in others.items()]
        self.members = tuple(one.id for one in self.found)
        self.deleted = list[str]()

    async def server_groups(self) -> list[ServerGroup]:
        return [ServerGroup(UUID, "nine", "affinity", self.members)]

    async def server(self, id: str) -> Server:
        return next(one for one in self.found if one.id == id)

    async def delete_server_group(self, id: str) -> None:
        self.deleted.append(id)


def test_a_terminated_member_does_not_hold_its_group() -> None:
    nova = Nova()
    asyncio.run(act(delete_placement_group, call("", compute=nova), {"GroupName": "nine"}))
    assert nova.deleted == [UUID]


def test_a_stopped_member_holds_its_group() -> None:
    nova = Nova(other="SHUTOFF")
    with pytest.raises(AwsError) as caught:
        asyncio.run(act(delete_placement_group, call("", compute=nova), {"GroupName": "nine"}))
    assert (caught.value.code, nova.deleted) == ("InvalidPlacementGroup.InUse", [])
