"""DeleteSubnet and the subnet's IPv6 block: what a killed AssociateSubnetCidrBlock left goes too, and nothing else."""

import asyncio
from typing import Any

import pytest

from adapters.types.network import Network, Port, Subnet
from shim.ec2.cidrs.subnet_cidrs import associate_subnet_cidr_block
from shim.ec2.subnets.subnets import delete_subnet
from shim.ec2.tags.creating import half_done_name
from shim.errors import AwsError
from tests.ec2.ipv6.neutron import Neutron, port, router

FOUR, SIX, NATIVE = (f"00000000-0000-4000-8000-00000000000{one}" for one in "cde")
SUBNET = "subnet-" + FOUR.replace("-", "")
VPC_ROUTER = router("ec2:cidr=10.0.0.0-16", "ec2:ipv6-block=2001:db8::-56")
HALF = half_done_name("ipv6 subnet", FOUR)


def subnet(id: str, cidr: str, *tags: str, name: str = "s", version: int = 6) -> Subnet:
    return Subnet(id, name, "p", "net", version, cidr, None, (), tags)


PLAIN = subnet(FOUR, "10.0.1.0/24", version=4)
OWN = subnet(SIX, "2001:db8:0:1::/64", f"ec2:ipv6-of={FOUR}")
THEIRS = subnet(NATIVE, "fd00::/64")


def made(*more: Subnet, ports: tuple[Port, ...]) -> Neutron:
    """A subnet on a network of its own, with IPv6 subnets."""
    home = Network("net", "net", "p", False, False, "ACTIVE", (FOUR, *(one.id for one in more)), (), ())
    return Neutron.of(VPC_ROUTER, home, PLAIN, *more, port("door", "net", FOUR), *ports)


def delete(neutron: Neutron) -> None:
    asyncio.run(neutron.act(delete_subnet, "DeleteSubnet", {"SubnetId": SUBNET}))


@pytest.mark.parametrize(
    "left",
    [
        OWN,
        subnet(SIX, OWN.cidr, *OWN.tags, name=HALF),
        subnet(SIX, OWN.cidr, name=HALF),
    ],
    ids=["whole", "half done", "half done without its tag"],
)
@pytest.mark.parametrize("entered", [True, False])
def test_its_ipv6_subnet_goes_too(left: Subnet, entered: bool) -> None:
    neutron = made(left, ports=(port("door6", "net", SIX),) if entered else ())
    delete(neutron)
    assert (neutron.every(Network), neutron.every(Subnet), neutron.every(Port)) == ([], [], [])


def test_a_port_stays_on_the_subnets_of_others() -> None:
    """Neutron gives a router one port for all IPv6 subnets of a network."""
    neutron = made(OWN, THEIRS, ports=(port("door6", "net", SIX, NATIVE),))
    delete(neutron)
    assert neutron.every(Subnet) == [THEIRS]
    assert neutron.every(Port) == [port("door6", "net", NATIVE)]


def test_a_failure_brings_every_interface_back() -> None:
    neutron = made(OWN, ports=(port("door6", "net", SIX),))
    neutron.broken = ("delete_network",)
    assert not asyncio.run(neutron.try_to(delete_subnet, "DeleteSubnet", {"SubnetId": SUBNET}))
    assert {fixed.subnet_id for one in neutron.every(Port) for fixed in one.fixed} == {FOUR, SIX}


def test_a_network_takes_one_ipv6_subnet() -> None:
    other = subnet("00000000-0000-4000-8000-000000000001", "10.0.2.0/24", version=4)
    neutron = made(other, subnet(NATIVE, "fd00::/64", f"ec2:ipv6-of={other.id}"), ports=())
    asked: Any = {"SubnetId": SUBNET, "Ipv6CidrBlock": OWN.cidr}
    with pytest.raises(AwsError) as refused:
        asyncio.run(neutron.act(associate_subnet_cidr_block, "AssociateSubnetCidrBlock", asked))
    assert refused.value.code == "UnsupportedOperation"
    assert neutron.writes == []
