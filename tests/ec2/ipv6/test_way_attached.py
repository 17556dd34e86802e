"""An internet gateway that is attached to a VPC with IPv6, and IPv6 for a VPC that is attached: never open unasked."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from adapters.errors import BackendError
from adapters.types.network import Gateway, Router, SubnetPool
from shim.ec2.cidrs.vpc_cidrs import associate_vpc_cidr_block
from shim.ec2.network import facts
from shim.ec2.routing.applied import settling
from shim.ec2.routing.internet_gateways import attach_internet_gateway
from shim.ec2.routing.route_tables import delete_route_table
from shim.ec2.routing.routes import create_route, delete_route, replace_route
from shim.errors import AwsError
from tests.ec2.ipv6.neutron import OUTER, OUTSIDE, ROUTER, VPC, Neutron, router

UUID = "00000000-0000-4000-8000-00000000001a"
IGW = "igw-" + UUID.replace("-", "")
RECORD = SubnetPool(UUID, "igw", "p", ("ec2:kind=internet-gateway",))
ATTACHED = SubnetPool(UUID, "igw", "p", (*RECORD.tags, f"ec2:vpc={ROUTER}"))
CIDR, BLOCK = "ec2:cidr=10.0.0.0-16", "ec2:ipv6-block=2001:db8::-56"
OPEN, CLOSED = ("192.0.2.07", "2001:db8:f::7"), ("192.0.2.07",)
TABLE = "rtb-" + ROUTER.replace("-", "")
ATTACH: Any = (attach_internet_gateway, "AttachInternetGateway", {"InternetGatewayId": IGW, "VpcId": VPC})
ASSOCIATE: Any = (
    associate_vpc_cidr_block,
    "AssociateVpcCidrBlock",
    {"VpcId": VPC, "AmazonProvidedIpv6CidrBlock": True},
)


def leads(gateway: str) -> SubnetPool:
    """A route table of the VPC that leads ::/0 to a gateway."""
    tags = "ec2:kind=route-table", f"ec2:own={ROUTER}", f"ec2:route=::-0={gateway}"
    return SubnetPool("00000000-0000-4000-8000-00000000001b", "table", "p", tags)


def addresses(neutron: Neutron) -> tuple[str, ...] | None:
    """What the router has outside."""
    gateway = asyncio.run(neutron.router(ROUTER)).gateway
    return gateway.addresses if gateway else None


@pytest.mark.parametrize(
    ("table", "expected"),
    [((), CLOSED), ((leads(IGW),), OPEN), ((leads("igw-" + "0" * 32),), CLOSED)],
    ids=["no route", "a route to it", "a route to another one"],
)
def test_one_call_connects_as_the_routes_say(table: tuple[SubnetPool, ...], expected: tuple[str, ...]) -> None:
    neutron = Neutron.of(router(CIDR, BLOCK), OUTSIDE, *OUTER, RECORD, *table)
    asyncio.run(neutron.act(*ATTACH))
    assert (neutron.writes, addresses(neutron)) == (["add_tag", "set_gateway"], expected)


def test_what_cannot_be_closed_is_not_attached() -> None:
    neutron = Neutron.of(router(CIDR, BLOCK), OUTSIDE, *OUTER, RECORD, granted=False)
    with pytest.raises(AwsError) as refused:
        asyncio.run(neutron.act(*ATTACH))
    assert refused.value.code == "UnsupportedOperation"
    assert (addresses(neutron), neutron.things[UUID]) == (None, RECORD)


@pytest.mark.parametrize(("tags", "outer"), [((CIDR,), OUTER), ((CIDR, BLOCK), OUTER[:1])])
def test_without_ipv6_it_is_as_before(tags: tuple[str, ...], outer: tuple[Any, ...]) -> None:
    neutron = Neutron.of(router(*tags), OUTSIDE, *outer, RECORD, granted=False)
    asyncio.run(neutron.act(*ATTACH))
    gateway = neutron.things[ROUTER].gateway
    assert (gateway.snat, gateway.addresses[:1]) == (True, CLOSED)


def test_a_route_that_leads_nowhere_is_told_without_its_parameter() -> None:
    neutron = Neutron.of(router(CIDR, BLOCK), OUTSIDE, OUTER[0], RECORD, leads(IGW))
    with pytest.raises(AwsError, match="has no IPv6") as refused:
        asyncio.run(neutron.act(*ATTACH))
    assert (refused.value.code, refused.value.refused) == ("UnsupportedOperation", "")
    assert addresses(neutron) is None


def test_it_waits_for_a_change_of_routes() -> None:
    neutron = Neutron.of(router(CIDR, BLOCK), OUTSIDE, *OUTER, RECORD, leads(IGW))

    async def both() -> None:
        async with settling(neutron.call("DeleteRoute"), ROUTER):
            attaching = asyncio.create_task(neutron.act(*ATTACH))
            await asyncio.sleep(0.01)
            del neutron.things[leads(IGW).id]
        await attaching

    asyncio.run(both())
    assert addresses(neutron) == CLOSED


@pytest.mark.parametrize("effect", [False, True])
def test_a_block_for_a_vpc_that_is_attached(effect: bool) -> None:
    """Neutron gave the router an IPv6 address: it has none from before the VPC has a block."""
    there = router(CIDR, gateway=Gateway("outside", False, OPEN))
    for fails_at in range(1, 20):
        neutron = Neutron.of(there, OUTSIDE, *OUTER, ATTACHED, fails_at=fails_at, effect=effect, broken=("remove_tag",))
        done = asyncio.run(neutron.try_to(*ASSOCIATE))
        now: Router = neutron.things[ROUTER]
        assert facts.one(now.tags, facts.IPV6) is None or addresses(neutron) == CLOSED, fails_at
        if done:
            break
    assert fails_at > 5
    assert facts.one(now.tags, facts.IPV6)


def test_a_block_that_would_be_open_is_refused() -> None:
    there = router(CIDR, gateway=Gateway("outside", True, OPEN))
    neutron = Neutron.of(there, OUTSIDE, *OUTER, ATTACHED, granted=False)
    before = dict(neutron.things)
    with pytest.raises(AwsError) as refused:
        asyncio.run(neutron.act(*ASSOCIATE))
    assert (refused.value.code, neutron.things) == ("UnsupportedOperation", before)


@pytest.mark.parametrize("action", [create_route, replace_route])
def test_a_vpc_without_a_block_has_no_route_of_ipv6(action: Any) -> None:
    neutron = Neutron.of(router(CIDR, gateway=Gateway("outside", False, CLOSED)), OUTSIDE, *OUTER, ATTACHED)
    asked = {"RouteTableId": TABLE, "DestinationIpv6CidrBlock": "::/0", "GatewayId": IGW}
    name = "CreateRoute" if action is create_route else "ReplaceRoute"
    with pytest.raises(AwsError) as refused:
        asyncio.run(neutron.act(action, name, asked))
    assert (refused.value.code, refused.value.refused) == ("UnsupportedOperation", "DestinationIpv6CidrBlock")
    assert neutron.writes == []


@pytest.mark.parametrize(("granted", "broken"), [(False, ()), (True, ("delete_subnet_pool",))])
def test_a_table_stays_while_the_way_is_open(granted: bool, broken: tuple[str, ...]) -> None:
    there = router(CIDR, BLOCK, gateway=Gateway("outside", True, OPEN))
    table = replace(leads(IGW), tags=("ec2:kind=route-table", f"ec2:vpc={ROUTER}", leads(IGW).tags[-1]))
    neutron = Neutron.of(there, OUTSIDE, *OUTER, ATTACHED, table, granted=granted, broken=broken)
    before = dict(neutron.things)
    asked = {"RouteTableId": "rtb-" + table.id.replace("-", "")}
    with pytest.raises((AwsError, BackendError)):
        asyncio.run(neutron.act(delete_route_table, "DeleteRouteTable", asked))
    assert neutron.things == before
    neutron.granted, neutron.broken = True, ()
    asyncio.run(neutron.act(delete_route_table, "DeleteRouteTable", asked))
    assert (table.id in neutron.things, addresses(neutron)) == (False, CLOSED)


def test_a_route_whose_gateway_was_killed_leaves_no_open_way_when_it_is_deleted_again() -> None:
    there = router(CIDR, BLOCK, gateway=Gateway("outside", True, OPEN))
    neutron = Neutron.of(there, OUTSIDE, *OUTER, ATTACHED, leads(IGW), broken=("set_gateway", "add_tag"))
    asked = {"RouteTableId": TABLE, "DestinationIpv6CidrBlock": "::/0"}
    assert not asyncio.run(neutron.try_to(delete_route, "DeleteRoute", asked))
    assert addresses(neutron) == OPEN
    neutron.broken = ()
    for writes in (["set_gateway"], []):  # nothing is left to do for the second one
        neutron.writes.clear()
        with pytest.raises(AwsError) as refused:
            asyncio.run(neutron.act(delete_route, "DeleteRoute", asked))
        assert (refused.value.code, addresses(neutron)) == ("InvalidRoute.NotFound", CLOSED)
        assert neutron.writes == writes
