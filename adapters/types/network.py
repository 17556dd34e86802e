"""Neutron's resources; only the fields that the gateway reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Network:
    """A network; `external` ones lead out of the cloud, `shared` ones may belong to another project."""

    id: str
    name: str
    project_id: str
    external: bool
    shared: bool
    status: str
    subnets: tuple[str, ...]
    zones: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet of a network; `pools` are the ranges (first and last address) that Neutron allocates from."""

    id: str
    name: str
    project_id: str
    network_id: str
    version: int
    cidr: str
    gateway: str | None
    pools: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]
    host_routes: tuple[Route, ...] = ()
    name_servers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """A route: packets for a CIDR block go to the address of the next hop."""

    cidr: str
    next_hop: str


@dataclass(frozen=True, slots=True)
class NewSubnet:
    """A subnet to be made; the fields are those of `Subnet`, and whether Neutron gives out its addresses by DHCP.

    With `pool_id` Neutron takes a free block of `prefix_length` from that subnet pool in place of `cidr`.  Addresses of
    IPv6 are given out by DHCP alone: no host makes its own.
    """

    name: str
    network_id: str
    version: int
    cidr: str
    gateway: str | None
    pools: tuple[tuple[str, str], ...]
    name_servers: tuple[str, ...] = ()
    dhcp: bool = True
    pool_id: str = ""
    prefix_length: int = 0


@dataclass(frozen=True, slots=True)
class Gateway:
    """A router's way out: an external network, the router's addresses there, and whether it translates sources.

    `subnets` are those of the external network of which the router is to get any address, besides `addresses`.
    """

    network_id: str
    snat: bool
    addresses: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Router:
    """A router; `gateway` is None if it leads to no external network."""

    id: str
    name: str
    project_id: str
    status: str
    tags: tuple[str, ...]
    gateway: Gateway | None = None
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class SubnetPool:
    """A subnet pool."""

    id: str
    name: str
    project_id: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FixedAddress:
    """One address of a port."""

    subnet_id: str
    address: str


@dataclass(frozen=True, slots=True)
class Port:
    """A port; `device_id` is the server, router or service that it belongs to ('' where none), `device_owner` its kind.

    For a server `device_owner` starts with `compute:`.  `allowed` are its further addresses, `dhcp_options` the names
    and values that DHCP of IPv4 gives to it alone.
    """

    id: str
    name: str
    description: str
    project_id: str
    network_id: str
    mac: str
    status: str
    device_id: str
    device_owner: str
    fixed: tuple[FixedAddress, ...]
    security_groups: tuple[str, ...]
    port_security: bool
    created_at: datetime
    tags: tuple[str, ...]
    allowed: tuple[AllowedAddress, ...] = ()
    dhcp_options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class AllowedAddress:
    """An address or a network that a port's device may send from, with a MAC address (None: the port's own)."""

    address: str
    mac: str | None = None


@dataclass(frozen=True, slots=True)
class WantedAddress:
    """An address that a port is to have; any free one of the subnet if `address` is None."""

    subnet_id: str
    address: str | None = None


@dataclass(frozen=True, slots=True)
class NewPort:
    """A port to be made, without a device."""

    network_id: str
    fixed: tuple[WantedAddress, ...]
    security_groups: tuple[str, ...]
    name: str = ""
    description: str = ""
    dhcp_options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class FloatingIp:
    """A floating IP; `port_id` and `fixed` (one of that port's addresses) are None while it is not associated."""

    id: str
    project_id: str
    address: str
    network_id: str
    port_id: str | None
    fixed: str | None
    status: str
    tags: tuple[str, ...]
    description: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a security group: one kind of traffic that it allows.

    `direction` is ingress or egress, `ethertype` IPv4 or IPv6.  `protocol` is a lower-case name, a number as text, or
    None for all.  `port_min` and `port_max` are ports, or ICMP's type and code; None means any.  At most one of
    the three remotes is set; without one the rule allows every address of its ethertype.
    """

    id: str
    security_group_id: str
    project_id: str
    direction: str
    ethertype: str
    protocol: str | None
    port_min: int | None
    port_max: int | None
    remote_prefix: str | None
    remote_group_id: str | None
    remote_address_group_id: str | None
    description: str


@dataclass(frozen=True, slots=True)
class NewRule:
    """A rule to be made; the fields are those of `Rule`."""

    security_group_id: str
    direction: str
    ethertype: str
    protocol: str | None = None
    port_min: int | None = None
    port_max: int | None = None
    remote_prefix: str | None = None
    remote_group_id: str | None = None
    remote_address_group_id: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A security group with its rules."""

    id: str
    name: str
    description: str
    project_id: str
    rules: tuple[Rule, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddressGroup:
    """A named list of address blocks; a rule of a security group can name it in place of a block."""

    id: str
    name: str
    description: str
    project_id: str
    addresses: tuple[str, ...]
