"""An instance as EC2 describes it: a server joined with its ports, volumes, security groups and networks."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adapters.errors import BackendError, Fault
from adapters.types import block, network
from adapters.types import compute as cloud
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import client_tokens, ids
from shim.ec2.instances import facts as instance_facts
from shim.ec2.instances import profiles as instance_profiles
from shim.ec2.instances import states as instance_states
from shim.ec2.instances.alike import alike
from shim.ec2.network import known
from shim.ec2.network.interface_rows import (
    NetworkContext,
    associations,
    attachment,
    dns_name,
    interface,
    network_context,
    of_server,
    placed,
    private_addresses,
)
from shim.ec2.network.layout import VpcLayout, layout_by_ports, vpc_layout_of
from shim.ec2.tags import codec as tag_codec
from shim.ec2.tags import rules as tag_rules
from shim.ec2.volumes import rows as volume_rows

# The first disk of each bus that a hypervisor may use.
_FIRST_DISK = re.compile(r"/dev/(?:[svh]|xv)da[0-9]*")


@dataclass(frozen=True, slots=True)
class InstanceContext:
    """What is joined with servers to describe them as instances."""

    network: NetworkContext
    volumes: Mapping[str, block.Volume]
    public: Mapping[str, Mapping[str, Mapping[str, Any]]]  # associations by port and private address


async def instance_context(call: Call) -> InstanceContext:
    """Read what the rows of all instances need: three OpenStack calls for any number of servers.

    Names of security groups are read again if those that are known do not have all (`known`).
    """
    net = call.cloud.network
    ports, volumes, floating, _ = await gather(net.ports(), _volumes(call), net.floating_ips(), known.groups(call, ()))
    held = [port for port in ports if of_server(port)]
    layout, groups = await gather(
        _layout(call, {port.network_id for port in held}, ports),
        known.groups(call, {group for port in held for group in port.security_groups}),
    )
    return _joined(call, network_context(call, ports, groups, layout), volumes, floating)


async def _layout(call: Call, networks: Collection[str], ports: Sequence[network.Port]) -> VpcLayout:
    """Return the VPCs of networks; these are read, or known, only where their routers do not tell."""
    if (found := layout_by_ports(networks, ports)) is not None:
        return found
    name, project_id = call.settings.default_network, call.caller.project_id
    return vpc_layout_of(await known.networks(call, networks), ports, name=name, project_id=project_id)


async def context_of(call: Call, server: cloud.Server) -> InstanceContext:
    """Read what the row of a single instance needs: its ports, the addresses, and the volumes if it has some."""
    context, volumes = await gather(interfaces_of(call, server.id), volumes_of(call, [server]))
    return replace(context, volumes=volumes)


async def interfaces_of(call: Call, server_id: str) -> InstanceContext:
    """Read the interfaces of a single server, without its volumes."""
    net = call.cloud.network
    ports, floating = await gather(net.ports(device_ids=[server_id]), net.floating_ips())
    layout, groups = await gather(
        known.layout(call, {port.network_id for port in ports}),
        known.groups(call, {group for port in ports for group in port.security_groups}),
    )
    return _joined(call, network_context(call, ports, groups, layout), (), floating)


async def volumes_of(call: Call, servers: Iterable[cloud.Server]) -> dict[str, block.Volume]:
    """Read the volumes of servers by their ids; no OpenStack call if Nova tells of none."""
    held = await _volumes(call) if any(server.volumes for server in servers) else []
    return {volume.id: volume for volume in held}


def _joined(
    call: Call, context: NetworkContext, volumes: Iterable[block.Volume], floating: Iterable[network.FloatingIp]
) -> InstanceContext:
    return InstanceContext(context, {volume.id: volume for volume in volumes}, associations(floating, call))


async def launched_context(
    call: Call,
    server_ids: Collection[str],
    groups: Iterable[network.SecurityGroup],
    layout: VpcLayout,
    *,
    volumes: bool,
    addresses: bool,
    seen: tuple[Sequence[network.Port], Sequence[network.FloatingIp]] | None = None,
) -> InstanceContext:
    """Read what the rows of a launch need beside what the launch has read: ports, volumes and public addresses.

    `seen` are the servers' ports and public addresses, if the launch has read them too.
    """
    net = call.cloud.network
    ports: Sequence[network.Port]
    floating: Sequence[network.FloatingIp]
    if seen is not None:
        (ports, floating), held = seen, await _volumes(call) if volumes else []
    else:
        ports, held, floating = await gather(
            net.ports(device_ids=server_ids),
            _volumes(call) if volumes else _none(),
            net.floating_ips() if addresses else _none(),
        )
    return _joined(call, network_context(call, ports, groups, layout), held, floating)


async def _none() -> list[Any]:
    return []


async def _volumes(call: Call) -> list[block.Volume]:
    try:
        return await call.cloud.block.volumes()
    except BackendError as error:
        if error.fault is Fault.UNSUPPORTED:  # a cloud without Cinder still has instances
            return []
        raise


def reservation_id(server: cloud.Server) -> str:
    """Return the reservation's id: instances that were launched together share it."""
    return ids.aws("r", server.metadata.get(instance_facts.RESERVATION) or server.id)


# Members that are the same for every instance; clients read them all.
_ALWAYS = {
    "VirtualizationType": "hvm",
    "Hypervisor": "xen",  # "The value xen is used for both Xen and Nitro hypervisors": EC2 has no other for KVM
    "EnaSupport": True,
    # A server's own disk stays when it is stopped, so it is not what AWS calls an instance store (decision 27).
    "RootDeviceType": "ebs",
    "HibernationOptions": alike("HibernationOptions", {"Configured": False}),
    "EnclaveOptions": alike("EnclaveOptions", {"Enabled": False}),
    "MaintenanceOptions": alike("MaintenanceOptions", {"AutoRecovery": "disabled"}),
    "CapacityReservationSpecification": alike(
        "CapacityReservationSpecification", {"CapacityReservationPreference": "open"}
    ),
    "NetworkPerformanceOptions": alike("NetworkPerformanceOptions", {"BandwidthWeighting": "default"}),
    "PrivateDnsNameOptions": alike(
        "PrivateDnsNameOptions",
        {"HostnameType": "ip-name", "EnableResourceNameDnsARecord": False, "EnableResourceNameDnsAAAARecord": False},
    ),
    "ProductCodes": [],
}


def instance(server: cloud.Server, context: InstanceContext) -> dict[str, Any]:
    """Write a server as an Instance.

    A deleted server has no volumes and no ports in its row.  Nova, Cinder and Neutron list them a moment longer, but
    the row must not change, because `terminated_rows` caches it.
    """
    facts, state = server.metadata, instance_states.state(server)
    deleted = server.status == "DELETED"
    devices = [] if deleted else block_devices(server, context.volumes)
    root = server.root_device_name or next((one["DeviceName"] for one in devices if _is_root(one)), None)
    windows = facts.get(instance_facts.PLATFORM) == "windows"
    monitored = instance_facts.flag(facts, instance_facts.MONITORING)
    return {
        **_ALWAYS,
        "InstanceId": ids.aws("i", server.id),
        "ImageId": ids.aws("ami", server.image_id) if server.image_id else None,
        "State": alike("State", instance_states.shown(state)),
        "StateReason": instance_states.reason(server),
        "StateTransitionReason": instance_states.transition(server),
        "InstanceType": server.flavor.name,
        "KeyName": server.key_name,
        "LaunchTime": server.created_at,
        "AmiLaunchIndex": _index(server),
        "ClientToken": facts.get(client_tokens.TOKEN, ""),
        "Placement": alike(
            "Placement",
            {
                "AvailabilityZone": context.network.zones.shown(server.zone) or None,
                "GroupName": facts.get(instance_facts.GROUP, ""),
                "Tenancy": "default",
            },
        ),
        "Monitoring": alike("Monitoring", {"State": "enabled" if monitored else "disabled"}),
        "Architecture": facts.get(instance_facts.ARCHITECTURE, "x86_64"),
        "Platform": "windows" if windows else None,
        "PlatformDetails": "Windows" if windows else "Linux/UNIX",
        "UsageOperation": "RunInstances:0002" if windows else "RunInstances",
        "EbsOptimized": instance_facts.flag(facts, instance_facts.EBS_OPTIMIZED),
        "RootDeviceName": root or volume_rows.ROOT_DEVICE,
        "BlockDeviceMappings": devices,
        "CpuOptions": alike("CpuOptions", {"CoreCount": server.flavor.vcpus, "ThreadsPerCore": 1}),
        "MetadataOptions": alike("MetadataOptions", {"State": "applied", **instance_facts.read_options(facts)}),
        "IamInstanceProfile": instance_profiles.shown(facts),
        "Tags": tag_rules.shown(tag_codec.from_metadata(facts)),
        **_network(server, () if deleted else context.network.ports.get(server.id, ()), context),
    }


def reservation(server: cloud.Server, context: InstanceContext) -> dict[str, Any]:
    """Write a server as a reservation of one instance."""
    return {
        "ReservationId": reservation_id(server),
        "OwnerId": context.network.account,
        "Groups": [],  # "Not supported" outside EC2-Classic (Reservation)
        "Instances": [instance(server, context)],
    }


def block_devices(server: cloud.Server, volumes: Mapping[str, block.Volume]) -> list[dict[str, Any]]:
    """Describe a server's volumes, by device."""
    rows = []
    for place, held in enumerate(server.volumes):
        volume = volumes.get(held.id)
        known = volume_rows.attachments(volume, [server]) if volume else []
        found: Mapping[str, Any] = next((row for row in known if row["InstanceId"] == ids.aws("i", server.id)), {})
        rows.append(
            {
                "DeviceName": found.get("Device") or f"/dev/vd{chr(ord('b') + place)}",
                "Ebs": {
                    "VolumeId": ids.aws("vol", held.id),
                    "Status": found.get("State", "attaching"),
                    "AttachTime": found.get("AttachTime", server.created_at),
                    "DeleteOnTermination": held.delete_on_termination,
                },
            }
        )
    return sorted(rows, key=lambda row: str(row["DeviceName"]))


def _is_root(device: Mapping[str, Any]) -> bool:
    return _FIRST_DISK.fullmatch(device["DeviceName"]) is not None


def _index(server: cloud.Server) -> int:
    told = instance_facts.count(server.metadata.get(instance_facts.INDEX, ""))
    return told if told is not None else server.launch_index or 0


def _network(server: cloud.Server, ports: Sequence[network.Port], context: InstanceContext) -> dict[str, Any]:
    """Describe the interfaces; the first one's addresses and groups are also the instance's."""
    places = placed(ports, server)
    by_place = sorted(ports, key=lambda port: (places[port.id], port.id))
    interfaces = [_interface(port, places[port.id], context) for port in by_place]
    fixed = next((a.addr for a in server.addresses if a.version == 4 and not a.floating), None)
    first: Mapping[str, Any] = interfaces[0] if interfaces else {}
    private = first.get("PrivateIpAddress") or fixed
    return {
        "NetworkInterfaces": interfaces,
        "PrivateIpAddress": private,
        "PrivateDnsName": dns_name(private, context.network.region),
        "PublicIpAddress": (first.get("Association") or {}).get("PublicIp"),
        "PublicDnsName": "",
        "SubnetId": first.get("SubnetId"),
        "VpcId": first.get("VpcId"),
        "SecurityGroups": first.get("Groups", []),
        "SourceDestCheck": first.get("SourceDestCheck"),
        "Ipv6Address": next((a["Ipv6Address"] for a in first.get("Ipv6Addresses", ())), None),
    }


def _interface(port: network.Port, place: int, context: InstanceContext) -> dict[str, Any]:
    """Write a port as an InstanceNetworkInterface."""
    public = {address: _shown(one) for address, one in context.public.get(port.id, {}).items()}
    row = interface(port, context.network, public)
    return {**row, "Status": "in-use", "Attachment": attachment(port, place)}


def _shown(association: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what an InstanceNetworkInterfaceAssociation does not have."""
    return {name: value for name, value in association.items() if name not in ("AllocationId", "AssociationId")}


def associations_of(server: cloud.Server, context: InstanceContext) -> list[dict[str, Any]]:
    """Return the associations of a server's interfaces for filters, each with whether its address is primary."""
    found = []
    for port in context.network.ports.get(server.id, ()):
        addresses = [one.address for one in private_addresses(port)]
        public = context.public.get(port.id, {})
        found += [{**public[one], "Primary": one == addresses[0]} for one in addresses if one in public]
    return found
