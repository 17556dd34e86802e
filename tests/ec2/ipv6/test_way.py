"""The way of IPv6 to the internet is opened and closed by the gateway's own user, where Neutron lets it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.network import Gateway, Router, Subnet, SubnetPool
from shim.ec2.network import facts
from shim.ec2.routing import ipv6_way
from shim.errors import AwsError
from shim.undo import undoing
from tests.ec2.test_half_done import call

BLOCK, VPC = facts.written(facts.IPV6, "2001:db8::/56"), "r"
ROUTER = Router(VPC, "vpc", "p", "ACTIVE", (BLOCK,), Gateway("outside", False, ("192.0.2.7", "2001:db8:f::7")))
CLOSED = replace(ROUTER, gateway=Gateway("outside", False, ("192.0.2.7",)))
TABLE = SubnetPool("t", "table", "p", (facts.written(facts.VPC, VPC), f"ec2:route=::-0=igw-{VPC}"))
OUTSIDE = Subnet("six", "six", "a", "outside", 6, "2001:db8:f::/64", None, (), ())


class Cloud:
    """One router, one route table or none, and IPv6 on the external network or none."""

    def __init__(self, router: Router, pools: list[SubnetPool], subnets: list[Subnet], fault: Fault | None = None):
        self.given = router
        self.pools, self.outside, self.fault = pools, subnets, fault
        self.set: list[Gateway | None] = []

    async def router(self, id: str) -> Router:
        return self.given

    async def subnet_pools(self) -> list[SubnetPool]:
        return self.pools

    async def subnets(self) -> list[Subnet]:
        return self.outside

    async def set_gateway(self, id: str, gateway: Gateway | None) -> None:
        if self.fault:
            raise BackendError(self.fault, service="network")
        self.set.append(gateway)

    def settle(self, then: Callable[[], None] = lambda: None) -> list[Gateway | None]:
        here = call("CreateRoute", network=self)

        async def own(request_id: str) -> Any:
            return SimpleNamespace(network=self)

        here.clouds = SimpleNamespace(own=own)

        async def run() -> None:
            async with undoing() as undo:
                await ipv6_way.settle(here, undo, VPC)
                then()

        asyncio.run(run())
        return self.set


@pytest.mark.parametrize(
    ("router", "pools", "expected"),
    [
        (CLOSED, [TABLE], [Gateway("outside", False, ("192.0.2.7",), ("six",))]),
        (ROUTER, [], [Gateway("outside", False, ("192.0.2.7",))]),
        (ROUTER, [replace(TABLE, tags=TABLE.tags[1:])], [Gateway("outside", False, ("192.0.2.7",))]),
        (ROUTER, [TABLE], []),
        (CLOSED, [], []),
        (replace(ROUTER, tags=()), [], []),  # what OpenStack's own tools connected stays as it is
        (replace(ROUTER, gateway=None), [TABLE], []),
    ],
)
def test_the_way_is_as_the_tables_say(router: Router, pools: list[SubnetPool], expected: list[Gateway]) -> None:
    assert Cloud(router, pools, [OUTSIDE]).settle() == expected


def test_what_cannot_be_opened_is_refused() -> None:
    with pytest.raises(AwsError, match="has no IPv6") as refused:
        Cloud(CLOSED, [TABLE], [replace(OUTSIDE, network_id="other")]).settle()
    assert refused.value.code == "UnsupportedOperation"
    with pytest.raises(AwsError, match="lets nobody open") as refused:
        Cloud(CLOSED, [TABLE], [OUTSIDE], Fault.FORBIDDEN).settle()
    assert refused.value.code == "UnsupportedOperation"


def test_what_cannot_be_closed_is_refused() -> None:
    with pytest.raises(AwsError, match="lets nobody open or close") as refused:
        Cloud(ROUTER, [], [OUTSIDE], Fault.FORBIDDEN).settle()
    assert refused.value.code == "UnsupportedOperation"
    with pytest.raises(AwsError, match="IPv6 alone"):
        Cloud(replace(ROUTER, gateway=Gateway("outside", False, ("2001:db8:f::7",))), [], [OUTSIDE]).settle()


def test_a_later_failure_takes_it_back() -> None:
    def fail() -> None:
        raise AwsError("Later", "a later step failed")

    cloud = Cloud(CLOSED, [TABLE], [OUTSIDE])
    with pytest.raises(AwsError, match="a later step"):
        cloud.settle(fail)
    assert cloud.set[-1] == CLOSED.gateway
