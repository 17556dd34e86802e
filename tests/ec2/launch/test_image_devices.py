"""The volumes of an image with a block device mapping, as a launch changes them."""

import json
from dataclasses import replace
from typing import Any

import pytest

from adapters.types.compute import BlockDevice
from shim.ec2.images.mapping import rows
from shim.ec2.launch import devices as launch_devices
from shim.errors import AwsError
from tests.ec2.launch.test_launch_request import FLAVOR, HEX, IMAGE, UUID

DATA = "1123abcd-0123-4567-89ab-0123456789ab"
ROOT = {"source_type": "snapshot", "snapshot_id": UUID, "boot_index": 0, "volume_size": 5, "device_name": "/dev/vda",
        "delete_on_termination": True}  # fmt: skip
MORE = {"source_type": "snapshot", "snapshot_id": DATA, "boot_index": -1, "volume_size": 2, "device_name": "/dev/sdf"}
BLANK = {"source_type": "blank", "boot_index": -1, "volume_size": 1, "device_name": "/dev/sdg", "volume_type": "gp3"}
FIRST = BlockDevice("snapshot", UUID, size=5, device="/dev/vda", boot_index=0)
SECOND = BlockDevice("snapshot", DATA, size=2, device="/dev/sdf", delete_on_termination=False)
THIRD = BlockDevice("blank", None, size=1, device="/dev/sdg", volume_type="gp3", delete_on_termination=False)


def mapped(devices: list[Any], *mappings: dict[str, Any], disk: int = 8) -> tuple[BlockDevice, ...]:
    properties = {"block_device_mapping": json.dumps(devices), "bdm_v2": "True", "root_device_name": "/dev/vda"}
    return launch_devices.mapped(mappings, replace(IMAGE, properties=properties), replace(FLAVOR, disk=disk))


@pytest.mark.parametrize("disk", [0, 8])
def test_each_snapshot_becomes_a_volume(disk: int) -> None:
    assert mapped([ROOT, MORE, BLANK], disk=disk) == (FIRST, SECOND, THIRD)


def test_an_image_with_data_keeps_its_root_on_the_host() -> None:
    assert mapped([MORE]) == (BlockDevice("image", UUID, boot_index=0, local=True), SECOND)


def test_a_request_changes_the_devices_of_its_names() -> None:
    assert mapped(
        [ROOT, MORE, BLANK],
        {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 9, "VolumeType": "gp2"}},
        {"DeviceName": "sdf", "Ebs": {"DeleteOnTermination": True, "SnapshotId": f"snap-{DATA.replace('-', '')}"}},
        {"DeviceName": "/dev/sdg", "NoDevice": ""},
        {"DeviceName": "/dev/sdh", "Ebs": {"VolumeSize": 3}},
    ) == (
        replace(FIRST, size=9, volume_type="gp2"),
        replace(SECOND, delete_on_termination=True),
        BlockDevice("none", device="/dev/sdg", local=True),
        BlockDevice("blank", None, size=3, device="/dev/sdh"),
    )


@pytest.mark.parametrize(
    "mapping",
    [
        {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 4}},
        {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}},
        {"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": f"snap-{HEX}"}},
        {"DeviceName": "/dev/sda1", "NoDevice": ""},
    ],
)
def test_changes_that_cannot_be(mapping: dict[str, Any]) -> None:
    with pytest.raises(AwsError) as refused:
        mapped([ROOT, MORE], mapping)
    assert refused.value.code == "InvalidBlockDeviceMapping"


def test_rows_of_an_image_have_a_root_always() -> None:
    def named(devices: list[Any]) -> list[tuple[str, Any, int]]:
        image = replace(IMAGE, properties={"block_device_mapping": json.dumps(devices)})
        return [(one["DeviceName"], one["Ebs"].get("SnapshotId"), one["Ebs"]["VolumeSize"]) for one in rows(image, 7)]

    assert named([ROOT, MORE]) == [("/dev/sda1", f"snap-{HEX}", 5), ("/dev/sdf", f"snap-{DATA.replace('-', '')}", 2)]
    assert [one[0] for one in named([MORE])] == ["/dev/sda1", "/dev/sdf"]
    assert named([]) == [("/dev/sda1", None, 7)]
