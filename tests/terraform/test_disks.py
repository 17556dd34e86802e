"""Volumes, snapshots and images under Terraform, from the first apply to the end, looked at from OpenStack's side."""

from collections.abc import Iterator

import pytest
from openstack.connection import Connection

from tests.ec2.conftest import eventually
from tests.support.clients import Boto
from tests.support.leftovers import inventory
from tests.terraform.conftest import Terraform, Workspace
from tests.terraform.test_terraform import natives

pytestmark = [pytest.mark.tool, pytest.mark.timeout(900)]

IN_PLACE = {
    "aws_ami.registered",
    "aws_ami_from_instance.golden",
    "aws_ebs_snapshot.data",
    "aws_ebs_volume.data",
    "aws_ebs_volume.typed",
}


@pytest.fixture
def friend(aws: Boto) -> str:
    """The id of another account."""
    return str(aws("sts", "main").get_caller_identity()["Account"])


@pytest.fixture
def disks(workspace: Workspace, name: str, smallest_type: str, friend: str) -> Iterator[Terraform]:
    """The configuration `disks`, ready to be applied; whatever is in its state at the end is destroyed."""
    with workspace("disks").ready(name=name, instance_type=smallest_type, friend=friend) as terraform:
        yield terraform


def test_disks_and_images(
    disks: Terraform,
    openstack_alt: Connection,
    openstack_main: Connection,
    friend: str,
) -> None:
    before = inventory(openstack_alt)
    disks("apply", "-auto-approve")
    assert disks.settled()
    outputs = disks.outputs()
    made = natives(outputs["made"])
    assert outputs["found"] == outputs["made"]["snapshot"]
    block, images = openstack_alt.block_storage, openstack_alt.image
    assert block.get_snapshot(made["snapshot"]).volume_id == made["volume"]
    assert block.get_snapshot(made["copy"]).volume_id != made["volume"]
    assert made["copy"] in images.get_image(made["registered"]).properties["block_device_mapping"]
    assert [one.id for one in images.members(made["registered"])] == [openstack_main.current_project_id]

    changed = "-var=changed=true"
    planned = disks.planned(changed)
    assert set(planned) == IN_PLACE
    assert set(map(tuple, planned.values())) == {("update",)}
    disks("apply", "-auto-approve", changed)
    assert disks.settled(changed)
    assert natives(disks.outputs()["made"]) == made
    assert block.get_volume(made["volume"]).size == 2
    typed = block.get_volume(made["typed"])
    assert (typed.size, typed.volume_type) == (2, "gp3")
    assert images.get_image(made["registered"]).properties["description"] == "second"

    ec2_ids = outputs["made"]
    disks.import_again(
        {
            "aws_ebs_volume.data": ec2_ids["volume"],
            "aws_ebs_snapshot.data": ec2_ids["snapshot"],
            "aws_ami.registered": ec2_ids["registered"],
            "aws_ami_launch_permission.friend": f"{friend}/{ec2_ids['registered']}",
        },
        changed,
    )
    disks("destroy", "-auto-approve", changed)
    assert eventually(lambda: inventory(openstack_alt).keys() <= before.keys())
