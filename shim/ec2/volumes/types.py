"""Volume types: AWS's general-purpose ones, and the performance that AWS sells with its types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shim.errors import AwsError

# AWS's types without guaranteed performance: Cinder's default type replaces one that Cinder does not have.
GENERAL = ("gp2", "gp3", "standard")


def check_performance(type: str | None, req: Mapping[str, Any]) -> None:
    """Refuse Iops and Throughput for types that have neither in AWS.

    A volume without a type is gp2:
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html (VolumeType).
    """
    for name, types in (("Iops", ("gp3", "io1", "io2")), ("Throughput", ("gp3",))):
        if req.get(name) is None or type in types:
            continue
        said = f"The parameter {name.lower()} is not supported for {type or 'gp2'} volumes."
        raise AwsError("InvalidParameterCombination", said, refused=name)
