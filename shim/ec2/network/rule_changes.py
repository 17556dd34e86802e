"""Change security group rules: Neutron changes none, so each becomes another rule under the same id of EC2's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from adapters.types import network as cloud
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import RULE
from shim.ec2.network import rule_facts as facts
from shim.ec2.network.ip_permissions import Permission
from shim.ec2.network.security_group_rules import (
    IGNORES,
    ONE_GROUP,
    PERMISSIONS,
    check_description,
    create,
    delete,
    found_peers,
    read_permission,
)
from shim.ec2.network.security_groups import changing
from shim.ec2.service import action
from shim.errors import AwsError
from shim.undo import undoing

# Member of a SecurityGroupRuleRequest → where a permission has it.
_SOURCES = {
    "CidrIpv4": ("IpRanges", "CidrIp"),
    "CidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
    "PrefixListId": ("PrefixListIds", "PrefixListId"),
    "ReferencedGroupId": ("UserIdGroupPairs", "GroupId"),
}


_DESCRIBED = f"GroupId GroupName SecurityGroupRuleDescriptions {PERMISSIONS}"


@action(supports="GroupId SecurityGroupRules.SecurityGroupRuleId SecurityGroupRules.SecurityGroupRule")
async def modify_security_group_rules(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Change rules, all of them or none."""
    wanted = {
        one["SecurityGroupRuleId"]: _written(one.get("SecurityGroupRule") or {}) for one in req["SecurityGroupRules"]
    }
    for one in wanted:
        ids.uuid(RULE, one)
    async with changing(call, req) as group:
        peers = await found_peers(call, list(wanted.values()))
        await _exchange(call, group, _pairs(group, wanted, peers))
    return {"Return": True}


def _pairs(
    group: cloud.SecurityGroup, wanted: Mapping[str, Mapping[str, Any]], peers: Mapping[str, str]
) -> list[tuple[Permission, Permission]]:
    """Return each rule that is to change, and what becomes of it; raise AWS's errors for what a group cannot have."""
    present = {ids.aws(RULE.prefix, one.id): one for one in facts.of_group(group)}
    if absent := [one for one in wanted if one not in present]:
        raise ids.missing(RULE, absent)
    pairs = []
    for known, written in wanted.items():
        old = present[known]
        (new,) = read_permission(written, peers, egress=old.egress)
        check_description(new.description)
        pairs.append((old, replace(new, id=old.id)))
    untouched = {one for known, one in present.items() if known not in wanted}
    if doubled := [new for _, new in pairs if new in untouched] or len({new for _, new in pairs}) < len(pairs):
        raise AwsError("InvalidPermission.Duplicate", f'the specified rule "{doubled}" already exists')
    return pairs


@action(
    supports=f"GroupId GroupName SecurityGroupRuleDescriptions {PERMISSIONS}", ignores=IGNORES, forbids=(ONE_GROUP,)
)
async def update_security_group_rule_descriptions_ingress(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Change the descriptions of ingress rules."""
    return await _redescribe(call, req, egress=False)


@action(
    supports=f"GroupId GroupName SecurityGroupRuleDescriptions {PERMISSIONS}", ignores=IGNORES, forbids=(ONE_GROUP,)
)
async def update_security_group_rule_descriptions_egress(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Change the descriptions of egress rules."""
    return await _redescribe(call, req, egress=True)


async def _redescribe(call: Call, req: Mapping[str, Any], *, egress: bool) -> dict[str, Any]:
    written: Sequence[Mapping[str, Any]] = req.get("IpPermissions") or ()
    named = {
        ids.uuid(RULE, one.get("SecurityGroupRuleId", "")): one.get("Description", "")
        for one in req.get("SecurityGroupRuleDescriptions") or ()
    }
    if bool(written) is bool(named):
        raise AwsError(
            "MissingParameter" if not named else "InvalidParameterCombination",
            "Either 'ipPermissions' or 'securityGroupRuleDescriptions' should be provided.",
            refused="IpPermissions",
        )
    async with changing(call, req) as group:
        peers = await found_peers(call, written)
        asked = [one for permission in written for one in read_permission(permission, peers, egress=egress)]
        await _exchange(call, group, _redescribed(group, named, asked, egress=egress))
    return {"Return": True}


def _redescribed(
    group: cloud.SecurityGroup, named: Mapping[str, str], asked: Sequence[Permission], *, egress: bool
) -> list[tuple[Permission, Permission]]:
    """Return the rules that get another description: those of some ids (with it), and the permissions as asked for."""
    present = {one: one for one in facts.of_group(group) if one.egress == egress}
    by_id = {str(UUID(one.id)): one for one in present}
    if absent := [ids.aws(RULE.prefix, one) for one in named if one not in by_id]:
        raise ids.missing(RULE, absent)
    if any(one not in present for one in asked):
        raise AwsError("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
    told = [(by_id[one], text) for one, text in named.items()] + [(present[one], one.description) for one in asked]
    for _, text in told:
        check_description(text)
    return [(old, replace(old, description=text)) for old, text in told]


async def _exchange(call: Call, group: cloud.SecurityGroup, pairs: Sequence[tuple[Permission, Permission]]) -> None:
    """Put a new rule in the place of each old one, under the old one's id.

    Neutron refuses two rules that differ in the description alone, so such a rule is away for a moment; any other is
    made before the old one goes.
    """
    async with undoing() as undo:
        for old, new in pairs:
            if (old, old.description) == (new, new.description):
                continue
            alike = facts.native(old) == facts.native(new)
            if alike:
                await delete(call, group, [old], undo)
            (made,) = await create(call, group, [new], undo)
            if not alike:
                await delete(call, group, [old], undo)
            about = facts.about(group, [old], with_tags=False)
            group = await facts.change(call, group, about, facts.written(made, {}))


def _written(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Write a SecurityGroupRuleRequest as a permission; it must have one source."""
    sources = [(name, rule[name]) for name in _SOURCES if rule.get(name)]
    if len(sources) != 1:
        raise AwsError(
            "InvalidParameterCombination" if sources else "MissingParameter",
            "The rule must name one source: an IP range, a prefix list or a security group.",
            refused="SecurityGroupRules",
        )
    ((name, value),) = sources
    list_name, member = _SOURCES[name]
    ports = {one: rule[one] for one in ("IpProtocol", "FromPort", "ToPort") if one in rule}
    return {**ports, list_name: [{member: value, "Description": rule.get("Description", "")}]}
