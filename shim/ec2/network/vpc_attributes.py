"""DescribeVpcAttribute: AWS's DNS settings of a VPC, which are constant in OpenStack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import VPC
from shim.ec2.network.layout import vpc_layout
from shim.ec2.service import action
from shim.errors import AwsError

_ATTRIBUTES: Mapping[str, tuple[str, bool]] = {
    # "Each DHCP agent provides a DNS resolver" (Neutron's DNS resolution for instances): it cannot be disabled.
    "enableDnsSupport": ("EnableDnsSupport", True),
    # "Whether instances with public IP addresses get corresponding public DNS hostnames": here no instance does.
    "enableDnsHostnames": ("EnableDnsHostnames", False),
    "enableNetworkAddressUsageMetrics": ("EnableNetworkAddressUsageMetrics", False),
}


@action(supports="VpcId Attribute")
async def describe_vpc_attribute(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Describe one attribute of an existing VPC: three concurrent OpenStack calls."""
    vpc, attribute = req["VpcId"], req["Attribute"]
    ids.check(VPC, vpc)
    if attribute not in _ATTRIBUTES:
        raise AwsError(
            "InvalidParameterValue", f"Value ({attribute}) for parameter attribute is invalid.", refused="Attribute"
        )
    layout, routers = await gather(vpc_layout(call), call.cloud.network.routers())
    if vpc not in {*layout.vpcs.values(), *(ids.aws(VPC.prefix, router.id) for router in routers)}:
        raise ids.missing(VPC, [vpc])
    member, value = _ATTRIBUTES[attribute]
    return {"VpcId": vpc, member: {"Value": value}}
