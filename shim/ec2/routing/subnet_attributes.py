"""ModifySubnetAttribute: MapPublicIpOnLaunch is a tag of the subnet, which RunInstances obeys.

Each other attribute has one value that this cloud can keep, AWS's default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.errors import absent_is
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import SUBNET
from shim.ec2.network import facts
from shim.ec2.network.layout import is_inner
from shim.ec2.service import action
from shim.errors import AwsError
from shim.protocol.values import only

_MAP_PUBLIC = "MapPublicIpOnLaunch"
_OFF = (
    "AssignIpv6AddressOnCreation",
    "EnableDns64",
    "EnableResourceNameDnsARecordOnLaunch",
    "EnableResourceNameDnsAAAARecordOnLaunch",
)
_NAMES = "PrivateDnsHostnameTypeOnLaunch"


def _read(settings: Any, principal: Any, operation: str, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Refuse a request that does not name exactly one attribute."""
    ids.check(SUBNET, req["SubnetId"])
    given = [member for member in (_MAP_PUBLIC, *_OFF, _NAMES) if req.get(member)]
    if len(given) != 1:
        said = (
            f"Fields for multiple attribute types specified: {', '.join(given)}"
            if given
            else "No attributes specified."
        )
        raise AwsError("InvalidParameterCombination", said)
    return req


@action(
    supports=f"SubnetId {_MAP_PUBLIC} {_NAMES} {' '.join(_OFF)}",
    values={**{f"{member}.Value": only(False) for member in _OFF}, _NAMES: only("ip-name")},
    read=_read,
)
async def modify_subnet_attribute(call: Call, req: Mapping[str, Any]) -> None:
    """Keep MapPublicIpOnLaunch; the subnet has the value of each other attribute already."""
    network, uuid = call.cloud.network, ids.uuid(SUBNET, req["SubnetId"])
    networks, subnets = await gather(network.networks(external=False), network.subnets())
    inner = {one.id for one in networks if is_inner(one)}
    subnet = next((one for one in subnets if one.id == uuid and one.network_id in inner), None)
    if subnet is None:
        raise ids.missing(SUBNET, [req["SubnetId"]])
    wanted = req.get(_MAP_PUBLIC)
    if wanted is None or bool(wanted.get("Value")) is (facts.MAP_PUBLIC in subnet.tags):
        return
    if wanted.get("Value"):
        await network.add_tag("subnets", uuid, facts.MAP_PUBLIC)
    else:
        await absent_is(None, network.remove_tag("subnets", uuid, facts.MAP_PUBLIC), resource="subnet")
