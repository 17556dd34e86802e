"""DescribeAddresses: Elastic IP addresses are Neutron's floating IPs.

A floating IP has an allocation id from its own UUID, and while it stands for an address of a port, an association id
from the same UUID.  All of them are of the domain `vpc`: EC2-Classic, which had others, is gone.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from adapters.types.network import FloatingIp, Port
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import ALLOCATION
from shim.ec2.network.interface_rows import of_server
from shim.ec2.network.security_groups import owner_of
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.codec import from_neutron
from shim.errors import AwsError


def _check(req: Mapping[str, Any]) -> None:
    """Raise InvalidParameterValue for what is no address."""
    for one in req.get("PublicIps") or ():
        try:
            ipaddress.ip_address(one)
        except ValueError:
            raise AwsError(
                "InvalidParameterValue",
                f"Value ({one}) for parameter publicIp is invalid. Invalid IPv4 address.",
                refused="PublicIps",
            ) from None


ADDRESSES = Table(
    items="Addresses",
    id="AllocationId",
    ids="AllocationIds",
    resource_type=ALLOCATION,
    check=_check,
    filters={
        "allocation-id": "AllocationId",
        "association-id": "AssociationId",
        "domain": "Domain",  # left out of AWS's list today, and still sent
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
    """Describe the project's addresses: two OpenStack calls, side by side."""
    network = call.cloud.network
    floating, ports = await gather(network.floating_ips(), network.ports())
    by_id = {port.id: port for port in ports}
    rows: list[Row] = [
        _row(call, one, by_id.get(one.port_id or ""))
        for one in floating
        if one.project_id == call.caller.project_id  # an administrator's list has those of all projects
    ]
    return _named(rows, asked.req.get("PublicIps") or ())


def _row(call: Call, one: FloatingIp, port: Port | None) -> dict[str, Any]:
    return {
        "AllocationId": ids.aws(ALLOCATION.prefix, one.id),
        "PublicIp": one.address,
        "PublicIpv4Pool": "amazon",  # what AWS shows of an address that the customer did not bring along
        "Domain": "vpc",
        "NetworkBorderGroup": call.region,
        "Tags": tag_rules.shown(from_neutron(one.tags)),
        **(_association(call, one, port) if one.port_id else {}),
    }


def _association(call: Call, one: FloatingIp, port: Port | None) -> dict[str, Any]:
    """Write what an address is associated with; its port may be out of the project's sight."""
    instance = ids.aws("i", port.device_id) if port and of_server(port) else None
    return {
        "AssociationId": ids.aws("eipassoc", one.id),
        "InstanceId": instance,
        "NetworkInterfaceId": ids.aws("eni", one.port_id or ""),
        "NetworkInterfaceOwnerId": owner_of(call, port.project_id if port else one.project_id),
        "PrivateIpAddress": one.fixed,
    }


def _named(rows: list[Row], wanted: Iterable[str]) -> list[Row]:
    """Keep the rows of the wanted public addresses, or all; raise InvalidAddress.NotFound with those not there."""
    names = list(dict.fromkeys(wanted))
    if not names:
        return rows
    by_address = {row["PublicIp"]: row for row in rows}
    if absent := [name for name in names if name not in by_address]:
        raise AwsError("InvalidAddress.NotFound", f"Address '{', '.join(absent)}' not found.")
    return [by_address[name] for name in names]
