"""ModifyVpcPeeringConnectionOptions: each option has one value that this cloud can keep, AWS's default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import PEERING
from shim.ec2.peering.connections import named
from shim.ec2.routing.state import read_state
from shim.ec2.service import action
from shim.errors import AwsError
from shim.protocol.values import only

_SIDES = ("RequesterPeeringConnectionOptions", "AccepterPeeringConnectionOptions")
# Neutron's resolvers know no name of another network, and there are no EC2-Classic links.
_OFF = (
    "AllowDnsResolutionFromRemoteVpc",
    "AllowEgressFromLocalClassicLinkToRemoteVpc",
    "AllowEgressFromLocalVpcToRemoteClassicLink",
)


def _read(settings: Any, principal: Any, operation: str, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Refuse a request without options."""
    ids.check(PEERING, req["VpcPeeringConnectionId"])
    if not any(req.get(side) for side in _SIDES):
        raise AwsError("MissingParameter", "At least one of the peering options must be specified.", refused=_SIDES[0])
    return req


@action(
    supports=f"VpcPeeringConnectionId {' '.join(_SIDES)}",
    values={f"{side}.{option}": only(False) for side in _SIDES for option in _OFF},
    read=_read,
)
async def modify_vpc_peering_connection_options(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Check that the connection is active; it has the values already."""
    named(await read_state(call), req, "active", "modified")
    return {side: dict.fromkeys(req[side], False) for side in _SIDES if req.get(side)}
