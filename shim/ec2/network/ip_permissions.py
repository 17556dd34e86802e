"""Convert between EC2's permissions and Neutron's security group rules.

A permission of a request has a protocol, ports, and lists of sources; each source is one EC2 security group rule with
its own id, and here one `Permission`.  A Neutron rule is for one ethertype, so a permission for a source *group*, which
in EC2 covers IPv4 and IPv6, is a pair of rules: `fold` reads a pair as one permission with the id of its IPv4 rule, and
`rules` writes both.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from adapters.types import network as cloud
from shim.ec2.engine import ids
from shim.errors import AwsError

ALL = "-1"
PORTED = ("tcp", "udp")
ICMP = ("icmp", "icmpv6")
ALL_PORTS = (0, 65535)

# IANA's numbers of the protocols that EC2 shows by name, and of Neutron's protocol names
# (https://docs.openstack.org/api-ref/network/v2/#create-security-group-rule).
_EC2_NAMES: Mapping[int, str] = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6"}
_NEUTRON_NUMBERS: Mapping[str, int] = {
    "ah": 51, "dccp": 33, "egp": 8, "esp": 50, "gre": 47, "hopopt": 0, "icmp": 1, "icmpv6": 58, "igmp": 2, "ipip": 4,
    "ipv6-encap": 41, "ipv6-frag": 44, "ipv6-icmp": 58, "ipv6-nonxt": 59, "ipv6-opts": 60, "ipv6-route": 43,
    "ospf": 89, "pgm": 113, "rsvp": 46, "sctp": 132, "tcp": 6, "udp": 17, "udplite": 136, "vrrp": 112,
}  # fmt: skip

PeerKind = Literal["ipv4", "ipv6", "group", "prefix-list"]


@dataclass(frozen=True, slots=True)
class Permission:
    """One allowed source (ingress) or destination (egress); equal permissions allow the same traffic.

    `protocol` is EC2's name.  The ports are type and code for ICMP, and None for protocols without ports.
    `peer` is a CIDR block, or the UUID of a security group or of an address group.  `rules` are the UUIDs of its
    Neutron rules; `id` has the digits of EC2's id, which are those of the first rule until the rule is changed.
    """

    egress: bool
    protocol: str
    from_port: int | None
    to_port: int | None
    kind: PeerKind
    peer: str
    description: str = field(default="", compare=False)
    rules: tuple[str, ...] = field(default=(), compare=False)
    id: str = field(default="", compare=False)

    def __str__(self) -> str:
        """Format the permission as in AWS's messages."""
        ends = f"from port: {self.from_port}, to port: {self.to_port}, " if self.from_port is not None else ""
        return f"peer: {self.peer}, {'ALL' if self.protocol == ALL else self.protocol.upper()}, {ends}ALLOW"


def everything_out(*, ipv6: bool) -> tuple[Permission, ...]:
    """Return what a new group lets out: everything of IPv4, and of IPv6 in a VPC that has an IPv6 block."""
    out = Permission(True, ALL, None, None, "ipv4", "0.0.0.0/0")
    return (out, Permission(True, ALL, None, None, "ipv6", "::/0")) if ipv6 else (out,)


def fold(rules: Iterable[cloud.Rule]) -> list[Permission]:
    """Convert Neutron's rules to sorted permissions; an IPv4 and IPv6 pair becomes one."""
    found: dict[Permission, Permission] = {}
    # IPv4 sorts before IPv6, so the IPv4 rule of a pair comes first and gives the id.
    for rule in sorted(rules, key=lambda rule: (rule.ethertype, rule.id)):
        permission = _permission(rule)
        half = found.get(permission)
        if half is None:
            found[permission] = permission
        else:
            found[permission] = replace(half, rules=(*half.rules, rule.id))
    return in_order(found.values())


def in_order(found: Iterable[Permission]) -> list[Permission]:
    """Sort permissions by what they allow."""
    return sorted(found, key=lambda p: (p.egress, p.protocol, p.from_port or 0, p.to_port or 0, p.kind, p.peer))


def rules(group_id: str, permission: Permission) -> list[cloud.NewRule]:
    """Convert a permission to new Neutron rules of a group (UUID)."""
    first, last = _ports(permission)
    return [
        cloud.NewRule(
            security_group_id=group_id,
            direction="egress" if permission.egress else "ingress",
            ethertype=ethertype,
            protocol={ALL: None, "icmpv6": "ipv6-icmp"}.get(permission.protocol, permission.protocol),
            port_min=first,
            port_max=last,
            remote_prefix=permission.peer if permission.kind in ("ipv4", "ipv6") else None,
            remote_group_id=permission.peer if permission.kind == "group" else None,
            remote_address_group_id=permission.peer if permission.kind == "prefix-list" else None,
            description=permission.description,
        )
        for ethertype in _ethertypes(permission)
    ]


def again(rule: cloud.Rule) -> cloud.NewRule:
    """Return the definition that recreates a deleted rule."""
    return cloud.NewRule(
        security_group_id=rule.security_group_id,
        direction=rule.direction,
        ethertype=rule.ethertype,
        protocol=rule.protocol,
        port_min=rule.port_min,
        port_max=rule.port_max,
        remote_prefix=rule.remote_prefix,
        remote_group_id=rule.remote_group_id,
        remote_address_group_id=rule.remote_address_group_id,
        description=rule.description,
    )


def grouped(permissions: Iterable[Permission], account: str) -> list[dict[str, Any]]:
    """Write permissions as `IpPermissions` of an answer, with sources grouped by protocol and ports."""
    found: dict[tuple[str, int | None, int | None], dict[str, Any]] = {}
    for one in permissions:
        place = found.setdefault(
            (one.protocol, one.from_port, one.to_port),
            {
                "IpProtocol": one.protocol,
                **_shown_ports(one),
                "IpRanges": [],
                "Ipv6Ranges": [],
                "PrefixListIds": [],
                "UserIdGroupPairs": [],
            },
        )
        name, source = _shown_source(one, account)
        place[name].append({**source, **({"Description": one.description} if one.description else {})})
    return list(found.values())


def rule_row(permission: Permission, group_id: str, owner: str) -> dict[str, Any]:
    """Write a permission as a SecurityGroupRule of an answer; `group_id` is EC2's."""
    # "-1 indicates all ICMP types"; -1 is also the value for protocols without ports.
    row: dict[str, Any] = {
        "SecurityGroupRuleId": ids.aws("sgr", permission.id or permission.rules[0]),
        "GroupId": group_id,
        "GroupOwnerId": owner,
        "IsEgress": permission.egress,
        "IpProtocol": permission.protocol,
        "FromPort": -1 if permission.from_port is None else permission.from_port,
        "ToPort": -1 if permission.to_port is None else permission.to_port,
        "Tags": [],
    }
    match permission.kind:
        case "ipv4":
            row["CidrIpv4"] = permission.peer
        case "ipv6":
            row["CidrIpv6"] = permission.peer
        case "prefix-list":
            row["PrefixListId"] = ids.aws("pl", permission.peer)
        case "group":
            row["ReferencedGroupInfo"] = {"GroupId": ids.aws("sg", permission.peer), "UserId": owner}
    if permission.description:
        row["Description"] = permission.description
    return row


def protocol(word: str) -> str:
    """Return EC2's name of a protocol, given by name in any case or by number: `TCP`, `tcp` and `6` are the same.

    Spellings must not make different rules: in CVE-2012-2654 a rule for `TCP` opened every port.
    Raises InvalidParameterValue for an unknown protocol.
    """
    lowered = word.strip().lower()
    if lowered in ("-1", "all"):
        return ALL
    number = int(lowered) if lowered.isascii() and lowered.isdigit() else _NEUTRON_NUMBERS.get(lowered)
    # Neutron's firewall drivers disagree about protocol 0 (IPv6 hop-by-hop); some allow all traffic for it.
    if number is None or not 0 < number <= 255:
        raise AwsError(
            "InvalidParameterValue",
            f"Invalid value '{word}' for IP protocol. Unknown protocol.",
            refused="IpPermissions",
        )
    return _EC2_NAMES.get(number, str(number))


def ports(word: str, first: int | None, last: int | None) -> tuple[int | None, int | None]:
    """Check the ports of a protocol (as `protocol` returns it) and apply AWS's defaults.

    Ports of other protocols are dropped: "specifying -1 or a protocol number other than tcp, udp, icmp, or icmpv6
    allows traffic on all ports, regardless of any port range you specify".
    """
    if word in ICMP:
        return _icmp(-1 if first is None else first, -1 if last is None else last)
    if word not in PORTED:
        return None, None
    if first is None or last is None:
        raise _bad("Must specify both from and to ports with TCP/UDP.", "portRange")
    if not (0 <= first <= 65535 and 0 <= last <= 65535):
        raise _bad(f"{first}-{last}", "portRange")
    if first > last:
        raise AwsError("InvalidParameterValue", f"Invalid TCP/UDP port range ({first}:{last})", refused="IpPermissions")
    return first, last


def cidr(text: str, version: int) -> str:
    """Read a CIDR block: "AWS canonicalizes IPv4 and IPv6 CIDRs", so 100.68.0.18/18 is 100.68.0.0/18."""
    try:
        found = ipaddress.ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        found = None
    if found is None or found.version != version:
        raise AwsError("InvalidParameterValue", f"CIDR block {text} is malformed", refused="IpPermissions")
    return str(found)


def _icmp(type: int, code: int) -> tuple[int, int]:
    if not (-1 <= type <= 255 and -1 <= code <= 255):
        raise _bad(f"{type}:{code}", "ICMP type:code")
    if type == -1 and code != -1:
        raise AwsError(
            "InvalidParameterValue", "ICMP code cannot be given for all ICMP types.", refused="IpPermissions"
        )
    return type, code


def _bad(value: str, name: str) -> AwsError:
    return AwsError("InvalidParameterValue", f"Invalid value '{value}' for {name}.", refused="IpPermissions")


def _permission(rule: cloud.Rule) -> Permission:
    word = _ec2_protocol(rule)
    first, last = rule.port_min, rule.port_max
    if word in PORTED and first is None:
        first, last = ALL_PORTS
    elif word in ICMP:
        first, last = (-1 if first is None else first), (-1 if last is None else last)
    elif word == ALL:
        first = last = None
    kind, peer = _peer(rule)
    return Permission(rule.direction == "egress", word, first, last, kind, peer, rule.description, (rule.id,))


def _ec2_protocol(rule: cloud.Rule) -> str:
    if rule.protocol is None or rule.protocol in ("any", ALL):
        return ALL
    number = int(rule.protocol) if rule.protocol.isdigit() else _NEUTRON_NUMBERS.get(rule.protocol)
    if number is None:
        return rule.protocol
    if number == 1 and rule.ethertype == "IPv6":
        number = 58  # Neutron reads "icmp" with IPv6 as ICMPv6
    return _EC2_NAMES.get(number, str(number))


def _peer(rule: cloud.Rule) -> tuple[PeerKind, str]:
    if rule.remote_group_id:
        return "group", rule.remote_group_id
    if rule.remote_address_group_id:
        return "prefix-list", rule.remote_address_group_id
    if rule.ethertype == "IPv6":
        return "ipv6", cidr(rule.remote_prefix, 6) if rule.remote_prefix else "::/0"
    return "ipv4", cidr(rule.remote_prefix, 4) if rule.remote_prefix else "0.0.0.0/0"


def _ports(permission: Permission) -> tuple[int | None, int | None]:
    first, last = permission.from_port, permission.to_port
    if permission.protocol in ICMP:
        return (None if first == -1 else first), (None if last == -1 else last)
    if permission.protocol in PORTED and (first, last) != ALL_PORTS:
        # Neutron refuses port 0 (400 "Invalid value for port 0"), which is reserved (RFC 6335, 6).
        return first or 1, last
    return None, None


def _ethertypes(permission: Permission) -> Sequence[str]:
    if permission.kind == "ipv4" or permission.protocol == "icmp":
        return ("IPv4",)
    if permission.kind == "ipv6" or permission.protocol == "icmpv6":
        return ("IPv6",)
    return ("IPv4", "IPv6")


def _shown_ports(permission: Permission) -> dict[str, int]:
    if permission.from_port is None or permission.to_port is None:
        return {}
    return {"FromPort": permission.from_port, "ToPort": permission.to_port}


def _shown_source(permission: Permission, account: str) -> tuple[str, dict[str, str]]:
    match permission.kind:
        case "ipv4":
            return "IpRanges", {"CidrIp": permission.peer}
        case "ipv6":
            return "Ipv6Ranges", {"CidrIpv6": permission.peer}
        case "prefix-list":
            return "PrefixListIds", {"PrefixListId": ids.aws("pl", permission.peer)}
        case "group":
            return "UserIdGroupPairs", {"GroupId": ids.aws("sg", permission.peer), "UserId": account}
