"""AssignPrivateIpAddresses and UnassignPrivateIpAddresses: the secondary addresses of an interface."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from adapters.types import network as cloud
from adapters.types.network import WantedAddress
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import INTERFACE
from shim.ec2.interfaces.chosen import in_subnet, one_interface, replace_marks
from shim.ec2.network.addresses import check_address, check_number
from shim.ec2.network.interface_rows import PRIMARY, private_addresses
from shim.ec2.service import Forbidden, action
from shim.errors import AwsError
from shim.undo import undoing

ADDRESSES = "private addresses"  # the sort of lock under which the addresses of an interface change


@action(
    supports="NetworkInterfaceId PrivateIpAddresses SecondaryPrivateIpAddressCount AllowReassignment",
    forbids=(
        Forbidden(
            "PrivateIpAddresses",
            "SecondaryPrivateIpAddressCount",
            "You can't specify this parameter when also specifying a number of secondary IP addresses.",
        ),
    ),
)
async def assign_private_ip_addresses(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give an interface further addresses of its subnet: named ones, or a number of the subnet's choice."""
    named, count = _named(req), int(req.get("SecondaryPrivateIpAddressCount") or 0)
    if not named and count < 1:
        raise AwsError(
            "MissingParameter",
            "Either privateIpAddresses or secondaryPrivateIpAddressCount must be specified.",
            refused="PrivateIpAddresses",
        )
    check_number(len(named) + count, "PrivateIpAddresses" if named else "SecondaryPrivateIpAddressCount")
    interface = req["NetworkInterfaceId"]
    async with call.locks.hold(ADDRESSES, call.caller.project_id, ids.uuid(INTERFACE, interface)):
        port = await one_interface(call, interface)
        held = private_addresses(port)
        before = {one.address for one in held}
        home = held[0].subnet_id
        async with undoing() as undo:
            if named:
                for mover in await _movers(call, port, home, named, allowed=bool(req.get("AllowReassignment"))):
                    undo(partial(call.cloud.network.update_port, mover.id, fixed=as_wanted(mover.fixed)))
                    staying = [one for one in mover.fixed if one.address not in named]
                    await call.cloud.network.update_port(mover.id, fixed=as_wanted(staying))
            await replace_marks(call, port, (PRIMARY,), [f"{PRIMARY}{held[0].address}"])
            more = [*named] if named else [None] * count
            new = [WantedAddress(home, one) for one in more if one not in before]
            changed = await call.cloud.network.update_port(port.id, fixed=[*as_wanted(port.fixed), *new])
    added = [one.address for one in changed.fixed if one.address not in before and ":" not in one.address]
    return {
        "NetworkInterfaceId": interface,
        "AssignedPrivateIpAddresses": [{"PrivateIpAddress": one} for one in (named or added)],
    }


@action(supports="NetworkInterfaceId PrivateIpAddresses")
async def unassign_private_ip_addresses(call: Call, req: Mapping[str, Any]) -> None:
    """Take secondary addresses from an interface, and Elastic IP addresses from these."""
    named, interface = _named(req), req["NetworkInterfaceId"]
    if not named:
        raise AwsError(
            "MissingParameter",
            "The request must contain the parameter privateIpAddresses",
            refused="PrivateIpAddresses",
        )
    network = call.cloud.network
    async with call.locks.hold(ADDRESSES, call.caller.project_id, ids.uuid(INTERFACE, interface)):
        port = await one_interface(call, interface)
        primary, *secondary = (one.address for one in private_addresses(port))
        if primary in named or not {*named} <= {*secondary}:
            raise AwsError(
                "InvalidParameterValue",
                f"Some of the specified addresses are not secondary addresses of interface {interface}",
                refused="PrivateIpAddresses",
            )
        async with undoing() as undo:
            for one in await network.floating_ips(port_id=port.id):
                if one.fixed in named:
                    undo(network.associate_floating_ip, one.id, port.id, one.fixed)
                    await network.associate_floating_ip(one.id, None)
            staying = [one for one in port.fixed if one.address not in named]
            await network.update_port(port.id, fixed=as_wanted(staying))


def _named(req: Mapping[str, Any]) -> list[str]:
    named = list(dict.fromkeys(req.get("PrivateIpAddresses") or ()))
    for one in named:
        check_address(one, "PrivateIpAddress")
    return named


async def _movers(
    call: Call, port: cloud.Port, subnet_id: str, named: Sequence[str], *, allowed: bool
) -> list[cloud.Port]:
    """Return the other interfaces that have some of the addresses as secondary ones, if these may move."""
    subnets = await call.cloud.network.subnets()
    for address in named:
        in_subnet(address, next(one for one in subnets if one.id == subnet_id))
    found = []
    for other in await call.cloud.network.ports():
        taken = [one.address for one in other.fixed if one.subnet_id == subnet_id and one.address in named]
        if other.id == port.id or not taken:
            continue
        if not allowed or other.device_owner.startswith("network:") or private_addresses(other)[0].address in taken:
            raise AwsError(
                "InvalidParameterValue",
                f"[{', '.join(taken)}] assigned, but move is not allowed.",
                refused="PrivateIpAddresses",
            )
        found.append(other)
    return found


def as_wanted(fixed: Iterable[cloud.FixedAddress]) -> list[WantedAddress]:
    """Return the addresses of an interface as those that it is to keep."""
    return [WantedAddress(one.subnet_id, one.address) for one in fixed]
