"""Read CIDR blocks of requests."""

from __future__ import annotations

from ipaddress import IPv4Network

from shim.errors import AwsError

_LONGEST = len("255.255.255.255/32")


def block(given: str, name: str) -> IPv4Network:
    """Read an IPv4 CIDR block; `name` is the parameter in AWS's message.

    "If you specify 100.68.0.18/18, we modify it to 100.68.0.0/18."
    """
    try:
        if "/" not in given or len(given) > _LONGEST:
            raise ValueError(given)
        return IPv4Network(given, strict=False)
    except ValueError:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({given}) for parameter {name} is invalid. This is not a valid CIDR block.",
            refused=given,
        ) from None
