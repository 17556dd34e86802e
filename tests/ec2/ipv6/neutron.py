"""Neutron in memory, as the IPv6 of VPCs uses it, with writes that fail: before they take effect, or afterwards."""

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from adapters.errors import BackendError, Fault
from adapters.types.network import FixedAddress, Gateway, Network, NewSubnet, Port, Router, Subnet, SubnetPool
from shim.config import Settings
from shim.context import Call
from shim.locks import Locks
from tests.ec2.acting import act
from tests.ec2.test_half_done import call

ROUTER = "00000000-0000-4000-8000-00000000000a"
VPC = "vpc-" + ROUTER.replace("-", "")
POOL = SubnetPool("00000000-0000-4000-8000-00000000000b", "ipv6", "admin", ())
OUTSIDE = Network("outside", "outside", "admin", True, False, "ACTIVE", ("four", "six"), (), ())
OUTER = (
    Subnet("four", "four", "admin", "outside", 4, "192.0.2.0/24", None, (), ()),
    Subnet("six", "six", "admin", "outside", 6, "2001:db8:f::/64", None, (), ()),
)


def router(*tags: str, gateway: Gateway | None = None, id: str = ROUTER) -> Router:
    """A VPC's router."""
    return Router(id, "vpc", "p", "ACTIVE", tags, gateway)


def port(id: str, network: str, *subnets: str, device: str = ROUTER) -> Port:
    """A router's port on subnets of one network."""
    fixed = tuple(FixedAddress(one, "") for one in subnets)
    kind, now = "network:router_interface", datetime(2026, 1, 1, tzinfo=UTC)
    return Port(id, "", "", "p", network, "", "ACTIVE", device, kind, fixed, (), False, now, ())


@dataclass
class Neutron:
    """The write with the number `fails_at` fails, with its effect or without; those named `broken` fail always."""

    things: dict[str, Any] = field(default_factory=dict)
    fails_at: int = 0
    effect: bool = False
    broken: Collection[str] = ()
    granted: bool = True
    writes: list[str] = field(default_factory=list)
    blocks: int = 0
    locks: Locks = field(default_factory=lambda: Locks(""))

    @classmethod
    def of(cls, *things: Any, **more: Any) -> "Neutron":
        """Begin with these."""
        return cls({one.id: one for one in (POOL, *things)}, **more)

    def every(self, kind: type) -> list[Any]:
        """Return all resources of a kind."""
        return [one for one in self.things.values() if isinstance(one, kind)]

    def _write(self, name: str) -> bool:
        """Count a write, and tell whether it fails afterwards."""
        self.writes.append(name)
        fails = len(self.writes) == self.fails_at or name in self.broken
        if fails and not (self.effect and name not in self.broken):
            raise BackendError(Fault.UNAVAILABLE, service="network")
        return fails

    def _end(self, fails: bool) -> None:
        if fails:
            raise BackendError(Fault.UNAVAILABLE, service="network")

    def _get(self, id: str) -> Any:
        if id not in self.things:
            raise BackendError(Fault.NOT_FOUND, service="network", id=id)
        return self.things[id]

    async def routers(self) -> list[Router]:
        return self.every(Router)

    async def router(self, id: str) -> Router:
        found: Router = self._get(id)
        return found

    async def networks(self, *, external: bool | None = None) -> list[Network]:
        return [one for one in self.every(Network) if external in (None, one.external)]

    async def subnets(self) -> list[Subnet]:
        return self.every(Subnet)

    async def subnet_pools(self) -> list[SubnetPool]:
        return [one for one in self.every(SubnetPool) if one.project_id == "p"]

    async def visible_subnet_pools(self) -> list[SubnetPool]:
        return self.every(SubnetPool)

    async def ports(self, *, ids: Collection[str] | None = None, **_: Any) -> list[Port]:
        return [one for one in self.every(Port) if ids is None or one.id in ids]

    async def security_groups(self) -> list[Any]:
        return []

    async def create_network(self, name: str) -> Network:
        fails = self._write("create_network")
        made = Network(f"n{len(self.things)}", name, "p", False, False, "ACTIVE", (), (), ())
        self.things[made.id] = made
        self._end(fails)
        return made

    async def create_subnet(self, new: NewSubnet) -> Subnet:
        fails = self._write("create_subnet")
        self.blocks += 1
        cidr = new.cidr or f"2001:db8:0:{self.blocks << 8:x}::/56"
        home, own = self._get(new.network_id), f"00000000-0000-4000-9000-{self.blocks:012d}"
        made = Subnet(own, new.name, "p", home.id, new.version, cidr, new.gateway, new.pools, ())
        self.things |= {own: made, home.id: replace(home, subnets=(*home.subnets, own))}
        self._end(fails)
        return made

    async def set_tags(self, resource: str, id: str, tags: Iterable[str]) -> None:
        fails = self._write("set_tags")
        self.things[id] = replace(self._get(id), tags=tuple(tags))
        self._end(fails)

    async def add_tag(self, resource: str, id: str, tag: str) -> None:
        fails = self._write("add_tag")
        self.things[id] = replace(self._get(id), tags=(*self._get(id).tags, tag))
        self._end(fails)

    async def remove_tag(self, resource: str, id: str, tag: str) -> None:
        fails = self._write("remove_tag")
        if tag not in self._get(id).tags:
            raise BackendError(Fault.NOT_FOUND, service="network", id=id)
        self.things[id] = replace(self._get(id), tags=tuple(one for one in self._get(id).tags if one != tag))
        self._end(fails)

    async def rename(self, id: str, name: str) -> None:
        fails = self._write("rename")
        self.things[id] = replace(self._get(id), name=name)
        self._end(fails)

    rename_network = rename_subnet = rename

    async def delete_network(self, id: str) -> None:
        fails = self._write("delete_network")
        if any(one.network_id == id for one in self.every(Port)):
            raise BackendError(Fault.IN_USE, service="network", id=id)
        for one in (*self._get(id).subnets, id):
            del self.things[one]
        self._end(fails)

    async def delete_subnet(self, id: str) -> None:
        fails = self._write("delete_subnet")
        if any(fixed.subnet_id == id for one in self.every(Port) for fixed in one.fixed):
            raise BackendError(Fault.IN_USE, service="network", id=id)
        home = self._get(self._get(id).network_id)
        del self.things[id]
        self.things[home.id] = replace(home, subnets=tuple(one for one in home.subnets if one != id))
        self._end(fails)

    async def delete_subnet_pool(self, id: str) -> None:
        fails = self._write("delete_subnet_pool")
        del self.things[self._get(id).id]
        self._end(fails)

    async def add_interface(self, id: str, *, subnet_id: str) -> None:
        fails = self._write("add_interface")
        self.things[f"of-{subnet_id}"] = port(f"of-{subnet_id}", self._get(subnet_id).network_id, subnet_id, device=id)
        self._end(fails)

    async def remove_interface(self, id: str, *, subnet_id: str = "", port_id: str = "") -> None:
        """By its subnet, a port keeps its addresses of other subnets."""
        fails = self._write("remove_interface")
        for one in self.every(Port):
            left = tuple(fixed for fixed in one.fixed if fixed.subnet_id != subnet_id)
            if one.id == port_id or (subnet_id and not left):
                del self.things[one.id]
            elif left != one.fixed:
                self.things[one.id] = replace(one, fixed=left)
        self._end(fails)

    async def set_gateway(self, id: str, gateway: Gateway | None) -> None:
        fails = self._write("set_gateway")
        if gateway is not None:
            by_id = {one.id: one for one in self.every(Subnet)}
            chosen = [by_id[one] for one in gateway.subnets]
            if not gateway.addresses and not chosen:  # Neutron gives an address of each version
                chosen = [one for one in by_id.values() if one.network_id == gateway.network_id]
            given = tuple(f"{one.cidr.partition('/')[0]}7" for one in chosen)
            gateway = replace(gateway, addresses=(*gateway.addresses, *given), subnets=())
        self.things[id] = replace(self._get(id), gateway=gateway)
        self._end(fails)

    def call(self, operation: str) -> Call:
        """Return a call on this cloud."""
        here = call(operation, network=self)
        here.locks = self.locks
        here.settings = Settings.model_validate({"ec2_ipv6_pool": "ipv6"})

        async def own(request_id: str) -> Any:
            if not self.granted:
                raise BackendError(Fault.FORBIDDEN, service="network")
            return SimpleNamespace(network=self)

        here.clouds = cast("Any", SimpleNamespace(own=own))
        return here

    def act(self, action: Any, operation: str, params: Any) -> Any:
        """Return the answer of an action, as a coroutine."""
        return act(action, self.call(operation), params)

    async def try_to(self, action: Any, operation: str, params: Any) -> bool:
        """Act, and tell whether that worked."""
        with suppress(BackendError):
            await self.act(action, operation, params)
            return True
        return False
