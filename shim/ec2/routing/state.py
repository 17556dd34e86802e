"""What route tables, network ACLs and gateways are about: VPCs' routers, their subnets, and the records beside them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network
from typing import NamedTuple, TypeVar

from adapters.types import network as cloud
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import INTERFACE, SUBNET, VPC
from shim.ec2.network import facts, known
from shim.ec2.network.layout import ROUTER_PORTS
from shim.ec2.network.vpcs import blocks, ipv6_blocks, is_vpc
from shim.ec2.tags.creating import is_half_done

T = TypeVar("T", cloud.Router, cloud.Subnet, cloud.SubnetPool)


class Fact(NamedTuple):
    """A tag of a router, a subnet or a record; `resource` is Neutron's word for what has it, in the plural."""

    resource: str
    id: str
    tag: str


class NatPort(NamedTuple):
    """The port of a NAT gateway's router on a subnet, and its address."""

    id: str
    address: str


@dataclass(frozen=True, slots=True)
class Peering:
    """A peering connection: the subnet between two VPCs' routers, and the port of each router that is on it.

    The accepter's router enters it when the connection is accepted.
    """

    subnet: cloud.Subnet
    requester: str
    accepter: str
    doors: Mapping[str, str]

    @property
    def active(self) -> bool:
        """Tell whether both routers are on the subnet."""
        return {self.requester, self.accepter} <= set(self.doors)

    def beyond(self, router_id: str) -> tuple[str, str]:
        """Return the router on the other side, and its address."""
        if router_id == self.requester:
            return self.accepter, self.address(self.accepter)
        return self.requester, self.address(self.requester)

    def address(self, router_id: str) -> str:
        """Return the address of one of the routers: the requester's is the first."""
        return str(IPv4Network(self.subnet.cidr)[1 if router_id == self.requester else 2])


@dataclass(frozen=True, slots=True)
class State:
    """A project's routers that are VPCs (`vpcs`) or NAT gateways (`nats`), the subnets on VPCs' routers, and records.

    By the UUIDs of subnets, `homes` has the UUID of the VPC's router, and `doors` that of the router's port there.  A
    network without a router has no route table.  `nat_ports` are the ports of NAT gateways, by the UUIDs of router and
    subnet.  `ports` are the network interfaces that routes lead to, and `peerings` the peering connections, by their
    UUIDs.
    """

    vpcs: Mapping[str, cloud.Router]
    nats: Mapping[str, cloud.Router]
    subnets: Mapping[str, cloud.Subnet]
    homes: Mapping[str, str]
    doors: Mapping[str, str]
    nat_ports: Mapping[tuple[str, str], NatPort]
    pools: Sequence[cloud.SubnetPool]
    ports: Mapping[str, cloud.Port] = field(default_factory=dict)
    peerings: Mapping[str, Peering] = field(default_factory=dict)

    def inside(self, router_id: str, version: int = 4) -> list[cloud.Subnet]:
        """Return the subnets of a VPC of one IP version, in the order of their UUIDs."""
        return [
            self.subnets[one]
            for one, router in sorted(self.homes.items())
            if router == router_id and self.subnets[one].version == version
        ]

    def blocks(self, router_id: str) -> list[str]:
        """Return the CIDR blocks of a VPC."""
        return blocks(self.vpcs[router_id], self.inside(router_id))

    def ipv6_blocks(self, router_id: str) -> list[str]:
        """Return the IPv6 blocks of a VPC."""
        inside = [self.subnets[one] for one, router in self.homes.items() if router == router_id]
        return list(ipv6_blocks(self.vpcs[router_id], inside))

    def vpc(self, id: str) -> cloud.Router:
        """Return the router of a VPC that a request names; raise its NotFound."""
        found = self.vpcs.get(ids.uuid(VPC, id))
        if found is None:
            raise ids.missing(VPC, [id])
        return found

    def subnet(self, id: str) -> cloud.Subnet:
        """Return a subnet that a request names; raise its NotFound."""
        found = self.subnets.get(ids.uuid(SUBNET, id))
        if found is None or found.version != 4:
            raise ids.missing(SUBNET, [id])
        return found


async def read_state(call: Call) -> State:
    """Read the state with four concurrent OpenStack calls, and a fifth where routes lead to network interfaces."""
    network = call.cloud.network
    routers, subnets, ports, pools = await gather(
        network.routers(), network.subnets(), network.ports(device_owners=ROUTER_PORTS), network.subnet_pools()
    )
    return _state(routers, subnets, ports, pools, await _led_to(call, pools))


def without(state: State, gone: Collection[Fact]) -> State:
    """Return a state as it will be when facts are gone."""
    tags = {(one.id, one.tag) for one in gone}

    def left(one: T) -> T:
        return replace(one, tags=tuple(tag for tag in one.tags if (one.id, tag) not in tags))

    return replace(
        state,
        vpcs={uuid: left(one) for uuid, one in state.vpcs.items()},
        subnets={uuid: left(one) for uuid, one in state.subnets.items()},
        pools=[left(one) for one in state.pools],
    )


def with_facts(pool: cloud.SubnetPool, new: Iterable[Fact], gone: Iterable[Fact]) -> cloud.SubnetPool:
    """Return a record as it will be when facts have come and gone."""
    more, less = ([fact.tag for fact in facts if fact.id == pool.id] for facts in (new, gone))
    return replace(pool, tags=tuple(dict.fromkeys(tag for tag in (*pool.tags, *more) if tag not in less)))


async def read_shown(call: Call, wanted: Collection[str]) -> State:
    """Read what the descriptions of some route tables or network ACLs are made of: three concurrent OpenStack calls.

    Which routers are on which networks is kept for ten seconds, but not for peering connections, whose state it is.
    `wanted` are the UUIDs of the records, or of the VPCs' routers for their own ones; none: all.  State tells of the
    interfaces and the peering connections of their routes only.
    """
    network = call.cloud.network
    routers, subnets, pools, _ = await gather(
        network.routers(), network.subnets(), network.subnet_pools(), known.router_ports(call, ())
    )
    networks = {one.network_id for one in subnets if not is_half_done(one.name)}
    ports = await known.router_ports(call, networks)
    here = [one for one in pools if not wanted or {one.id, facts.one(one.tags, facts.OWN)} & set(wanted)]
    led_to = await _led_to(call, here)
    if any(target.startswith("pcx-") for target in _targets(here)):
        ports = await network.ports(device_owners=ROUTER_PORTS)
    return _state(routers, subnets, ports, pools, led_to)


async def read_peerings(call: Call) -> State:
    """Read what the descriptions of peering connections are made of: three concurrent OpenStack calls."""
    network = call.cloud.network
    return _state(
        *await gather(network.routers(), network.subnets(), network.ports(device_owners=ROUTER_PORTS)), (), ()
    )


def _targets(pools: Iterable[cloud.SubnetPool]) -> set[str]:
    """Return the ids of what the routes of records lead to."""
    return {route.rpartition("=")[2] for pool in pools for route in facts.every(pool.tags, facts.ROUTE)}


async def _led_to(call: Call, pools: Iterable[cloud.SubnetPool]) -> Sequence[cloud.Port]:
    """Return the network interfaces that the routes of records lead to: one OpenStack call if there are any."""
    return await call.cloud.network.ports(
        ids=[ids.uuid(INTERFACE, one) for one in _targets(pools) if one.startswith("eni-")]
    )


def _state(
    routers: Iterable[cloud.Router],
    subnets: Sequence[cloud.Subnet],
    ports: Sequence[cloud.Port],
    pools: Sequence[cloud.SubnetPool],
    led_to: Iterable[cloud.Port],
) -> State:
    routers = list(routers)
    vpcs = {one.id: one for one in routers if is_vpc(one)}
    joining = peerings(subnets, ports)
    ready = {one.id: one for one in subnets if not is_half_done(one.name) and one.id not in joining}
    homes: dict[str, str] = {}
    doors: dict[str, str] = {}
    for port in sorted(ports, key=lambda port: port.device_id, reverse=True):  # the router with the lower id is the VPC
        for fixed in port.fixed if port.device_id in vpcs else ():
            if fixed.subnet_id in ready:
                homes[fixed.subnet_id], doors[fixed.subnet_id] = port.device_id, port.id
    nats = {one.id: one for one in routers if facts.NAT in one.tags and not is_half_done(one.name)}
    nat_ports = {
        (port.device_id, fixed.subnet_id): NatPort(port.id, fixed.address)
        for port in ports
        for fixed in port.fixed
        if port.device_id in nats and fixed.subnet_id in ready
    }
    return State(
        vpcs,
        nats,
        {one: ready[one] for one in homes},
        homes,
        doors,
        nat_ports,
        pools,
        {port.id: port for port in led_to},
        joining,
    )


def peerings(subnets: Iterable[cloud.Subnet], ports: Sequence[cloud.Port]) -> dict[str, Peering]:
    """Return the peering connections, by the UUIDs of their subnets, from routers' ports."""
    found = {}
    for subnet in subnets:
        requester, accepter = (facts.one(subnet.tags, name) for name in (facts.REQUESTER, facts.ACCEPTER))
        if requester and accepter and subnet.version == 4 and not is_half_done(subnet.name):
            doors = {port.device_id: port.id for port in ports if port.network_id == subnet.network_id}
            found[subnet.id] = Peering(subnet, requester, accepter, doors)
    return found
