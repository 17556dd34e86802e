"""Which IPv6 addresses a new interface is to have: those of the request, else one if its subnet gives one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network
from typing import Any

from adapters.types import network as cloud
from adapters.types.network import WantedAddress
from shim.ec2.engine import ids
from shim.ec2.network import facts
from shim.ec2.network.addresses import check_number
from shim.ec2.network.ipv6 import subnet_block
from shim.ec2.service import Forbidden
from shim.errors import AwsError

SUPPORTS = ("Ipv6AddressCount", "Ipv6Addresses.Ipv6Address")
ANY = ("Ipv6AddressCount", "Ipv6Addresses")


def either(sentence: str) -> Forbidden:
    """Forbid addresses and their number in one request; `sentence` is that of the action's reference."""
    return Forbidden("Ipv6AddressCount", "Ipv6Addresses", sentence)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says: addresses, or a number of the cloud's choice (None: it leaves that to the subnet)."""

    addresses: tuple[str, ...] = ()
    count: int | None = None

    @property
    def some(self) -> bool:
        """Tell whether the request wants addresses."""
        return bool(self.addresses or self.count)


NOTHING = Asked()


@dataclass(frozen=True, slots=True)
class Wish:
    """What an interface is to have of its IPv6 subnet: these addresses, or any `count`."""

    subnet_id: str
    addresses: tuple[str, ...]
    count: int

    @property
    def fixed(self) -> list[WantedAddress]:
        """Write the addresses for a new port."""
        return [WantedAddress(self.subnet_id, one) for one in self.addresses or [None] * self.count]

    def of(self, port: cloud.Port) -> list[WantedAddress] | None:
        """Return the addresses that a port is to have; None if it has them.  All that are not of the subnet stay."""
        there = [one.address for one in port.fixed if one.subnet_id == self.subnet_id]
        wanted: list[str | None] = [*self.addresses] or [*there[: self.count]]
        wanted += [None] * (0 if self.addresses else self.count - len(wanted))
        if set(wanted) == set(there) and None not in wanted:
            return None
        others = [WantedAddress(one.subnet_id, one.address) for one in port.fixed if one.subnet_id != self.subnet_id]
        return [*others, *(WantedAddress(self.subnet_id, one) for one in wanted)]


def read(req: Mapping[str, Any]) -> Asked:
    """Read what a request says about the IPv6 addresses of an interface."""
    return check([one.get("Ipv6Address", "") for one in req.get("Ipv6Addresses") or ()], req.get("Ipv6AddressCount"))


def check(given: Sequence[str], count: int | None) -> Asked:
    """Check addresses, or their number; both cannot be given."""
    if (given and count) or (count or 0) < 0:
        raise AwsError(
            "InvalidParameterCombination",
            "You cannot specify IPv6 addresses and their count in one request.",
            refused="Ipv6AddressCount",
        )
    check_number(len(given) + (count or 0), "Ipv6Addresses" if given else "Ipv6AddressCount")
    return Asked(tuple(dict.fromkeys(_address(one) for one in given)), count)


def wish(asked: Asked, subnet: cloud.Subnet, found: Iterable[cloud.Subnet]) -> Wish | None:
    """Return what a new interface of a subnet is to have; None if Neutron decides: the subnet has no IPv6 of EC2's own.

    `found` are the subnet's IPv6 subnets.
    """
    home = min(found, key=lambda one: not subnet_block.is_own(one), default=None)
    if home is None or not (asked.some or subnet_block.is_own(home)):
        if asked.some:
            raise no_block(ids.aws("subnet", subnet.id))
        return None
    for one in asked.addresses:
        in_block(one, home)
    count = int(facts.ASSIGN_IPV6 in subnet.tags) if asked.count is None else asked.count
    return Wish(home.id, asked.addresses, len(asked.addresses) or count)


def in_block(address: str, home: cloud.Subnet) -> None:
    """Raise InvalidParameterValue unless an address is one that an IPv6 subnet has for its hosts."""
    if IPv6Address(address) not in IPv6Network(home.cidr):
        raise AwsError(
            "InvalidParameterValue",
            f"Address {address} does not fall within the subnet's address range",
            refused="Ipv6Addresses",
        )
    if subnet_block.is_own(home) and IPv6Address(address) in subnet_block.reserved(IPv6Network(home.cidr)):
        raise AwsError(
            "InvalidParameterValue",
            f"Address {address} is in subnet's reserved address range",
            refused="Ipv6Addresses",
        )


def no_block(subnet_id: str) -> AwsError:
    """Return the error for a subnet without an IPv6 block."""
    return AwsError(
        "InvalidParameterValue",
        f"The subnet '{subnet_id}' does not have an IPv6 CIDR block associated with it.",
        refused="Ipv6Addresses",
    )


def _address(given: str) -> str:
    """Return an address as Neutron writes it."""
    try:
        if "%" in given:  # the zone of a host's own interfaces
            raise ValueError(given)
        return str(IPv6Address(given))
    except ValueError:
        raise AwsError(
            "InvalidParameterValue",
            f"Invalid value '{given}' for ipv6Addresses. Not a valid IPv6 address",
            refused="Ipv6Addresses",
        ) from None
