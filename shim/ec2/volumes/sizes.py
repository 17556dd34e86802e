"""Bounds of a volume's size by type, checked before Cinder is called: an unlimited quota would allow 10^9 GiB.

AWS's types have AWS's bounds, whatever Cinder type serves them; the cloud's own types, and volumes without a type, have
the widest of these bounds.  https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html (Size)
"""

from __future__ import annotations

from collections.abc import Mapping

from shim.errors import AwsError

_BOUNDS: Mapping[str, tuple[int, int]] = {  # GiB
    "gp2": (1, 16384),
    "gp3": (1, 65536),
    "io1": (4, 16384),
    "io2": (4, 65536),
    "sc1": (125, 16384),
    "st1": (125, 16384),
    "standard": (1, 1024),
}
_WIDEST = (1, 65536)


def check(size: int | None, type: str | None, parameter: str = "size") -> None:
    """Raise InvalidParameterValue if a size (GiB) is out of the type's bounds; None means the size of the source."""
    if size is None:
        return
    least, most = _BOUNDS.get(type or "", _WIDEST)
    if size < 1:
        raise AwsError("InvalidParameterValue", f"Value ({size}) for parameter {parameter} is invalid.")
    kind = f" for volume type {type}" if type else ""
    if size < least:
        raise AwsError(
            "InvalidParameterValue", f"Volume of {size}GiB is too small{kind}; minimum is {least}GiB", refused="Size"
        )
    if size > most:
        raise AwsError(
            "InvalidParameterValue", f"Volume of {size}GiB is too large{kind}; maximum is {most}GiB", refused="Size"
        )
