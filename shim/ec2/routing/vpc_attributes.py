"""DescribeVpcAttribute and ModifyVpcAttribute: AWS's DNS settings of a VPC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.errors import absent_is
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import VPC
from shim.ec2.network import facts
from shim.ec2.network.layout import vpc_layout
from shim.ec2.network.vpcs import is_vpc
from shim.ec2.service import action
from shim.errors import AwsError
from shim.protocol.values import only

# Attribute → its member in requests and answers, and AWS's default.
_ATTRIBUTES: Mapping[str, tuple[str, bool]] = {
    # "Each DHCP agent provides a DNS resolver" (Neutron's DNS resolution for instances): it cannot be disabled.
    "enableDnsSupport": ("EnableDnsSupport", True),
    # "Whether instances with public IP addresses get corresponding public DNS hostnames": here no instance does.
    "enableDnsHostnames": ("EnableDnsHostnames", False),
    "enableNetworkAddressUsageMetrics": ("EnableNetworkAddressUsageMetrics", False),
}
_HOSTNAMES = facts.written(facts.DNS_HOSTNAMES, "true")


@action(supports="VpcId Attribute")
async def describe_vpc_attribute(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Describe one attribute of an existing VPC: one OpenStack call, and for a network without a router three."""
    vpc, attribute = req["VpcId"], req["Attribute"]
    ids.check(VPC, vpc)
    if attribute not in _ATTRIBUTES:
        raise AwsError(
            "InvalidParameterValue", f"Value ({attribute}) for parameter attribute is invalid.", refused="Attribute"
        )
    uuid = ids.uuid(VPC, vpc)
    router = await absent_is(None, call.cloud.network.router(uuid))
    exists = vpc in (await vpc_layout(call)).vpcs.values() if router is None else is_vpc(router)
    if not exists:
        raise ids.missing(VPC, [vpc])
    member, value = _ATTRIBUTES[attribute]
    if attribute == "enableDnsHostnames":
        value = router is not None and _HOSTNAMES in router.tags
    return {"VpcId": vpc, member: {"Value": value}}


def _read(settings: Any, principal: Any, operation: str, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Refuse a request that does not change exactly one attribute."""
    ids.check(VPC, req["VpcId"])
    given = [member for member, _ in _ATTRIBUTES.values() if req.get(member)]
    if not given:
        raise AwsError("InvalidParameterCombination", "No attributes specified.")
    if len(given) > 1:
        raise AwsError(
            "InvalidParameterCombination", f"Fields for multiple attribute types specified: {', '.join(given)}"
        )
    return req


@action(
    supports="VpcId EnableDnsHostnames EnableDnsSupport EnableNetworkAddressUsageMetrics",
    values={"EnableDnsSupport.Value": only(True), "EnableNetworkAddressUsageMetrics.Value": only(False)},
    read=_read,
)
async def modify_vpc_attribute(call: Call, req: Mapping[str, Any]) -> None:
    """Keep `enableDnsHostnames` with the VPC's router; the two others have the only value that this cloud has."""
    network, uuid = call.cloud.network, ids.uuid(VPC, req["VpcId"])
    routers = await network.routers()
    router = next((one for one in routers if one.id == uuid and is_vpc(one)), None)
    if router is None:
        raise ids.missing(VPC, [req["VpcId"]])
    wanted = req.get("EnableDnsHostnames")
    if wanted is None or bool(wanted.get("Value")) is (_HOSTNAMES in router.tags):
        return
    if wanted.get("Value"):
        await network.add_tag("routers", uuid, _HOSTNAMES)
    else:
        await absent_is(None, network.remove_tag("routers", uuid, _HOSTNAMES), resource="router")
