"""Write a port as EC2 describes it, on an instance and in DescribeNetworkInterfaces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adapters.types import compute as cloud
from adapters.types import network
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.zones import ZoneNames, zone_names
from shim.ec2.network.layout import VpcLayout

KEPT_PORTS: Final = "ec2:keep"  # UUIDs of ports that are kept when the instance ends, joined by spaces


@dataclass(frozen=True, slots=True)
class NetworkContext:
    """What is joined with ports to describe them as interfaces."""

    ports: Mapping[str, Sequence[network.Port]]  # by server
    groups: Mapping[str, str]  # security group's id → name
    layout: VpcLayout
    region: str
    account: str
    zones: ZoneNames


def network_context(
    call: Call, ports: Iterable[network.Port], groups: Iterable[network.SecurityGroup], layout: VpcLayout
) -> NetworkContext:
    """Index the ports of servers and the names of security groups."""
    by_server: dict[str, list[network.Port]] = {}
    for port in ports:
        if of_server(port):
            by_server.setdefault(port.device_id, []).append(port)
    return NetworkContext(
        ports=by_server,
        groups={group.id: group.name for group in groups},
        layout=layout,
        region=call.region,
        account=call.caller.account_id,
        zones=zone_names(call),
    )


def of_server(port: network.Port) -> bool:
    """Tell whether a port is attached to a server."""
    return port.device_owner.startswith("compute:") and ids.is_uuid(port.device_id)


def ordered(ports: Iterable[network.Port], server: cloud.Server | None) -> list[network.Port]:
    """Sort a server's ports by device index, which is the order of addresses in Nova's answer."""
    addresses = server.addresses if server else ()
    order = {address.mac: place for place, address in reversed(list(enumerate(addresses)))}
    return sorted(ports, key=lambda p: (order.get(p.mac, len(order)), p.created_at, p.id))


def attachment(port: network.Port, place: int, server: cloud.Server | None) -> dict[str, Any]:
    """Write a port's attachment to its server; `server` is None if the project cannot see it."""
    kept = server.metadata.get(KEPT_PORTS, "").split() if server else ()
    return {
        "AttachmentId": ids.aws("eni-attach", port.id),
        "DeviceIndex": place,
        "NetworkCardIndex": 0,
        "Status": "attached",
        "AttachTime": port.created_at,
        "DeleteOnTermination": port.id not in kept,
    }


def interface(port: network.Port, context: NetworkContext, public: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Write the members of a port that all answers share; `public` maps private addresses to their associations."""
    addresses = [one for one in port.fixed if ":" not in one.address]
    primary = addresses[0].address if addresses else None
    return {
        "NetworkInterfaceId": ids.aws("eni", port.id),
        "SubnetId": ids.aws("subnet", (addresses or port.fixed)[0].subnet_id) if port.fixed else None,
        "VpcId": context.layout.vpc_of(port.network_id),
        "Description": port.description,
        "OwnerId": context.account,
        "InterfaceType": "interface",
        "MacAddress": port.mac,
        "PrivateIpAddress": primary,
        "PrivateDnsName": dns_name(primary, context.region),
        # Neutron's port security drops packets that are not from the port's own addresses.
        "SourceDestCheck": port.port_security,
        "Groups": groups(port.security_groups, context.groups),
        "Association": public.get(primary or ""),
        "PrivateIpAddresses": [
            {
                "Primary": number == 0,
                "PrivateIpAddress": one.address,
                "PrivateDnsName": dns_name(one.address, context.region),
                "Association": public.get(one.address),
            }
            for number, one in enumerate(addresses)
        ],
        "Ipv6Addresses": [{"Ipv6Address": one.address} for one in port.fixed if ":" in one.address],
    }


def groups(wanted: Iterable[str], names: Mapping[str, str]) -> list[dict[str, str]]:
    """Write security groups (ids) as GroupIdentifiers, sorted by name."""
    found = [{"GroupId": ids.aws("sg", group), "GroupName": names.get(group, "")} for group in wanted]
    return sorted(found, key=lambda group: group["GroupName"])


def dns_name(address: str | None, region: str) -> str:
    """Return AWS's private DNS name of an address ('' for None); a resolver may not know it."""
    if not address:
        return ""
    zone = "ec2" if region == "us-east-1" else f"{region.lower()}.compute"
    return f"ip-{address.replace('.', '-')}.{zone}.internal"
