"""Write a port as EC2 describes it, on an instance and in DescribeNetworkInterfaces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from adapters.types import compute as cloud
from adapters.types import network
from shim.auth.accounts import account_id
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.zones import ZoneNames, zone_names
from shim.ec2.network.default_groups import shown_name
from shim.ec2.network.layout import VpcLayout

# Facts about an interface for which Neutron has no field, kept as Neutron's tags of the port.
APART: Final = "ec2:eni"  # Nova keeps the port when its server ends: it did not make the port
ENDS: Final = "ec2:dot="  # DeleteOnTermination: "true" or "false", where it differs from what Nova does
PLACE: Final = "ec2:idx="  # the device index, if it does not follow from the order of the server's ports
HIGHEST_PLACE: Final = 127
PRIMARY: Final = "ec2:ip="  # the primary private address of a port with several
# The description of a floating IP that an instance was given at its launch, and that is released with it.
AUTOMATIC: Final = "ec2:automatic"
AMAZON: Final = "amazon"  # the owner and the pool of addresses that are not the customer's own
# Networks that a port without source/destination check may send from: all addresses but the multicast range, which
# Neutron refuses even as part of a larger network.
ANYWHERE: Final = ("0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3")
ALL_ADDRESSES: Final = ("0.0.0.0/0", *ANYWHERE)


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
        groups={group.id: shown_name(group) for group in groups},
        layout=layout,
        region=call.region,
        account=call.caller.account_id,
        zones=zone_names(call),
    )


def of_server(port: network.Port) -> bool:
    """Tell whether a port is attached to a server."""
    return port.device_owner.startswith("compute:") and ids.is_uuid(port.device_id)


def placed(ports: Sequence[network.Port], server: cloud.Server | None) -> dict[str, int]:
    """Return the device index of each of a server's ports, by id.

    A port without an index of its own has the lowest free one, in the order of addresses in Nova's answer; without the
    server, in the order in which the ports were made.
    """
    addresses = server.addresses if server else ()
    order = {address.mac: place for place, address in reversed(list(enumerate(addresses)))}
    told = {port.id: place for port in ports if (place := _told_place(port)) is not None}
    free = (place for place in count() if place not in set(told.values()))
    others = sorted(
        (port for port in ports if port.id not in told),
        key=lambda p: (order.get(p.mac, len(order)), p.created_at, p.id),
    )
    return told | {port.id: next(free) for port in others}


def ordered(ports: Sequence[network.Port], server: cloud.Server | None) -> list[network.Port]:
    """Sort a server's ports by device index."""
    places = placed(ports, server)
    return sorted(ports, key=lambda port: (places[port.id], port.id))


def unclear(ports: Iterable[network.Port]) -> bool:
    """Tell whether only Nova knows the order of a server's ports: it made several of them in one second."""
    made = [port.created_at for port in ports if _told_place(port) is None]
    return len(set(made)) < len(made)


def ends_with_instance(port: network.Port) -> bool:
    """Tell whether a port is deleted when its server ends."""
    told = fact(port, ENDS)
    return told == "true" if told is not None else APART not in port.tags


def fact(port: network.Port, name: str) -> str | None:
    """Return the value of a fact in a port's tags; None if there is none."""
    return next((tag.removeprefix(name) for tag in port.tags if tag.startswith(name)), None)


def _told_place(port: network.Port) -> int | None:
    told = fact(port, PLACE) or ""
    return int(told) if told.isascii() and told.isdigit() and len(told) <= 4 else None


def attachment(port: network.Port, place: int) -> dict[str, Any]:
    """Write a port's attachment to its server as a device index (`place`)."""
    return {
        "AttachmentId": ids.aws("eni-attach", port.id),
        "DeviceIndex": place,
        "NetworkCardIndex": 0,
        "Status": "attached",
        "AttachTime": port.created_at,
        "DeleteOnTermination": ends_with_instance(port),
    }


def private_addresses(port: network.Port) -> list[network.FixedAddress]:
    """Return a port's IPv4 addresses, the primary one first: Neutron keeps no order."""
    first = fact(port, PRIMARY)
    return sorted((one for one in port.fixed if ":" not in one.address), key=lambda one: one.address != first)


def source_dest_check(port: network.Port) -> bool:
    """Tell whether Neutron drops packets that are not from the port's own addresses."""
    allowed = {one.address for one in port.allowed}
    return port.port_security and "0.0.0.0/0" not in allowed and not allowed >= {*ANYWHERE}


def interface(port: network.Port, context: NetworkContext, public: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Write the members of a port that all answers share; `public` maps private addresses to their associations."""
    addresses = private_addresses(port)
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
        "SourceDestCheck": source_dest_check(port),
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


def is_automatic(one: network.FloatingIp) -> bool:
    """Tell whether a floating IP was given to an instance at its launch.

    EC2 does not list it as an Elastic IP address.  One whose port was deleted by OpenStack's tools is listed, so that
    it can be released.
    """
    return one.description == AUTOMATIC and one.port_id is not None


def associations(floating: Iterable[network.FloatingIp], call: Call) -> dict[str, dict[str, dict[str, Any]]]:
    """Write the associations of floating IPs, by port and private address."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for one in floating:
        if is_automatic(one):
            shown = {"IpOwnerId": AMAZON, "PublicDnsName": "", "PublicIp": one.address}
            found.setdefault(one.port_id or "", {})[one.fixed or ""] = shown
        elif one.port_id and one.fixed:
            found.setdefault(one.port_id, {})[one.fixed] = {
                "AllocationId": ids.aws("eipalloc", one.id),
                "AssociationId": association_id(one.id, one.port_id, one.fixed),
                "IpOwnerId": account_id(one.project_id, call.settings.account_ids),
                "PublicDnsName": "",
                "PublicIp": one.address,
            }
    return found


def association_id(floating_id: str, port_id: str, fixed: str | None) -> str:
    """Compute the id of the association of an Elastic IP address with an address of an interface."""
    return ids.derived("eipassoc", floating_id, port_id, fixed or "")


def dns_name(address: str | None, region: str) -> str:
    """Return AWS's private DNS name of an address ('' for None); a resolver may not know it."""
    if not address:
        return ""
    zone = "ec2" if region == "us-east-1" else f"{region.lower()}.compute"
    return f"ip-{address.replace('.', '-')}.{zone}.internal"
