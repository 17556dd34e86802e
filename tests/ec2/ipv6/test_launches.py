"""A launch corrects the IPv6 addresses of the interfaces that Nova has made."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from adapters.types.network import FixedAddress, Port, WantedAddress
from shim.ec2.launch.addresses import give_ipv6
from shim.ec2.launch.request import read
from shim.ec2.network import facts
from shim.ec2.network.interface_rows import APART
from shim.ec2.network.ipv6.asked import Wish
from tests.ec2.instances.test_instance_costs import Counted
from tests.ec2.launch.test_interface_groups import BUILT, FIRST, SECOND, Nova
from tests.ec2.test_half_done import call

SIX = "6" * 32
NONE, TWO = Wish(SIX, (), 0), Wish(SIX, (), 2)


def dual(port: Port, **more: Any) -> Port:
    """Return a port as Neutron gives it to a server on a network of both IP versions."""
    return replace(port, fixed=(*port.fixed, FixedAddress(SIX, f"fd00::{port.id[0]}")), **more)


def of_v4(port: Port) -> list[WantedAddress]:
    return [WantedAddress(one.subnet_id, one.address) for one in port.fixed]


class Neutron(Counted):
    """A Neutron that has the ports of one server, and notes changed addresses."""

    def __init__(self, *ports: Port) -> None:
        super().__init__(Counter(), ports=list(ports))
        self.changed: dict[str, list[WantedAddress]] = {}

    async def update_port(self, id: str, *, fixed: list[WantedAddress]) -> Port:
        self.changed[id] = fixed
        return FIRST


def given(ports: Sequence[Port], wishes: Sequence[Wish | None], *there: str) -> dict[str, list[WantedAddress]]:
    """Return what a launch writes; `there` names the interfaces that exist, by their place."""
    interfaces = [
        {"DeviceIndex": place, **({"NetworkInterfaceId": f"eni-{'a' * 32}"} if str(place) in there else {})}
        for place in range(len(wishes))
    ]
    asked = {"ImageId": f"ami-{'a' * 32}", "InstanceType": "m1", "MinCount": 1, "MaxCount": 1}
    neutron = Neutron(*ports)
    here = call("RunInstances", network=neutron, compute=Nova(Counter()))
    launch = read({**asked, "NetworkInterfaces": interfaces})
    asyncio.run(asyncio.wait_for(give_ipv6(here, [BUILT], launch, wishes), 5))
    return neutron.changed


# Nova tells that SECOND is the first interface.
SECONDS, FIRSTS = [*of_v4(SECOND)], [*of_v4(FIRST)]


@pytest.mark.parametrize(
    ("ports", "wishes", "there", "expected"),
    [
        ((dual(FIRST), dual(SECOND)), (NONE, None), (), {SECOND.id: SECONDS}),
        (
            (dual(FIRST), dual(SECOND)),
            (None, TWO),
            (),
            {FIRST.id: [*FIRSTS, WantedAddress(SIX, "fd00::1"), WantedAddress(SIX)]},
        ),
        # An interface that exists brings its own addresses.
        ((dual(FIRST), dual(SECOND, tags=(APART,))), (None, NONE), ("0",), {FIRST.id: FIRSTS}),
        # A client has changed the addresses since.
        ((dual(FIRST), dual(SECOND, tags=(facts.IPV6_SET,))), (NONE, NONE), (), {FIRST.id: FIRSTS}),
        ((dual(FIRST), dual(SECOND)), (), (), {}),
    ],
)
def test_what_a_launch_writes(
    ports: Sequence[Port], wishes: Sequence[Wish | None], there: Sequence[str], expected: Any
) -> None:
    assert given(ports, wishes, *there) == expected
