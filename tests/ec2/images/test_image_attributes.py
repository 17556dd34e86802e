"""Attributes of images, launch permissions and deprecation, through both APIs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from openstack.connection import Connection

from tests.ec2.client_errors import code
from tests.support.names import unique

ABSENT = "ami-" + "0" * 32


@pytest.fixture
def native(openstack_main: Connection) -> Iterator[Any]:
    """An image of the project's own, made by OpenStack."""
    made = openstack_main.image.create_image(
        name=unique("attributes"), data=b"\0" * 512, disk_format="raw", container_format="bare", visibility="private"
    )
    yield made
    openstack_main.image.delete_image(made.id)


@pytest.fixture
def own(native: Any) -> str:
    """Its id in EC2."""
    return f"ami-{native.id.replace('-', '')}"


def permissions(ec2: Any, image: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = ec2.describe_image_attribute(ImageId=image, Attribute="launchPermission")[
        "LaunchPermissions"
    ]
    return found


def test_attributes(ec2: Any, openstack_main: Connection, native: Any, own: str) -> None:
    ways: dict[str, dict[str, Any]] = {
        "one": {"Description": {"Value": "one"}},
        "two": {"Attribute": "description", "Value": "two"},
    }
    for value, asked in ways.items():
        ec2.modify_image_attribute(ImageId=own, **asked)
        assert ec2.describe_image_attribute(ImageId=own, Attribute="description")["Description"] == {"Value": value}
        assert openstack_main.image.get_image(native.id).properties["description"] == value
    for attribute in ("kernel", "ramdisk"):
        assert set(ec2.describe_image_attribute(ImageId=own, Attribute=attribute)) == {"ImageId", "ResponseMetadata"}
    for attribute, member in {
        "productCodes": "ProductCodes",
        "blockDeviceMapping": "BlockDeviceMappings",
        "sriovNetSupport": "SriovNetSupport",
        "bootMode": "BootMode",
        "tpmSupport": "TpmSupport",
        "uefiData": "UefiData",
        "lastLaunchedTime": "LastLaunchedTime",
        "imdsSupport": "ImdsSupport",
        "deregistrationProtection": "DeregistrationProtection",
    }.items():
        assert member in ec2.describe_image_attribute(ImageId=own, Attribute=attribute), attribute


def test_an_image_for_everybody(ec2: Any, aws: Any, openstack_main: Connection, native: Any, own: str) -> None:
    other = aws("ec2", "alt")
    assert permissions(ec2, own) == []
    assert code(other.describe_images, ImageIds=[own]) == "InvalidAMIID.NotFound"
    ec2.modify_image_attribute(ImageId=own, LaunchPermission={"Add": [{"Group": "all"}]})
    assert permissions(ec2, own) == [{"Group": "all"}]
    assert openstack_main.image.get_image(native.id).visibility == "community"
    [seen] = other.describe_images(ImageIds=[own])["Images"]
    assert seen["Public"] is True
    assert own in [one["ImageId"] for one in other.describe_images(ExecutableUsers=["all"])["Images"]]
    ec2.modify_image_attribute(ImageId=own, Attribute="launchPermission", OperationType="remove", UserGroups=["all"])
    assert permissions(ec2, own) == []
    assert code(other.describe_images, ImageIds=[own]) == "InvalidAMIID.NotFound"


def test_an_image_for_one_account(
    ec2: Any, aws: Any, openstack_main: Connection, openstack_alt: Connection, native: Any, own: str
) -> None:
    other = aws("ec2", "alt")
    account = aws("sts", "alt").get_caller_identity()["Account"]
    ec2.modify_image_attribute(ImageId=own, LaunchPermission={"Add": [{"UserId": account}]})
    assert permissions(ec2, own) == [{"UserId": account}]
    assert [one.id for one in openstack_main.image.members(native.id)] == [openstack_alt.current_project_id]
    [seen] = other.describe_images(ImageIds=[own])["Images"]
    assert (seen["Public"], seen["OwnerId"]) == (False, aws("sts", "main").get_caller_identity()["Account"])
    assert own in [one["ImageId"] for one in other.describe_images(ExecutableUsers=["self"])["Images"]]
    ec2.modify_image_attribute(ImageId=own, LaunchPermission={"Remove": [{"UserId": account}]})
    assert permissions(ec2, own) == []
    assert code(other.describe_images, ImageIds=[own]) == "InvalidAMIID.NotFound"
    ec2.modify_image_attribute(ImageId=own, OperationType="add", Attribute="launchPermission", UserIds=[account])
    ec2.reset_image_attribute(ImageId=own, Attribute="launchPermission")
    assert permissions(ec2, own) == []
    assert openstack_main.image.get_image(native.id).visibility == "private"


def test_permissions_that_are_refused(ec2: Any, own: str, image: str) -> None:
    def told(**params: Any) -> str:
        return code(ec2.modify_image_attribute, **{"ImageId": own, **params})

    assert told() == "InvalidParameterCombination"
    assert told(LaunchPermission={"Add": [{"UserId": "123456789012"}]}) == "InvalidAMIAttributeItemValue"
    assert told(OperationType="add", UserGroups=["some"]) == "InvalidAMIAttributeItemValue"
    assert told(OperationType="take", UserIds=["123456789012"]) == "InvalidParameterValue"
    assert told(Attribute="productCodes", ProductCodes=["x"]) == "UnsupportedOperation"
    assert told(ImageId=image, Description={"Value": "mine"}) == "AuthFailure"
    assert told(ImageId=ABSENT, Description={"Value": "mine"}) == "InvalidAMIID.NotFound"
    assert code(ec2.describe_image_attribute, ImageId=image, Attribute="launchPermission") == "AuthFailure"
    assert code(ec2.describe_image_attribute, ImageId=own, Attribute="bogus") == "InvalidRequest"
    assert permissions(ec2, own) == []


def test_deprecation(ec2: Any, aws: Any, openstack_main: Connection, native: Any, own: str) -> None:
    ec2.modify_image_attribute(ImageId=own, LaunchPermission={"Add": [{"Group": "all"}]})
    moment = (datetime.now(UTC) + timedelta(days=30)).replace(second=0, microsecond=0)
    assert ec2.enable_image_deprecation(ImageId=own, DeprecateAt=moment)["Return"] is True
    [seen] = ec2.describe_images(ImageIds=[own])["Images"]
    assert seen["DeprecationTime"] == moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    other = aws("ec2", "alt")
    this = [{"Name": "image-id", "Values": [own]}]
    assert len(other.describe_images(Filters=this)["Images"]) == 1
    # Its time is over.
    past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    openstack_main.image.update_image(native.id, **{"ec2:deprecate-at": past})
    assert other.describe_images(Filters=this)["Images"] == []
    assert len(other.describe_images(Filters=this, IncludeDeprecated=True)["Images"]) == 1
    assert len(other.describe_images(ImageIds=[own])["Images"]) == 1
    assert len(ec2.describe_images(Filters=this)["Images"]) == 1  # its owner always sees it
    assert ec2.disable_image_deprecation(ImageId=own)["Return"] is True
    assert "DeprecationTime" not in ec2.describe_images(ImageIds=[own])["Images"][0]
    assert len(other.describe_images(Filters=this)["Images"]) == 1
    before = datetime.now(UTC) - timedelta(days=1)
    assert code(ec2.enable_image_deprecation, ImageId=own, DeprecateAt=before) == "InvalidParameterValue"


def test_a_disabled_image(ec2: Any, openstack_main: Connection, native: Any, own: str) -> None:
    assert ec2.disable_image(ImageId=own)["Return"] is True
    assert openstack_main.image.get_image(native.id).status == "deactivated"
    this = [{"Name": "image-id", "Values": [own]}]
    assert ec2.describe_images(Filters=this)["Images"] == []
    assert ec2.describe_images(Filters=this, IncludeDisabled=True)["Images"][0]["State"] == "disabled"
    assert ec2.enable_image(ImageId=own)["Return"] is True
    assert ec2.describe_images(Filters=this)["Images"][0]["State"] == "available"
    assert code(ec2.disable_image, ImageId=ABSENT) == "InvalidAMIID.NotFound"
