"""DescribeAccountAttributes, from the project's limits and its default network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shim.concurrency import gather
from shim.context import Call
from shim.ec2.network.layout import vpc_layout
from shim.ec2.service import action
from shim.errors import AwsError

_NAMES = (
    "supported-platforms",
    "vpc-max-security-groups-per-interface",
    "max-elastic-ips",
    "max-instances",
    "vpc-max-elastic-ips",
    "default-vpc",
)
# For OpenStack's -1: EC2 has no value for "no limit", and clients read a number.
_NO_LIMIT = 2**31 - 1


@action(supports="AttributeNames")
async def describe_account_attributes(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """List the account's attributes; `supported-platforms` is only VPC, because AWS ended EC2-Classic."""
    asked = req.get("AttributeNames") or _NAMES
    unknown = [name for name in asked if name not in _NAMES]
    if unknown:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({unknown[0]}) for parameter attributeName is invalid.",
            refused="AttributeName",
        )
    limits, nets, addresses = await gather(
        call.cloud.compute.limits(), vpc_layout(call), call.cloud.network.floating_ip_limit(call.caller.project_id)
    )
    attributes = {
        "supported-platforms": "VPC",
        "default-vpc": nets.default_vpc or "none",
        "max-instances": _number(limits.instances),
        "max-elastic-ips": _number(addresses),
        "vpc-max-elastic-ips": _number(addresses),
        "vpc-max-security-groups-per-interface": _number(-1),  # Neutron limits groups, not groups of a port
    }
    return {
        "AccountAttributes": [
            {"AttributeName": name, "AttributeValues": [{"AttributeValue": attributes[name]}]}
            for name in dict.fromkeys(asked)
        ]
    }


def _number(limit: int) -> str:
    """Format an OpenStack limit; -1 means no limit."""
    return str(limit if limit >= 0 else _NO_LIMIT)
