"""Changes of a VPC that take effect and seem to fail: what they wrote is taken back all the same."""

from collections.abc import Sequence
from dataclasses import dataclass

import anyio
import pytest

from adapters.errors import BackendError
from adapters.types.network import NewPort, Port, Route, WantedAddress
from tests.ec2.routing.small_neutron import DOWN, NAT, SUBNETS, Neutron, uuid
from tests.ec2.routing.test_route_changes import CHANGES, FAR_ROUTE, NAT_ROUTE


@dataclass
class Losing(Neutron):
    """The first answer to the write of this name is lost."""

    lost: str = ""

    def _lose(self, name: str) -> None:
        if name == self.lost:
            self.lost = ""
            raise DOWN

    async def add_routes(self, id: str, routes: Sequence[Route]) -> None:
        await super().add_routes(id, routes)
        self._lose("add_routes")

    async def create_port(self, new: NewPort) -> Port:
        made = await super().create_port(new)
        self._lose("create_port")
        return made

    async def remove_routes(self, id: str, routes: Sequence[Route]) -> None:
        await super().remove_routes(id, routes)
        self._lose("remove_routes")


@pytest.mark.parametrize(
    ("lost", "name"), [("add_routes", "create, interface"), ("remove_routes", "delete, interface")]
)
def test_routes_of_a_router_are_taken_back(lost: str, name: str) -> None:
    before, change = CHANGES[name]
    assert (FAR_ROUTE in before) is (lost == "remove_routes")

    async def scenario() -> None:
        neutron = Losing()
        for step in before:
            await step.take(neutron)
        start, neutron.lost = neutron.seen(), lost
        with pytest.raises(BackendError):
            await change.take(neutron)
        assert (neutron.lost, neutron.seen()) == ("", start)

    anyio.run(scenario)


def test_a_port_whose_answer_was_lost_is_the_nat_gateways_at_the_next_try() -> None:
    async def scenario() -> None:
        whole, neutron = Neutron(), Losing(lost="create_port")
        await NAT_ROUTE.take(whole)
        with pytest.raises(BackendError):
            await NAT_ROUTE.take(neutron)
        await NAT_ROUTE.take(neutron)
        assert (neutron.lost, neutron.seen()) == ("", whole.seen())
        assert len(neutron.things) == len(whole.things)

    anyio.run(scenario)


def test_a_port_of_somebody_else_is_left_alone() -> None:
    """It has the first of the addresses that AWS reserves; the NAT gateway takes the second."""

    async def scenario() -> None:
        neutron = Neutron()
        theirs = await neutron.create_port(NewPort("", (WantedAddress(uuid(SUBNETS[0]), "10.30.31.2"),), (), "theirs"))
        await NAT_ROUTE.take(neutron)
        assert neutron.things[theirs.id] == theirs
        ports = [one for one in neutron.things.values() if isinstance(one, Port) and one.device_id == uuid(NAT)]
        assert "10.30.31.3" in [fixed.address for one in ports for fixed in one.fixed]

    anyio.run(scenario)
