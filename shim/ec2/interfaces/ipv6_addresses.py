"""AssignIpv6Addresses and UnassignIpv6Addresses: the IPv6 addresses of an interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.types import network as cloud
from adapters.types.network import WantedAddress
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import INTERFACE, SUBNET
from shim.ec2.interfaces.chosen import one_interface, replace_marks
from shim.ec2.interfaces.private_addresses import ADDRESSES, as_wanted
from shim.ec2.network import facts
from shim.ec2.network.interface_rows import private_addresses
from shim.ec2.network.ipv6 import asked, subnet_block
from shim.ec2.service import action
from shim.errors import AwsError


@action(
    supports="NetworkInterfaceId Ipv6Addresses Ipv6AddressCount",
    forbids=(asked.either("You can't use this option if you're specifying a number of IPv6 addresses."),),
)
async def assign_ipv6_addresses(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give an interface IPv6 addresses of its subnet: named ones, or a number of the subnet's choice."""
    wanted, interface = asked.check(req.get("Ipv6Addresses") or (), req.get("Ipv6AddressCount")), _id(req)
    if not wanted.some:
        raise AwsError(
            "MissingParameter",
            "Either ipv6Addresses or ipv6AddressCount must be specified.",
            refused="Ipv6Addresses",
        )
    async with call.locks.hold(ADDRESSES, call.caller.project_id, ids.uuid(INTERFACE, interface)):
        port = await one_interface(call, interface)
        home = await _home(call, port)
        for one in wanted.addresses:
            asked.in_block(one, home)
        before = {one.address for one in port.fixed}
        more = [*(one for one in wanted.addresses if one not in before), *[None] * (wanted.count or 0)]
        new = [WantedAddress(home.id, one) for one in more]
        changed = await _write(call, port, [*as_wanted(port.fixed), *new])
    added = [one.address for one in changed.fixed if one.address not in before]
    return {"NetworkInterfaceId": interface, "AssignedIpv6Addresses": [*wanted.addresses] or added}


@action(supports="NetworkInterfaceId Ipv6Addresses")
async def unassign_ipv6_addresses(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take IPv6 addresses from an interface."""
    wanted, interface = asked.check(req.get("Ipv6Addresses") or (), None), _id(req)
    if not wanted.some:
        raise AwsError(
            "MissingParameter", "The request must contain the parameter ipv6Addresses", refused="Ipv6Addresses"
        )
    async with call.locks.hold(ADDRESSES, call.caller.project_id, ids.uuid(INTERFACE, interface)):
        port = await one_interface(call, interface)
        if not {*wanted.addresses} <= {one.address for one in port.fixed}:
            raise AwsError(
                "InvalidParameterValue",
                f"Some of the specified addresses are not assigned to interface {interface}",
                refused="Ipv6Addresses",
            )
        await _write(call, port, as_wanted(one for one in port.fixed if one.address not in wanted.addresses))
    return {"NetworkInterfaceId": interface, "UnassignedIpv6Addresses": [*wanted.addresses]}


async def _home(call: Call, port: cloud.Port) -> cloud.Subnet:
    """Return the IPv6 subnet of an interface's subnet."""
    held, subnets = private_addresses(port), await call.cloud.network.subnets()
    subnet = next((one for one in subnets if held and one.id == held[0].subnet_id), None)
    found = subnet_block.partner(subnets, subnet) if subnet else None
    if found is None:
        raise asked.no_block(ids.aws(SUBNET.prefix, subnet.id) if subnet else "")
    return found


async def _write(call: Call, port: cloud.Port, fixed: list[WantedAddress]) -> cloud.Port:
    """Write an interface's addresses; the mark tells a repeated launch that they are a client's."""
    await replace_marks(call, port, (), [facts.IPV6_SET])
    return await call.cloud.network.update_port(port.id, fixed=fixed)


def _id(req: Mapping[str, Any]) -> str:
    ids.check(INTERFACE, req["NetworkInterfaceId"])
    return str(req["NetworkInterfaceId"])
