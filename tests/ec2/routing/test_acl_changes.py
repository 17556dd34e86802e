"""Network ACLs whose changes fail, or come at the same time, in one VPC or in two."""

import asyncio

import anyio
import pytest

from adapters.errors import BackendError
from adapters.types.network import FixedAddress, Network, Router, Subnet, SubnetPool
from shim.ec2.network import facts
from shim.ec2.routing.network_acls import (
    create_network_acl_entry,
    delete_network_acl_entry,
    replace_network_acl_association,
)
from shim.locks import Locks
from tests.ec2.routing.small_neutron import ACL, SUBNETS, VPC, Neutron, ec2_id, router_port, uuid
from tests.ec2.routing.test_route_changes import NAT_ROUTE, Step, begun, prepared

IN = {"NetworkAclId": ec2_id("acl", VPC), "Egress": False}
ALLOW = {"Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"}
CLOSE = Step(delete_network_acl_entry, {**IN, "RuleNumber": 100})
OTHER_VPC, OTHER_ACL, OTHER_SUBNET, OTHER_NETWORK, OTHER_DOOR = 3, 15, 80, 81, 82
EMPTY_ACL = 16
MOVE = Step(
    replace_network_acl_association,
    {"AssociationId": ec2_id("aclassoc", SUBNETS[0]), "NetworkAclId": ec2_id("acl", EMPTY_ACL)},
)


def allow(number: int) -> Step:
    return Step(create_network_acl_entry, {**IN, **ALLOW, "RuleNumber": number})


@pytest.mark.parametrize(
    ("before", "change"),
    [((), CLOSE), ((CLOSE,), allow(200)), ((NAT_ROUTE,), CLOSE), ((NAT_ROUTE,), MOVE)],
    ids=["closes", "opens", "closes with a NAT gateway", "moves a subnet"],
)
def test_a_change_that_fails_leaves_everything_as_it_was(before: tuple[Step, ...], change: Step) -> None:
    async def start() -> Neutron:
        neutron = await prepared(before)
        tags = ("ec2:kind=network-acl", f"ec2:vpc={uuid(VPC)}")
        neutron.things[uuid(EMPTY_ACL)] = SubnetPool(uuid(EMPTY_ACL), "", "p", tags)
        return neutron

    async def scenario() -> None:
        whole, untouched = await start(), (await start()).seen()
        await change.take(whole)
        assert whole.seen() != untouched
        for fails_at in range(1, whole.writes + 1):
            neutron = await start()
            neutron.fails_at = fails_at
            with pytest.raises(BackendError):
                await change.take(neutron)
            assert neutron.seen() == untouched, fails_at

    anyio.run(scenario)


@pytest.mark.parametrize("back", [False, True])
def test_a_subnet_that_moves_is_put_back_where_an_answer_was_lost(back: bool) -> None:
    async def start() -> Neutron:
        neutron = Neutron()
        tags = ("ec2:kind=network-acl", f"ec2:vpc={uuid(VPC)}")
        neutron.things[uuid(EMPTY_ACL)] = SubnetPool(uuid(EMPTY_ACL), "", "p", tags)
        if back:
            await MOVE.take(neutron)
        neutron.tagged = 0
        return neutron

    async def scenario() -> None:
        home = Step(replace_network_acl_association, {**MOVE.params, "NetworkAclId": ec2_id("acl", VPC)})
        change, whole, untouched = home if back else MOVE, await start(), (await start()).seen()
        await change.take(whole)
        assert whole.tagged
        for lost_at in range(1, whole.tagged + 1):
            neutron = await start()
            neutron.lost_at = lost_at
            with pytest.raises(BackendError):
                await change.take(neutron)
            assert neutron.seen() == untouched, lost_at

    anyio.run(scenario)


def test_an_entry_that_comes_while_another_one_goes_lets_pass() -> None:
    async def scenario() -> None:
        neutron, shared = Neutron(), Locks("")
        opening = await begun(neutron, "add_tag subnetpools", allow(200).under(shared))
        closing = asyncio.ensure_future(CLOSE.under(shared).take(neutron))
        await asyncio.wait([closing], timeout=0.1)
        neutron.waits["add_tag subnetpools"].set()
        await asyncio.gather(opening, closing)
        assert neutron.down == set()
        assert facts.CLOSED not in neutron.things[uuid(VPC)].tags

    anyio.run(scenario)


def test_of_two_entries_of_one_number_that_come_at_once_the_second_is_refused() -> None:
    async def scenario() -> None:
        neutron, shared = Neutron(), Locks("")
        await begun(neutron, "add_tag subnetpools", allow(200).under(shared))
        second = asyncio.ensure_future(allow(200).under(shared).take(neutron))
        await asyncio.wait([second], timeout=0.1)
        neutron.waits["add_tag subnetpools"].set()
        [error] = await asyncio.gather(second, return_exceptions=True)
        assert getattr(error, "code", None) == "NetworkAclEntryAlreadyExists"

    anyio.run(scenario)


def test_a_change_leaves_what_another_vpc_is_about_to_have() -> None:
    """The other VPC's ACL has lost its entries, and the request that took them has not closed the VPC yet."""
    fixed = (FixedAddress(uuid(OTHER_SUBNET), "10.50.0.1"),)
    tags = ("ec2:kind=network-acl", f"ec2:own={uuid(OTHER_VPC)}")
    neutron = Neutron()
    neutron.things |= {
        uuid(OTHER_VPC): Router(uuid(OTHER_VPC), "other", "p", "ACTIVE", ("ec2:cidr=10.50.0.0-16",), None),
        uuid(OTHER_ACL): SubnetPool(uuid(OTHER_ACL), "", "p", tags),
        uuid(OTHER_NETWORK): Network(uuid(OTHER_NETWORK), "", "p", False, False, "ACTIVE", (), (), ()),
        uuid(OTHER_SUBNET): Subnet(
            uuid(OTHER_SUBNET), "", "p", uuid(OTHER_NETWORK), 4, "10.50.0.0/24", "10.50.0.1", (), ()
        ),
        uuid(OTHER_DOOR): router_port(OTHER_DOOR, uuid(OTHER_NETWORK), fixed, OTHER_VPC),
    }
    before = neutron.things[uuid(OTHER_VPC)]
    anyio.run(CLOSE.take, neutron)
    assert neutron.things[uuid(OTHER_VPC)] == before
    assert uuid(OTHER_DOOR) not in neutron.down
    assert len(neutron.down) == 3
    assert facts.written("ec2:entry", "ingress-100-ipv4") not in neutron.things[uuid(ACL)].tags
