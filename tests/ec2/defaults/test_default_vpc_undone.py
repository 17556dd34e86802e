"""CreateDefaultVpc and CreateDefaultSubnet on a cloud that spoils each of their writes in turn.

A write is refused, or it is done and its answer is lost.  The repeated request leaves what one request makes, no more.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from adapters.errors import BackendError
from adapters.types.compute import Zone
from adapters.types.network import FixedAddress, Gateway, Network, NewRule, Port, SubnetPool
from shim.ec2.defaults.default_vpc import create_default_subnet, create_default_vpc
from shim.errors import AwsError
from tests.ec2.acting import act
from tests.ec2.network.test_vpc_undone import DOWN, Cloud
from tests.ec2.test_half_done import call

EXTERNAL = "00000000-0000-4000-8000-0000000000ee"


@dataclass
class Neutron(Cloud):
    """A Neutron with an external network; it keeps tags, subnet pools and the ports of routers."""

    things: dict[str, Any] = field(
        default_factory=lambda: {EXTERNAL: Network(EXTERNAL, "public", "q", True, False, "ACTIVE", (), (), ())}
    )
    lost: bool = False

    def _write(self) -> None:
        self.writes += 1
        if self.writes == self.fails_at and not self.lost:
            raise DOWN

    def _answer(self, answer: Any = None) -> Any:
        if self.writes == self.fails_at and self.lost:
            raise DOWN
        return answer

    def _make(self, make: Any) -> Any:
        return self._answer(super()._make(make))

    def _change(self, id: str, **changes: Any) -> None:
        self._write()
        self.things[id] = replace(self.things[id], **changes)
        self._answer()

    async def networks(self, *, external: bool | None = None) -> list[Network]:
        return [one for one in self._of(Network) if external in (None, one.external)]

    async def zones(self) -> list[Zone]:
        return [Zone("a", True), Zone("b", True)]

    async def subnet_pools(self) -> list[SubnetPool]:
        return self._of(SubnetPool)

    async def ports(self, *, network_ids: Any = None, **_: Any) -> list[Any]:
        return [one for one in self._of(Port) if network_ids is None or one.network_id in network_ids]

    async def create_rules(self, rules: list[NewRule]) -> list[Any]:
        return list(self._answer(await super().create_rules(rules)))

    async def create_subnet_pool(self, name: str, prefix: str) -> Any:
        return self._make(lambda uuid: SubnetPool(uuid, name, "p", ()))

    async def set_tags(self, resource: str, id: str, tags: Any) -> None:
        self._change(id, tags=tuple(tags))

    async def add_tag(self, resource: str, id: str, tag: str) -> None:
        self._change(id, tags=(*self.things[id].tags, tag))

    async def _named(self, id: str, name: str) -> None:
        self._change(id, name=name)

    rename_router = rename_network = rename_subnet = rename_subnet_pool = _named

    async def set_gateway(self, id: str, gateway: Gateway) -> None:
        self._change(id, gateway=gateway)

    async def add_interface(self, id: str, *, subnet_id: str) -> None:
        subnet, when = self.things[subnet_id], datetime(2026, 1, 1, tzinfo=UTC)
        fixed, owner = (FixedAddress(subnet_id, subnet.gateway),), "network:router_interface"
        self._make(
            lambda uuid: Port(uuid, "", "", "p", subnet.network_id, "", "ACTIVE", id, owner, fixed, (), True, when, ())
        )

    async def remove_interface(self, id: str, *, subnet_id: str = "", port_id: str = "") -> None:
        for port in self._of(Port):
            if port.device_id == id and (port.id == port_id or port.fixed[0].subnet_id == subnet_id):
                del self.things[port.id]

    async def delete_network(self, id: str) -> None:
        assert all(port.network_id != id for port in self._of(Port))  # Neutron deletes no network with a router's port
        await super().delete_network(id)

    async def delete_router(self, id: str) -> None:
        assert all(port.device_id != id for port in self._of(Port))
        del self.things[id]

    async def delete_subnet_pool(self, id: str) -> None:
        del self.things[id]


def ask(neutron: Neutron, action: Any, **params: str) -> None:
    """Send a request."""
    here = call("CreateDefaultVpc", network=neutron, compute=neutron)

    async def own(_: str) -> Any:
        return SimpleNamespace(network=neutron)

    async def run() -> None:
        await act(action, replace(here, clouds=SimpleNamespace(own=own)), params)

    anyio.run(run)


def held(neutron: Neutron) -> Counter[str]:
    """Count what the project holds, by kind and by the fixed part of its name."""
    return Counter(f"{type(one).__name__} {one.name.split(' of ')[0]}" for one in neutron.things.values())


def prepared(neutron: Neutron, action: Any) -> Neutron:
    """Let the default subnet of the zone `b` be absent, if the action makes one."""
    if action is create_default_subnet:
        ask(neutron, create_default_vpc)
        for network in [one for one in neutron.things.values() if isinstance(one, Network) and "ec2:az=b" in one.tags]:
            for port in [one for one in neutron.things.values() if isinstance(one, Port)]:
                if port.network_id == network.id:
                    del neutron.things[port.id]
            anyio.run(neutron.delete_network, network.id)
    return neutron


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize(
    ("action", "params", "exists"),
    [
        (create_default_vpc, {}, "DefaultVpcAlreadyExists"),
        (create_default_subnet, {"AvailabilityZone": "b"}, "DefaultSubnetAlreadyExistsInAvailabilityZone"),
    ],
)
def test_the_repeated_request_converges(action: Any, params: dict[str, str], exists: str, lost: bool) -> None:
    clean = prepared(Neutron(0), action)
    ask(clean, action, **params)
    step, met = 0, True
    while met:
        step += 1
        neutron = prepared(Neutron(0), action)
        before, neutron.lost, neutron.writes, neutron.fails_at = held(neutron), lost, 0, step
        try:
            ask(neutron, action, **params)
            met = False
        except BackendError:
            assert lost or held(neutron) == before, step
            ask(neutron, action, **params)
        assert held(neutron) == held(clean), step
        with pytest.raises(AwsError) as caught:
            ask(neutron, action, **params)
        assert caught.value.code == exists
    assert step > 6  # every write was spoilt once
