"""The IPv6 block of a subnet: a second Neutron subnet on the same network, on which the VPC's router has an address.

Neutron gives its addresses by DHCP, which is how AWS gives them.  The tag `ec2:ipv6-of=<subnet>` names the IPv4 subnet.
An IPv6 subnet of OpenStack's own tools has no such tag: it belongs to that IPv4 subnet of its network which has the
lowest id, and Neutron gives an address of it to every interface.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from ipaddress import IPv6Address, IPv6Network, ip_network
from typing import Any

from adapters.errors import BackendError, Fault, absent_is
from adapters.types import network as cloud
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import SUBNET_CIDR_ASSOCIATION
from shim.ec2.network import cidr_blocks, facts
from shim.ec2.network.ipv6 import vpc_block
from shim.ec2.network.layout import ROUTER_PORTS
from shim.ec2.tags.creating import half_done_name, is_half_done
from shim.errors import AwsError

# "The allowed IPv6 prefix lengths of a subnet are between /44 and /64 in increments of /4."
_LENGTHS = range(44, 65, 4)
_RESERVED = 4  # "The first four IPv6 addresses and the last IPv6 address in each subnet CIDR block are not available"


def reserved(block: IPv6Network) -> set[IPv6Address]:
    """Return the addresses of a subnet's block that are for no host."""
    return {*(block[place] for place in range(_RESERVED)), block[-1]}


def read(given: str | None) -> IPv6Network | None:
    """Read the IPv6 block of a request; None if it names none."""
    if not given:
        return None
    found = cidr_blocks.ipv6_block(given, "ipv6CidrBlock")
    if found.prefixlen not in _LENGTHS:
        raise AwsError("InvalidSubnet.Range", f"The CIDR '{found}' is invalid.", refused="Ipv6CidrBlock")
    return found


def partners(subnets: Iterable[cloud.Subnet]) -> dict[str, list[cloud.Subnet]]:
    """Return the IPv6 subnets of each IPv4 subnet, by its UUID; those that are half done are left out."""
    listed = sorted(subnets, key=lambda one: one.id)
    first: dict[str, str] = {}
    for one in listed:
        if one.version == 4:
            first.setdefault(one.network_id, one.id)
    found: dict[str, list[cloud.Subnet]] = {}
    for one in listed:
        if one.version == 6 and not is_half_done(one.name):
            home = facts.one(one.tags, facts.IPV6_OF) or first.get(one.network_id)
            if home:
                found.setdefault(home, []).append(one)
    return found


def partner(subnets: Iterable[cloud.Subnet], subnet: cloud.Subnet) -> cloud.Subnet | None:
    """Return the IPv6 subnet of an IPv4 subnet: that of EC2, else the first; None if it has none."""
    found = partners(subnets).get(subnet.id, [])
    return min(found, key=lambda one: not is_own(one), default=None)


def is_own(subnet: cloud.Subnet) -> bool:
    """Tell whether EC2 made an IPv6 subnet."""
    return facts.one(subnet.tags, facts.IPV6_OF) is not None


def marked(subnet_id: str) -> str:
    """Return the name of an IPv6 subnet that AssociateSubnetCidrBlock has not ended."""
    return half_done_name("ipv6 subnet", subnet_id)


def made_for(subnets: Iterable[cloud.Subnet], subnet: cloud.Subnet) -> list[cloud.Subnet]:
    """Return the IPv6 subnets that EC2 made for an IPv4 subnet, those that are half done among them."""
    name, told = marked(subnet.id), facts.written(facts.IPV6_OF, subnet.id)
    here = (one for one in subnets if one.version == 6 and one.network_id == subnet.network_id)
    return [one for one in here if one.name == name or told in one.tags]


def assigns(subnet: cloud.Subnet, found: Iterable[cloud.Subnet]) -> bool:
    """Tell whether new interfaces of a subnet get an IPv6 address unasked; `found` are its IPv6 subnets."""
    return facts.ASSIGN_IPV6 in subnet.tags or any(not is_own(one) for one in found)


def members(subnet: cloud.Subnet, found: Iterable[cloud.Subnet]) -> dict[str, Any]:
    """Write the members of a subnet that are about IPv6."""
    found = list(found)
    return {
        "AssignIpv6AddressOnCreation": assigns(subnet, found),
        "Ipv6CidrBlockAssociationSet": [association(one, "associated") for one in found],
        "Ipv6Native": False,
    }


def association(subnet: cloud.Subnet, state: str) -> dict[str, Any]:
    """Write the association of an IPv6 subnet with its IPv4 subnet."""
    return {
        "AssociationId": ids.aws(SUBNET_CIDR_ASSOCIATION.prefix, subnet.id),
        "Ipv6CidrBlock": subnet.cidr,
        "Ipv6CidrBlockState": {"State": state},
        "Ipv6AddressAttribute": "public",
        "IpSource": "amazon",
    }


def check_place(block: IPv6Network, router: cloud.Router, here: Iterable[cloud.Subnet]) -> None:
    """Refuse a block outside of the VPC's, or one that meets another subnet's."""
    whole = vpc_block.of_router(router)
    if whole is None or not block.subnet_of(whole):
        raise AwsError("InvalidSubnet.Range", f"The CIDR '{block}' is invalid.", refused="Ipv6CidrBlock")
    if any(one.version == 6 and block.overlaps(IPv6Network(one.cidr)) for one in here):
        raise conflict(block)


def conflict(block: IPv6Network | str) -> AwsError:
    """Return the error for a block that meets another subnet's."""
    return AwsError("InvalidSubnet.Conflict", f"The CIDR '{block}' conflicts with another subnet")


async def add(
    call: Call, undo: Callable[..., None], router: cloud.Router, subnet: cloud.Subnet, block: IPv6Network, marked: str
) -> cloud.Subnet:
    """Give a subnet an IPv6 block; the IPv6 subnet is named `marked` until `name_it`.

    The router's port passes nothing where the VPC's default network ACL does not.
    """
    network, whole = call.cloud.network, ip_network(block)
    pool = str(whole[_RESERVED]), str(whole[-2])
    servers = facts.name_servers(router.tags, 6)
    made = await network.create_subnet(
        cloud.NewSubnet(marked, subnet.network_id, 6, str(block), str(whole[1]), (pool,), servers)
    )
    undo(network.delete_subnet, made.id)
    tags = (facts.written(facts.IPV6_OF, subnet.id),)
    await network.set_tags("subnets", made.id, tags)
    try:
        await network.add_interface(router.id, subnet_id=made.id)
    except BackendError as error:
        if error.fault is not Fault.INVALID:
            raise
        raise conflict(block) from error
    undo(partial(network.remove_interface, router.id, subnet_id=made.id))
    return replace(made, tags=tags)


async def name_it(call: Call, made: cloud.Subnet, name: str) -> cloud.Subnet:
    """Name an IPv6 subnet after its IPv4 subnet, which makes it whole."""
    shown = f"{name[:200]} ipv6"
    await call.cloud.network.rename_subnet(made.id, shown)
    return replace(made, name=shown)


async def remove_half_done(call: Call, left: Sequence[cloud.Subnet], ports: Iterable[cloud.Port]) -> None:
    """Delete IPv6 subnets that were left half done, and the routers' ports on them."""
    network, gone = call.cloud.network, {one.id for one in left}
    for port in ports:
        for fixed in port.fixed if port.device_owner in ROUTER_PORTS else ():
            if fixed.subnet_id in gone:  # the port may be on other IPv6 subnets of the network too
                with suppress(BackendError):  # if the router is still there, the deletion below fails
                    await network.remove_interface(port.device_id, subnet_id=fixed.subnet_id)
    for one in gone:
        await absent_is(None, network.delete_subnet(one))


def vpc_members(vpc: str, region: str, cidrs: Mapping[str, bool], state: str = "associated") -> list[dict[str, Any]]:
    """Write the associations of IPv6 blocks with a VPC: each block, and whether it is of the operator's pool."""
    return [
        {
            "AssociationId": ids.derived("vpc-cidr-assoc", vpc, cidr),
            "Ipv6CidrBlock": cidr,
            "Ipv6CidrBlockState": {"State": state},
            **({"Ipv6Pool": "Amazon", "NetworkBorderGroup": region, "IpSource": "amazon"} if provided else {}),
            **({"Ipv6AddressAttribute": "public"} if provided else {}),
        }
        for cidr, provided in cidrs.items()
    ]
