"""DHCP options that Neutron gives to single ports: domain name, NTP servers, NetBIOS.

A subnet has name servers and nothing else.  A VPC's set with other options marks the VPC's router and each of its
IPv4 subnets with `ec2:port-dhcp=<the set's UUID>`: whoever makes interfaces reads the subnets anyway, and so knows
without a further call that they are to have options.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from adapters.errors import absent_is
from adapters.types import network as cloud
from shim.concurrency import gather_all
from shim.context import Call
from shim.ec2.network import facts

DOMAIN, NTP, NETBIOS, NODE_TYPE = "domain-name", "ntp-servers", "netbios-name-servers", "netbios-node-type"
SERVERS = "domain-name-servers"
KEYS = (DOMAIN, SERVERS, NTP, NETBIOS, NODE_TYPE)
_VALUE = "ec2:dhcp-"  # on the record of a set: `ec2:dhcp-<key>=<place>-<value>`
# AWS's key → the option's name on a port, which dnsmasq and OVN have in common.
_NAMES: Mapping[str, str] = {
    DOMAIN: "domain-name",
    NTP: "ntp-server",
    NETBIOS: "netbios-ns",
    NODE_TYPE: "netbios-nodetype",
}
_LONGEST = 255  # "opt_value": 255 characters (Neutron's extra_dhcp_opt)
# A quote or a backslash would end the text, or change its meaning, in what dnsmasq or OVN is told.
_PLAIN = re.compile(r"[A-Za-z0-9._-]+")


class _Server(NamedTuple):
    """A DHCP server of Neutron: the keys that it gives, how several addresses are written, and whether they may be."""

    keys: frozenset[str]
    addresses: str = "{}"
    several: bool = True


# OVN passes over what is not among its SUPPORTED_DHCP_OPTS_MAPPING (neutron/common/ovn/constants.py), and takes a set
# of addresses in braces.  dnsmasq's "--dhcp-option" takes all, and addresses with commas between.  What neither reads
# otherwise than the other is for a cloud of which the operator has not said what it has.
_DHCP: Mapping[str, _Server] = {
    "any": _Server(frozenset({DOMAIN, NTP}), several=False),
    "ovn": _Server(frozenset({DOMAIN, NTP}), "{{{}}}"),
    "dnsmasq": _Server(frozenset({DOMAIN, NTP, NETBIOS, NODE_TYPE})),
}


def options(tags: Iterable[str]) -> dict[str, list[str]]:
    """Read the values of a set by key, from its record."""
    tags = list(tags)
    found = {key: facts.every(tags, f"{_VALUE}{key}") for key in KEYS}
    return {key: [value.partition("-")[2] for value in values] for key, values in found.items() if values}


def written(values: Mapping[str, Sequence[str]]) -> list[str]:
    """Write the tags of a set's record; a value with its place is one tag."""
    return [
        facts.written(f"{_VALUE}{key}", f"{place}-{value}")
        for key, found in values.items()
        for place, value in enumerate(found)
    ]


def for_ports(server: str, values: Mapping[str, Sequence[str]]) -> tuple[dict[str, str], list[str]]:
    """Return the options of ports by Neutron's names, and the keys that this kind of DHCP server cannot give."""
    kind, found, refused = _DHCP[server], dict[str, str](), []
    for key, name in _NAMES.items():
        several = values.get(key, ())
        if not several:
            continue
        # "Some Linux operating systems accept multiple domain names separated by spaces."
        text = " ".join(several) if key == DOMAIN else ",".join(several)
        if key not in kind.keys or len(text) > _LONGEST or not all(_PLAIN.fullmatch(one) for one in several):
            refused.append(key)
        elif key in (NTP, NETBIOS) and len(several) > 1:
            if kind.several:
                found[name] = kind.addresses.format(text)
            else:
                refused.append(key)
        else:
            found[name] = text
    return found, refused


async def of_subnets(call: Call, subnets: Iterable[cloud.Subnet]) -> dict[str, Mapping[str, str]]:
    """Return the options that ports of subnets are to have, by the subnets' UUIDs: one OpenStack call if any are."""
    sets = {one.id: facts.one(one.tags, facts.PORT_OPTIONS) for one in subnets}
    if not any(sets.values()):
        return {}
    pools = {one.id: one for one in await call.cloud.network.subnet_pools()}
    server = call.settings.ec2_dhcp_server
    return {
        subnet: for_ports(server, options(pools[wanted].tags))[0]
        for subnet, wanted in sets.items()
        if wanted and wanted in pools
    }


def change_of(port: cloud.Port, wanted: Mapping[str, str]) -> dict[str, str | None]:
    """Return the options that a port must get, change or lose (None) to have those wanted and no others of these."""
    there = dict(port.dhcp_options)
    return {name: wanted.get(name) for name in _NAMES.values() if wanted.get(name) != there.get(name)}


def changes(
    ports: Iterable[cloud.Port], wanted: Mapping[str, Mapping[str, str]]
) -> list[tuple[cloud.Port, dict[str, str | None]]]:
    """Return the ports that have not what their subnets say (`wanted`, by UUID), each with what to change."""
    found = []
    for port in ports:
        home = next((one.subnet_id for one in port.fixed if one.subnet_id in wanted), None)
        if home and (change := change_of(port, wanted[home])):
            found.append((port, change))
    return found


async def give(call: Call, ports: Iterable[cloud.Port], wanted: Mapping[str, Mapping[str, str]]) -> None:
    """Give ports the options that their subnets say; a port may be gone meanwhile."""
    change = call.cloud.network.set_dhcp_options
    await gather_all(absent_is(None, change(port.id, new)) for port, new in changes(ports, wanted))
