"""Facts about VPCs and subnets for which Neutron has no field; they are Neutron tags, `ec2:<name>=<value>`.

On the router of a VPC: `ec2:cidr` (its first CIDR block), `ec2:more-cidr` (each further one), `ec2:<attribute>` for an
attribute that is not AWS's default.  On a subnet's network: `ec2:vpc` (the router's UUID) and `ec2:az` (the zone).
A CIDR block is written with `-` in place of `/`, because Neutron accepts no slash in a tag that is written singly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shim.ec2.tags.creating import is_half_done

_LONGEST_NAME = 255
NO_SERVER = {4: "0.0.0.0", 6: "::"}  # noqa: S104 - the name server of a subnet that stands for none, by the IP version

CIDR = "ec2:cidr"
MORE_CIDR = "ec2:more-cidr"
VPC = "ec2:vpc"
OWN = "ec2:own"  # the UUID of the VPC's router, on the record of a VPC's own route table or network ACL
ZONE = "ec2:az"
DEFAULT = "ec2:default"  # marks the router of the default VPC, and the networks of its default subnets
MAP_PUBLIC = "ec2:map-public-ip"  # marks a subnet whose instances get a public address when they are launched
ROUTE = "ec2:route"  # on the record of a route table: a block and the target of its route
DNS_HOSTNAMES = "ec2:dns-hostnames"
DHCP_OPTIONS = "ec2:dhcp-options"
NAME_SERVERS = "ec2:name-servers"  # those that new subnets of a VPC get, with spaces between
# On the router of a VPC whose DHCP options are for single ports too, and on its IPv4 subnets: the set's UUID.
PORT_OPTIONS = "ec2:port-dhcp"
PORT_OPTIONS_USED = "ec2:port-dhcp-used"  # on a router that has or had such options: they may be left on ports
DNS_SUPPORT = "ec2:dns-support"  # on the router of a VPC: "false" where enableDnsSupport is
CLOSED = "ec2:closed"  # on the router of a VPC whose default network ACL lets nothing pass
CLOSED_IPV6 = "ec2:closed-ipv6"  # and of one that lets no IPv6 pass
IPV6 = "ec2:ipv6-block"  # on the router of a VPC: its IPv6 block
# On the network that holds this block: the UUID of the router.  On the IPv6 subnet of a subnet of EC2: the UUID of the
# IPv4 subnet that it belongs to.
IPV6_OF = "ec2:ipv6-of"
IPV6_SET = "ec2:ipv6-set"  # marks an interface whose IPv6 addresses a client has changed
ASSIGN_IPV6 = "ec2:assign-ipv6"  # marks a subnet whose new interfaces get an IPv6 address
ALLOCATION = "ec2:allocation"  # the UUID in an address's allocation id, where it is not that of the floating IP
ADDRESS = "ec2:address"  # on the router of a NAT gateway: its elastic IP address
NAT_SUBNET = "ec2:subnet"  # on the router of a NAT gateway: the subnet that it is in
PEERING = "ec2:peering"  # marks the network between the routers of two VPCs, which is no network of a VPC
REQUESTER = "ec2:requester"  # on the subnet of such a network: the UUID of the router of the VPC that asked
ACCEPTER = "ec2:accepter"  # and that of the VPC that was asked
ASKED = "ec2:asked"  # and when that was, in seconds since 1970
NAT = "ec2:nat"  # marks the router of a NAT gateway, which is no VPC


def written(name: str, value: str) -> str:
    """Write a fact as a tag."""
    return f"{name}={value.replace('/', '-')}"


def of_subnets_network(router_id: str, zone: str | None) -> tuple[str, ...]:
    """Return the tags of the network of a VPC's subnet: the VPC's router, and the zone if the cloud has zones."""
    return (written(VPC, router_id), *((written(ZONE, zone),) if zone else ()))


def name(tags: Mapping[str, str], otherwise: str) -> str:
    """Return the name that OpenStack's tools show for a new resource: its tag `Name`, if that can be a name."""
    wanted = tags.get("Name", "")
    return otherwise if not wanted or len(wanted) > _LONGEST_NAME or is_half_done(wanted) else wanted


def every(tags: Iterable[str], name: str) -> list[str]:
    """Return all values of a fact, sorted."""
    return sorted(tag[len(name) + 1 :] for tag in tags if tag.startswith(f"{name}="))


def one(tags: Iterable[str], name: str) -> str | None:
    """Return the value of a fact; None if there is none."""
    found = every(tags, name)
    return found[0] if found else None


def cidrs(tags: Iterable[str]) -> list[str]:
    """Return the CIDR blocks of a VPC's router, the first one first; none for a router of OpenStack's own tools."""
    tags = list(tags)
    return [cidr.replace("-", "/") for cidr in (*every(tags, CIDR), *every(tags, MORE_CIDR))]


def name_servers(tags: Iterable[str], version: int = 4) -> tuple[str, ...]:
    """Return the name servers that subnets of a VPC have, by the tags of its router; none: those of Neutron.

    The servers of DHCP options are of IPv4.  Without DNS support no resolver of the cloud stands in for them: "The DHCP
    should not announce any DNS resolver at all on the subnet if any configured DNS server is "0.0.0.0" (IPv4) or "::"
    (IPv6)" (neutron/common/ovn/utils.py).
    """
    tags = list(tags)
    own = tuple((one(tags, NAME_SERVERS) or "").split()) if version == 4 else ()
    return own or ((NO_SERVER[version],) if one(tags, DNS_SUPPORT) == "false" else ())


def port_options(tags: Iterable[str]) -> tuple[str, ...]:
    """Return the tag of a VPC's router by which new subnets know that their ports get DHCP options."""
    return tuple(written(PORT_OPTIONS, value) for value in every(tags, PORT_OPTIONS))
