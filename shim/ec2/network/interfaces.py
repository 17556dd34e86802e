"""Describe network interfaces: Neutron's ports, attached to servers or free.

Neutron's own ports (`network:...`: of a router, DHCP, a floating IP) are left out: AWS's VPCs have no interfaces
for these.  A port of another service (a load balancer's) is shown as managed by that service.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from adapters.errors import absent_is
from adapters.types.compute import Server
from adapters.types.network import FloatingIp, Port
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine import zones as availability_zones
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row, never, nothing, select
from shim.ec2.engine.resource_types import ALLOCATION, INSTANCE, INTERFACE
from shim.ec2.network.interface_rows import NetworkContext, attachment, interface, network_context, of_server, ordered
from shim.ec2.network.layout import vpc_layout_of
from shim.ec2.network.security_groups import owner_of
from shim.ec2.network.subnets import zone
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.codec import from_neutron

# Members that only Nova knows: servers are read for the rows that pass all other filters.
_FROM_SERVERS = {
    "attachment.delete-on-termination": "Attachment.DeleteOnTermination",
    "attachment.device-index": "Attachment.DeviceIndex",
    "availability-zone": "AvailabilityZone",
    "availability-zone-id": "AvailabilityZoneId",
}
INTERFACES = Table(
    items="NetworkInterfaces",
    id="NetworkInterfaceId",
    ids="NetworkInterfaceIds",
    resource_type=INTERFACE,
    paged_ids=False,
    filters={
        **_FROM_SERVERS,
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
    """Describe interfaces: five concurrent OpenStack calls, and one for the servers of attached interfaces."""
    network = call.cloud.network
    ports, networks, groups, floating, zones = await gather(
        network.ports(),
        network.networks(),
        network.security_groups(),
        network.floating_ips(),
        call.cloud.compute.zones(),
    )
    layout = vpc_layout_of(networks, ports, name=call.settings.default_network, project_id=call.caller.project_id)
    context = network_context(call, ports, groups, layout)
    public = _public(call, floating)
    known = availability_zones.zones(zones, availability_zones.zone_names(call))

    def rows(servers: Mapping[str, Server]) -> list[Row]:
        return [
            {**_row(call, port, context, public.get(port.id, {}), servers), **_zone(port, context, servers, known)}
            for port in ports
            if not port.device_owner.startswith("network:")
        ]

    candidates = [row for row in rows({}) if not asked.ids or row[INTERFACES.id] in asked.ids]
    passed = await select(candidates, [one for one in asked.filters if one.name not in _FROM_SERVERS])
    return rows(await _servers(call, passed))


async def _servers(call: Call, rows: Iterable[Mapping[str, Any]]) -> dict[str, Server]:
    """Read the servers of some interfaces: no server, a single one, or the list of all."""
    holders = {row["Attachment"]["InstanceId"] for row in rows if (row["Attachment"] or {}).get("InstanceId")}
    if not holders:
        return {}
    if len(holders) > 1:
        return {server.id: server for server in await call.cloud.compute.servers()}
    # The server is absent if it is another project's or was just deleted.
    server = await absent_is(None, call.cloud.compute.server(ids.uuid(INSTANCE, holders.pop())))
    return {server.id: server} if server else {}


def _public(call: Call, floating: Iterable[FloatingIp]) -> dict[str, dict[str, dict[str, Any]]]:
    """Write the associations of floating IPs, by port and private address."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for one in floating:
        if one.port_id and one.fixed:
            found.setdefault(one.port_id, {})[one.fixed] = {
                "AllocationId": ids.aws(ALLOCATION.prefix, one.id),
                "AssociationId": ids.aws("eipassoc", one.id),
                "IpOwnerId": owner_of(call, one.project_id),
                "PublicDnsName": "",
                "PublicIp": one.address,
            }
    return found


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
    server = servers.get(port.device_id)
    place = ordered(context.ports[port.device_id], server).index(port)
    return {
        **attachment(port, place, server),
        "InstanceId": ids.aws("i", port.device_id),
        "InstanceOwnerId": owner_of(call, server.project_id if server else port.project_id),
    }


def _zone(
    port: Port, context: NetworkContext, servers: Mapping[str, Server], zones: Sequence[Mapping[str, Any]]
) -> Mapping[str, str]:
    """Return the zone of the server that holds a port, else the zone of its subnet."""
    server = servers.get(port.device_id)
    here = [one for one in zones if server and one["ZoneName"] == context.zones.shown(server.zone)]
    if here:
        return {"AvailabilityZone": here[0]["ZoneName"], "AvailabilityZoneId": here[0]["ZoneId"]}
    home = context.layout.networks.get(port.network_id)
    return zone(home, zones, context.zones) if home else {}
