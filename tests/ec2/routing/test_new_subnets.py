"""A new subnet uses its VPC's main route table at once, also where routes change or the gateway ends meanwhile."""

import asyncio
from dataclasses import replace

import anyio
import pytest

from adapters.errors import BackendError
from adapters.types.network import Network, Port, Route, Subnet
from shim.ec2.routing.applied import entering
from shim.ec2.routing.routes import create_route
from shim.ec2.subnets.subnets import create_subnet
from shim.ec2.tags.creating import HALF_DONE
from shim.locks import Locks
from shim.undo import undoing
from tests.ec2.routing.small_neutron import DOWN, FAR, NAT, SUBNETS, VPC, Neutron, ec2_id, uuid
from tests.ec2.routing.test_route_changes import FAR_ROUTE, NAT_ROUTE, TO_NAT, Step, begun, prepared, route
from tests.ec2.test_half_done import call

BLOCK = "10.30.50.0/24"
NEW = Step(create_subnet, {"VpcId": ec2_id("vpc", VPC), "CidrBlock": BLOCK})
TO_NAT_THERE = {
    Route("0.0.0.0/1", "10.30.50.2"),
    Route("128.0.0.0/1", "10.30.50.2"),
    Route("10.30.0.0/16", "10.30.50.1"),
}


def new_subnet(neutron: Neutron) -> Subnet:
    [found] = [one for one in neutron.things.values() if isinstance(one, Subnet) and one.cidr == BLOCK]
    return found


def addresses_of_nat(neutron: Neutron, subnet: Subnet) -> list[str]:
    ports = [one for one in neutron.things.values() if isinstance(one, Port) and one.device_id == uuid(NAT)]
    return [fixed.address for one in ports for fixed in one.fixed if fixed.subnet_id == subnet.id]


def test_a_main_route_table_that_leads_to_a_nat_gateway() -> None:
    async def scenario() -> None:
        neutron = await prepared((NAT_ROUTE,))
        await NEW.take(neutron)
        assert set(new_subnet(neutron).host_routes) == TO_NAT_THERE
        assert addresses_of_nat(neutron, new_subnet(neutron)) == ["10.30.50.2"]

    anyio.run(scenario)


def test_a_main_route_table_that_leads_to_an_interface() -> None:
    async def scenario() -> None:
        neutron = await prepared((FAR_ROUTE,))
        await NEW.take(neutron)
        assert [one.cidr for one in neutron.things[uuid(VPC)].routes] == [FAR]
        assert new_subnet(neutron).host_routes == ()

    anyio.run(scenario)


def test_a_route_that_is_made_while_the_subnet_is() -> None:
    async def scenario() -> None:
        for write in ("create_network", "rename_subnet", "rename_network"):
            neutron, shared = Neutron(), Locks("")
            making = await begun(neutron, write, NEW.under(shared))
            routed = asyncio.ensure_future(route(create_route, "0.0.0.0/0", TO_NAT).under(shared).take(neutron))
            await asyncio.wait([routed], timeout=0.1)
            neutron.waits[write].set()
            await asyncio.gather(making, routed)
            assert set(new_subnet(neutron).host_routes) == TO_NAT_THERE, write

    anyio.run(scenario)


def test_a_subnet_that_cannot_be_made_leaves_nothing() -> None:
    async def scenario() -> None:
        whole, start = await prepared((NAT_ROUTE,)), (await prepared((NAT_ROUTE,))).seen()
        await NEW.take(whole)
        for fails_at in range(1, whole.writes + 1):
            neutron = await prepared((NAT_ROUTE,))
            neutron.fails_at = fails_at
            with pytest.raises(BackendError):
                await NEW.take(neutron)
            assert neutron.seen() == start, fails_at

    anyio.run(scenario)


def test_a_subnet_that_fails_after_it_entered_leaves_a_route_that_is_made_meanwhile_alone() -> None:
    neutron, shared = Neutron(), Locks("")
    entered = replace(neutron.things[uuid(SUBNETS[0])], id=uuid(90), network_id=uuid(91), cidr=BLOCK)
    there: list[asyncio.Task[None]] = []

    async def fail() -> None:
        async with undoing() as undo:
            async with entering(replace(call("", network=neutron), locks=shared), undo, uuid(VPC), entered):
                pass
            there.append(await begun(neutron, "create_port", NAT_ROUTE.under(shared)))
            asyncio.get_running_loop().call_later(0.1, neutron.waits["create_port"].set)
            raise DOWN

    async def scenario() -> None:
        with pytest.raises(BackendError):
            await fail()
        await asyncio.gather(*there)
        whole = await prepared((NAT_ROUTE,))
        assert neutron.seen() == whole.seen()
        assert len(neutron.things) == len(whole.things)  # no second port with an address that one has

    anyio.run(scenario)


def test_a_subnet_that_fails_after_it_entered_waits_for_a_change_of_the_routes() -> None:
    async def scenario() -> None:
        neutron, shared, before = await prepared((NAT_ROUTE,)), Locks(""), list[bool]()
        home = Network(uuid(91), "", "p", False, False, "ACTIVE", (uuid(90),), (), ())
        entered = replace(neutron.things[uuid(SUBNETS[0])], id=uuid(90), network_id=home.id, cidr=BLOCK, host_routes=())
        neutron.things |= {home.id: home, entered.id: entered}
        there: list[asyncio.Task[None]] = []

        def goes_on() -> None:
            before.append(neutron.begun["remove_interface"].is_set())
            neutron.waits["add_routes"].set()

        async def fail() -> None:
            async with undoing() as undo:
                async with entering(replace(call("", network=neutron), locks=shared), undo, uuid(VPC), entered):
                    pass
                assert addresses_of_nat(neutron, entered) == ["10.30.50.2"]
                there.append(await begun(neutron, "add_routes", FAR_ROUTE.under(shared)))
                asyncio.get_running_loop().call_later(0.2, goes_on)
                raise DOWN

        with pytest.raises(BackendError):
            await fail()
        await asyncio.gather(*there)
        assert before == [False]
        assert addresses_of_nat(neutron, entered) == []

    anyio.run(scenario)


def test_a_change_of_the_routes_that_comes_after_a_failure_passes_over_the_subnet() -> None:
    """The subnet has its own name when it fails, and would be one of the VPC's until its network is deleted."""

    async def scenario() -> None:
        neutron, shared = await prepared((NAT_ROUTE,)), Locks("")
        home = Network(uuid(91), "", "p", False, False, "ACTIVE", (uuid(90),), (), ())
        entered = replace(
            neutron.things[uuid(SUBNETS[0])], id=uuid(90), network_id=home.id, cidr=BLOCK, host_routes=(),
            name=f"{HALF_DONE} digest",
        )  # fmt: skip
        neutron.things |= {home.id: home, entered.id: entered}

        async def fail() -> None:
            async with undoing() as undo:
                async with entering(replace(call("", network=neutron), locks=shared), undo, uuid(VPC), entered):
                    await neutron.rename_subnet(entered.id, "web")
                    await neutron.rename_network(home.id, "web")
                raise DOWN

        with pytest.raises(BackendError):
            await fail()
        assert (neutron.things[entered.id].name, neutron.things[home.id].name) == (entered.name, entered.name)
        await route(create_route, "198.51.100.0/24", TO_NAT).under(shared).take(neutron)
        assert addresses_of_nat(neutron, entered) == []

    anyio.run(scenario)


def test_a_subnet_that_a_killed_gateway_began_is_whole_when_it_is_asked_for_again() -> None:
    async def scenario() -> None:
        whole = await prepared((NAT_ROUTE,))
        await NEW.take(whole)
        for fails_at in range(2, whole.writes):  # after the last write the subnet is made
            neutron = await prepared((NAT_ROUTE,))
            neutron.fails_at, neutron.ended = fails_at, True
            with pytest.raises(BackendError):
                await NEW.take(neutron)
            neutron.fails_at = 0
            await NEW.take(neutron)
            assert set(new_subnet(neutron).host_routes) == TO_NAT_THERE, fails_at
            assert addresses_of_nat(neutron, new_subnet(neutron)) == ["10.30.50.2"], fails_at

    anyio.run(scenario)
