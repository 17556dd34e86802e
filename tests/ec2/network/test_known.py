"""What is remembered of networks is read again where it cannot be the whole truth about those that are wanted."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

from adapters.errors import BackendError, Fault
from adapters.types.network import Network, Port, SecurityGroup
from shim.cache import Cache
from shim.ec2.engine import ids
from shim.ec2.network import facts, known
from shim.ec2.network.layout import ROUTER_PORTS, VpcLayout
from tests.ec2.instances.test_instance_costs import Counted
from tests.ec2.instances.test_instance_rows import NET, port
from tests.ec2.test_half_done import call

ROUTER = "d" * 32
READY = Network(NET, "one", "p", False, False, "ACTIVE", (), (), (facts.written(facts.VPC, ROUTER),))
DOOR = replace(port("9", "m9", "10.0.0.1"), device_id=ROUTER, device_owner=ROUTER_PORTS[0])


class Neutron:
    """Networks and routers' ports that a test changes."""

    def __init__(self, network: Network, *ports: Port) -> None:
        self.networks, self.ports = [network], [*ports]
        self.counts: Counter[str] = Counter()
        self.groups: list[SecurityGroup] = []
        port = Counted(
            self.counts,
            networks=lambda: self.networks,
            ports=lambda **_: self.ports,
            security_groups=lambda: self.groups,
        )
        self.call = call("DescribeInstances", network=port)
        self.call.cache = Cache()

    def layout(self) -> VpcLayout:
        return asyncio.run(known.layout(self.call, {NET}))


def test_a_layout_is_remembered() -> None:
    cloud = Neutron(READY, DOOR)
    assert [cloud.layout().vpc_of(NET) for _ in range(3)] == [ids.aws("vpc", ROUTER)] * 3
    assert cloud.counts == {"networks": 1, "ports": 1}


def test_a_network_that_was_being_made_is_read_again() -> None:
    cloud = Neutron(replace(READY, name="ec2:half-done 1"), DOOR)
    assert NET not in cloud.layout().networks
    cloud.networks = [READY]
    assert NET in cloud.layout().networks


def test_a_network_whose_router_was_not_on_it_yet_is_read_again() -> None:
    cloud = Neutron(READY)
    assert cloud.layout().vpc_of(NET) == ids.aws("vpc", NET)
    cloud.ports = [DOOR]
    assert cloud.layout().vpc_of(NET) == ids.aws("vpc", ROUTER)


def test_what_was_being_made_is_read_again_for_its_name_and_tags() -> None:
    cloud = Neutron(replace(READY, name="ec2:half-done 1", tags=()))
    group = SecurityGroup("a" * 32, "web", "", "p", (), ())
    cloud.groups = [replace(group, name="ec2:half-done 2")]

    def names() -> list[tuple[str, tuple[str, ...]]]:
        [made] = asyncio.run(known.networks(cloud.call, {NET}))
        [named] = asyncio.run(known.groups(cloud.call, {group.id}))
        return [(made.name, made.tags), (named.name, named.tags)]

    assert names() == [("ec2:half-done 1", ()), ("ec2:half-done 2", ())]
    cloud.networks, cloud.groups = [READY], [group]
    assert names() == names() == [("one", READY.tags), ("web", ())]
    assert cloud.counts == {"networks": 2, "security_groups": 2}


def test_a_network_of_openstacks_own_tools_is_remembered() -> None:
    cloud: Any = Neutron(replace(READY, tags=()))
    assert [cloud.layout().vpc_of(NET) for _ in range(2)] == [ids.aws("vpc", NET)] * 2
    assert cloud.counts == {"networks": 1, "ports": 1}


class Slow(Neutron):
    """A Neutron that takes its time, and whose first answer is an error if it `fails`."""

    def __init__(self, *, fails: bool = False) -> None:
        super().__init__(READY, DOOR)
        self.fails = fails
        self.call.cloud.network.networks = self.listed  # type: ignore[method-assign]

    async def listed(self, **_: object) -> list[Network]:
        self.counts["networks"] += 1
        failed, self.fails = self.fails, False
        await asyncio.sleep(0.01)
        if failed:
            raise BackendError(Fault.UNAVAILABLE, service="network")
        return self.networks

    def at_once(self) -> list[Any]:
        async def layouts() -> list[Any]:
            return await asyncio.gather(*(known.layout(self.call, {NET}) for _ in range(10)), return_exceptions=True)

        return asyncio.run(layouts())


def test_requests_at_one_moment_read_once() -> None:
    cloud = Slow()
    assert [one.vpc_of(NET) for one in cloud.at_once()] == [ids.aws("vpc", ROUTER)] * 10
    assert cloud.counts == {"networks": 1, "ports": 1}


def test_only_the_request_whose_reading_fails_fails() -> None:
    found = Slow(fails=True).at_once()
    assert [isinstance(one, BackendError) for one in found] == [True, *[False] * 9]
