"""A peering connection that is accepted or deleted while a route to it comes or goes."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import anyio
import pytest

from adapters.errors import BackendError
from adapters.types.network import FixedAddress, Network, Router, Subnet, SubnetPool
from shim.ec2.network import facts
from shim.ec2.peering.connections import (
    accept_vpc_peering_connection,
    delete_vpc_peering_connection,
    reject_vpc_peering_connection,
)
from shim.ec2.routing.routes import create_route, delete_route
from shim.locks import Locks
from shim.protocol.operation import Handler
from tests.ec2.routing.small_neutron import DOWN, VPC, Neutron, ec2_id, router_port, uuid
from tests.ec2.routing.test_route_changes import Step, begun, route

PEER, BETWEEN, JOINED, PEERS_TABLE = 3, 4, 5, 14
TO_PEER = {"VpcPeeringConnectionId": ec2_id("pcx", JOINED)}
CONNECTION = {"VpcPeeringConnectionId": ec2_id("pcx", JOINED)}
ASKED = int(time.time())  # within the last days: it expires
FIRST, SECOND = "10.40.1.0/24", "10.40.2.0/24"


def pending() -> Neutron:
    """Two VPCs, the first of which has asked for a connection with the second."""
    told = {facts.REQUESTER: uuid(VPC), facts.ACCEPTER: uuid(PEER), facts.ASKED: str(ASKED)}
    tags = tuple(facts.written(name, value) for name, value in told.items())
    first = (FixedAddress(uuid(JOINED), "198.19.0.1"),)
    made: list[Any] = [
        Router(uuid(PEER), "peer", "p", "ACTIVE", ("ec2:cidr=10.40.0.0-16",), None),
        SubnetPool(uuid(PEERS_TABLE), "", "p", ("ec2:kind=route-table", f"ec2:own={uuid(PEER)}")),
        Network(uuid(BETWEEN), "between", "p", False, False, "ACTIVE", (uuid(JOINED),), (), (facts.PEERING,)),
        Subnet(uuid(JOINED), "between", "p", uuid(BETWEEN), 4, "198.19.0.0/30", "198.19.0.1", (), tags),
        router_port(60, uuid(BETWEEN), first, VPC),
    ]
    neutron = Neutron()
    neutron.things |= {one.id: one for one in made}
    return neutron


async def meet(neutron: Neutron, first: Step, write: str, second: Step) -> None:
    """Begin a step, take another one while its write waits, and end both."""
    shared = Locks("")
    begins = await begun(neutron, write, first.under(shared))
    comes = asyncio.ensure_future(second.under(shared).take(neutron))
    await asyncio.wait([comes], timeout=0.1)
    neutron.waits[write].set()
    await asyncio.gather(begins, comes)


def led(neutron: Neutron) -> dict[str, str]:
    return {one.cidr: one.next_hop for one in neutron.things[uuid(VPC)].routes}


def test_a_route_that_goes_while_the_connection_is_accepted_is_gone() -> None:
    async def scenario() -> None:
        neutron = pending()
        for block in (FIRST, SECOND):
            await route(create_route, block, TO_PEER).take(neutron)
        assert led(neutron) == {}
        accept = Step(accept_vpc_peering_connection, CONNECTION)
        await meet(neutron, accept, "add_routes", route(delete_route, FIRST, {}))
        assert led(neutron) == {SECOND: "198.19.0.2"}

    anyio.run(scenario)


def test_a_route_that_comes_while_the_connection_is_deleted_leads_nowhere() -> None:
    async def scenario() -> None:
        neutron = pending()
        await Step(accept_vpc_peering_connection, CONNECTION).take(neutron)
        await route(create_route, FIRST, TO_PEER).take(neutron)
        assert led(neutron) == {FIRST: "198.19.0.2"}
        delete = Step(delete_vpc_peering_connection, CONNECTION)
        await meet(neutron, delete, "remove_routes", route(create_route, SECOND, TO_PEER))
        assert led(neutron) == {}
        assert uuid(BETWEEN) not in neutron.things

    anyio.run(scenario)


@pytest.mark.parametrize("then", [accept_vpc_peering_connection, reject_vpc_peering_connection])
def test_what_a_killed_gateway_left_of_an_acceptance_is_no_hindrance(then: Handler) -> None:
    async def scenario() -> None:
        whole = pending()
        await Step(then, CONNECTION).take(whole)
        neutron = pending()
        neutron.fails_at, neutron.ended = 2, True
        with pytest.raises(BackendError):
            await Step(accept_vpc_peering_connection, CONNECTION).take(neutron)
        assert neutron.failed == "add_interface"
        neutron.fails_at = 0
        await Step(then, CONNECTION).take(neutron)
        assert neutron.seen() == whole.seen()

    anyio.run(scenario)


@dataclass
class Losing(Neutron):
    """The answer to the first port that a router is given is lost."""

    lost: bool = False

    async def add_interface(self, id: str, *, port_id: str = "", subnet_id: str = "") -> None:
        await super().add_interface(id, port_id=port_id, subnet_id=subnet_id)
        if not self.lost:
            self.lost = True
            raise DOWN


def test_an_acceptance_whose_answer_was_lost_can_be_repeated() -> None:
    async def scenario() -> None:
        whole, neutron = pending(), Losing(things=pending().things)
        start = neutron.seen()
        await Step(accept_vpc_peering_connection, CONNECTION).take(whole)
        with pytest.raises(BackendError):
            await Step(accept_vpc_peering_connection, CONNECTION).take(neutron)
        assert neutron.seen() == start
        await Step(accept_vpc_peering_connection, CONNECTION).take(neutron)
        assert neutron.seen() == whole.seen()

    anyio.run(scenario)
