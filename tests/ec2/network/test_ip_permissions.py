"""Permissions written as Neutron rules are read back as requested."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.types.network import NewRule, Rule
from shim.ec2.network import ip_permissions as permissions
from shim.ec2.network.ip_permissions import Permission, fold, grouped, rule_row, rules
from shim.errors import AwsError

GROUP = "00000000-0000-4000-8000-000000000001"


def stored(new: NewRule, place: int) -> Rule:
    """Return a rule as Neutron stores it."""
    return Rule(
        id=f"00000000-0000-4000-9000-{place:012x}",
        security_group_id=new.security_group_id,
        project_id="p",
        direction=new.direction,
        ethertype=new.ethertype,
        protocol=new.protocol,
        port_min=new.port_min,
        port_max=new.port_max,
        remote_prefix=new.remote_prefix,
        remote_group_id=new.remote_group_id,
        remote_address_group_id=None,
        description=new.description,
    )


@st.composite
def asked(draw: st.DrawFn) -> Permission:
    word = draw(st.sampled_from(["tcp", "udp", "icmp", "icmpv6", "-1", "50", "132"]))
    first, last = draw(
        {
            "tcp": st.just((0, 65535)) | st.tuples(st.integers(1, 65535), st.integers(1, 65535)).map(sorted),
            "udp": st.tuples(st.integers(1, 9), st.integers(9, 65535)),
            "icmp": st.sampled_from([(-1, -1), (8, -1), (3, 4), (0, 0)]),
            "icmpv6": st.sampled_from([(-1, -1), (128, 0)]),
        }.get(word, st.just((None, None)))
    )
    kinds = {"icmp": ["ipv4", "group"], "icmpv6": ["ipv6", "group"]}.get(word, ["ipv4", "ipv6", "group"])
    kind: Any = draw(st.sampled_from(kinds))
    peers = {
        "ipv4": ["0.0.0.0/0", "10.0.0.0/8", "192.0.2.1/32"],
        "ipv6": ["::/0", "2001:db8::/32"],
        "group": [GROUP, "00000000-0000-4000-8000-000000000002"],
    }
    return Permission(draw(st.booleans()), word, first, last, kind, draw(st.sampled_from(peers[kind])), "why")


@given(st.sets(asked(), max_size=8))
def test_what_is_written_is_read_back(wanted: set[Permission]) -> None:
    new = [rule for one in sorted(wanted, key=str) for rule in rules(GROUP, one)]
    read = fold(stored(rule, place) for place, rule in enumerate(new))
    assert set(read) == wanted
    assert len(read) == len(wanted)
    assert sorted(uuid for one in read for uuid in one.rules) == sorted(stored(r, p).id for p, r in enumerate(new))
    assert {one.description for one in read} <= {"why"}


@given(st.lists(asked(), max_size=6))
def test_no_rule_carries_what_neutron_refuses(wanted: list[Permission]) -> None:
    for rule in (rule for one in wanted for rule in rules(GROUP, one)):
        assert rule.protocol != "-1"
        assert rule.port_min != -1
        assert rule.port_max != -1
        if rule.protocol in ("tcp", "udp"):
            assert rule.port_min != 0
        assert ":" not in (rule.remote_prefix or "") or rule.ethertype == "IPv6"


def test_a_source_group_is_one_rule_under_its_ipv4_half() -> None:
    wanted = Permission(False, "tcp", 22, 22, "group", GROUP)
    pair = [stored(rule, place) for place, rule in enumerate(rules(GROUP, wanted))]
    assert [rule.ethertype for rule in pair] == ["IPv4", "IPv6"]
    [read] = fold(reversed(pair))
    assert read.rules == (pair[0].id, pair[1].id)
    assert rule_row(read, "sg-x", "1")["SecurityGroupRuleId"] == "sgr-" + pair[0].id.replace("-", "")


def test_what_openstack_wrote_is_read_too() -> None:
    base = stored(rules(GROUP, Permission(False, "tcp", 22, 22, "ipv4", "0.0.0.0/0"))[0], 1)
    variants: dict[str, tuple[Rule, tuple[str, int | None, int | None, str]]] = {
        "no prefix": (replace(base, remote_prefix=None), ("tcp", 22, 22, "0.0.0.0/0")),
        "no prefix, IPv6": (replace(base, remote_prefix=None, ethertype="IPv6"), ("tcp", 22, 22, "::/0")),
        "number": (replace(base, protocol="6"), ("tcp", 22, 22, "0.0.0.0/0")),
        "all ports": (replace(base, port_min=None, port_max=None), ("tcp", 0, 65535, "0.0.0.0/0")),
        "host bits": (replace(base, remote_prefix="10.0.0.7/8"), ("tcp", 22, 22, "10.0.0.0/8")),
        "by name": (replace(base, protocol="sctp"), ("132", 22, 22, "0.0.0.0/0")),
        "any": (replace(base, protocol="any", port_min=None, port_max=None), ("-1", None, None, "0.0.0.0/0")),
        "icmp for IPv6": (
            replace(base, protocol="icmp", ethertype="IPv6", remote_prefix=None, port_min=None, port_max=None),
            ("icmpv6", -1, -1, "::/0"),
        ),
        "a future protocol": (replace(base, protocol="newproto"), ("newproto", 22, 22, "0.0.0.0/0")),
    }
    for name, (rule, expected) in variants.items():
        [read] = fold([rule])
        assert (read.protocol, read.from_port, read.to_port, read.peer) == expected, name


@pytest.mark.parametrize(
    ("word", "read"),
    [("tcp", "tcp"), ("TCP", "tcp"), ("6", "tcp"), ("06", "tcp"), ("Udp", "udp"), ("17", "udp"), ("1", "icmp"),
     ("ICMPv6", "icmpv6"), ("58", "icmpv6"), ("ipv6-icmp", "icmpv6"), ("-1", "-1"), ("all", "-1"), ("50", "50"),
     ("esp", "50"), ("255", "255")]
)  # fmt: skip
def test_a_protocol_has_one_name(word: str, read: str) -> None:
    """CVE-2012-2654: `TCP` must not be taken for something that is not `tcp`."""
    assert permissions.protocol(word) == read


@pytest.mark.parametrize("word", ["", "0", "256", "-2", "any", "t cp", "tcp,udp", "٦", "hopopt", "6.0"])
def test_what_is_no_protocol_is_refused_and_never_means_all(word: str) -> None:
    with pytest.raises(AwsError) as refused:
        permissions.protocol(word)
    assert refused.value.code == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("word", "ports", "read"),
    [
        ("tcp", (22, 22), (22, 22)),
        ("udp", (0, 65535), (0, 65535)),
        ("icmp", (None, None), (-1, -1)),
        ("icmp", (8, None), (8, -1)),
        ("icmpv6", (128, 0), (128, 0)),
        ("-1", (22, 23), (None, None)),
        ("50", (1, 2), (None, None)),
    ],
)
def test_ports(word: str, ports: tuple[int | None, int | None], read: tuple[int | None, int | None]) -> None:
    assert permissions.ports(word, *ports) == read


@pytest.mark.parametrize(
    ("word", "ports", "code"),
    [
        ("tcp", (None, None), "InvalidParameterValue"),
        ("tcp", (22, None), "InvalidParameterValue"),
        ("udp", (-1, -1), "InvalidParameterValue"),
        ("tcp", (1, 65536), "InvalidParameterValue"),
        ("tcp", (23, 22), "InvalidParameterValue"),
        ("icmp", (256, -1), "InvalidParameterValue"),
        ("icmp", (-1, 3), "InvalidParameterValue"),
    ],
)
def test_ports_that_are_none(word: str, ports: tuple[int | None, int | None], code: str) -> None:
    with pytest.raises(AwsError) as refused:
        permissions.ports(word, *ports)
    assert refused.value.code == code


def test_cidr_blocks_are_canonical() -> None:
    assert permissions.cidr("100.68.0.18/18", 4) == "100.68.0.0/18"
    assert permissions.cidr("2001:DB8:0:0::1/32", 6) == "2001:db8::/32"


@pytest.mark.parametrize(
    ("text", "version"),
    [("", 4), ("10.0.0.1", 4), ("10.0.0.0/33", 4), ("010.0.0.0/8", 4), ("::/0", 4), ("0.0.0.0/0", 6), ("x/8", 4),
     ("10.0.0.0/", 4), ("10.0.0.0/8/8", 4)]
)  # fmt: skip
def test_what_is_no_cidr_block_is_refused(text: str, version: int) -> None:
    with pytest.raises(AwsError, match="malformed"):
        permissions.cidr(text, version)


def test_sources_with_the_same_ports_stand_together() -> None:
    found = [
        Permission(False, "tcp", 22, 22, "ipv4", "10.0.0.0/8", "office"),
        Permission(False, "tcp", 22, 22, "ipv4", "192.0.2.0/24"),
        Permission(False, "tcp", 22, 22, "ipv6", "::/0"),
        Permission(False, "-1", None, None, "group", GROUP),
    ]
    assert grouped(found, "123456789012") == [
        {
            "IpProtocol": "tcp",
            "FromPort": 22,
            "ToPort": 22,
            "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "office"}, {"CidrIp": "192.0.2.0/24"}],
            "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
            "PrefixListIds": [],
            "UserIdGroupPairs": [],
        },
        {
            "IpProtocol": "-1",
            "IpRanges": [],
            "Ipv6Ranges": [],
            "PrefixListIds": [],
            "UserIdGroupPairs": [{"GroupId": "sg-" + GROUP.replace("-", ""), "UserId": "123456789012"}],
        },
    ]
