"""The part of Neutron that routes need, in memory, with one VPC: its writes fail, end or wait where a test says so."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from adapters.errors import BackendError, Fault
from adapters.types.compute import Zone
from adapters.types.network import (
    FixedAddress,
    Gateway,
    Network,
    NewPort,
    NewSubnet,
    Port,
    Route,
    Router,
    Subnet,
    SubnetPool,
)
from shim.ec2.network.layout import ROUTER_PORTS
from shim.ec2.routing.markers import default_entries

DOWN = BackendError(Fault.UNAVAILABLE, service="network")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
FAR = "10.99.0.0/16"


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def ec2_id(prefix: str, number: int) -> str:
    return f"{prefix}-{uuid(number).replace('-', '')}"


VPC, NAT, OWN, OTHER, GATEWAY, INTERFACE, ACL = 1, 2, 10, 11, 12, 20, 13
SUBNETS = (31, 32, 33)
NETWORK = 100  # and the subnet's number: that of the subnet's network


def router_port(number: int, network_id: str, fixed: tuple[FixedAddress, ...], device: int = 0) -> Port:
    """Return a port of a router, or of nothing."""
    return Port(
        uuid(number), "", "", "p", network_id, "", "ACTIVE", uuid(device) if device else "",
        ROUTER_PORTS[0] if device else "", fixed, (), True, NOW, (),
    )  # fmt: skip


def _port(number: int, subnet: int, last: int, device: int = 0) -> Port:
    return router_port(number, uuid(NETWORK + subnet), (FixedAddress(uuid(subnet), f"10.30.{subnet}.{last}"),), device)


def _things() -> dict[str, Any]:
    """Return a VPC with three subnets, two route tables, a default ACL, an interface, and gateways of both kinds."""
    vpc, outside = uuid(VPC), Gateway("external", False)
    made: list[Any] = [
        Router(vpc, "vpc", "p", "ACTIVE", ("ec2:cidr=10.30.0.0-16",), outside),
        Router(uuid(NAT), "nat", "p", "ACTIVE", (f"ec2:vpc={vpc}", "ec2:nat"), outside),
        SubnetPool(uuid(OWN), "", "p", ("ec2:kind=route-table", f"ec2:own={vpc}")),
        SubnetPool(uuid(OTHER), "", "p", ("ec2:kind=route-table", f"ec2:vpc={vpc}")),
        SubnetPool(uuid(GATEWAY), "", "p", ("ec2:kind=internet-gateway", f"ec2:vpc={vpc}")),
        SubnetPool(uuid(ACL), "", "p", ("ec2:kind=network-acl", f"ec2:own={vpc}", *default_entries(()))),
        _port(INTERFACE, SUBNETS[0], 10),
    ]
    for one in SUBNETS:
        block = f"10.30.{one}."
        pools = ((block + "4", block + "254"),)
        tags = (f"ec2:vpc={vpc}",)
        network = uuid(NETWORK + one)
        made += [
            Network(network, "", "p", False, False, "ACTIVE", (uuid(one),), (), tags),
            Subnet(uuid(one), "", "p", network, 4, block + "0/24", block + "1", pools, ()),
            _port(40 + one, one, 1, VPC),
        ]
    return {one.id: one for one in made}


@dataclass
class Neutron:
    """Neutron with these resources.

    The write with the number `fails_at` fails, and with `ended` all later ones do, as if the gateway were killed there.
    Host routes are never given to the subnets in `refuses`.  The change of a tag with the number `lost_at` takes effect
    and seems to fail.  A write whose name is in `waits` begins and waits until its event is set.
    """

    things: dict[str, Any] = field(default_factory=_things)
    down: set[str] = field(default_factory=set)
    name_servers: dict[str, list[str]] = field(default_factory=dict)
    fails_at: int = 0
    ended: bool = False
    refuses: set[str] = field(default_factory=set)
    lost_at: int = 0
    tagged: int = 0
    waits: dict[str, asyncio.Event] = field(default_factory=dict)
    begun: dict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    writes: int = 0
    made: int = 0
    failed: str = ""

    async def _write(self, name: str) -> None:
        self.begun[name].set()
        if name in self.waits:
            await self.waits[name].wait()
        self.writes += 1
        if self.fails_at and (self.writes == self.fails_at or (self.ended and self.writes > self.fails_at)):
            self.failed = self.failed or name
            raise DOWN

    def _tag(self, id: str, tags: tuple[str, ...]) -> None:
        self.things[id] = replace(self.things[id], tags=tags)
        self.tagged += 1
        if self.tagged == self.lost_at:
            raise DOWN

    def _number(self) -> int:
        self.made += 1
        return 1000 + self.made

    def _of(self, kind: type) -> list[Any]:
        return [one for one in self.things.values() if isinstance(one, kind)]

    def seen(self) -> dict[str, Any]:
        """Return what there is, without the order of tags and routes and the ids of ports that were made."""
        found: dict[str, Any] = {}
        for one in self.things.values():
            name = repr((one.device_id, one.fixed)) if isinstance(one, Port) else one.id
            lists = {"tags", "routes", "host_routes"} & set(one.__slots__)
            found[name] = {each: sorted(getattr(one, each), key=repr) for each in lists} | {
                "up": one.id not in self.down
            }
        return found

    async def routers(self) -> list[Router]:
        return self._of(Router)

    async def subnets(self) -> list[Subnet]:
        return self._of(Subnet)

    async def subnet_pools(self) -> list[SubnetPool]:
        return self._of(SubnetPool)

    async def networks(self, *, external: bool | None = None) -> list[Network]:
        return self._of(Network)

    async def router(self, id: str) -> Router:
        found: Router = self.things[id]
        return found

    async def zones(self) -> list[Zone]:
        return [Zone("nova", True)]

    async def ports(
        self,
        *,
        ids: Collection[str] | None = None,
        device_ids: Collection[str] | None = None,
        device_owners: Collection[str] | None = None,
        network_ids: Collection[str] | None = None,
    ) -> list[Port]:
        wanted = {"id": ids, "device_id": device_ids, "device_owner": device_owners, "network_id": network_ids}
        return [
            one
            for one in self._of(Port)
            if all(values is None or getattr(one, name) in values for name, values in wanted.items())
        ]

    async def port(self, id: str) -> Port:
        found: Port = self.things[id]
        return found

    async def add_tag(self, resource: str, id: str, tag: str) -> None:
        await self._write(f"add_tag {resource}")
        one = self.things[id]
        self._tag(id, (*(there for there in one.tags if there != tag), tag))

    async def remove_tag(self, resource: str, id: str, tag: str) -> None:
        await self._write(f"remove_tag {resource}")
        one = self.things[id]
        if tag not in one.tags:
            raise BackendError(Fault.NOT_FOUND, service="network")
        self._tag(id, tuple(there for there in one.tags if there != tag))

    async def add_routes(self, id: str, routes: Sequence[Route]) -> None:
        await self._write("add_routes")
        one = self.things[id]
        self.things[id] = replace(one, routes=(*(there for there in one.routes if there not in routes), *routes))

    async def remove_routes(self, id: str, routes: Sequence[Route]) -> None:
        await self._write("remove_routes")
        one = self.things[id]
        self.things[id] = replace(one, routes=tuple(there for there in one.routes if there not in routes))

    async def set_host_routes(self, id: str, routes: Sequence[Route]) -> None:
        await self._write("set_host_routes")
        if routes and id in self.refuses:
            raise DOWN
        self.things[id] = replace(self.things[id], host_routes=tuple(routes))

    async def set_name_servers(self, id: str, addresses: Sequence[str]) -> None:
        await self._write("set_name_servers")
        if id not in self.things:
            raise BackendError(Fault.NOT_FOUND, service="network", resource="subnet", id=id)
        self.name_servers[id] = list(addresses)
        self.things[id] = replace(self.things[id], name_servers=tuple(addresses))

    async def create_port(self, new: NewPort) -> Port:
        await self._write("create_port")
        [wanted] = new.fixed
        fixed = FixedAddress(wanted.subnet_id, str(wanted.address))
        if any(fixed in one.fixed for one in self._of(Port)):
            raise BackendError(Fault.DUPLICATE, service="network")
        made = replace(self._made_port(wanted.subnet_id, str(wanted.address)), name=new.name)
        self.things[made.id] = made
        return made

    def _made_port(self, subnet_id: str, address: str) -> Port:
        fixed = (FixedAddress(subnet_id, address),)
        made = router_port(self._number(), self.things[subnet_id].network_id, fixed)
        self.things[made.id] = made
        return made

    async def add_interface(self, id: str, *, port_id: str = "", subnet_id: str = "") -> None:
        await self._write("add_interface")
        port = self.things[port_id] if port_id else self._made_port(subnet_id, self.things[subnet_id].gateway)
        self.things[port.id] = replace(port, device_id=id, device_owner=ROUTER_PORTS[0])

    async def remove_interface(self, id: str, *, port_id: str = "", subnet_id: str = "") -> None:
        await self._write("remove_interface")
        [gone] = [
            one.id
            for one in self._of(Port)
            if one.device_id == id and (one.id == port_id or subnet_id in {each.subnet_id for each in one.fixed})
        ]
        del self.things[gone]

    async def delete_port(self, id: str) -> None:
        await self._write("delete_port")
        if self.things[id].device_owner in ROUTER_PORTS:
            raise BackendError(Fault.CONFLICT, service="network", resource="port", id=id)
        del self.things[id]

    async def switch_interface(self, port_id: str, *, up: bool) -> None:
        await self._write("switch_interface")
        (self.down.discard if up else self.down.add)(port_id)

    async def create_network(self, name: str) -> Network:
        await self._write("create_network")
        made = Network(uuid(self._number()), name, "p", False, False, "ACTIVE", (), (), ())
        self.things[made.id] = made
        return made

    async def create_subnet(self, new: NewSubnet) -> Subnet:
        await self._write("create_subnet")
        made = Subnet(
            uuid(self._number()), new.name, "p", new.network_id, new.version, new.cidr, new.gateway, new.pools, ()
        )
        self.things[made.id] = made
        return made

    async def set_tags(self, resource: str, id: str, tags: Collection[str]) -> None:
        await self._write(f"set_tags {resource}")
        self.things[id] = replace(self.things[id], tags=tuple(tags))

    async def rename_network(self, id: str, name: str) -> None:
        await self._write("rename_network")
        self.things[id] = replace(self.things[id], name=name)

    async def rename_subnet(self, id: str, name: str) -> None:
        await self._write("rename_subnet")
        self.things[id] = replace(self.things[id], name=name)

    async def delete_network(self, id: str) -> None:
        """Delete a network with its subnets; Neutron refuses one that has ports, whether or not a router has them."""
        await self._write("delete_network")
        if any(one.network_id == id for one in self._of(Port)):
            raise BackendError(Fault.IN_USE, service="network")
        inside = [one.id for one in self._of(Subnet) if one.network_id == id]
        for gone in (*inside, id):
            del self.things[gone]
