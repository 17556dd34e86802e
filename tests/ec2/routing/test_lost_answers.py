"""Changes of a VPC that take effect and seem to fail: what they wrote is taken back all the same."""

from collections.abc import Sequence
from dataclasses import dataclass

import anyio
import pytest

from adapters.errors import BackendError
from adapters.types.network import Route
from tests.ec2.routing.small_neutron import DOWN, Neutron
from tests.ec2.routing.test_route_changes import CHANGES, FAR_ROUTE


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
