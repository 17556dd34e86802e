"""Describe peering connections: a network between two routers is one, and so is one that ended a while ago."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from adapters.types import network as cloud
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import PEERING
from shim.ec2.network import facts
from shim.ec2.network.security_groups import owner_of
from shim.ec2.routing.state import Peering, State
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.codec import from_neutron

PENDING, ACTIVE, EXPIRED = "pending-acceptance", "active", "expired"
# "A request expires after 7 days", and an expired one "remains visible for 2 days".
_EXPIRES_SECONDS = 7 * 86400
_SHOWN_SECONDS = 2 * 86400
# "A deleted VPC peering connection remains visible to the party that deleted it for 2 hours"; so does a failed one.
ENDED_SECONDS = 7200.0
_MESSAGES: Mapping[str, str] = {
    "initiating-request": "Initiating Request to {accepter}",
    PENDING: "Pending Acceptance by {accepter}",
    "provisioning": "Provisioning",
    ACTIVE: "Active",
    EXPIRED: "Expired",
    "rejected": "Rejected by {accepter}",
    "deleted": "Deleted by {caller}",
    "failed": "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range",
}
_OPTIONS = {
    "AllowDnsResolutionFromRemoteVpc": False,
    "AllowEgressFromLocalClassicLinkToRemoteVpc": False,
    "AllowEgressFromLocalVpcToRemoteClassicLink": False,
}


def status(peering: Peering) -> str:
    """Return the code of a connection's state."""
    if peering.active:
        return ACTIVE
    return EXPIRED if time.time() > expires(peering.subnet) else PENDING


def expires(subnet: cloud.Subnet) -> float:
    """Return when a request that nobody accepts expires, in seconds since 1970."""
    asked = facts.one(subnet.tags, facts.ASKED) or ""
    return (int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 12 else 0) + _EXPIRES_SECONDS


def forgotten(peering: Peering) -> bool:
    """Tell whether a request expired so long ago that it is no longer shown."""
    return status(peering) == EXPIRED and time.time() > expires(peering.subnet) + _SHOWN_SECONDS


def row(call: Call, state: State, peering: Peering, code: str) -> Row:
    """Write a connection with a state's code."""
    accepter = _owner(call, state, peering, peering.accepter)
    said = _MESSAGES[code].format(accepter=accepter, caller=call.caller.account_id)
    pending = code in (PENDING, "initiating-request")
    ends = datetime.fromtimestamp(expires(peering.subnet), UTC)
    return {
        "VpcPeeringConnectionId": ids.aws(PEERING.prefix, peering.subnet.id),
        "Status": {"Code": code, "Message": said},
        **({"ExpirationTime": ends} if pending else {}),
        "RequesterVpcInfo": _side(call, state, peering, peering.requester, code),
        "AccepterVpcInfo": _side(call, state, peering, peering.accepter, code),
        "Tags": tag_rules.shown(from_neutron(peering.subnet.tags)),
    }


def _owner(call: Call, state: State, peering: Peering, router_id: str) -> str:
    router = state.vpcs.get(router_id)
    return owner_of(call, router.project_id if router else peering.subnet.project_id)


def _side(call: Call, state: State, peering: Peering, router_id: str, code: str) -> dict[str, Any]:
    blocks = state.blocks(router_id) if router_id in state.vpcs else []
    return {
        **({"CidrBlock": blocks[0], "CidrBlockSet": [{"CidrBlock": one} for one in blocks]} if blocks else {}),
        "OwnerId": _owner(call, state, peering, router_id),
        "VpcId": ids.aws("vpc", router_id),
        "Region": call.region,
        **({"PeeringOptions": dict(_OPTIONS)} if code == ACTIVE else {}),
    }
