"""Tags of network resources, kept as Neutron's tags (strings)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

from adapters.types import network as cloud
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import ALLOCATION, INTERFACE, PEERING, RULE, SECURITY_GROUP, SUBNET, VPC
from shim.ec2.network import facts, rule_facts
from shim.ec2.network.addresses import KEPT, allocation_uuid, held_addresses
from shim.ec2.network.interface_rows import is_automatic
from shim.ec2.network.interfaces import is_interface
from shim.ec2.network.security_groups import changing
from shim.ec2.network.vpcs import is_vpc
from shim.ec2.tags.codec import from_neutron
from shim.ec2.tags.creating import is_half_done
from shim.ec2.tags.stores import Held, Lists, Store, Work, of_neutron, of_strings, register


def all_routers(lists: Lists) -> Awaitable[list[cloud.Router]]:
    """Return the project's routers, read once for VPCs, NAT gateways, route tables and network ACLs."""
    return lists.once("routers", lists.call.cloud.network.routers)


def _security_groups(lists: Lists) -> Awaitable[list[cloud.SecurityGroup]]:
    return lists.once("security_groups", lists.call.cloud.network.security_groups)


# In the raw items of a rule, and of an address that a NAT gateway has: the UUID of the group or the router whose
# Neutron tags the others are.
_HOLDER = ""


async def _groups(lists: Lists, named: Sequence[str]) -> list[Held]:
    groups = await _security_groups(lists)
    return [of_strings(group.id, group.tags) for group in groups if not is_half_done(group.name)]


async def _subnets(lists: Lists, named: Sequence[str]) -> list[Held]:
    subnets = await lists.once("subnets", lists.call.cloud.network.subnets)
    return [of_strings(one.id, one.tags) for one in subnets if not is_half_done(one.name) and not _joins(one)]


async def _peerings(lists: Lists, named: Sequence[str]) -> list[Held]:
    subnets = await lists.once("subnets", lists.call.cloud.network.subnets)
    return [of_strings(one.id, one.tags) for one in subnets if not is_half_done(one.name) and _joins(one)]


def _joins(subnet: cloud.Subnet) -> bool:
    """Tell whether a subnet is that of a peering connection, which stands for the connection itself."""
    return facts.one(subnet.tags, facts.REQUESTER) is not None


async def _ports(lists: Lists, named: Sequence[str]) -> list[Held]:
    return [of_strings(port.id, port.tags) for port in await lists.call.cloud.network.ports() if is_interface(port)]


async def _addresses(lists: Lists, named: Sequence[str]) -> list[Held]:
    floating = await lists.call.cloud.network.floating_ips()
    shown = [one for one in floating if not is_half_done(one.description) and not is_automatic(one)]
    found = [of_strings(allocation_uuid(one), one.tags) for one in shown]
    if named and {one.id for one in found}.issuperset(named):
        return found
    routers = await all_routers(lists)
    tags = {router.id: router.tags for router in routers}
    return found + [
        Held(one.id, from_neutron(one.tags), {_HOLDER: router, **dict.fromkeys(tags[router], "")})
        for one in held_addresses(routers, floating)
        for router in [one.port_id or ""]
    ]


def _change_address(call: Call, held: Held, tags: Mapping[str, str], gone: Sequence[str]) -> Work:
    """Change an address's tags: on its NAT gateway's router, or on its floating IP.

    The floating IP of an address that a NAT gateway had has another UUID than its allocation id.
    """
    if router := held.raw.get(_HOLDER):
        strings = {item: "" for item in held.raw if item != _HOLDER}
        return of_neutron("routers", KEPT)(call, replace(held, id=router, raw=strings), tags, gone)
    write = of_neutron("floatingips")
    work = write(call, held, tags, gone)
    if facts.one(held.raw, facts.ALLOCATION) is None:
        return work

    async def of_floating_ip() -> None:
        for one in await call.cloud.network.floating_ips():
            if allocation_uuid(one) == held.id:
                await write(call, replace(held, id=one.id), tags, gone)()

    return of_floating_ip


async def _vpcs(lists: Lists, named: Sequence[str]) -> list[Held]:
    return [of_strings(router.id, router.tags) for router in await all_routers(lists) if is_vpc(router)]


async def _rules(lists: Lists, named: Sequence[str]) -> list[Held]:
    groups = await _security_groups(lists)
    return [one for group in groups if not is_half_done(group.name) for one in _of_group(group)]


def _of_group(group: cloud.SecurityGroup) -> list[Held]:
    tags, raw = rule_facts.tags_of(group), {_HOLDER: group.id, **dict.fromkeys(group.tags, "")}
    return [Held(str(UUID(one.id)), tags.get(one.id, {}), raw) for one in rule_facts.of_group(group)]


@asynccontextmanager
async def _rule_alone(call: Call, held: Held) -> AsyncIterator[Held]:
    """Yield a rule as it is while no other request changes its group's rules, or their tags.

    Its tags are one text in parts, which are written one after another: others may have read half of them.
    """
    async with changing(call, {"GroupId": ids.aws(SECURITY_GROUP.prefix, held.raw[_HOLDER])}) as group:
        found = next((one for one in _of_group(group) if one.id == held.id), None)
        if found is None:
            raise ids.missing(RULE, [ids.aws(RULE.prefix, held.id)])
        yield found


def _retag_rule(call: Call, held: Held, tags: Mapping[str, str], gone: Sequence[str]) -> Work:
    """Change the tags of a rule, which are among the Neutron tags of its group."""
    digits = held.id.replace("-", "")
    left = {key: value for key, value in held.tags.items() if key not in gone}
    strings = rule_facts.tag_strings(digits, left | dict(tags))
    known = [item for item in held.raw if item != _HOLDER]
    old = [item for item in known if item.startswith(f"{rule_facts.TAGS}{digits}:")]
    rule_facts.check_room({*known} - {*old} | {*strings})
    return lambda: rule_facts.retag(call, held.raw[_HOLDER], known, old, strings)


register(Store(RULE, _rules, _retag_rule, alone=_rule_alone))
register(Store(SECURITY_GROUP, _groups, of_neutron("security-groups")))
register(Store(SUBNET, _subnets, of_neutron("subnets")))
register(Store(PEERING, _peerings, of_neutron("subnets")))
register(Store(INTERFACE, _ports, of_neutron("ports")))
register(Store(ALLOCATION, _addresses, _change_address))
register(Store(VPC, _vpcs, of_neutron("routers")))
