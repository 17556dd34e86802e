"""AssociateVpcCidrBlock and DisassociateVpcCidrBlock on a cloud that fails: no VPC has a block that nothing holds."""

import asyncio
from typing import Any

import pytest

from adapters.types.network import Gateway, Network, Subnet, SubnetPool
from shim.ec2.cidrs.vpc_cidrs import associate_vpc_cidr_block, disassociate_vpc_cidr_block
from shim.ec2.network import facts
from shim.ec2.routing.markers import IPV6_ENTRIES, default_entries
from shim.errors import AwsError
from tests.ec2.ipv6.neutron import OUTER, OUTSIDE, ROUTER, VPC, Neutron, port, router

ASSOCIATE: Any = (
    associate_vpc_cidr_block,
    "AssociateVpcCidrBlock",
    {"VpcId": VPC, "AmazonProvidedIpv6CidrBlock": True},
)


def told(neutron: Neutron) -> set[str]:
    """The blocks of VPCs."""
    tags = [tag for one in asyncio.run(neutron.routers()) for tag in one.tags]
    return {one.replace("-", "/") for one in facts.every(tags, facts.IPV6)}


def held(neutron: Neutron) -> set[str]:
    """The blocks that no other VPC can get."""
    return {one.cidr for one in asyncio.run(neutron.subnets()) if one.version == 6}


def disassociate(answer: Any) -> Any:
    gone = {"AssociationId": answer["Ipv6CidrBlockAssociation"]["AssociationId"]}
    return disassociate_vpc_cidr_block, "DisassociateVpcCidrBlock", gone


@pytest.mark.parametrize("broken", [(), ("remove_tag",)])
@pytest.mark.parametrize("effect", [False, True])
def test_a_vpc_that_gets_a_block(effect: bool, broken: tuple[str, ...]) -> None:
    for fails_at in range(1, 20):
        neutron = Neutron.of(router("ec2:cidr=10.0.0.0-16"), fails_at=fails_at, effect=effect, broken=broken)
        done = asyncio.run(neutron.try_to(*ASSOCIATE))
        assert told(neutron) <= held(neutron), fails_at
        if done:
            break
        assert broken or not (told(neutron) | held(neutron)), fails_at
    assert fails_at > 4  # every write has failed once
    assert len(held(neutron)) == 1


@pytest.mark.parametrize("effect", [False, True])
def test_a_network_acl_that_was_to_let_ipv6_pass(effect: bool) -> None:
    tags = ("ec2:kind=network-acl", f"ec2:own={ROUTER}", *default_entries(()))
    record = SubnetPool("00000000-0000-4000-8000-00000000000c", "", "p", tags)
    for fails_at in range(1, 20):
        neutron = Neutron.of(router("ec2:cidr=10.0.0.0-16"), record, fails_at=fails_at, effect=effect)
        if asyncio.run(neutron.try_to(*ASSOCIATE)):
            break
        assert neutron.things[record.id] == record, fails_at
    assert set(neutron.things[record.id].tags) == {*tags, *IPV6_ENTRIES}


@pytest.mark.parametrize("effect", [False, True])
def test_a_vpc_that_loses_its_block(effect: bool) -> None:
    for fails_at in range(1, 20):
        neutron = Neutron.of(router("ec2:cidr=10.0.0.0-16"))
        answer = asyncio.run(neutron.act(*ASSOCIATE))
        neutron.writes.clear()
        neutron.fails_at, neutron.effect = fails_at, effect
        done = asyncio.run(neutron.try_to(*disassociate(answer)))
        assert told(neutron) <= held(neutron), fails_at
        if done:
            break
    assert fails_at > 2
    assert held(neutron) == set()


def test_a_block_that_was_left_is_given_back_by_the_next_association() -> None:
    neutron = Neutron.of(router("ec2:cidr=10.0.0.0-16"))
    answer = asyncio.run(neutron.act(*ASSOCIATE))
    neutron.broken = ("delete_network",)
    assert not asyncio.run(neutron.try_to(*disassociate(answer)))
    neutron.broken = ()
    asyncio.run(neutron.act(*ASSOCIATE))
    assert told(neutron) == held(neutron) != set()
    assert len(neutron.every(Network)) == 1


class Late(Neutron):
    """The block is another one by the time that the action holds the lock: the first list of routers is an old one."""

    old: Any = None

    async def routers(self) -> Any:
        return [self.old] if self.old else await super().routers()


def test_a_block_that_came_meanwhile_stays() -> None:
    neutron = Late.of(router("ec2:cidr=10.0.0.0-16"))
    assert isinstance(neutron, Late)
    answer = asyncio.run(neutron.act(*ASSOCIATE))
    old = neutron.every(type(router()))[0]
    asyncio.run(neutron.act(*disassociate(answer)))
    asyncio.run(neutron.act(*ASSOCIATE))
    neutron.old = old
    with pytest.raises(AwsError) as refused:
        asyncio.run(neutron.act(*disassociate(answer)))
    assert refused.value.code == "InvalidVpcCidrBlockAssociationID.NotFound"
    neutron.old = None
    assert told(neutron) == held(neutron) != set()


@pytest.mark.parametrize("tags", [(), ("ec2:cidr=10.0.0.0-16",)])
def test_ipv6_of_openstacks_own_tools_is_not_cut_off(tags: tuple[str, ...]) -> None:
    native = Subnet("six", "six", "p", "net", 6, "fd00::/64", "fd00::1", (), ())
    home = Network("net", "net", "p", False, False, "ACTIVE", ("six",), (), ())
    there = router(*tags, gateway=Gateway("outside", False, ("192.0.2.7", "2001:db8:f::7")))
    neutron = Neutron.of(there, OUTSIDE, *OUTER, *((home, native, port("door", "net", "six")) if tags else ()))
    with pytest.raises(AwsError) as refused:
        asyncio.run(neutron.act(*ASSOCIATE))
    assert (refused.value.code, neutron.writes) == ("UnsupportedOperation", [])
