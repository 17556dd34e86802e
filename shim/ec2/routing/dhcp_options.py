"""DHCP options: a record, the name servers of a VPC's subnets, and the options of the ports on them.

Neutron gives a subnet's hosts name servers, and every other option only to single ports.  A set with options that this
cloud's DHCP does not give can be kept, but not associated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address
from typing import Any

from adapters.types import network as cloud
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import DHCP_OPTIONS, VPC
from shim.ec2.network import dhcp, facts
from shim.ec2.network.security_groups import owner_of
from shim.ec2.routing import markers, vpc_dhcp
from shim.ec2.routing.applied import lock
from shim.ec2.routing.state import State, read_state
from shim.ec2.service import action
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.codec import from_neutron
from shim.ec2.tags.creating import CreateRequest, creates
from shim.errors import AwsError

OPTIONS = Table(
    items="DhcpOptions",
    id="DhcpOptionsId",
    ids="DhcpOptionsIds",
    resource_type=DHCP_OPTIONS,
    filters={
        "dhcp-options-id": "DhcpOptionsId",
        "key": "DhcpConfigurations.Key",
        "owner-id": "OwnerId",
        "tag": "Tags",
        "value": "DhcpConfigurations.Values.Value",
    },
)
DEFAULT = "default"
AMAZON = "AmazonProvidedDNS"  # stands for the resolver that the cloud gives by itself
_ADDRESSES = (dhcp.SERVERS, dhcp.NTP, dhcp.NETBIOS)
_NODE_TYPES = ("1", "2", "4", "8")  # "The NetBIOS node type (1, 2, 4, or 8)"
_MOST_VALUES = 4  # "The IP addresses of up to four domain name servers"; EC2 takes several domain names as well
_OF_ROUTERS = (facts.DHCP_OPTIONS, facts.NAME_SERVERS, facts.PORT_OPTIONS)
_LONGEST = 200


def _read_new(settings: Settings, req: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the values by key."""
    found: dict[str, list[str]] = {}
    for one in req.get("DhcpConfigurations") or ():
        key, values = one.get("Key") or "", list(one.get("Values") or ())
        if key not in dhcp.KEYS:
            raise AwsError(
                "InvalidParameterValue",
                f"Value ({key}) for parameter name is invalid. Unknown DHCP option",
                refused=key,
            )
        if key in found or not values:
            raise AwsError("InvalidParameterValue", f"Value ({values}) for parameter value is invalid.", refused=key)
        _check_values(key, values)
        found[key] = values
    if not found:
        raise AwsError(
            "MissingParameter",
            "The request must contain the parameter dhcpConfigurationSet",
            refused="DhcpConfigurations",
        )
    return found


def _check_values(key: str, values: Sequence[str]) -> None:
    refused = AwsError(
        "InvalidParameterValue", f"Value ({', '.join(values)}) for parameter {key} is invalid.", refused=key
    )
    if len(values) > (1 if key == dhcp.NODE_TYPE else _MOST_VALUES) or any(
        not one or len(one) > _LONGEST or not one.isascii() or not one.isprintable() or set(one) & set(" ,/=%")
        for one in values
    ):
        raise refused
    if key == dhcp.NODE_TYPE and values[0] not in _NODE_TYPES:
        raise refused
    for one in values if key in _ADDRESSES else ():
        if key == dhcp.SERVERS and one == AMAZON:
            continue
        try:
            IPv4Address(one)
        except ValueError:
            raise refused from None


@action(supports="DhcpConfigurations TagSpecifications", read=creates(DHCP_OPTIONS, read=_read_new))
async def create_dhcp_options(call: Call, asked: CreateRequest[dict[str, list[str]]]) -> Mapping[str, Any]:
    """Create the record of a set of options."""
    made = await markers.create_marker(call, asked, markers.OPTIONS, *dhcp.written(asked.read))
    return {"DhcpOptions": _row(call, made)}


@describes(OPTIONS, supports="DhcpOptionsIds Filters MaxResults NextToken")
async def describe_dhcp_options(call: Call, asked: Question) -> list[Row]:
    """Describe sets of options: one OpenStack call."""
    return [_row(call, one) for one in markers.of_kind(await call.cloud.network.subnet_pools(), markers.OPTIONS)]


def _read_options(settings: Any, principal: Any, operation: str, req: Mapping[str, Any]) -> Mapping[str, Any]:
    if operation == "AssociateDhcpOptions":
        ids.check(VPC, req["VpcId"])
        if req["DhcpOptionsId"] == DEFAULT:
            return req
    ids.check(DHCP_OPTIONS, req["DhcpOptionsId"])
    return req


@action(supports="DhcpOptionsId VpcId", read=_read_options)
async def associate_dhcp_options(call: Call, req: Mapping[str, Any]) -> None:
    """Give the instances of a VPC, and those that it gets later, a set of options.

    Hosts have them when they renew their lease, as on AWS.
    """
    locks = [lock(call, ids.uuid(VPC, req["VpcId"]))]
    if req["DhcpOptionsId"] != DEFAULT:
        locks.append(_lock(call, req))
    async with call.locks.hold_all(locks):
        state = await read_state(call)
        router = state.vpc(req["VpcId"])
        wanted = await _tags(call, _named(state, req)) if req["DhcpOptionsId"] != DEFAULT else []
        old = [one for one in router.tags if one.partition("=")[0] in _OF_ROUTERS]
        await vpc_dhcp.retag(
            call,
            router,
            gone=[one for one in old if one not in wanted],
            new=[one for one in wanted if one not in old],
        )


def _lock(call: Call, req: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the name of the lock of a set: it is not deleted while it is associated."""
    return ("dhcp options", call.caller.project_id, ids.uuid(DHCP_OPTIONS, req["DhcpOptionsId"]))


async def _tags(call: Call, pool: cloud.SubnetPool) -> list[str]:
    """Return what the router of a VPC with a set of options has; raise where the cloud does not give these options."""
    values = dhcp.options(pool.tags)
    further, others = dhcp.for_ports(call.settings.ec2_dhcp_server, values)
    if further and not others and not await call.cloud.network.gives_dhcp_options():
        others = [key for key in values if key != dhcp.SERVERS]
    if others:
        given = ", ".join(f"{key} ({' '.join(values[key])})" for key in others)
        raise AwsError(
            "UnsupportedOperation",
            f"The DHCP of this cloud does not give instances: {given}.",
            refused=others[0],
        )
    servers = [one for one in values.get(dhcp.SERVERS, ()) if one != AMAZON]
    return [
        facts.written(facts.DHCP_OPTIONS, pool.id),
        *([facts.written(facts.NAME_SERVERS, " ".join(servers))] if servers else []),
        *([facts.written(facts.PORT_OPTIONS, pool.id)] if further else []),
    ]


@action(supports="DhcpOptionsId", read=_read_options)
async def delete_dhcp_options(call: Call, req: Mapping[str, Any]) -> None:
    """Delete a set of options that no VPC uses."""
    async with call.locks.hold(*_lock(call, req)):
        state = await read_state(call)
        pool = _named(state, req)
        if any(facts.written(facts.DHCP_OPTIONS, pool.id) in router.tags for router in state.vpcs.values()):
            raise AwsError(DHCP_OPTIONS.in_use, DHCP_OPTIONS.in_use_says.format(id=req["DhcpOptionsId"]))
        await call.cloud.network.delete_subnet_pool(pool.id)


def _named(state: State, req: Mapping[str, Any]) -> cloud.SubnetPool:
    uuid = ids.uuid(DHCP_OPTIONS, req["DhcpOptionsId"])
    found = next((one for one in markers.of_kind(state.pools, markers.OPTIONS) if one.id == uuid), None)
    if found is None:
        raise ids.missing(DHCP_OPTIONS, [req["DhcpOptionsId"]])
    return found


def _row(call: Call, pool: cloud.SubnetPool) -> Row:
    return {
        "DhcpOptionsId": ids.aws(DHCP_OPTIONS.prefix, pool.id),
        "OwnerId": owner_of(call, pool.project_id),
        "DhcpConfigurations": [
            {"Key": key, "Values": [{"Value": one} for one in values]}
            for key, values in dhcp.options(pool.tags).items()
        ],
        "Tags": tag_rules.shown(from_neutron(pool.tags)),
    }
