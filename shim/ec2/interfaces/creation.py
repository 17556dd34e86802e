"""CreateNetworkInterface and DeleteNetworkInterface: a port that Nova does not make, and so keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from adapters.errors import absent_is
from adapters.types import network as cloud
from adapters.types.network import NewPort, WantedAddress
from shim.concurrency import gather, gather_all
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.client_tokens import DIGEST, TOKEN
from shim.ec2.engine.resource_types import INTERFACE, SECURITY_GROUP, SUBNET
from shim.ec2.interfaces.chosen import chosen_groups, in_subnet, one_interface, one_subnet
from shim.ec2.network import dhcp
from shim.ec2.network.addresses import check_address, check_number
from shim.ec2.network.interface_rows import APART, PRIMARY, fact
from shim.ec2.network.interfaces import interface_rows
from shim.ec2.network.ipv6 import subnet_block
from shim.ec2.network.ipv6.asked import SUPPORTS as IPV6
from shim.ec2.network.ipv6.asked import Asked, either, wish
from shim.ec2.network.ipv6.asked import read as read_ipv6
from shim.ec2.network.layout import vpc_layout
from shim.ec2.service import action
from shim.ec2.tags.creating import HALF_DONE, CreateRequest, creates, creating, half_done_name, is_half_done
from shim.errors import AwsError
from shim.protocol.values import only

_LONGEST_DESCRIPTION = 255
_FORGOTTEN = timedelta(minutes=10)  # a half-done port of this age belongs to no request that still runs


@dataclass(frozen=True, slots=True)
class _New:
    """A checked request: the primary address (None: any), further ones, how many of the subnet's choice, and IPv6."""

    subnet_id: str
    description: str
    groups: tuple[str, ...]
    primary: str | None
    secondary: tuple[str, ...]
    count: int
    ipv6: Asked

    @property
    def fixed(self) -> tuple[WantedAddress, ...]:
        any_more = [None] * self.count
        return tuple(WantedAddress(self.subnet_id, one) for one in (self.primary, *self.secondary, *any_more))


def read_addresses(req: Mapping[str, Any]) -> tuple[str | None, tuple[str, ...], int]:
    """Read the private addresses that a new interface is to have: the primary one, others, and a number of others."""
    primary = req.get("PrivateIpAddress") or None
    listed: Sequence[Mapping[str, Any]] = req.get("PrivateIpAddresses") or ()
    first = [one["PrivateIpAddress"] for one in listed if one.get("Primary")]
    secondary = tuple(one["PrivateIpAddress"] for one in listed if not one.get("Primary"))
    count = int(req.get("SecondaryPrivateIpAddressCount") or 0)
    if len(first) > 1 or (first and primary):
        raise AwsError(
            "InvalidParameterCombination",
            "Only one primary private IP address can be specified.",
            refused="PrivateIpAddresses",
        )
    if (count and secondary) or count < 0:
        raise AwsError(
            "InvalidParameterCombination",
            "You cannot specify secondary private IP addresses and their count in one request.",
            refused="SecondaryPrivateIpAddressCount",
        )
    check_number(len(secondary) + count, "PrivateIpAddresses" if secondary else "SecondaryPrivateIpAddressCount")
    primary = primary or next(iter(first), None)
    asked = [one for one in (primary, *secondary) if one]
    for one in asked:
        check_address(one, "PrivateIpAddress")
    if len(set(asked)) < len(asked):
        raise AwsError("InvalidParameterValue", "The same address is given twice.", refused="PrivateIpAddresses")
    return primary, secondary, count


def _read(settings: Settings, req: Mapping[str, Any]) -> _New:
    description = req.get("Description") or ""
    if len(description) > _LONGEST_DESCRIPTION:
        raise AwsError(
            "InvalidParameterValue",
            f"The description has more than {_LONGEST_DESCRIPTION} characters.",
            refused="Description",
        )
    for group in req.get("Groups") or ():
        ids.check(SECURITY_GROUP, group)
    primary, secondary, count = read_addresses(req)
    ipv6 = read_ipv6(req)
    return _New(
        ids.uuid(SUBNET, req["SubnetId"]), description, tuple(req.get("Groups") or ()), primary, secondary, count, ipv6
    )


@action(
    supports="SubnetId Description Groups PrivateIpAddress PrivateIpAddresses.Primary"
    " PrivateIpAddresses.PrivateIpAddress SecondaryPrivateIpAddressCount TagSpecifications ClientToken"
    f" {' '.join(IPV6)} EnablePrimaryIpv6",
    values={"EnablePrimaryIpv6": only(False)},
    forbids=(
        either(
            "You can't specify IPv6 addresses using this parameter if you've specified one of the following: a count "
            "of IPv6 addresses, specific IPv6 prefixes, or a count of IPv6 prefixes."
        ),
    ),
    read=creates(INTERFACE, read=_read),
)
async def create_network_interface(call: Call, asked: CreateRequest[_New]) -> Mapping[str, Any]:
    """Create an interface; its name is the half-done mark until it has its tags, which take a call of their own."""
    wanted, new, network = asked.read, creating(call, asked), call.cloud.network
    subnets, groups, layout = await gather(network.subnets(), network.security_groups(), vpc_layout(call))
    subnet = one_subnet(subnets, layout, wanted.subnet_id)
    chosen = chosen_groups(call, groups, layout, subnet.network_id, wanted.groups)
    for address in (wanted.primary, *wanted.secondary):
        if address:
            in_subnet(address, subnet)
    ipv6 = wish(wanted.ipv6, subnet, subnet_block.partners(subnets).get(subnet.id, ()))
    fixed = [*wanted.fixed, *(ipv6.fixed if ipv6 else ())]
    options = (await dhcp.of_subnets(call, [subnet])).get(subnet.id, {})
    marks = _marks(new.token)
    strings = new.strings(APART, *marks)
    mark = half_done_name("interface", *marks)

    async def find(_: Mapping[str, str]) -> Iterable[tuple[cloud.Port, Mapping[str, str]]]:
        return _found(await network.ports(), mark, marks, new.token)

    async with new.once(find, name="" if marks else "interface"):
        await gather_all(absent_is(None, network.delete_port(port.id)) for port in new.half_done)
        made = new.earlier[0].id if new.earlier else ""
        if not made:
            port = await network.create_port(
                NewPort(subnet.network_id, tuple(fixed), chosen, mark, wanted.description, tuple(options.items())),
            )
            made = port.id
            new.undo(network.delete_port, made)
            several = [f"{PRIMARY}{_first(port, wanted.primary)}"] if len(wanted.fixed) > 1 else []
            await network.set_tags("ports", made, [*strings, *several])
            await network.update_port(made, name=_name(new.tags))
    (row,) = await interface_rows(call, [made])
    return {"NetworkInterface": {**row, "Status": "pending"}, "ClientToken": asked.params.get("ClientToken")}


@action(supports="NetworkInterfaceId")
async def delete_network_interface(call: Call, req: Mapping[str, Any]) -> None:
    """Delete an interface that is not attached; an Elastic IP address that it has stays allocated."""
    port = await one_interface(call, req["NetworkInterfaceId"])
    if port.device_id:
        raise AwsError("InvalidParameterValue", f"Network interface '{req['NetworkInterfaceId']}' is currently in use.")
    await call.cloud.network.delete_port(port.id)


def _found(
    ports: Iterable[cloud.Port], mark: str, marks: Sequence[str], token: Mapping[str, str]
) -> list[tuple[cloud.Port, Mapping[str, str]]]:
    """Return what the same request made before, and ports that are half done and nobody's."""
    found: list[tuple[cloud.Port, Mapping[str, str]]] = []
    for port in ports:
        if is_half_done(port.name):
            if port.name == mark or datetime.now(UTC) - port.created_at > _FORGOTTEN:
                found.append((port, {**token, HALF_DONE: ""}))
        elif marks and marks[0] in port.tags:
            found.append((port, {DIGEST: fact(port, f"{DIGEST}=") or ""}))
    return found


def _marks(token: Mapping[str, str]) -> list[str]:
    """Return the ClientToken's metadata as Neutron's tags, which allow no slash and no comma."""
    if not token:
        return []
    return [f"{TOKEN}={sha256(token[TOKEN].encode()).hexdigest()}", f"{DIGEST}={token[DIGEST]}"]


def _first(port: cloud.Port, wanted: str | None) -> str:
    return wanted or next(one.address for one in port.fixed if ":" not in one.address)


def _name(tags: Mapping[str, str]) -> str:
    """Return the name that OpenStack's tools show: the tag `Name`, if it can be one."""
    name = tags.get("Name", "")
    return "" if len(name) > _LONGEST_DESCRIPTION or is_half_done(name) else name
