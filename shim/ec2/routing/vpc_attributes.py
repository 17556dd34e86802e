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
from shim.ec2.routing import vpc_dhcp
from shim.ec2.routing.applied import settling
from shim.ec2.service import action
from shim.errors import AwsError
from shim.protocol.values import only

# Attribute → its member in requests and answers, and AWS's default.
_ATTRIBUTES: Mapping[str, tuple[str, bool]] = {
    "enableDnsSupport": ("EnableDnsSupport", True),
    # "Whether instances with public IP addresses get corresponding public DNS hostnames": here no instance does.
    "enableDnsHostnames": ("EnableDnsHostnames", False),
    "enableNetworkAddressUsageMetrics": ("EnableNetworkAddressUsageMetrics", False),
}
# Member → the tag of the router that says that the value is not AWS's default.
_TAGS = {
    "EnableDnsSupport": facts.written(facts.DNS_SUPPORT, "false"),
    "EnableDnsHostnames": facts.written(facts.DNS_HOSTNAMES, "true"),
}
_DEFAULTS = dict(_ATTRIBUTES.values())


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
    if router is not None and member in _TAGS:
        value = (_TAGS[member] in router.tags) is not value
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
    values={"EnableNetworkAddressUsageMetrics.Value": only(False)},
    read=_read,
)
async def modify_vpc_attribute(call: Call, req: Mapping[str, Any]) -> None:
    """Keep an attribute with the VPC's router; metrics of address usage have the only value that this cloud has.

    Without DNS support DHCP announces no resolver of the cloud: only name servers of the VPC's DHCP options.
    """
    network, uuid = call.cloud.network, ids.uuid(VPC, req["VpcId"])
    member = next((one for one in _TAGS if req.get(one)), None)
    async with settling(call, uuid):
        router = next((one for one in await network.routers() if one.id == uuid and is_vpc(one)), None)
        if router is None:
            raise ids.missing(VPC, [req["VpcId"]])
        if member is None:
            return
        wanted, tag = bool(req[member].get("Value")), _TAGS[member]
        if member == "EnableDnsHostnames" and wanted and _TAGS["EnableDnsSupport"] in router.tags:
            raise AwsError(
                "InvalidParameterCombination",
                "DNS hostnames cannot be enabled while DNS support is disabled.",
                refused="EnableDnsHostnames",
            )
        there = wanted is not _DEFAULTS[member]
        differs = [] if there is (tag in router.tags) else [tag]
        if member == "EnableDnsSupport":
            change = {"new" if there else "gone": differs}
            await vpc_dhcp.retag(call, router, **change, serves=False)
        elif not differs:
            return
        elif there:
            await network.add_tag("routers", uuid, tag)
        else:
            await absent_is(None, network.remove_tag("routers", uuid, tag), resource="router")
