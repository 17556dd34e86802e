"""DescribeAddresses: Elastic IP addresses are Neutron's floating IPs.

A floating IP's allocation id is its UUID.  Its association id is computed from what it is associated with: an address
that moves has another one, so that the end of an old association does not end the new one.
The domain is always `vpc`, because AWS ended EC2-Classic.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from adapters.types.network import FloatingIp, Port, Router
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import ALLOCATION
from shim.ec2.network import facts
from shim.ec2.network.interface_rows import AMAZON, association_id, is_automatic, of_server
from shim.ec2.network.security_groups import owner_of
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.codec import from_neutron
from shim.ec2.tags.creating import is_half_done
from shim.errors import AwsError

# "Maximum IPv4 addresses per interface" and "IPv6 addresses per interface" of AWS's largest instance types.
MOST_ADDRESSES: Final = 50


def check_address(address: str, name: str) -> None:
    """Raise InvalidParameterValue unless a parameter's value is an IPv4 address."""
    try:
        ipaddress.IPv4Address(address)
    except ValueError:
        # As seen in https://github.com/cloud-custodian/cloud-custodian/issues/5069.
        raise AwsError(
            "InvalidParameterValue",
            f"Invalid value '{address}' for {name}. Not a valid IPv4 address",
            refused=name,
        ) from None


def check_number(number: int, name: str) -> None:
    """Raise PrivateIpAddressLimitExceeded for more addresses than an interface has on any of AWS's instance types.

    It is checked before anything of that number is made: a number is short, and a list of as many addresses is not.
    """
    if number > MOST_ADDRESSES:
        raise AwsError("PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit.", refused=name)


def _check(req: Mapping[str, Any]) -> None:
    for one in req.get("PublicIps") or ():
        check_address(one, "PublicIp")


ADDRESSES = Table(
    items="Addresses",
    id="AllocationId",
    ids="AllocationIds",
    resource_type=ALLOCATION,
    check=_check,
    filters={
        "allocation-id": "AllocationId",
        "association-id": "AssociationId",
        "domain": "Domain",  # no longer in AWS's list, but clients still send it
        "instance-id": "InstanceId",
        "network-border-group": "NetworkBorderGroup",
        "network-interface-id": "NetworkInterfaceId",
        "network-interface-owner-id": "NetworkInterfaceOwnerId",
        "private-ip-address": "PrivateIpAddress",
        "public-ip": "PublicIp",
        "tag": "Tags",
    },
)


@describes(ADDRESSES, supports="PublicIps AllocationIds Filters")
async def describe_addresses(call: Call, asked: Question) -> list[Row]:
    """Describe the project's addresses, those of NAT gateways among them.

    Two concurrent OpenStack calls, and a third for the routers of NAT gateways unless every address that is named is a
    floating IP.
    """
    named = () if asked.req.get("PublicIps") else asked.ids
    addresses, ports = await gather(addresses_of(call, named), call.cloud.network.ports())
    by_id = {port.id: port for port in ports}
    rows: list[Row] = [described(call, one, by_id.get(one.port_id or "")) for one in addresses]
    wanted = _named(rows, asked.req.get("PublicIps") or ())
    if not asked.ids or not asked.req.get("PublicIps"):
        return wanted
    # EC2 describes the addresses that are named in either way.
    asked.ids += [one["AllocationId"] for one in wanted if one["AllocationId"] not in asked.ids]
    return rows


async def addresses_of(call: Call, named: Collection[str]) -> list[FloatingIp]:
    """Read the project's addresses with one call; those of NAT gateways with a second.

    The second is spared if some allocation ids are `named`, and each is a floating IP's.
    """
    network = call.cloud.network
    free = await network.floating_ips()
    known = {ids.aws(ALLOCATION.prefix, allocation_uuid(one)) for one in free}
    routers = [] if named and known.issuperset(named) else await network.routers()
    return shown_addresses(call, [*free, *held_addresses(routers, free)])


def shown_addresses(call: Call, floating: Iterable[FloatingIp]) -> list[FloatingIp]:
    """Leave out addresses that are half done or an instance's, and other projects': an administrator's list has all."""
    mine = [one for one in floating if one.project_id == call.caller.project_id]
    return [one for one in mine if not is_half_done(one.description) and not is_automatic(one)]


def described(call: Call, one: FloatingIp, port: Port | None) -> dict[str, Any]:
    """Write an address; `port` is what it is associated with, if the project sees that."""
    return {
        "AllocationId": ids.aws(ALLOCATION.prefix, allocation_uuid(one)),
        "PublicIp": one.address,
        "PublicIpv4Pool": AMAZON,
        "Domain": "vpc",
        "NetworkBorderGroup": call.region,
        "Tags": tag_rules.shown(from_neutron(one.tags)),
        **(_association(call, one, port) if one.port_id else {}),
    }


def _association(call: Call, one: FloatingIp, port: Port | None) -> dict[str, Any]:
    """Write an address's association; the project may not see its port."""
    instance = ids.aws("i", port.device_id) if port and of_server(port) else None
    return {
        "AssociationId": association_id(one.id, one.port_id or "", one.fixed),
        "InstanceId": instance,
        "NetworkInterfaceId": ids.aws("eni", one.port_id or ""),
        "NetworkInterfaceOwnerId": owner_of(call, port.project_id if port else one.project_id),
        "PrivateIpAddress": one.fixed,
    }


def _named(rows: list[Row], wanted: Iterable[str]) -> list[Row]:
    """Return the rows of the named public addresses, or all; raises InvalidAddress.NotFound with the unknown ones."""
    names = list(dict.fromkeys(wanted))
    if not names:
        return rows
    by_address = {row["PublicIp"]: row for row in rows}
    if absent := [name for name in names if name not in by_address]:
        raise AwsError("InvalidAddress.NotFound", f"Address '{', '.join(absent)}' not found.")
    return [by_address[name] for name in names]


# An address of a NAT gateway is no floating IP: its router's tags hold the allocation id, the address, and its tags.
KEPT = "e"  # before each tag of an address, so that it is no tag of the NAT gateway


def kept_tags(tags: Iterable[str]) -> list[str]:
    """Write an address's tags as a router's."""
    return [f"{KEPT}{tag}" for tag in tags if tag.startswith(("t:", "tp:"))]


def tags_kept(tags: Iterable[str]) -> list[str]:
    """Read an address's tags out of a router's."""
    return [tag[len(KEPT) :] for tag in tags if tag.startswith((f"{KEPT}t:", f"{KEPT}tp:"))]


def held_addresses(routers: Iterable[Router], floating: Iterable[FloatingIp]) -> list[FloatingIp]:
    """Write the addresses of NAT gateways' routers as floating IPs that are associated with the router."""
    free = {one.address for one in floating}
    found = []
    for router in routers:
        allocation, address = facts.one(router.tags, facts.ALLOCATION), facts.one(router.tags, facts.ADDRESS)
        if allocation and address and address not in free:
            network_id = router.gateway.network_id if router.gateway else ""
            tags = tuple(tags_kept(router.tags))
            found.append(
                FloatingIp(
                    id=allocation,
                    project_id=router.project_id,
                    address=address,
                    network_id=network_id,
                    port_id=router.id,
                    fixed=None,
                    status="ACTIVE",
                    tags=tags,
                )
            )
    return found


def allocation_uuid(one: FloatingIp) -> str:
    """Return the UUID in an address's allocation id: that of its first floating IP, if a NAT gateway had it since."""
    return facts.one(one.tags, facts.ALLOCATION) or one.id
