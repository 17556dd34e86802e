"""Map a project's networks to VPCs, and find the default VPC.

A VPC is a router with its subnets.  A network without a router is a VPC with the network's UUID.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from adapters.types import network as cloud
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.network import facts
from shim.ec2.tags.creating import is_half_done

# Neutron's device owners of a router's port on a subnet: plain, distributed, highly available.
ROUTER_PORTS = (
    "network:router_interface",
    "network:router_interface_distributed",
    "network:ha_router_replicated_interface",
)


@dataclass(frozen=True, slots=True)
class VpcLayout:
    """The project's networks that are not external, by id, with the VPC of each.

    Instances join `default_network` if a request names no network; None if the project has no such network.
    `default_networks` are those of all default subnets, one for each zone.  `openstacks_vpc` is the VPC of OpenStack's
    own default network, in which groups without a VPC's tag are shown; None if the project has no such network.
    `with_ipv6` are the ids of VPCs for which a network holds an IPv6 block.
    """

    networks: Mapping[str, cloud.Network]
    vpcs: Mapping[str, str]
    default_network: str | None
    default_networks: tuple[str, ...] = ()
    openstacks_vpc: str | None = None
    with_ipv6: frozenset[str] = frozenset()

    @property
    def default_vpc(self) -> str | None:
        """The VPC id of the default network."""
        return self.vpcs.get(self.default_network) if self.default_network else None

    def vpc_of(self, network_id: str) -> str:
        """Return the VPC id of a network, even if the network is not listed."""
        return self.vpcs.get(network_id) or ids.aws("vpc", network_id)


async def vpc_layout(call: Call) -> VpcLayout:
    """Read the layout with two OpenStack calls, whatever the project's size."""
    networks, ports = await gather(call.cloud.network.networks(), call.cloud.network.ports(device_owners=ROUTER_PORTS))
    return vpc_layout_of(networks, ports, name=call.settings.default_network, project_id=call.caller.project_id)


def vpc_layout_of(
    networks: Iterable[cloud.Network], ports: Iterable[cloud.Port], *, name: str, project_id: str
) -> VpcLayout:
    """Map networks to VPCs by routers' ports.

    If a network has two routers, its VPC is the one that its tag names, else the one with the lower id.
    """
    networks = list(networks)
    inner = {one.id: one for one in networks if is_inner(one)}
    found = _routers_on(ports)
    told = {network.id: facts.one(network.tags, facts.VPC) for network in inner.values()}
    routers = {
        network: router if (router := told.get(network)) in routers else min(routers)
        for network, routers in found.items()
    }
    vpcs = {network: ids.aws("vpc", routers.get(network) or network) for network in inner}
    own = sorted((network for network in inner.values() if network.project_id == project_id), key=lambda one: one.id)
    named = tuple(one.id for one in own if one.name == name)[:1]
    defaults = named or tuple(one.id for one in own if facts.DEFAULT in one.tags and one.id in routers)
    return VpcLayout(
        networks=inner,
        vpcs=vpcs,
        default_network=defaults[0] if defaults else None,
        default_networks=defaults,
        openstacks_vpc=vpcs[named[0]] if named else None,
        with_ipv6=frozenset(
            ids.aws("vpc", router)
            for one in networks
            if (router := facts.one(one.tags, facts.IPV6_OF)) and not is_half_done(one.name)
        ),
    )


def layout_by_ports(networks: Iterable[str], ports: Iterable[cloud.Port]) -> VpcLayout | None:
    """Map networks on which there are servers to VPCs, by routers' ports alone; the layout tells nothing else.

    None if one has two routers: then only the network's tag tells which of them is its VPC.
    """
    found = _routers_on(ports)
    routers = {one: found.get(one, {one}) for one in networks}
    if any(len(several) > 1 for several in routers.values()):
        return None
    return VpcLayout({}, {one: ids.aws("vpc", router) for one, (router,) in routers.items()}, None)


def _routers_on(ports: Iterable[cloud.Port]) -> dict[str, set[str]]:
    """Return the routers of each network that has one."""
    found: dict[str, set[str]] = {}
    for port in ports:
        if port.device_owner in ROUTER_PORTS and port.device_id:
            found.setdefault(port.network_id, set()).add(port.device_id)
    return found


def is_inner(network: cloud.Network) -> bool:
    """Tell whether a network is one of a VPC: neither external nor half done, nor one that stands for something else.

    Such are the network of a peering connection, and the one that holds a VPC's IPv6 block.
    """
    if network.external or is_half_done(network.name):
        return False
    return facts.PEERING not in network.tags and facts.one(network.tags, facts.IPV6_OF) is None
