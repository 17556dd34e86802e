"""What a VPC's router says of its IPv6 block, and what a VPC that is gone leaves."""

import asyncio

import pytest

from adapters.types.network import Network
from shim.ec2.network.ipv6 import vpc_block
from shim.ec2.network.vpcs import delete_vpc
from shim.ec2.tags.creating import half_done_name
from shim.errors import AwsError
from tests.ec2.ipv6.neutron import ROUTER, VPC, Neutron, router


@pytest.mark.parametrize("told", ["", "x", "10.0.0.0-16", "2001:db8::1-56", "2001:DB8::-56", "2001:db8::-200"])
def test_only_what_ec2_writes_is_a_block(told: str) -> None:
    assert vpc_block.of_router(router(f"ec2:ipv6-block={told}")) is None
    found = vpc_block.of_router(router(f"ec2:ipv6-block={told}", "ec2:ipv6-block=2001:db8::-56"))
    assert str(found) == "2001:db8::/56"


def holder(name: str, project: str) -> Network:
    return Network(f"{name} {project}", name, project, False, False, "ACTIVE", (), (), ())


def test_deleting_a_vpc_that_is_gone_gives_back_what_it_left() -> None:
    """Whoever made it was killed before the network had the tag, so that its name alone tells."""
    left, theirs = (holder(half_done_name("ipv6", ROUTER), one) for one in ("p", "q"))
    other = holder(half_done_name("ipv6", "other"), "p")
    neutron = Neutron.of(left, theirs, other)
    with pytest.raises(AwsError) as refused:
        asyncio.run(neutron.act(delete_vpc, "DeleteVpc", {"VpcId": VPC}))
    assert refused.value.code == "InvalidVpcID.NotFound"
    assert neutron.every(Network) == [theirs, other]


def test_a_vpc_that_is_being_made_keeps_its_block() -> None:
    making = router()
    making = type(making)(making.id, half_done_name("vpc", "10.0.0.0/16"), "p", "ACTIVE", ())
    left = holder(half_done_name("ipv6", ROUTER), "p")
    neutron = Neutron.of(making, left)
    with pytest.raises(AwsError):
        asyncio.run(neutron.act(delete_vpc, "DeleteVpc", {"VpcId": VPC}))
    assert neutron.every(Network) == [left]
