"""A look at one VPC makes as few OpenStack calls as its kind allows."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.network import Network, Router, Subnet
from shim.cache import Cache
from shim.ec2.engine import ids
from shim.ec2.network import facts
from shim.ec2.network.vpcs import describe_vpcs
from shim.ec2.routing.vpc_attributes import describe_vpc_attribute
from shim.errors import AwsError
from tests.ec2.acting import act
from tests.ec2.instances.test_instance_costs import Counted
from tests.ec2.test_half_done import call

MADE, FOREIGN, DEFAULT, NAT, NET = (str(UUID(letter * 32)) for letter in "abcde")
CIDR = facts.written(facts.CIDR, "10.0.0.0-16")
ROUTERS = {
    MADE: Router(MADE, "made", "p", "ACTIVE", (CIDR, "ec2:dns-hostnames=true")),
    FOREIGN: Router(FOREIGN, "foreign", "p", "ACTIVE", ()),
    DEFAULT: Router(DEFAULT, "default", "p", "ACTIVE", (CIDR, facts.DEFAULT)),
    NAT: Router(NAT, "nat", "p", "ACTIVE", (facts.NAT,)),
}


def router(id: str) -> Router:
    if id not in ROUTERS:
        raise BackendError(Fault.NOT_FOUND, service="network", resource="router", id=id)
    return ROUTERS[id]


class Cloud:
    """Routers, and a network without one."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        subnet = Subnet("e" * 32, "s", "p", NET, 4, "192.168.0.0/24", "192.168.0.1", (), ())
        self.network = Counted(
            self.counts,
            router=router,
            routers=list(ROUTERS.values()),
            networks=[Network(NET, "default", "p", False, False, "ACTIVE", (subnet.id,), (), ())],
            subnets=[subnet],
        )
        self.cache = Cache()

    def ask(self, action: Any, operation: str, **params: Any) -> Any:
        here = call(operation, network=self.network)
        here.cache = self.cache
        return asyncio.run(act(action, here, params))

    def spent(self, action: Any, operation: str, **params: Any) -> int:
        """Return the calls of the second of two equal requests."""
        self.ask(action, operation, **params)
        self.counts.clear()
        self.ask(action, operation, **params)
        return self.counts.total()


@pytest.mark.parametrize(("uuid", "most"), [(MADE, 1), (FOREIGN, 2), (DEFAULT, 3), (NET, 4)])
def test_a_named_vpc(uuid: str, most: int) -> None:
    assert Cloud().spent(describe_vpcs, "DescribeVpcs", VpcIds=[ids.aws("vpc", uuid)]) == most


@pytest.mark.parametrize(("uuid", "most", "value"), [(MADE, 1, True), (FOREIGN, 1, False), (NET, 3, False)])
def test_an_attribute(uuid: str, most: int, value: bool) -> None:
    asked = {"VpcId": ids.aws("vpc", uuid), "Attribute": "enableDnsHostnames"}
    cloud = Cloud()
    assert cloud.spent(describe_vpc_attribute, "DescribeVpcAttribute", **asked) == most
    answer = cloud.ask(describe_vpc_attribute, "DescribeVpcAttribute", **asked)
    assert answer["EnableDnsHostnames"] == {"Value": value}


def test_what_a_single_look_shows_is_what_the_list_shows() -> None:
    cloud = Cloud()
    everything = cloud.ask(describe_vpcs, "DescribeVpcs")["Vpcs"]
    assert {row["VpcId"] for row in everything} == {ids.aws("vpc", one) for one in (MADE, FOREIGN, DEFAULT, NET)}
    for row in everything:
        assert [row] == cloud.ask(describe_vpcs, "DescribeVpcs", VpcIds=[row["VpcId"]])["Vpcs"]


def test_a_network_that_is_gone_is_not_remembered() -> None:
    cloud = Cloud()
    asked = {"VpcIds": [ids.aws("vpc", NET)]}
    assert cloud.ask(describe_vpcs, "DescribeVpcs", **asked)["Vpcs"]
    cloud.network = Counted(cloud.counts, router=router)
    with pytest.raises(AwsError):
        cloud.ask(describe_vpcs, "DescribeVpcs", **asked)


@pytest.mark.parametrize("uuid", [NAT, "f" * 32])
def test_what_is_no_vpc_is_not_found(uuid: str) -> None:
    vpc = ids.aws("vpc", uuid)
    for action, operation, params in (
        (describe_vpcs, "DescribeVpcs", {"VpcIds": [vpc]}),
        (describe_vpc_attribute, "DescribeVpcAttribute", {"VpcId": vpc, "Attribute": "enableDnsSupport"}),
    ):
        with pytest.raises(AwsError) as refused:
            Cloud().ask(action, operation, **params)
        assert refused.value.code == "InvalidVpcID.NotFound"
