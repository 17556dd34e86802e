"""Images through both APIs."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.ec2.conftest import WAIT, refused
from tests.support.names import unique


@pytest.fixture
def own(openstack_main: Any) -> Iterator[Any]:
    """An image of the project's own, made by OpenStack."""
    made = openstack_main.image.create_image(
        name=unique("image"),
        data=b"\0" * 1024,
        disk_format="raw",
        container_format="bare",
        visibility="private",
        properties={"hw_architecture": "aarch64", "description": "small", "tag:team": "blue"},
    )
    yield made
    openstack_main.image.delete_image(made.id)


def ami(image: Any) -> str:
    return f"ami-{image.id.replace('-', '')}"


def test_an_image_of_openstack(ec2: Any, sts: Any, own: Any) -> None:
    asked = [ami(own)]
    ec2.get_waiter("image_exists").wait(ImageIds=asked, WaiterConfig=WAIT)
    ec2.get_waiter("image_available").wait(ImageIds=asked, WaiterConfig=WAIT)
    (found,) = ec2.describe_images(ImageIds=asked)["Images"]
    assert found["Name"] == own.name
    assert found["OwnerId"] == sts.get_caller_identity()["Account"]
    assert (found["Public"], found["State"], found["Architecture"]) == (False, "available", "arm64")
    assert found["Tags"] == [{"Key": "team", "Value": "blue"}]
    assert found["Description"] == "small"
    (device,) = found["BlockDeviceMappings"]
    assert device["DeviceName"] == found["RootDeviceName"]
    assert device["Ebs"]["VolumeSize"] == 1


def test_owners_and_filters_choose(ec2: Any, sts: Any, own: Any, image: str) -> None:
    def found(**asked: Any) -> set[str]:
        return {one["ImageId"] for one in ec2.describe_images(**asked)["Images"]}

    account = sts.get_caller_identity()["Account"]
    assert ami(own) in found(Owners=["self"]) & found(Owners=[account]) & found()
    assert image not in found(Owners=["self"])
    assert image in found(Owners=["amazon"]) & found(ExecutableUsers=["all"])
    assert ami(own) not in found(Owners=["amazon"]) | found(ExecutableUsers=["all"]) | found(ExecutableUsers=["self"])
    assert found(Filters=[{"Name": "name", "Values": [own.name[:-2] + "??"]}]) == {ami(own)}
    assert found(Filters=[{"Name": "is-public", "Values": ["false"]}, {"Name": "tag:team", "Values": ["blue"]}]) >= {
        ami(own)
    }


def test_tags_in_both_views(ec2: Any, openstack_main: Any, own: Any) -> None:
    ec2.create_tags(Resources=[ami(own)], Tags=[{"Key": "a/b~c", "Value": "é"}, {"Key": "Name", "Value": "n"}])
    (found,) = ec2.describe_images(ImageIds=[ami(own)])["Images"]
    assert {tag["Key"]: tag["Value"] for tag in found["Tags"]} == {"team": "blue", "a/b~c": "é", "Name": "n"}
    assert openstack_main.image.get_image(own.id).properties["tag:Name"] == "n"
    ec2.delete_tags(Resources=[ami(own)], Tags=[{"Key": "a/b~c"}, {"Key": "Name", "Value": "other"}])
    (found,) = ec2.describe_images(ImageIds=[ami(own)])["Images"]
    assert [tag["Key"] for tag in found["Tags"]] == ["Name", "team"]


def test_hidden_images_are_deprecated(ec2: Any, openstack_main: Any, own: Any) -> None:
    openstack_main.image.update_image(own.id, os_hidden=True)
    named = [{"Name": "image-id", "Values": [ami(own)]}]
    assert ec2.describe_images(Filters=named)["Images"] == []
    assert len(ec2.describe_images(Filters=named, IncludeDeprecated=True)["Images"]) == 1
    assert len(ec2.describe_images(ImageIds=[ami(own)])["Images"]) == 1


def test_images_that_are_not_there(ec2: Any, aws: Any, own: Any, image: str) -> None:
    with refused("InvalidAMIID.NotFound"):
        ec2.describe_images(ImageIds=["ami-" + "0" * 32])
    with refused("InvalidAMIID.NotFound"):
        ec2.describe_images(ImageIds=[image, "ami-" + "0" * 32])
    with refused("InvalidAMIID.Malformed"):
        ec2.describe_images(ImageIds=["nonsense"])
    with refused("InvalidAMIID.NotFound"):
        aws("ec2", "alt").describe_images(ImageIds=[ami(own)])
    with refused("UnsupportedOperation"):
        ec2.create_tags(Resources=[image], Tags=[{"Key": "mine", "Value": ""}])
    assert UUID(image.removeprefix("ami-"))
