"""Which DHCP options ports get, for each kind of DHCP server that Neutron has."""

from datetime import UTC, datetime

import pytest

from adapters.types.network import FixedAddress, Port
from shim.ec2.network import dhcp

ALL = {
    "domain-name": ["example.org", "example.net"],
    "domain-name-servers": ["10.0.0.2"],
    "ntp-servers": ["10.0.0.3", "10.0.0.4"],
    "netbios-name-servers": ["10.0.0.5"],
    "netbios-node-type": ["2"],
}
NETBIOS = ["netbios-name-servers", "netbios-node-type"]


@pytest.mark.parametrize(
    ("server", "given", "refused"),
    [
        (
            "dnsmasq",
            {
                "domain-name": "example.org example.net",
                "ntp-server": "10.0.0.3,10.0.0.4",
                "netbios-ns": "10.0.0.5",
                "netbios-nodetype": "2",
            },
            [],
        ),
        ("ovn", {"domain-name": "example.org example.net", "ntp-server": "{10.0.0.3,10.0.0.4}"}, NETBIOS),
        ("any", {"domain-name": "example.org example.net"}, ["ntp-servers", *NETBIOS]),
    ],
)
def test_what_a_server_gives(server: str, given: dict[str, str], refused: list[str]) -> None:
    assert dhcp.for_ports(server, ALL) == (given, refused)
    assert dhcp.options(dhcp.written(ALL)) == ALL


@pytest.mark.parametrize("server", ["any", "ovn", "dnsmasq"])
def test_a_single_server_of_time_and_a_domain_are_written_alike(server: str) -> None:
    wanted = {"domain-name": ["example.org"], "ntp-servers": ["10.0.0.3"]}
    assert dhcp.for_ports(server, wanted) == ({"domain-name": "example.org", "ntp-server": "10.0.0.3"}, [])


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a'b", "{a}", "a" * 256])
def test_a_name_that_a_server_could_misread_is_refused(name: str) -> None:
    assert dhcp.for_ports("dnsmasq", {"domain-name": [name]}) == ({}, ["domain-name"])


def test_a_port_loses_what_is_not_wanted_and_keeps_what_is_not_ours() -> None:
    held = (("domain-name", "old"), ("ntp-server", "10.0.0.3"), ("mtu", "1400"))
    fixed = (FixedAddress("home", "10.0.0.9"),)
    port = Port("p", "", "", "", "n", "m", "ACTIVE", "", "", fixed, (), True, datetime.now(UTC), (), (), held)
    changed = {"domain-name": "new", "ntp-server": None}
    assert dhcp.changes([port], {"home": {"domain-name": "new"}}) == [(port, changed)]
    assert dhcp.changes([port], {"home": {"domain-name": "old", "ntp-server": "10.0.0.3"}}) == []
    assert dhcp.changes([port], {"elsewhere": {}}) == []
