"""Changes of routes that fail, end with their gateway, or meet another change half way."""

import asyncio
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
import pytest

from adapters.errors import BackendError
from shim.cache import Cache
from shim.ec2.network import known
from shim.ec2.network.layout import ROUTER_PORTS
from shim.ec2.routing.network_acls import delete_network_acl_entry
from shim.ec2.routing.route_tables import (
    associate_route_table,
    disassociate_route_table,
    replace_route_table_association,
)
from shim.ec2.routing.routes import create_route, delete_route, replace_route
from shim.errors import AwsError
from shim.locks import Locks
from shim.protocol.operation import Handler
from tests.ec2.acting import act
from tests.ec2.routing.small_neutron import (
    FAR,
    GATEWAY,
    INTERFACE,
    NAT,
    NETWORK,
    OTHER,
    SUBNETS,
    VPC,
    Neutron,
    ec2_id,
    uuid,
)
from tests.ec2.test_half_done import call

EVERYWHERE = "0.0.0.0/0"
MAIN_TABLE, OTHER_TABLE = ec2_id("rtb", VPC), ec2_id("rtb", OTHER)
TO_NAT = {"NatGatewayId": ec2_id("nat", NAT)}
TO_GATEWAY = {"GatewayId": ec2_id("igw", GATEWAY)}
TO_INTERFACE = {"NetworkInterfaceId": ec2_id("eni", INTERFACE)}
ASSOCIATION = {"AssociationId": ec2_id("rtbassoc", SUBNETS[1])}


@dataclass(frozen=True)
class Step:
    """An action and its parameters; steps that meet have their locks in common."""

    handler: Handler
    params: Mapping[str, Any]
    locks: Locks = field(default_factory=lambda: Locks(""))

    async def take(self, neutron: Neutron) -> None:
        await act(self.handler, replace(call("", network=neutron, compute=neutron), locks=self.locks), self.params)

    def under(self, locks: Locks) -> "Step":
        return replace(self, locks=locks)


def route(handler: Handler, block: str, target: Mapping[str, str], table: str = MAIN_TABLE) -> Step:
    return Step(handler, {"RouteTableId": table, "DestinationCidrBlock": block, **target})


FAR_ROUTE = route(create_route, FAR, TO_INTERFACE)
NAT_ROUTE = route(create_route, EVERYWHERE, TO_NAT)
ASSOCIATED = Step(associate_route_table, {"RouteTableId": OTHER_TABLE, "SubnetId": ec2_id("subnet", SUBNETS[1])})
FAR_ROUTE_OF_OTHER = route(create_route, FAR, TO_INTERFACE, OTHER_TABLE)
NAT_ROUTE_OF_OTHER = route(create_route, EVERYWHERE, TO_NAT, OTHER_TABLE)
CHANGES = {
    "create, interface": ((), FAR_ROUTE),
    "create, NAT": ((), NAT_ROUTE),
    "delete, interface": ((FAR_ROUTE,), route(delete_route, FAR, {})),
    "delete, NAT": ((NAT_ROUTE,), route(delete_route, EVERYWHERE, {})),
    "interface to internet gateway": ((FAR_ROUTE,), route(replace_route, FAR, TO_GATEWAY)),
    "NAT to internet gateway": ((NAT_ROUTE,), route(replace_route, EVERYWHERE, TO_GATEWAY)),
    "interface to NAT": ((FAR_ROUTE,), route(replace_route, FAR, TO_NAT)),
    "internet gateway to NAT": (
        (route(create_route, EVERYWHERE, TO_GATEWAY),),
        route(replace_route, EVERYWHERE, TO_NAT),
    ),
    "associate": ((FAR_ROUTE_OF_OTHER,), ASSOCIATED),
    "disassociate, interface": (
        (FAR_ROUTE_OF_OTHER, ASSOCIATED),
        Step(disassociate_route_table, ASSOCIATION),
    ),
    "disassociate, NAT": (
        (NAT_ROUTE_OF_OTHER, ASSOCIATED),
        Step(disassociate_route_table, ASSOCIATION),
    ),
    "another main table": (
        (NAT_ROUTE,),
        Step(
            replace_route_table_association,
            {"AssociationId": ec2_id("rtbassoc", VPC), "RouteTableId": OTHER_TABLE},
        ),
    ),
}


async def prepared(steps: tuple[Step, ...]) -> Neutron:
    neutron = Neutron()
    for step in steps:
        await step.take(neutron)
    neutron.writes = neutron.tagged = 0
    return neutron


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_whose_answer_was_lost_leaves_everything_as_it_was(name: str) -> None:
    before, change = CHANGES[name]

    async def scenario() -> None:
        whole, start = await prepared(before), (await prepared(before)).seen()
        await change.take(whole)
        for lost_at in range(1, whole.tagged + 1):
            neutron = await prepared(before)
            neutron.lost_at = lost_at
            with pytest.raises(BackendError):
                await change.take(neutron)
            assert neutron.seen() == start, lost_at

    anyio.run(scenario)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_a_killed_gateway_began_is_made_when_it_is_asked_for_again(name: str) -> None:
    before, change = CHANGES[name]

    async def again(fails_at: int) -> Neutron:
        """Kill the gateway at a write, and send the request to another one."""
        neutron = await prepared(before)
        neutron.fails_at, neutron.ended = fails_at, True
        with pytest.raises(BackendError):
            await change.take(neutron)
        neutron.fails_at = 0
        with pytest.raises(AwsError, match="RouteAlreadyExists") if change.handler is create_route else nullcontext():
            await change.take(neutron)
        return neutron

    async def scenario() -> None:
        whole = await prepared(before)
        await change.take(whole)
        for fails_at in range(2, whole.writes + 1):
            neutron = await again(fails_at)
            if neutron.failed != "add_interface":  # which leaves a port that no router has
                assert neutron.seen() == whole.seen(), fails_at

    anyio.run(scenario)


@pytest.mark.parametrize("name", ["create, NAT", "delete, NAT", "internet gateway to NAT", "disassociate, NAT"])
def test_a_change_that_fails_leaves_everything_as_it_was(name: str) -> None:
    before, change = CHANGES[name]

    async def scenario() -> None:
        whole, start = await prepared(before), (await prepared(before)).seen()
        await change.take(whole)
        for fails_at in range(1, whole.writes + 1):
            neutron = await prepared(before)
            neutron.fails_at = fails_at
            with pytest.raises(BackendError):
                await change.take(neutron)
            assert neutron.seen() == start, fails_at

    anyio.run(scenario)


def test_a_subnet_that_cannot_be_led_to_a_nat_gateway_leaves_the_others_as_they_were() -> None:
    async def scenario() -> None:
        neutron = Neutron(refuses={uuid(SUBNETS[1])})
        with pytest.raises(BackendError):
            await NAT_ROUTE.take(neutron)
        assert neutron.seen() == Neutron().seen()

    anyio.run(scenario)


async def begun(neutron: Neutron, write: str, step: Step) -> "asyncio.Task[None]":
    """Take a step, and wait until it makes a write, which ends when its event in `waits` is set."""
    neutron.waits[write] = asyncio.Event()
    task = asyncio.ensure_future(step.take(neutron))
    async with asyncio.timeout(5):
        await neutron.begun[write].wait()
    return task


def test_a_nat_gateway_that_enters_a_subnet_leaves_it_in_its_vpc() -> None:
    """The networks that are known say so at once: the router with the lower id would be the VPC else."""

    async def scenario() -> None:
        neutron = Neutron()
        network = uuid(NETWORK + SUBNETS[0])
        neutron.things[network] = replace(neutron.things[network], tags=())  # one that OpenStack's own tools made
        here = replace(call("", network=neutron, compute=neutron), cache=Cache())
        assert [one.tags for one in await known.networks(here, (network,)) if one.id == network] == [()]
        await act(NAT_ROUTE.handler, here, NAT_ROUTE.params)
        tags = [one.tags for one in await known.networks(here, (network,)) if one.id == network]
        assert tags == [(f"ec2:vpc={uuid(VPC)}",)]

    anyio.run(scenario)


@pytest.mark.parametrize("first", ["associates", "moves"])
def test_of_two_associations_of_a_subnet_that_come_at_once_one_is_there(first: str) -> None:
    """The second one finds what the first one wrote, and is refused as it would be a moment later."""

    async def scenario() -> None:
        neutron, shared = Neutron(), Locks("")
        begins, comes = ASSOCIATED, replace_in(ASSOCIATED, RouteTableId=MAIN_TABLE)
        if first == "moves":
            await ASSOCIATED.take(neutron)
            begins = Step(replace_route_table_association, {**ASSOCIATION, "RouteTableId": MAIN_TABLE})
            comes = ASSOCIATED
        writing = await begun(neutron, "add_tag subnets", begins.under(shared))
        second = asyncio.ensure_future(comes.under(shared).take(neutron))
        await asyncio.wait([second], timeout=0.1)
        neutron.waits["add_tag subnets"].set()
        _, error = await asyncio.gather(writing, second, return_exceptions=True)
        assert getattr(error, "code", None) == "Resource.AlreadyAssociated"
        tags = neutron.things[uuid(SUBNETS[1])].tags
        assert tags == (f"ec2:route-table={uuid(VPC if first == 'moves' else OTHER)}",)

    anyio.run(scenario)


def replace_in(step: Step, **params: str) -> Step:
    return replace(step, params={**step.params, **params})


def test_a_network_acl_that_closes_while_a_nat_gateway_enters_a_subnet_closes_its_port_too() -> None:
    entry = {"NetworkAclId": ec2_id("acl", VPC), "RuleNumber": 100, "Egress": True}

    async def scenario() -> None:
        neutron, shared = Neutron(), Locks("")
        entering = await begun(neutron, "add_interface", NAT_ROUTE.under(shared))
        closing = asyncio.ensure_future(Step(delete_network_acl_entry, entry, shared).take(neutron))
        await asyncio.wait([closing], timeout=0.1)
        neutron.waits["add_interface"].set()
        await asyncio.gather(entering, closing)
        ports = await neutron.ports(device_owners=ROUTER_PORTS)
        assert len(ports) == 2 * len(SUBNETS)
        assert {one.id for one in ports} == neutron.down

    anyio.run(scenario)


@pytest.mark.parametrize("created", [FAR_ROUTE_OF_OTHER, NAT_ROUTE_OF_OTHER], ids=["interface", "NAT"])
def test_a_table_that_gets_its_first_such_route_while_a_subnet_is_associated(created: Step) -> None:
    """Terraform makes both at once: they depend on the table alone."""

    async def scenario() -> None:
        apart = await prepared((ASSOCIATED, created))
        neutron = Neutron()
        nat = neutron.things.pop(uuid(NAT))
        associating = await begun(neutron, "add_tag subnets", ASSOCIATED)
        neutron.things[nat.id] = nat
        await created.take(neutron)
        neutron.waits["add_tag subnets"].set()
        await associating
        assert neutron.seen() == apart.seen()

    anyio.run(scenario)


def test_a_vpc_that_is_deleted_while_its_routes_change() -> None:
    async def scenario() -> None:
        neutron = await prepared((FAR_ROUTE_OF_OTHER,))
        associating = await begun(neutron, "add_tag subnets", ASSOCIATED)
        del neutron.things[uuid(VPC)]
        neutron.waits["add_tag subnets"].set()
        with pytest.raises(AwsError) as error:
            await associating
        assert error.value.code == "InvalidVpcID.NotFound"
        assert neutron.things[uuid(SUBNETS[1])] == Neutron().things[uuid(SUBNETS[1])]

    anyio.run(scenario)


def routes_of(neutron: Neutron, table: int) -> list[str]:
    return [tag for tag in neutron.things[uuid(table)].tags if tag.startswith("ec2:route=")]


@pytest.mark.parametrize("other", [TO_GATEWAY, TO_NAT], ids=["internet gateway", "NAT"])
def test_of_two_routes_of_one_block_that_are_created_at_once_the_second_is_refused(other: Mapping[str, str]) -> None:
    async def scenario(steps: list[Step]) -> None:
        neutron, shared = Neutron(), Locks("")
        await begun(neutron, "add_tag subnetpools", steps[0].under(shared))
        work = [asyncio.ensure_future(one.under(shared).take(neutron)) for one in steps[1:]]
        await asyncio.wait(work, timeout=0.1)
        neutron.waits["add_tag subnetpools"].set()
        errors = await asyncio.gather(*work, return_exceptions=True)
        codes = [getattr(one, "code", None) for one in errors]
        assert codes == ["RouteAlreadyExists"] * len(work)
        assert len(routes_of(neutron, OTHER)) == 1

    create = [route(create_route, FAR, one, OTHER_TABLE) for one in (TO_INTERFACE, other, TO_INTERFACE)]
    anyio.run(scenario, create)
    anyio.run(scenario, create[1:])


def test_of_two_replacements_that_come_at_once_one_route_remains() -> None:
    async def scenario() -> None:
        neutron, shared = await prepared((FAR_ROUTE_OF_OTHER,)), Locks("")
        targets = TO_GATEWAY, TO_NAT, TO_GATEWAY
        replacing = [route(replace_route, FAR, one, OTHER_TABLE).under(shared).take(neutron) for one in targets]
        await asyncio.gather(*replacing)
        assert len(routes_of(neutron, OTHER)) == 1

    anyio.run(scenario)


def test_a_route_is_gone_before_it_is_replaced() -> None:
    async def scenario() -> None:
        neutron, shared = await prepared((FAR_ROUTE_OF_OTHER,)), Locks("")
        deleting = await begun(
            neutron, "remove_tag subnetpools", route(delete_route, FAR, {}, OTHER_TABLE).under(shared)
        )
        late = route(replace_route, FAR, TO_NAT, OTHER_TABLE), route(delete_route, FAR, {}, OTHER_TABLE)
        work = [asyncio.ensure_future(one.under(shared).take(neutron)) for one in late]
        await asyncio.wait(work, timeout=0.1)
        neutron.waits["remove_tag subnetpools"].set()
        await deleting
        errors = await asyncio.gather(*work, return_exceptions=True)
        assert [getattr(one, "code", None) for one in errors] == ["InvalidParameterValue", "InvalidRoute.NotFound"]
        assert routes_of(neutron, OTHER) == []

    anyio.run(scenario)
