"""Sizes of volumes: AWS's bounds for AWS's types, the widest bounds for the cloud's own types."""

from typing import Any

import pytest

from shim.config import Settings
from shim.ec2.service import ec2
from shim.ec2.volumes.sizes import check
from shim.errors import AwsError
from tests.ec2.launch.test_launch_request import mapped

BAD = [
    ({"Size": 10**9}, "Volume of 1000000000GiB is too large; maximum is 65536GiB"),
    (
        {"Size": 65537, "VolumeType": "fast"},
        "Volume of 65537GiB is too large for volume type fast; maximum is 65536GiB",
    ),
    ({"Size": 65537, "VolumeType": "gp3"}, "Volume of 65537GiB is too large for volume type gp3; maximum is 65536GiB"),
    ({"Size": 16385, "VolumeType": "gp2"}, "Volume of 16385GiB is too large for volume type gp2; maximum is 16384GiB"),
    (
        {"Size": 2000, "VolumeType": "standard"},
        "Volume of 2000GiB is too large for volume type standard; maximum is 1024GiB",
    ),
    ({"Size": 124, "VolumeType": "st1"}, "Volume of 124GiB is too small for volume type st1; minimum is 125GiB"),
    ({"Size": 3, "VolumeType": "io1"}, "Volume of 3GiB is too small for volume type io1; minimum is 4GiB"),
    ({"Size": 0}, "Value (0) for parameter size is invalid."),
]


@pytest.mark.parametrize(("params", "message"), BAD)
def test_a_volume_of_no_such_size_is_refused_before_the_cloud_is_asked(params: dict[str, Any], message: str) -> None:
    refuse = ec2.operations["CreateVolume"].read
    assert refuse is not None
    with pytest.raises(AwsError) as refused:
        refuse(
            Settings.model_validate({"ec2_throttling": False}),
            None,
            "CreateVolume",
            {"AvailabilityZone": "nova", **params},
        )
    assert (refused.value.status, refused.value.code, refused.value.message) == (400, "InvalidParameterValue", message)


@pytest.mark.parametrize("device", ["/dev/sda1", "/dev/sdf"])
def test_nor_by_a_launch(device: str) -> None:
    with pytest.raises(AwsError, match="InvalidParameterValue: Volume of 16385GiB is too large for volume type gp2"):
        mapped({"DeviceName": device, "Ebs": {"VolumeSize": 16385, "VolumeType": "gp2"}})


@pytest.mark.parametrize(
    ("size", "kind"),
    [(1, None), (65536, None), (65536, "gp3"), (16384, "gp2"), (4, "io2"), (125, "sc1"), (1024, "standard"), (1, "x")],
)
def test_bounds_belong_to_what_they_bound(size: int, kind: str | None) -> None:
    check(size, kind)
