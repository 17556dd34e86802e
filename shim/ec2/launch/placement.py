"""Find the networks, addresses and security groups of new instances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network

from adapters.types import network as cloud
from adapters.types.compute import Nic
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import INTERFACE, SECURITY_GROUP, SUBNET
from shim.ec2.engine.zones import zone_names
from shim.ec2.interfaces.allocation import external_network_of
from shim.ec2.interfaces.chosen import chosen_groups
from shim.ec2.launch.addresses import check_way_out
from shim.ec2.launch.request import Interface, Launch
from shim.ec2.network import dhcp, facts, known
from shim.ec2.network.default_groups import default_of
from shim.ec2.network.interface_rows import APART, PLACE, private_addresses, source_dest_check
from shim.ec2.network.ipv6 import subnet_block
from shim.ec2.network.ipv6.asked import Wish, wish
from shim.ec2.network.layout import VpcLayout, vpc_layout, vpc_layout_of
from shim.ec2.network.security_groups import named_in
from shim.errors import AwsError


@dataclass(frozen=True, slots=True)
class Placement:
    """The networks and groups for Nova, and what the answer shows until Neutron has made the ports."""

    nics: tuple[Nic, ...]
    groups: tuple[cloud.SecurityGroup, ...]
    subnet_id: str | None
    vpc_id: str
    address: str | None
    marks: tuple[tuple[cloud.Port, tuple[str, ...]], ...]  # ports that exist, each with the tags that it is to have
    known_groups: tuple[cloud.SecurityGroup, ...]  # all of the project
    layout: VpcLayout
    zone: str | None = None  # OpenStack's name of the zone that the first interface's subnet is in; None where in all
    checked: bool = True  # SourceDestCheck of the first interface
    outside: str | None = None  # the network of the public address that each instance gets; None: it gets none
    apart: tuple[tuple[str, ...] | None, ...] = ()  # see `groups_apart`
    ipv6: tuple[Wish | None, ...] = ()  # see `ipv6_wishes`
    dhcp: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # see `dhcp.of_subnets`


async def placement(call: Call, launch: Launch) -> Placement:
    """Find the resources that the request names; raise NotFound for the first that does not exist."""
    subnets, groups, networks, ports = await _read(call, launch)
    layout = vpc_layout_of(networks, ports, name=call.settings.default_network, project_id=call.caller.project_id)
    layout = _in_zone(call, layout, launch.zone)
    by_id = {subnet.id: subnet for subnet in subnets}
    by_port = {port.id: port for port in ports}
    nics, first, joined = [], None, []
    for wanted in launch.interfaces:
        nic, subnet = _nic(wanted, by_id, by_port, layout)
        nics.append(nic)
        first = first or subnet
        joined += [subnet] if subnet and not wanted.port_id else []
    public = gives_public_address(launch.interfaces, first)
    port = by_port.get(nics[0].port_id or "")
    network_id = port.network_id if port else nics[0].network_id
    vpc, held = layout.vpc_of(network_id or ""), private_addresses(port) if port else []
    outside = None
    if public:
        outside = await _outside(call, vpc, () if _knows_enough(launch) else networks)
    return Placement(
        nics=tuple(nics),
        groups=tuple(_groups(launch, groups, layout, vpc, call.caller.project_id, port)),
        subnet_id=first.id if first else None,
        vpc_id=vpc,
        address=nics[0].fixed_ip or next((one.address for one in held), None),
        marks=tuple(
            (by_port[one.port_id], (APART, *([f"{PLACE}{one.place}"] if launch.places else [])))
            for one in launch.interfaces
            if one.port_id
        ),
        known_groups=tuple(groups),
        layout=layout,
        zone=_zone_of(layout, network_id),
        checked=source_dest_check(port) if port else True,
        outside=outside,
        apart=_groups_apart(call, launch, groups, layout, by_id),
        ipv6=_ipv6_wishes(launch, layout, by_id),
        dhcp=await dhcp.of_subnets(call, joined),
    )


async def _read(
    call: Call, launch: Launch
) -> tuple[Sequence[cloud.Subnet], Sequence[cloud.SecurityGroup], Sequence[cloud.Network], Sequence[cloud.Port]]:
    """Read subnets, security groups, networks and ports; of the latter two what is known, where that is enough."""
    net = call.cloud.network
    if not _knows_enough(launch):
        return await gather(net.subnets(), net.security_groups(), net.networks(), net.ports())
    subnets, groups, _ = await gather(net.subnets(), net.security_groups(), known.networks_and_router_ports(call, ()))
    named = {one.subnet_id for one in launch.interfaces}
    wanted = {one.network_id for one in subnets if one.id in named}
    return subnets, groups, *await known.networks_and_router_ports(call, wanted)


def _knows_enough(launch: Launch) -> bool:
    """Tell whether what is known of networks and of routers' ports (`known`) is enough for a launch.

    It is where every interface is a new one in a subnet that the request names, and nothing depends on which addresses
    are in use or which VPC is the default one.
    """
    return not launch.group_names and all(
        one.subnet_id and not one.port_id and not one.address for one in launch.interfaces
    )


async def _outside(call: Call, vpc: str, networks: Sequence[cloud.Network]) -> str:
    """Return the network that public addresses come from; raise AWS's error if the VPC has no way out.

    `networks` are those that were just read, if they were: what is known of networks may be what another user of the
    project sees, who has other roles.
    """
    network = call.cloud.network
    if networks:
        routers = await network.routers()
    else:
        routers, networks = await gather(network.routers(), network.networks(external=True))
    check_way_out(vpc, routers)
    return external_network_of(call, networks)


def gives_public_address(interfaces: Sequence[Interface], subnet: cloud.Subnet | None) -> bool:
    """Tell whether instances get a public address: a single new interface can have one.

    Where the request does not say it, the subnet's MapPublicIpOnLaunch does.
    """
    if len(interfaces) != 1 or interfaces[0].port_id or subnet is None:
        return False
    asked = interfaces[0].public
    return facts.MAP_PUBLIC in subnet.tags if asked is None else asked


def _nic(
    wanted: Interface, subnets: Mapping[str, cloud.Subnet], ports: Mapping[str, cloud.Port], layout: VpcLayout
) -> tuple[Nic, cloud.Subnet | None]:
    if wanted.port_id:
        port = ports.get(wanted.port_id)
        if port is None:
            raise ids.missing(INTERFACE, [ids.aws("eni", wanted.port_id)])
        if port.device_id:
            raise AwsError(INTERFACE.in_use, INTERFACE.in_use_says.format(id=ids.aws("eni", port.id)))
        held = private_addresses(port)
        return Nic(port_id=port.id), subnets.get(held[0].subnet_id) if held else None
    subnet = _subnet(wanted, subnets, layout)
    if wanted.address:
        _check_address(wanted.address, subnet, ports.values())
    elif len(_siblings(subnet, subnets)) > 1 and wanted.subnet_id:
        # Nova accepts only a network; Neutron then chooses the subnet.
        raise AwsError(
            "UnsupportedOperation",
            "The subnet shares its network with others: choose an address with PrivateIpAddress, or another subnet.",
            refused="SubnetId",
        )
    return Nic(network_id=subnet.network_id, fixed_ip=wanted.address), subnet


def _subnet(wanted: Interface, subnets: Mapping[str, cloud.Subnet], layout: VpcLayout) -> cloud.Subnet:
    """Find the subnet of a new interface: the named one, else the first of the default network."""
    if wanted.subnet_id:
        found = subnets.get(wanted.subnet_id)
        if found is None or found.version != 4:
            raise ids.missing(SUBNET, [ids.aws("subnet", wanted.subnet_id)])
        return found
    home = default_network(layout)
    inside = sorted((s for s in subnets.values() if s.network_id == home and s.version == 4), key=lambda s: s.id)
    if not inside:
        raise AwsError("VPCIdNotSpecified", "No default VPC for this user. Name a subnet with SubnetId.")
    if not wanted.address:
        return inside[0]
    holding = [s for s in inside if _holds(s, wanted.address)]
    return holding[0] if holding else inside[0]


def default_network(layout: VpcLayout) -> str | None:
    """Return the network for a request that names none: the one with the configured name, else the only one."""
    return layout.default_network or (next(iter(layout.networks)) if len(layout.networks) == 1 else None)


def _in_zone(call: Call, layout: VpcLayout, zone: str | None) -> VpcLayout:
    """Let a launch that names a zone join the default subnet of that zone, if there is one."""
    names = zone_names(call)
    for one in layout.default_networks:
        native = facts.one(layout.networks[one].tags, facts.ZONE)
        if zone and native and zone in (native, names.shown(native)):
            return replace(layout, default_network=one)
    return layout


def _zone_of(layout: VpcLayout, network_id: str | None) -> str | None:
    network = layout.networks.get(network_id or "")
    return facts.one(network.tags, facts.ZONE) if network else None


async def groups_apart(call: Call, launch: Launch) -> tuple[tuple[str, ...] | None, ...]:
    """Return the security groups (UUIDs) of each interface, None for one that exists; () if all new ones have the same.

    Raises NotFound, and InvalidParameter for a group of another VPC.
    """
    if not launch.grouped_apart:
        return ()
    net = call.cloud.network
    subnets, groups, layout = await gather(net.subnets(), net.security_groups(), vpc_layout(call))
    layout = _in_zone(call, layout, launch.zone)
    return _groups_apart(call, launch, groups, layout, {subnet.id: subnet for subnet in subnets})


def _groups_apart(
    call: Call,
    launch: Launch,
    groups: Sequence[cloud.SecurityGroup],
    layout: VpcLayout,
    subnets: Mapping[str, cloud.Subnet],
) -> tuple[tuple[str, ...] | None, ...]:
    if not launch.grouped_apart:
        return ()
    return tuple(
        None
        if one.port_id
        else chosen_groups(call, groups, layout, _subnet(one, subnets, layout).network_id, one.groups)
        for one in launch.interfaces
    )


async def ipv6_wishes(call: Call, launch: Launch) -> tuple[Wish | None, ...]:
    """Return the IPv6 addresses of each interface; None for one that exists or gets what it is to have, () if all are.

    Nova makes the interfaces, and Neutron gives each an address of each IP version unless an IPv4 address is chosen.
    """
    subnets, layout = await gather(call.cloud.network.subnets(), vpc_layout(call))
    return _ipv6_wishes(launch, _in_zone(call, layout, launch.zone), {subnet.id: subnet for subnet in subnets})


def _ipv6_wishes(launch: Launch, layout: VpcLayout, subnets: Mapping[str, cloud.Subnet]) -> tuple[Wish | None, ...]:
    found: list[Wish | None] = []
    second = subnet_block.partners(subnets.values())
    for one in launch.interfaces:
        if one.port_id:
            found.append(None)
            continue
        subnet = _subnet(one, subnets, layout)
        wanted = wish(one.ipv6, subnet, second.get(subnet.id, ()))
        given = 0 if one.address else 1
        found.append(None if wanted and not wanted.addresses and wanted.count == given else wanted)
    return tuple(found) if any(found) else ()


def _siblings(subnet: cloud.Subnet, subnets: Mapping[str, cloud.Subnet]) -> list[cloud.Subnet]:
    return [one for one in subnets.values() if one.network_id == subnet.network_id and one.version == 4]


def _check_address(address: str, subnet: cloud.Subnet, ports: Iterable[cloud.Port]) -> None:
    """Check the requested address: Nova would accept any, and the launch would fail later."""
    try:
        ip_address(address)
    except ValueError:
        raise AwsError(
            "InvalidParameterValue", f"Value ({address}) for parameter address is invalid.", refused="PrivateIpAddress"
        ) from None
    if not _holds(subnet, address):
        raise AwsError(
            "InvalidParameterValue",
            f"Address {address} does not fall within the subnet's address range",
            refused="PrivateIpAddress",
        )
    if any(one.address == address and one.subnet_id == subnet.id for port in ports for one in port.fixed):
        raise AwsError("InvalidIPAddress.InUse", f"Address {address} is in use.")


def _holds(subnet: cloud.Subnet, address: str) -> bool:
    try:
        return ip_address(address) in ip_network(subnet.cidr)
    except ValueError:
        return False


def _groups(
    launch: Launch,
    groups: Sequence[cloud.SecurityGroup],
    layout: VpcLayout,
    vpc: str,
    project_id: str,
    port: cloud.Port | None,
) -> list[cloud.SecurityGroup]:
    """Find the groups by id and by name; if none is named, those of an existing port, or the project's `default`."""
    by_id = {group.id: group for group in groups}
    if absent := [ids.aws("sg", one) for one in launch.group_ids if one not in by_id]:
        raise ids.missing(SECURITY_GROUP, absent)
    chosen = [by_id[one] for one in launch.group_ids]
    if launch.group_names:
        chosen += named_in(groups, layout.default_vpc, launch.group_names, layout)
    if chosen:
        return list({group.id: group for group in chosen}.values())
    if port is not None:
        return [by_id[one] for one in port.security_groups if one in by_id]
    default = default_of(groups, vpc, project_id)
    return [default] if default else []
