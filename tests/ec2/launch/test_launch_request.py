"""RunInstances' parameters before any call to OpenStack: accepted ones, refused ones, and the request to Nova."""

import base64
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.types.compute import BlockDevice, Flavor
from adapters.types.images import Image
from shim.ec2.instances import facts as instance_facts
from shim.ec2.launch import devices as launch_devices
from shim.ec2.launch import request as launch_request
from shim.ec2.launch.request import Interface
from shim.errors import AwsError

UUID = "0123abcd-0123-4567-89ab-0123456789ab"
HEX = UUID.replace("-", "")
ASKED = {"ImageId": f"ami-{HEX}", "InstanceType": "m1.tiny", "MinCount": 1, "MaxCount": 1}
NOW = datetime(2026, 1, 1, tzinfo=UTC)
IMAGE = Image(
    id=UUID, name="image", status="active", visibility="public", owner="p", hidden=False,
    created_at=NOW, updated_at=NOW, size=5 << 30, virtual_size=None, min_disk=0, min_ram=0,
    disk_format="raw",
        container_format="bare", tags=(), properties={},
)  # fmt: skip
FLAVOR = Flavor(id="1", name="m1.tiny", vcpus=1, ram=512, disk=8, ephemeral=0, extra_specs={})


def read(**more: Any) -> launch_request.Launch:
    return launch_request.read({**ASKED, **more})


def test_the_least_request() -> None:
    launch = read()
    assert (launch.image_id, launch.least, launch.most) == (UUID, 1, 1)
    assert launch.interfaces == (Interface(),)
    assert not launch.facts


def test_interfaces_stand_in_either_place() -> None:
    direct = read(SubnetId=f"subnet-{HEX}", PrivateIpAddress="10.0.0.9", SecurityGroupIds=[f"sg-{HEX}"] * 2)
    nested = read(
        NetworkInterfaces=[
            {
                "DeviceIndex": 0,
                "SubnetId": f"subnet-{HEX}",
                "PrivateIpAddress": "10.0.0.9",
                "Groups": [f"sg-{HEX}"],
                "DeleteOnTermination": True,
                "AssociatePublicIpAddress": False,
            }
        ]
    )
    assert direct.interfaces == (Interface(subnet_id=UUID, address="10.0.0.9"),)
    assert nested.interfaces == (Interface(subnet_id=UUID, address="10.0.0.9", public=False, groups=(f"sg-{HEX}",)),)
    assert direct.group_ids == nested.group_ids == (UUID,)


def test_interfaces_follow_their_index() -> None:
    launch = read(NetworkInterfaces=[{"DeviceIndex": 1}, {"DeviceIndex": 0, "NetworkInterfaceId": f"eni-{HEX}"}])
    assert launch.interfaces == (Interface(port_id=UUID), Interface(place=1))


@pytest.mark.parametrize("wrapped", ["{}", "{}\n", " {} "])
def test_user_data_goes_to_nova_in_one_line(wrapped: str) -> None:
    text = base64.encodebytes(b"#!/bin/sh\n" * 20).decode()
    launch = read(UserData=wrapped.format(text))
    assert launch.user_data == base64.b64encode(b"#!/bin/sh\n" * 20).decode()
    assert "IyEv" not in repr(launch)


def test_facts() -> None:
    launch = read(
        DisableApiTermination=True, DisableApiStop=False, Monitoring={"Enabled": True},
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 3},
    )  # fmt: skip
    assert launch.facts.keys() == {
        instance_facts.NO_TERMINATE, instance_facts.MONITORING, instance_facts.METADATA_OPTIONS
    }  # fmt: skip
    assert instance_facts.read_options(launch.facts) == {
        **instance_facts.OPTIONS, "HttpTokens": "required", "HttpPutResponseHopLimit": 3
    }  # fmt: skip


@pytest.mark.parametrize(
    "damaged", ["", "x", "a b c d e f", "required x enabled disabled disabled", "required ¹ a b c"]
)
def test_damaged_options_still_read(damaged: str) -> None:
    read = instance_facts.read_options({instance_facts.METADATA_OPTIONS: damaged})
    assert read.keys() == instance_facts.OPTIONS.keys()
    assert read["HttpPutResponseHopLimit"] == 1


@pytest.mark.parametrize(
    ("code", "bad"),
    [
        ("MissingParameter", {"ImageId": None}),
        ("MissingParameter", {"InstanceType": None}),
        ("InvalidParameterValue", {"UserData": "*"}),
        ("InvalidParameterValue", {"UserData": base64.b64encode(b"x" * 16385).decode()}),
        ("InvalidParameterCombination", {"MaxCount": 2, "PrivateIpAddress": "10.0.0.9"}),
        ("InvalidParameterCombination", {"MaxCount": 2, "NetworkInterfaces": [{"NetworkInterfaceId": f"eni-{HEX}"}]}),
        (
            "InvalidParameterCombination",
            {"NetworkInterfaces": [{"NetworkInterfaceId": f"eni-{HEX}", "SubnetId": f"subnet-{HEX}"}]},
        ),
        (
            "InvalidParameterCombination",
            {"NetworkInterfaces": [{"NetworkInterfaceId": f"eni-{HEX}", "DeleteOnTermination": True}]},
        ),
        ("InvalidParameterValue", {"NetworkInterfaces": [{"DeviceIndex": 1}]}),
        ("InvalidParameterValue", {"NetworkInterfaces": [{"DeviceIndex": 0}, {"DeviceIndex": 0}]}),
        ("InvalidParameterValue", {"NetworkInterfaces": [{"DeviceIndex": 0}, {"DeviceIndex": 128}]}),
        ("InstanceLimitExceeded", {"MinCount": 1001, "MaxCount": 1001}),
    ],
)
def test_what_cannot_be(code: str, bad: dict[str, Any]) -> None:
    with pytest.raises(AwsError) as refused:
        read(**bad)
    assert refused.value.code == code


def mapped(*mappings: dict[str, Any], flavor: Flavor = FLAVOR) -> tuple[BlockDevice, ...]:
    return launch_devices.mapped(mappings, IMAGE, flavor)


def test_without_mappings_nova_uses_the_flavors_disk() -> None:
    assert mapped() == ()
    assert mapped({"DeviceName": "/dev/sdb", "NoDevice": ""}) == ()


def test_a_flavor_without_disk_gets_a_root_volume() -> None:
    assert mapped(flavor=replace(FLAVOR, disk=0)) == (BlockDevice("image", UUID, size=5, boot_index=0),)


def test_a_root_volume() -> None:
    (root,) = mapped({"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20, "DeleteOnTermination": False}})
    assert root == BlockDevice("image", UUID, size=20, boot_index=0, delete_on_termination=False)
    assert mapped({"DeviceName": "/dev/sda1", "Ebs": {"VolumeType": "gp3"}})[0].size == 8


def test_further_volumes_come_behind_the_root() -> None:
    found = mapped(
        {"DeviceName": "xvdf", "Ebs": {"VolumeSize": 3}},
        {"DeviceName": "/dev/sdg", "Ebs": {"SnapshotId": f"snap-{HEX}", "DeleteOnTermination": False}},
    )
    assert found == (
        BlockDevice("image", UUID, boot_index=0, local=True),
        BlockDevice("blank", None, size=3, device="/dev/xvdf"),
        BlockDevice("snapshot", UUID, device="/dev/sdg", delete_on_termination=False),
    )


@pytest.mark.parametrize(
    ("code", "mappings"),
    [
        ("InvalidBlockDeviceMapping", [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 4}}]),
        ("InvalidBlockDeviceMapping", [{"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": f"snap-{HEX}"}}]),
        ("InvalidBlockDeviceMapping", [{"DeviceName": "/dev/sda1", "NoDevice": ""}]),
        ("InvalidBlockDeviceMapping", [{"DeviceName": "/dev/sda1", "Ebs": {}}, {"DeviceName": "/dev/sda", "Ebs": {}}]),
        ("InvalidBlockDeviceMapping", [{"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 1}}] * 2),
        ("InvalidBlockDeviceMapping", [{"DeviceName": "/dev/sdb"}]),
        ("InvalidBlockDeviceMapping", [{"Ebs": {"VolumeSize": 1}}]),
        ("MissingParameter", [{"DeviceName": "/dev/sdb", "Ebs": {"VolumeType": "gp2"}}]),
        ("InvalidParameterValue", [{"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": -1}}]),
        ("InvalidSnapshotID.Malformed", [{"DeviceName": "/dev/sdb", "Ebs": {"SnapshotId": "x"}}]),
    ],
)
def test_mappings_that_cannot_be(code: str, mappings: list[dict[str, Any]]) -> None:
    with pytest.raises(AwsError) as refused:
        mapped(*mappings)
    assert refused.value.code == code
