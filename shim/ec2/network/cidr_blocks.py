"""Read CIDR blocks of requests."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Any, TypeVar

from shim.errors import AwsError

N = TypeVar("N", IPv4Network, IPv6Network)

_LONGEST = len("255.255.255.255/32")
_LONGEST_IPV6 = len("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128")
NO_BLOCK = "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided."  # CreateVpc's and CreateSubnet's sentence
_LEAST_PREFIX, _MOST_PREFIX = 16, 28  # "between a /28 netmask and /16 netmask", of VPCs and of subnets


def block(given: str, name: str) -> IPv4Network:
    """Read an IPv4 CIDR block; `name` is the parameter in AWS's message.

    "If you specify 100.68.0.18/18, we modify it to 100.68.0.0/18."
    """
    return _read(IPv4Network, _LONGEST, given, name)


def ipv6_block(given: str, name: str) -> IPv6Network:
    """Read an IPv6 CIDR block; `name` is the parameter in AWS's message."""
    return _read(IPv6Network, _LONGEST_IPV6, given, name)


def _read(sort: type[N], longest: int, given: str, name: str) -> N:
    try:
        if "/" not in given or len(given) > longest or "%" in given:  # the zone of a host's own interfaces
            raise ValueError(given)
        return sort(given, strict=False)
    except ValueError:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({given}) for parameter {name} is invalid. This is not a valid CIDR block.",
            refused=given,
        ) from None


def asked(req: Mapping[str, Any], *, code: str, missing: str) -> IPv4Network:
    """Read the CIDR block of a new VPC or subnet; `code` is AWS's for a wrong size, `missing` its sentence for none."""
    given = req.get("CidrBlock")
    if not given:
        raise AwsError("MissingParameter", missing, refused="CidrBlock")
    found = block(given, "cidrBlock")
    if not _LEAST_PREFIX <= found.prefixlen <= _MOST_PREFIX:
        raise AwsError(code, f"The CIDR '{given}' is invalid.", refused="CidrBlock")
    return found
