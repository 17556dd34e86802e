"""Describe network interfaces: Neutron's ports, attached to servers or free.

Neutron's own ports (`network:...`: of a router, DHCP, a floating IP) are left out: AWS's VPCs have no interfaces
for these.  A port of another service (a load balancer's) is shown as managed by that service.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from adapters.errors import absent_is
from adapters.types.compute import Server
from adapters.types.network import Port
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine import zones as availability_zones
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row, never, nothing
from shim.ec2.engine.resource_types import INTERFACE
from shim.ec2.network import known
from shim.ec2.network.interface_rows import (
    NetworkContext,
    associations,
    attachment,
    interface,
    network_context,
    of_server,
    placed,
    unclear,
)
from shim.ec2.network.layout import vpc_layout_of
from shim.ec2.network.security_groups import owner_of
from shim.ec2.network.subnet_rows import zone
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.codec import from_neutron
from shim.ec2.tags.creating import is_half_done

INTERFACES = Table(
    items="NetworkInterfaces",
    id="NetworkInterfaceId",
    ids="NetworkInterfaceIds",
    resource_type=INTERFACE,
    paged_ids=False,
    filters={
        "attachment.delete-on-termination": "Attachment.DeleteOnTermination",
        "attachment.device-index": "Attachment.DeviceIndex",
        "availability-zone": "AvailabilityZone",
        "availability-zone-id": "AvailabilityZoneId",
        "addresses.association.owner-id": "PrivateIpAddresses.Association.IpOwnerId",
        "addresses.association.public-ip": "PrivateIpAddresses.Association.PublicIp",
        "addresses.primary": "PrivateIpAddresses.Primary",
        "addresses.private-ip-address": "PrivateIpAddresses.PrivateIpAddress",
        "association.allocation-id": "Association.AllocationId",
        "association.association-id": "Association.AssociationId",
        "association.ip-owner-id": "Association.IpOwnerId",
        "association.public-dns-name": "Association.PublicDnsName",
        "association.public-ip": "Association.PublicIp",
        "attachment.attach-time": "Attachment.AttachTime",
        "attachment.attachment-id": "Attachment.AttachmentId",
        "attachment.instance-id": "Attachment.InstanceId",
        "attachment.instance-owner-id": "Attachment.InstanceOwnerId",
        "attachment.status": "Attachment.Status",
        "description": "Description",
        "group-id": "Groups.GroupId",
        "group-name": "Groups.GroupName",  # no longer in AWS's list, but clients still send it
        "interface-type": "InterfaceType",
        "ipv6-addresses.ipv6-address": "Ipv6Addresses.Ipv6Address",
        "mac-address": "MacAddress",
        "network-interface-id": "NetworkInterfaceId",
        "operator.managed": never,
        "operator.principal": nothing,
        "owner-id": "OwnerId",
        "private-dns-name": "PrivateDnsName",
        # "The private IPv4 address or addresses of the network interface."
        "private-ip-address": "PrivateIpAddresses.PrivateIpAddress",
        "requester-id": "RequesterId",
        "requester-managed": "RequesterManaged",
        "source-dest-check": "SourceDestCheck",
        "status": "Status",
        "subnet-id": "SubnetId",
        "tag": "TagSet",
        "vpc-id": "VpcId",
    },
)


@describes(
    INTERFACES,
    supports="NetworkInterfaceIds Filters MaxResults NextToken",
    ignores={"IncludeManagedResources": "nothing hides what a service manages: a load balancer's port is always shown"},
)
async def describe_network_interfaces(call: Call, asked: Question) -> list[Row]:
    """Describe interfaces: two concurrent OpenStack calls, and more for what is not known of networks (`known`)."""
    named = [ids.uuid(INTERFACE, one) for one in asked.ids]
    return await interface_rows(call, named)


async def interface_rows(call: Call, named: Sequence[str] = ()) -> list[Row]:
    """Read the rows of all interfaces, or of a single named one (UUID)."""
    network = call.cloud.network
    single = named[0] if len(named) == 1 else None
    (ports, floating), zones, *_ = await gather(
        gather(network.ports(), network.floating_ips(port_id=single)),
        known.zones(call),
        known.networks(call, ()),
        known.groups(call, ()),
    )
    shown = [port for port in ports if single in (None, port.id)]
    networks, groups = await gather(
        known.networks(call, {port.network_id for port in shown}),
        known.groups(call, {group for port in shown for group in port.security_groups}),
    )
    layout = vpc_layout_of(networks, ports, name=call.settings.default_network, project_id=call.caller.project_id)
    context = network_context(call, ports, groups, layout)
    public = associations(floating, call)
    visible = [port for port in shown if is_interface(port)]
    servers = await _servers(call, visible, context)
    places = availability_zones.zones(zones, availability_zones.zone_names(call))
    return [
        {**_row(call, port, context, public.get(port.id, {}), servers), **_zone(port, context, places)}
        for port in visible
    ]


def is_interface(port: Port) -> bool:
    """Tell whether a port is shown: it is neither Neutron's own nor half done."""
    return not port.device_owner.startswith("network:") and not is_half_done(port.name)


async def _servers(call: Call, ports: Iterable[Port], context: NetworkContext) -> dict[str, Server]:
    """Read the servers whose ports are in an order that only Nova knows: none, a single one, or the list of all."""
    holders = {port.device_id for port in ports if of_server(port) and unclear(context.ports[port.device_id])}
    if not holders:
        return {}
    if len(holders) > 1:
        return {server.id: server for server in await call.cloud.compute.servers()}
    # The server is absent if it is another project's or was just deleted.
    server = await absent_is(None, call.cloud.compute.server(holders.pop()))
    return {server.id: server} if server else {}


def _row(
    call: Call,
    port: Port,
    context: NetworkContext,
    public: Mapping[str, Mapping[str, Any]],
    servers: Mapping[str, Server],
) -> dict[str, Any]:
    managed = bool(port.device_owner) and not of_server(port)
    return {
        **interface(port, context, public),
        "OwnerId": owner_of(call, port.project_id),
        "Status": "in-use" if port.device_id or port.device_owner else "available",
        "Attachment": _attachment(call, port, context, servers),
        "RequesterManaged": managed,
        "RequesterId": port.device_owner if managed else None,
        "Ipv6Native": False,
        "TagSet": tag_rules.shown(from_neutron(port.tags)),
    }


def _attachment(
    call: Call, port: Port, context: NetworkContext, servers: Mapping[str, Server]
) -> dict[str, Any] | None:
    if not (port.device_id or port.device_owner):
        return None
    if not of_server(port):
        # As for interfaces of AWS's services: the attachment has an owner, but no instance that the account can see.
        return {
            "AttachmentId": ids.aws("eni-attach", port.id),
            "Status": "attached",
            "AttachTime": port.created_at,
            "DeleteOnTermination": False,
            "InstanceOwnerId": port.device_owner or None,
        }
    places = placed(context.ports[port.device_id], servers.get(port.device_id))
    return {
        **attachment(port, places[port.id]),
        "InstanceId": ids.aws("i", port.device_id),
        "InstanceOwnerId": owner_of(call, port.project_id),
    }


def _zone(port: Port, context: NetworkContext, zones: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
    """Return the zone of the server that holds a port, else the zone of its subnet.

    Nova writes a server's zone into the owner of its ports: `compute:<zone>`.
    """
    holder = context.zones.shown(port.device_owner.partition(":")[2]) if of_server(port) else None
    for one in zones:
        if one["ZoneName"] == holder:
            return {"AvailabilityZone": one["ZoneName"], "AvailabilityZoneId": one["ZoneId"]}
    home = context.layout.networks.get(port.network_id)
    return zone(home, zones, context.zones) if home else {}
