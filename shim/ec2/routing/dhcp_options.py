"""DHCP options: a record, and the name servers of a VPC's subnets.

Neutron gives a subnet's hosts name servers, and every other option only to single ports.  So a set with other options
can be kept, but not associated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address
from typing import Any

from adapters.types import network as cloud
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import DHCP_OPTIONS, VPC
from shim.ec2.network import facts
from shim.ec2.network.security_groups import owner_of
from shim.ec2.routing import markers, vpc_dhcp
from shim.ec2.routing.applied import settling
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
SERVERS = "domain-name-servers"
AMAZON = "AmazonProvidedDNS"  # stands for the resolver that the cloud gives by itself
_KEYS = ("domain-name", SERVERS, "ntp-servers", "netbios-name-servers", "netbios-node-type")
_ADDRESSES = (SERVERS, "ntp-servers", "netbios-name-servers")
_MOST_VALUES = 4  # "The IP addresses of up to four domain name servers"; EC2 takes several domain names as well
_FACT = "ec2:dhcp-"
_LONGEST = 200


def _read_new(settings: Settings, req: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the values by key."""
    found: dict[str, list[str]] = {}
    for one in req.get("DhcpConfigurations") or ():
        key, values = one.get("Key") or "", list(one.get("Values") or ())
        if key not in _KEYS:
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
    if len(values) > (1 if key == "netbios-node-type" else _MOST_VALUES) or any(
        not one or len(one) > _LONGEST or not one.isascii() or not one.isprintable() or set(one) & set(" ,/=%")
        for one in values
    ):
        raise refused
    for one in values if key in _ADDRESSES else ():
        if key == SERVERS and one == AMAZON:
            continue
        try:
            IPv4Address(one)
        except ValueError:
            raise refused from None


@action(supports="DhcpConfigurations TagSpecifications", read=creates(DHCP_OPTIONS, read=_read_new))
async def create_dhcp_options(call: Call, asked: CreateRequest[dict[str, list[str]]]) -> Mapping[str, Any]:
    """Create the record of a set of options; a value with its place is one tag."""
    told = [
        facts.written(f"{_FACT}{key}", f"{place}-{value}")
        for key, values in asked.read.items()
        for place, value in enumerate(values)
    ]
    made = await markers.create_marker(call, asked, markers.OPTIONS, *told)
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
    """Give the subnets of a VPC, and those that it gets later, the name servers of a set of options.

    Hosts have them when they renew their lease, as on AWS.
    """
    state = await read_state(call)
    router = state.vpc(req["VpcId"])
    wanted = _tags(_named(state, req)) if req["DhcpOptionsId"] != DEFAULT else []
    async with settling(call, router.id):
        router = await call.cloud.network.router(router.id)
        old = [one for one in router.tags if one.startswith((f"{facts.DHCP_OPTIONS}=", f"{facts.NAME_SERVERS}="))]
        await vpc_dhcp.retag(
            call,
            router,
            gone=[one for one in old if one not in wanted],
            new=[one for one in wanted if one not in old],
        )


def _tags(pool: cloud.SubnetPool) -> list[str]:
    """Return what the router of a VPC with a set of options has; raise where the cloud does not give these options."""
    values = options(pool.tags)
    if others := [key for key in values if key != SERVERS]:
        raise AwsError(
            "UnsupportedOperation",
            f"This cloud gives instances no {' and no '.join(others)}: DHCP options with only {SERVERS} can be "
            "associated.",
            refused=others[0],
        )
    servers = [one for one in values.get(SERVERS, ()) if one != AMAZON]
    named = [facts.written(facts.NAME_SERVERS, " ".join(servers))] if servers else []
    return [facts.written(facts.DHCP_OPTIONS, pool.id), *named]


@action(supports="DhcpOptionsId", read=_read_options)
async def delete_dhcp_options(call: Call, req: Mapping[str, Any]) -> None:
    """Delete a set of options that no VPC uses."""
    state = await read_state(call)
    pool = _named(state, req)
    if any(facts.written(facts.DHCP_OPTIONS, pool.id) in router.tags for router in state.vpcs.values()):
        raise AwsError(DHCP_OPTIONS.in_use, DHCP_OPTIONS.in_use_says.format(id=req["DhcpOptionsId"]))
    await call.cloud.network.delete_subnet_pool(pool.id)


def options(tags: Iterable[str]) -> dict[str, list[str]]:
    """Read the values by key."""
    tags = list(tags)
    found = {key: facts.every(tags, f"{_FACT}{key}") for key in _KEYS}
    return {key: [value.partition("-")[2] for value in values] for key, values in found.items() if values}


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
            {"Key": key, "Values": [{"Value": one} for one in values]} for key, values in options(pool.tags).items()
        ],
        "Tags": tag_rules.shown(from_neutron(pool.tags)),
    }
