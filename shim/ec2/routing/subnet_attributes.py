"""ModifySubnetAttribute: two attributes are tags of the subnet, which RunInstances and CreateNetworkInterface obey.

Each other attribute has one value that this cloud can keep, AWS's default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.errors import absent_is
from adapters.types import network as cloud
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import SUBNET
from shim.ec2.network import facts
from shim.ec2.network.ipv6 import subnet_block
from shim.ec2.network.layout import is_inner
from shim.ec2.service import action
from shim.errors import AwsError
from shim.protocol.values import only

_MAP_PUBLIC, _ASSIGN_IPV6 = "MapPublicIpOnLaunch", "AssignIpv6AddressOnCreation"
_KEPT = {_MAP_PUBLIC: facts.MAP_PUBLIC, _ASSIGN_IPV6: facts.ASSIGN_IPV6}
_OFF = (
    "EnableDns64",
    "EnableResourceNameDnsARecordOnLaunch",
    "EnableResourceNameDnsAAAARecordOnLaunch",
)
_NAMES = "PrivateDnsHostnameTypeOnLaunch"


def _read(settings: Any, principal: Any, operation: str, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Refuse a request that does not name exactly one attribute."""
    ids.check(SUBNET, req["SubnetId"])
    given = [member for member in (*_KEPT, *_OFF, _NAMES) if req.get(member)]
    if len(given) != 1:
        said = (
            f"Fields for multiple attribute types specified: {', '.join(given)}"
            if given
            else "No attributes specified."
        )
        raise AwsError("InvalidParameterCombination", said)
    return req


@action(
    supports=f"SubnetId {_NAMES} {' '.join((*_KEPT, *_OFF))}",
    values={**{f"{member}.Value": only(False) for member in _OFF}, _NAMES: only("ip-name")},
    read=_read,
)
async def modify_subnet_attribute(call: Call, req: Mapping[str, Any]) -> None:
    """Keep the two attributes; the subnet has the value of each other attribute already."""
    network, uuid = call.cloud.network, ids.uuid(SUBNET, req["SubnetId"])
    networks, subnets = await gather(network.networks(external=False), network.subnets())
    inner = {one.id for one in networks if is_inner(one)}
    subnet = next((one for one in subnets if one.id == uuid and one.version == 4 and one.network_id in inner), None)
    if subnet is None:
        raise ids.missing(SUBNET, [req["SubnetId"]])
    name = next((one for one in _KEPT if req.get(one)), None)
    if name is None:
        return
    on, tag = bool(req[name].get("Value")), _KEPT[name]
    if name == _ASSIGN_IPV6:
        _check_ipv6(req["SubnetId"], subnet, subnets, on=on)
    if on and tag not in subnet.tags:
        await network.add_tag("subnets", uuid, tag)
    if not on and tag in subnet.tags:
        await absent_is(None, network.remove_tag("subnets", uuid, tag), resource="subnet")


def _check_ipv6(subnet_id: str, subnet: cloud.Subnet, subnets: Sequence[cloud.Subnet], *, on: bool) -> None:
    """Refuse AssignIpv6AddressOnCreation for a subnet without IPv6, and false for IPv6 of OpenStack's own tools."""
    found = subnet_block.partners(subnets).get(subnet.id, [])
    if on and not found:
        raise AwsError(
            "InvalidParameterValue",
            f"Invalid value 'true' for assignIpv6AddressOnCreation. The subnet '{subnet_id}' has no IPv6 CIDR block.",
            refused=_ASSIGN_IPV6,
        )
    if not on and any(not subnet_block.is_own(one) for one in found):
        raise AwsError(
            "UnsupportedOperation",
            "Neutron gives every interface an address of the IPv6 subnet that OpenStack's own tools made.",
            refused=_ASSIGN_IPV6,
        )
