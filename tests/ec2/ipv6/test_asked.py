"""Which IPv6 addresses a new interface is to have, and which subnet has which IPv6 subnets."""

from dataclasses import replace
from typing import Any

import pytest

from adapters.types.network import FixedAddress, Subnet, WantedAddress
from shim.ec2.network import facts
from shim.ec2.network.ipv6 import subnet_block
from shim.ec2.network.ipv6.asked import Asked, Wish, check, in_block, wish
from shim.errors import AwsError
from tests.ec2.network.test_network_interfaces import FREE

OLD = Subnet("b" * 32, "s", "p", "n", 4, "10.0.0.0/24", "10.0.0.1", (), ())
OLDER = replace(OLD, id="a" * 32, cidr="10.0.1.0/24")
OWN = Subnet("c" * 32, "s ipv6", "p", "n", 6, "fd00::/64", "fd00::1", (), (facts.written(facts.IPV6_OF, OLD.id),))
NATIVE = replace(OWN, id="d" * 32, cidr="fd01::/64", tags=())
ASSIGNING = replace(OLD, tags=(facts.ASSIGN_IPV6,))


@pytest.mark.parametrize(
    ("asked", "subnet", "found", "addresses", "count"),
    [
        (Asked(), OLD, [OWN], (), 0),
        (Asked(), ASSIGNING, [OWN], (), 1),
        (Asked(count=0), ASSIGNING, [OWN], (), 0),
        (Asked(count=3), OLD, [OWN, NATIVE], (), 3),
        (Asked(("fd00::7",)), ASSIGNING, [NATIVE, OWN], ("fd00::7",), 1),
    ],
)
def test_what_an_interface_is_to_have(
    asked: Asked, subnet: Subnet, found: list[Subnet], addresses: tuple[str, ...], count: int
) -> None:
    assert wish(asked, subnet, found) == Wish(OWN.id, addresses, count)


def test_neutron_decides_where_ec2_made_no_ipv6() -> None:
    assert wish(Asked(), OLD, []) is wish(Asked(count=0), ASSIGNING, [NATIVE]) is None
    assert wish(Asked(count=1), OLD, [NATIVE]) == Wish(NATIVE.id, (), 1)
    with pytest.raises(AwsError, match="does not have an IPv6 CIDR block"):
        wish(Asked(count=1), OLD, [])
    with pytest.raises(AwsError, match="does not fall within"):
        wish(Asked(("fd01::1",)), OLD, [OWN])


@pytest.mark.parametrize(
    ("given", "count", "code"),
    [
        (["fd00::1"], 1, "InvalidParameterCombination"),
        ([], -1, "InvalidParameterCombination"),
        ([], 51, "PrivateIpAddressLimitExceeded"),
        ([], 2**31 - 1, "PrivateIpAddressLimitExceeded"),
        ([f"fd00::{number:x}" for number in range(51)], None, "PrivateIpAddressLimitExceeded"),
        (["10.0.0.1"], None, "InvalidParameterValue"),
        (["fd00::1%eth0"], None, "InvalidParameterValue"),
        ([""], None, "InvalidParameterValue"),
    ],
)
def test_what_no_interface_can_have(given: list[str], count: int | None, code: str) -> None:
    with pytest.raises(AwsError) as refused:
        check(given, count)
    assert refused.value.code == code


def test_addresses_are_read_as_neutron_writes_them() -> None:
    assert check(["FD00:0::0001", "fd00::1"], None) == Asked(("fd00::1",))


V4 = FixedAddress(OLD.id, "10.0.0.6")


@pytest.mark.parametrize(
    ("one", "there", "wanted"),
    [
        (Wish(OWN.id, (), 0), ["fd00::9"], []),
        (Wish(OWN.id, (), 1), ["fd00::9"], None),
        (Wish(OWN.id, (), 1), [], [None]),
        (Wish(OWN.id, (), 3), ["fd00::9"], ["fd00::9", None, None]),
        (Wish(OWN.id, ("fd00::7",), 1), ["fd00::9"], ["fd00::7"]),
        (Wish(OWN.id, ("fd00::7",), 1), ["fd00::7"], None),
        (Wish(OWN.id, (), 0), [], None),
    ],
)
def test_a_port_is_changed_where_it_has_others(one: Wish, there: list[str], wanted: list[Any] | None) -> None:
    other = FixedAddress(NATIVE.id, "fd01::5")
    port = replace(FREE, fixed=(V4, other, *(FixedAddress(OWN.id, address) for address in there)))
    kept = [WantedAddress(V4.subnet_id, V4.address), WantedAddress(other.subnet_id, other.address)]
    expected = None if wanted is None else [*kept, *(WantedAddress(OWN.id, address) for address in wanted)]
    assert one.of(port) == expected


def test_each_ipv6_subnet_belongs_to_one_subnet() -> None:
    half = replace(OWN, id="e" * 32, name="ec2:half-done x")
    assert subnet_block.partners([OLD, OLDER, OWN, NATIVE, half]) == {OLD.id: [OWN], OLDER.id: [NATIVE]}
    assert subnet_block.partners([NATIVE]) == {}
    assert subnet_block.partner([OLD, NATIVE, OWN], OLD) == OWN
    assert subnet_block.partner([OLD], OLD) is None
    assert subnet_block.assigns(OLD, [NATIVE]) is subnet_block.assigns(ASSIGNING, [OWN]) is True
    assert subnet_block.assigns(OLD, [OWN]) is subnet_block.assigns(OLD, []) is False


@pytest.mark.parametrize("reserved", ["fd00::", "fd00::1", "fd00::2", "fd00::3", "fd00::ffff:ffff:ffff:ffff"])
def test_addresses_that_aws_reserves_are_refused(reserved: str) -> None:
    with pytest.raises(AwsError, match="reserved") as refused:
        in_block(reserved, OWN)
    assert refused.value.code == "InvalidParameterValue"
    in_block("fd00::4", OWN)
    in_block("fd00::ffff:ffff:ffff:fffe", OWN)
    in_block("fd01::2", NATIVE)  # Neutron decides what is free there
