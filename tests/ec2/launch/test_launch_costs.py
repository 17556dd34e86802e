"""The OpenStack calls for each additional instance of a launch."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from adapters.types.compute import Zone
from adapters.types.network import FloatingIp, Network, SecurityGroup, Subnet
from shim.cache import Cache
from shim.config import Settings
from shim.context import Call, Caller
from shim.ec2.engine import ids
from shim.ec2.launch.run_instances import run_instances
from shim.locks import Locks
from tests.ec2.acting import act
from tests.ec2.instances.test_instance_costs import Counted
from tests.ec2.instances.test_instance_rows import NET, port
from tests.ec2.launch.test_launch_half_done import Cloud, id_of
from tests.ec2.launch.test_launch_request import ASKED
from tests.ec2.launch.test_launch_volumes import REQUEST, Cinder, Nova


class Counting:
    """A port that counts its calls."""

    def __init__(self, port: Any, counts: Counter[str]) -> None:
        self._port = port
        self._counts = counts

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        async def call(*args: object, **options: object) -> Any:
            self._counts[name] += 1
            return await method(*args, **options)

        return call


def calls(request: dict[str, Any], count: int, cache: Cache | None = None) -> Counter[str]:
    """Launch so many instances, and count the calls by name."""
    counts, answer = launched(request, count, Cache() if cache is None else cache)
    assert len(answer["Instances"]) == count
    return counts


def launched(request: dict[str, Any], count: int, cache: Cache, **network: Any) -> tuple[Counter[str], Any]:
    """Launch so many instances, and return the calls by name and the answer; `network` is what Neutron answers."""
    counts: Counter[str] = Counter()
    cinder = Cinder()
    cloud: Any = Cloud(Nova(cinder))
    cloud.block = cinder
    if network:
        cloud.network = Counted(Counter(), **network)
    for name in ("compute", "network", "block", "images"):
        setattr(cloud, name, Counting(getattr(cloud, name), counts))
    caller = Caller("access", "u", "user", "p", "project", "123456789012", frozenset())
    call = Call(cloud, caller, "r", "us-east-1", "RunInstances", Settings.model_validate({}), Locks(""), cache=cache)
    answer = asyncio.run(act(run_instances, call, {**request, "MinCount": count, "MaxCount": count}))
    return counts, answer


@pytest.mark.parametrize(
    ("request_", "more"),
    [
        (ASKED, {"create_server": 1}),
        ({**ASKED, "ClientToken": "token"}, {"create_server": 1}),
        (REQUEST, {"create_server": 1, "set_volume_metadata": 1}),
    ],
)
def test_an_instance_more_costs_its_own_calls_alone(request_: dict[str, Any], more: dict[str, int]) -> None:
    few, many = calls(request_, 10), calls(request_, 60)
    assert {name: (many[name] - few[name]) / 50 for name in many if many[name] != few[name]} == more


@pytest.mark.parametrize("more", [{}, {"ClientToken": "token"}])
def test_one_instance_costs_at_most_twelve_calls(more: dict[str, Any]) -> None:
    """A flavor is remembered; a key pair would be one call more."""
    spent = calls({**ASKED, **more}, 1)
    assert spent.total() - spent["flavors"] <= 11, spent


SUBNET = str(UUID("c" * 32))
INSIDE = Network(NET, "default", "p", False, False, "ACTIVE", (SUBNET,), (), ())
NEUTRON: dict[str, Any] = {
    "networks": [INSIDE, replace(INSIDE, id="e" * 32, external=True)],
    "subnets": [Subnet(SUBNET, "", "p", NET, 4, "10.0.0.0/24", None, (), ())],
    "security_groups": [SecurityGroup("a" * 32, "default", "", "p", (), ())],
}
TOLD = {**ASKED, "ClientToken": "token", "SubnetId": ids.aws("subnet", SUBNET)}
ZONE = {"Placement": {"AvailabilityZone": "nova"}}


def test_a_subnet_and_a_zone_that_are_known_spare_three_calls() -> None:
    cache = Cache()
    cold, warm = (launched({**TOLD, **ZONE}, 1, cache, **NEUTRON)[0] for _ in range(2))
    assert (cold["networks"], cold["zones"]) == (1, 1)
    assert (warm["networks"], warm["zones"], warm.total()) == (0, 0, 9), warm


def test_a_zone_that_is_not_known_is_looked_for() -> None:
    cache = Cache()
    cache.put("p", ("zones",), [Zone("old", True)], size=1, seconds=10)
    assert launched({**TOLD, **ZONE}, 1, cache, **NEUTRON)[0]["zones"] == 1


@pytest.mark.parametrize(
    "more",
    [{"SubnetId": "", "SecurityGroups": ["default"]}, {"SubnetId": ""}, {"PrivateIpAddress": "10.0.0.9"}],
)
def test_what_depends_on_the_default_vpc_or_on_addresses_in_use_is_read(more: dict[str, Any]) -> None:
    cache = Cache()
    spent = [launched({**TOLD, **more}, 1, cache, **NEUTRON)[0] for _ in range(2)]
    assert [one["networks"] for one in spent] == [1, 1]


def test_the_answer_shows_the_address_that_the_launch_gave_without_a_further_look() -> None:
    def give(network: str, description: str, port_id: str, fixed: str) -> FloatingIp:
        return FloatingIp("a" * 32, "p", "172.24.0.9", network, port_id, fixed, "ACTIVE", (), description)

    mine = replace(port("1", "m1", "10.0.0.5"), device_id=id_of(1))
    neutron = {**NEUTRON, "ports": [mine], "create_floating_ip": give}
    interface = {"DeviceIndex": 0, "SubnetId": TOLD["SubnetId"], "AssociatePublicIpAddress": True}
    asked, cache = {**ASKED, "ClientToken": "token", "NetworkInterfaces": [interface]}, Cache()
    for _ in range(2):
        spent, answer = launched(asked, 1, cache, **neutron)
        [instance] = answer["Instances"]
        assert instance["PublicIpAddress"] == "172.24.0.9"
        assert instance["NetworkInterfaces"][0]["Association"]["IpOwnerId"] == "amazon"
        assert spent["floating_ips"] == 0
    assert (spent["networks"], spent.total()) == (1, 12), spent
