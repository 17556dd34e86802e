"""What EC2 knows of a security group's rules and Neutron's rules cannot hold; it is kept in the group's Neutron tags.

Neutron changes no rule, so a changed rule is a new one: `ec2:sgr=<UUID>:<UUID>` names the rule and the UUID of its EC2
id, which stays.  Neutron knows no port 0: `ec2:p0=<UUID>` marks a rule that begins at port 0 for EC2 and at 1 for
Neutron, and `ec2:r0=<UUID>:...` is a rule for port 0 alone, which lets nothing pass and so has no rule of Neutron's.
`ec2:rt=<UUID>:<part>:...` holds tags, percent-encoded and cut into parts.  Here UUIDs are written without dashes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final, cast
from urllib.parse import parse_qsl, quote, urlencode
from uuid import UUID, uuid4

from adapters.errors import absent_is
from adapters.types import network as cloud
from shim.concurrency import gather_all
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.network import ip_permissions as permissions
from shim.ec2.network.ip_permissions import PeerKind, Permission
from shim.ec2.tags import rules as tag_rules

ALIAS: Final = "ec2:sgr="
FROM_ZERO: Final = "ec2:p0="
ONLY_ZERO: Final = "ec2:r0="
TAGS: Final = "ec2:rt="
OF_RULES: Final = (ALIAS, FROM_ZERO, ONLY_ZERO, TAGS)

_MOST_STRINGS = 50  # Neutron's limit of tags on a resource
_PIECE = 200  # characters of a part; Neutron's tags have 255


def of_group(group: cloud.SecurityGroup) -> list[Permission]:
    """Return a group's rules as EC2 shows them, sorted."""
    aliases = {}
    for tag in group.tags:
        if tag.startswith(ALIAS):
            rule, _, known = tag.removeprefix(ALIAS).partition(":")
            aliases[rule] = known
    zero = {tag.removeprefix(FROM_ZERO) for tag in group.tags if tag.startswith(FROM_ZERO)}
    found = []
    for one in permissions.fold(group.rules):
        digits = one.rules[0].replace("-", "")
        known = aliases.get(digits, "")
        first = 0 if digits in zero else one.from_port
        found.append(replace(one, from_port=first, id=known if ids.is_uuid(known) else digits))
    found += [only for tag in group.tags if tag.startswith(ONLY_ZERO) and (only := _only_zero(tag)) is not None]
    return permissions.in_order(found)


def tags_of(group: cloud.SecurityGroup) -> dict[str, dict[str, str]]:
    """Return the tags of a group's rules, by the UUID of a rule's EC2 id."""
    parts: dict[str, dict[str, str]] = {}
    for tag in group.tags:
        rule, _, rest = tag.removeprefix(TAGS).partition(":")
        part, _, text = rest.partition(":")
        if tag.startswith(TAGS) and ids.is_uuid(rule) and text:
            parts.setdefault(rule, {})[part] = text
    return {
        rule: dict(sorted(parse_qsl("".join(text for _, text in sorted(found.items())), keep_blank_values=True)))
        for rule, found in parts.items()
    }


def new_id() -> str:
    """Return a UUID for a rule that Neutron does not have."""
    return uuid4().hex


def lets_nothing_pass(one: Permission) -> bool:
    """Tell whether a permission is for port 0 alone, which is reserved (RFC 6335, 6) and carries nothing."""
    return one.protocol in permissions.PORTED and (one.from_port, one.to_port) == (0, 0)


def native(one: Permission) -> Permission:
    """Return what Neutron keeps of a permission: without port 0."""
    if one.protocol in permissions.PORTED and one.from_port == 0 and one.to_port != permissions.ALL_PORTS[1]:
        return replace(one, from_port=1)
    return one


def written(one: Permission, tags: Mapping[str, str]) -> list[str]:
    """Return the facts of a permission as the group's tags; `one.id` and `one.rules` are set."""
    facts = []
    if lets_nothing_pass(one):
        words = ("e" if one.egress else "i", one.protocol, one.kind, one.peer, one.description)
        facts.append(f"{ONLY_ZERO}{one.id}:" + "&".join(quote(word, safe=" :.") for word in words))
    else:
        digits = one.rules[0].replace("-", "")
        if digits != one.id:
            facts.append(f"{ALIAS}{digits}:{one.id}")
        if native(one) != one:
            facts.append(f"{FROM_ZERO}{digits}")
    if any(len(fact) > 255 for fact in facts):
        raise tag_rules.limit_exceeded()
    return [*facts, *tag_strings(one.id, tags)]


def tag_strings(rule: str, tags: Mapping[str, str]) -> list[str]:
    """Write the tags of a rule (the UUID of its EC2 id) as the group's tags."""
    text = urlencode(sorted(tags.items()), quote_via=quote, safe="")
    pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    return [f"{TAGS}{rule}:{number:02}:{piece}" for number, piece in enumerate(pieces)]


def about(group: cloud.SecurityGroup, gone: Iterable[Permission], *, with_tags: bool) -> list[str]:
    """Return the group's tags about rules that go, and those about rules that Neutron no longer has.

    With `with_tags` false the rules stay under their ids as other rules of Neutron's, and keep their tags.
    """
    gone = list(gone)
    there = {rule.id.replace("-", "") for rule in group.rules}
    rules = {rule.replace("-", "") for one in gone for rule in one.rules}
    ids_gone = {one.id for one in gone}
    untagged = ids_gone if with_tags else set()
    staying = {one.id for one in of_group(group)} - untagged
    found = []
    for tag in group.tags:
        word = tag.partition("=")[2].partition(":")[0]
        if (
            (tag.startswith((ALIAS, FROM_ZERO)) and (word in rules or word not in there))
            or (tag.startswith(ONLY_ZERO) and word in ids_gone)
            or (tag.startswith(TAGS) and word not in staying)
        ):
            found.append(tag)
    return found


async def change(
    call: Call, group: cloud.SecurityGroup, drop: Iterable[str], add: Iterable[str]
) -> cloud.SecurityGroup:
    """Delete and add tags of a group one by one, and return the group with the tags that it has then.

    Raises TagLimitExceeded before the first change if there is no room.
    """
    wanted = {*add}
    after = {*group.tags} - {*drop} | wanted
    check_room(after)
    await retag(call, group.id, group.tags, drop, wanted)
    return replace(group, tags=tuple(sorted(after)))


def check_room(strings: Collection[str]) -> None:
    """Raise TagLimitExceeded for more strings than Neutron keeps on a group."""
    if len(strings) > _MOST_STRINGS:
        raise tag_rules.limit_exceeded()


async def retag(call: Call, group_id: str, known: Collection[str], drop: Iterable[str], add: Collection[str]) -> None:
    """Delete and add tags of a group (a UUID) that has the `known` ones."""
    network = call.cloud.network
    gone = sorted({*drop} - {*add})
    await gather_all(absent_is(None, network.remove_tag("security-groups", group_id, tag)) for tag in gone)
    new = sorted({*add} - {*known})
    await gather_all((network.add_tag("security-groups", group_id, tag) for tag in new), most=4)


def _only_zero(tag: str) -> Permission | None:
    known, _, rest = tag.removeprefix(ONLY_ZERO).partition(":")
    words = [dict(parse_qsl(f"a={word}", keep_blank_values=True))["a"] for word in rest.split("&")]
    if not ids.is_uuid(known) or len(words) != 5:
        return None
    way, protocol, kind, peer, description = words
    return Permission(way == "e", protocol, 0, 0, cast("PeerKind", kind), peer, description, (str(UUID(known)),), known)
