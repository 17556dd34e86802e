"""The formats of ids: every id is a long one, and AWS's switch back to short ones is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shim.config import Settings
from shim.context import Call
from shim.ec2.service import action
from shim.errors import AwsError
from shim.protocol.values import only

# "The following resource types support longer IDs", from the reference of DescribeIdFormat.
_RESOURCES = [
    "bundle", "conversion-task", "customer-gateway", "dhcp-options", "elastic-ip-allocation",
    "elastic-ip-association", "export-task", "flow-log", "image", "import-task", "instance", "internet-gateway",
    "network-acl", "network-acl-association", "network-interface", "network-interface-attachment", "prefix-list",
    "reservation", "route-table", "route-table-association", "security-group", "snapshot", "subnet",
    "subnet-cidr-block-association", "volume", "vpc", "vpc-cidr-block-association", "vpc-endpoint",
    "vpc-peering-connection", "vpn-connection", "vpn-gateway",
]  # fmt: skip
_EVERYTHING = "all-current"  # ModifyIdFormat takes it for all resource types
_LONG = {
    "UseLongIds": only(
        True, code="InvalidParameterValue", message="All resource types use long IDs; they cannot be switched back."
    )
}


def _check(settings: Settings, principal: Any, operation: str, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Refuse a resource type that has no format."""
    known = {*_RESOURCES, _EVERYTHING} if operation.startswith("Modify") else _RESOURCES
    if (asked := req.get("Resource")) and asked not in known:
        raise AwsError(
            "InvalidParameterValue", f"Value ({asked}) for parameter resource is invalid.", refused="Resource"
        )
    return req


@action(supports="Resource", read=_check)
async def describe_id_format(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answer that ids are long."""
    return _formats(req)


@action(supports="Resource PrincipalArn", read=_check)
async def describe_identity_id_format(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answer that ids are long, whoever asks."""
    return _formats(req)


@action(supports="Resource UseLongIds", values=_LONG, read=_check)
async def modify_id_format(call: Call, req: Mapping[str, Any]) -> None:
    """Accept long ids, which are used already."""


@action(supports="Resource UseLongIds PrincipalArn", values=_LONG, read=_check)
async def modify_identity_id_format(call: Call, req: Mapping[str, Any]) -> None:
    """Accept long ids for a principal, which are used already."""


def _formats(req: Mapping[str, Any]) -> Mapping[str, Any]:
    named = [req["Resource"]] if req.get("Resource") else _RESOURCES
    return {"Statuses": [{"Resource": one, "UseLongIds": True} for one in named]}
