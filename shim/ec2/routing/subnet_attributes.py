"""ModifySubnetAttribute: each attribute has one value that this cloud can keep, AWS's default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import SUBNET
from shim.ec2.network.layout import is_inner
from shim.ec2.service import action
from shim.errors import AwsError
from shim.protocol.values import only

_OFF = (
    "MapPublicIpOnLaunch",  # a launch gives no public address
    "AssignIpv6AddressOnCreation",
    "EnableDns64",
    "EnableResourceNameDnsARecordOnLaunch",
    "EnableResourceNameDnsAAAARecordOnLaunch",
)
_NAMES = "PrivateDnsHostnameTypeOnLaunch"


def _read(settings: Any, principal: Any, operation: str, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Refuse a request that does not name exactly one attribute."""
    ids.check(SUBNET, req["SubnetId"])
    given = [member for member in (*_OFF, _NAMES) if req.get(member)]
    if len(given) != 1:
        said = (
            f"Fields for multiple attribute types specified: {', '.join(given)}"
            if given
            else "No attributes specified."
        )
        raise AwsError("InvalidParameterCombination", said)
    return req


@action(
    supports=f"SubnetId {_NAMES} {' '.join(_OFF)}",
    values={**{f"{member}.Value": only(False) for member in _OFF}, _NAMES: only("ip-name")},
    read=_read,
)
async def modify_subnet_attribute(call: Call, req: Mapping[str, Any]) -> None:
    """Check that the subnet is there; it has the value already."""
    uuid = ids.uuid(SUBNET, req["SubnetId"])
    networks, subnets = await gather(call.cloud.network.networks(external=False), call.cloud.network.subnets())
    inner = {network.id for network in networks if is_inner(network)}
    if all(one.id != uuid or one.network_id not in inner for one in subnets):
        raise ids.missing(SUBNET, [req["SubnetId"]])
