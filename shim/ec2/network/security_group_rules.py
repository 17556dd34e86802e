"""Security group rules: describe, authorize and revoke them, by id and as permissions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from adapters.errors import absent_is
from adapters.types import network as cloud
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import PREFIX_LIST, RULE, SECURITY_GROUP
from shim.ec2.network import ip_permissions as permissions
from shim.ec2.network import rule_facts as facts
from shim.ec2.network.ip_permissions import Permission
from shim.ec2.network.layout import vpc_layout
from shim.ec2.network.security_groups import (
    DESCRIPTION,
    changing,
    named_in,
    one_group,
    owner_of,
    undescribed,
    vpc_of,
)
from shim.ec2.service import Forbidden, action
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.creating import is_half_done
from shim.errors import AwsError
from shim.undo import undoing

RULES = Table(
    items="SecurityGroupRules",
    id="SecurityGroupRuleId",
    ids="SecurityGroupRuleIds",
    resource_type=RULE,
    filters={"group-id": "GroupId", "security-group-rule-id": "SecurityGroupRuleId", "tag": "Tags"},
)

PERMISSIONS = (
    "IpPermissions.IpProtocol IpPermissions.FromPort IpPermissions.ToPort IpPermissions.IpRanges "
    "IpPermissions.Ipv6Ranges IpPermissions.UserIdGroupPairs.GroupId IpPermissions.UserIdGroupPairs.GroupName "
    "IpPermissions.UserIdGroupPairs.UserId IpPermissions.UserIdGroupPairs.Description IpPermissions.PrefixListIds "
)
_FLAT = "CidrIp FromPort ToPort IpProtocol SourceSecurityGroupName SourceSecurityGroupOwnerId "
ONE_GROUP = Forbidden(
    "GroupId", "GroupName", "You must specify either the security group ID or the security group name in the request."
)
_FLAT_CIDR = Forbidden(
    "CidrIp", "SourceSecurityGroupName", "You can't specify this parameter when specifying a source security group."
)
_FLAT_SOURCE = Forbidden(
    "SourceSecurityGroupName",
    "FromPort ToPort IpProtocol",
    "You can't specify this parameter in combination with the following parameters: the CIDR IP address range, the "
    "start of the port range, the IP protocol, and the end of the port range.",
)
_ONE_FORM = Forbidden(
    "IpPermissions",
    "CidrIp FromPort IpProtocol SourceSecurityGroupName SourceSecurityGroupOwnerId ToPort",
    "To create a rule with a specific protocol and port range, specify a set of IP permissions instead.",
    "The parameter '{this}' may not be used in combination with '{that}'",
)
_INGRESS = (ONE_GROUP, _FLAT_CIDR, _FLAT_SOURCE, _ONE_FORM)
IGNORES = {
    "IpPermissions.UserIdGroupPairs.VpcId": "an answer's member that clients send back; the group's id says as much"
}


@describes(RULES, supports="SecurityGroupRuleIds Filters MaxResults NextToken")
async def describe_security_group_rules(call: Call, asked: Question) -> list[Row]:
    """Describe rules: one OpenStack call."""
    return [
        row
        for group in await call.cloud.network.security_groups()
        if not is_half_done(group.name)
        for row in _rows(call, group, facts.of_group(group))
    ]


@action(supports=f"GroupId GroupName TagSpecifications {_FLAT} {PERMISSIONS}", ignores=IGNORES, forbids=_INGRESS)
async def authorize_security_group_ingress(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add ingress rules: all of the permissions, or none."""
    return await _authorize(call, req, egress=False)


@action(supports=f"GroupId TagSpecifications {PERMISSIONS}", ignores=IGNORES)
async def authorize_security_group_egress(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add egress rules: all of the permissions, or none."""
    return await _authorize(call, req, egress=True)


@action(
    supports=f"GroupId GroupName SecurityGroupRuleIds {_FLAT} {PERMISSIONS}",
    ignores=IGNORES,
    forbids=_INGRESS,
)
async def revoke_security_group_ingress(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Remove ingress rules: all of them, or none."""
    return await _revoke(call, req, egress=False)


@action(supports=f"GroupId SecurityGroupRuleIds {PERMISSIONS}", ignores=IGNORES)
async def revoke_security_group_egress(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Remove egress rules: all of them, or none."""
    return await _revoke(call, req, egress=True)


async def _authorize(call: Call, req: Mapping[str, Any], *, egress: bool) -> dict[str, Any]:
    written = _written(req)
    if not written:
        raise AwsError(
            "MissingParameter", "The request must contain the parameter ipPermissions", refused="IpPermissions"
        )
    # Revoke does not check descriptions: OpenStack's tools may write others, and clients send them back.
    for one in _unresolved(written, egress=egress):
        check_description(one.description)
    tags = tag_rules.specified(req, RULE.name)
    group, peers = await gather(one_group(call, req), found_peers(call, written))
    asked = [one for permission in written for one in read_permission(permission, peers, egress=egress)]
    if len(set(asked)) < len(asked):
        raise AwsError(
            "InvalidParameterValue", "The same permission must not appear multiple times", refused="IpPermissions"
        )
    present = set(facts.of_group(group))
    for one in asked:
        if one in present:
            raise AwsError("InvalidPermission.Duplicate", f'the specified rule "{one}" already exists')
    async with undoing() as undo:
        made = await create(call, group, asked, undo)
        if new := [fact for one in made for fact in facts.written(one, tags)]:
            group = await facts.change(call, group, (), new)
    return {"Return": True, "SecurityGroupRules": _rows(call, group, made)}


async def create(
    call: Call, group: cloud.SecurityGroup, asked: Sequence[Permission], undo: Callable[..., None]
) -> list[Permission]:
    """Create the Neutron rules of permissions, and return the permissions with their rules and ids.

    A permission that has an id keeps it.
    """
    network = call.cloud.network
    wanted = [rule for one in asked if not facts.lets_nothing_pass(one) for rule in permissions.rules(group.id, one)]
    rules = await network.create_rules(wanted) if wanted else []
    for rule in rules:
        undo(network.delete_rule, rule.id)
    new = {one: one.rules for one in permissions.fold(rules)}
    made = []
    for one in asked:
        if facts.lets_nothing_pass(one):
            known = one.id or facts.new_id()
            made.append(replace(one, rules=(str(UUID(known)),), id=known))
        else:
            rules_of_it = new[facts.native(one)]
            made.append(replace(one, rules=rules_of_it, id=one.id or rules_of_it[0].replace("-", "")))
    return made


async def _revoke(call: Call, req: Mapping[str, Any], *, egress: bool) -> dict[str, Any]:
    written, named = _written(req), list(dict.fromkeys(req.get("SecurityGroupRuleIds") or ()))
    if not written and not named:
        raise AwsError(
            "MissingParameter",
            "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.",
            refused="IpPermissions",
        )
    uuids = {one: ids.uuid(RULE, one) for one in named}
    _unresolved(written, egress=egress)
    async with changing(call, req) as group:
        gone, unknown = await _going(call, group, written, uuids, egress=egress)
        await _delete(call, group, gone)
    return {
        "Return": True,
        "UnknownIpPermissions": permissions.grouped(unknown, owner_of(call, group.project_id)),
        "RevokedSecurityGroupRules": [_revoked(row) for row in _rows(call, group, gone)],
    }


async def _going(
    call: Call,
    group: cloud.SecurityGroup,
    written: Sequence[Mapping[str, Any]],
    uuids: Mapping[str, str],
    *,
    egress: bool,
) -> tuple[list[Permission], list[Permission]]:
    """Return the rules to remove, named by id or as permissions, and the permissions that a group does not have."""
    peers = await found_peers(call, written)
    present = {one: one for one in facts.of_group(group) if one.egress == egress}
    by_rule = {str(UUID(one.id)): one for one in present}
    absent = [one for one, uuid in uuids.items() if uuid not in by_rule]
    if absent:
        raise ids.missing(RULE, absent)
    asked = [one for permission in written for one in read_permission(permission, peers, egress=egress)]
    unknown = [one for one in dict.fromkeys(asked) if one not in present]
    if unknown:
        # "For a default VPC, if the values you specify do not match the existing rule's values, no error is returned,
        # and the output describes the security group rules that were not revoked."
        layout = await vpc_layout(call)
        if vpc_of(group, layout) != layout.default_vpc:
            raise AwsError("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
    gone = dict.fromkeys([by_rule[uuid] for uuid in uuids.values()] + [present[o] for o in asked if o in present])
    return list(gone), unknown


async def _delete(call: Call, group: cloud.SecurityGroup, gone: Sequence[Permission]) -> None:
    """Delete permissions and what the group's tags say of them; if that fails, recreate those that were deleted."""
    async with undoing() as undo:
        await delete(call, group, gone, undo)
        if about := facts.about(group, gone, with_tags=True):
            await facts.change(call, group, about, ())


async def delete(call: Call, group: cloud.SecurityGroup, gone: Sequence[Permission], undo: Callable[..., None]) -> None:
    """Delete the Neutron rules of some permissions."""
    network = call.cloud.network
    stored = {rule.id: rule for rule in group.rules}
    for rule in (stored[uuid] for one in gone for uuid in one.rules if uuid in stored):
        # A rule that another client deleted is not recreated.
        if not await absent_is(True, network.delete_rule(rule.id)):
            undo(network.create_rules, [permissions.again(rule)])


async def found_peers(call: Call, written: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
    """Find the groups that permissions name as sources: id or name → UUID.  Makes no call if none is named.

    Raises NotFound for a prefix list that does not exist.
    """
    lists = [one.get("PrefixListId", "") for permission in written for one in permission.get("PrefixListIds") or ()]
    if lists:
        there = {ids.aws(PREFIX_LIST.prefix, one.id) for one in await call.cloud.network.address_groups()}
        if absent := [one for one in lists if one not in there]:
            raise ids.missing(PREFIX_LIST, absent)
    pairs = [pair for permission in written for pair in permission.get("UserIdGroupPairs") or ()]
    if not pairs:
        return {}
    groups, layout = await gather(call.cloud.network.security_groups(), vpc_layout(call))
    visible = {ids.aws("sg", group.id): group for group in groups}
    peers: dict[str, str] = {}
    for pair in pairs:
        if group_id := pair.get("GroupId"):
            uuid = ids.uuid(SECURITY_GROUP, group_id)
            if group_id not in visible or not _owned_by(call, visible[group_id], pair):
                raise ids.missing(SECURITY_GROUP, [group_id])
            peers[group_id] = uuid
        elif name := pair.get("GroupName"):
            (found, *_) = named_in(groups, layout.default_vpc, [name], layout)
            if not _owned_by(call, found, pair):
                raise ids.missing(SECURITY_GROUP, [name])
            peers[name] = found.id
        else:
            raise AwsError("MissingParameter", "Source group ID missing.", refused="IpPermissions")
    return peers


def _owned_by(call: Call, group: cloud.SecurityGroup, pair: Mapping[str, Any]) -> bool:
    """Tell whether a source group belongs to the account that the request names, if it names one."""
    return pair.get("UserId") in (None, "", "self", owner_of(call, group.project_id))


def _written(req: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the permissions of a request, including those in the flat parameters of old clients."""
    written = list(req.get("IpPermissions") or ())
    source, cidr = req.get("SourceSecurityGroupName"), req.get("CidrIp")
    if source:
        pair = {"GroupName": source, "UserId": req.get("SourceSecurityGroupOwnerId")}
        # "Creates rules that grant full ICMP, UDP, and TCP access."
        full = (
            {"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535},
            {"IpProtocol": "udp", "FromPort": 0, "ToPort": 65535},
        )
        wide = [*full, {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1}]
        written += [{**one, "UserIdGroupPairs": [pair]} for one in wide]
    elif cidr or req.get("IpProtocol"):
        written.append({**_flat(req), "IpRanges": [{"CidrIp": cidr}] if cidr else []})
    return written


def _flat(req: Mapping[str, Any]) -> dict[str, Any]:
    return {name: req[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in req}


def _unresolved(written: Sequence[Mapping[str, Any]], *, egress: bool) -> list[Permission]:
    """Parse permissions without resolving their source groups; raises AWS's errors for invalid ones."""
    return [one for permission in written for one in read_permission(permission, None, egress=egress)]


def read_permission(
    written: Mapping[str, Any], peers: Mapping[str, str] | None, *, egress: bool
) -> Iterator[Permission]:
    """Parse one permission of a request: yield one `Permission` for each of its sources."""
    if not written.get("IpProtocol"):
        raise AwsError("MissingParameter", "The request must contain the parameter ipProtocol", refused="IpProtocol")
    protocol = permissions.protocol(written["IpProtocol"])
    first, last = permissions.ports(protocol, written.get("FromPort"), written.get("ToPort"))
    sources = list(_sources(written, peers))
    if not sources:
        raise AwsError(
            "MissingParameter",
            "The permission must name a source: an IP range or a security group.",
            refused="IpPermissions",
        )
    for kind, peer, description in sources:
        if (kind, protocol) in (("ipv4", "icmpv6"), ("ipv6", "icmp")):
            raise AwsError(
                "InvalidParameterValue",
                f"Protocol {protocol} does not go with the IP range {peer}.",
                refused="IpPermissions",
            )
        yield Permission(egress, protocol, first, last, kind, peer, description)


def _sources(
    written: Mapping[str, Any], peers: Mapping[str, str] | None
) -> Iterator[tuple[permissions.PeerKind, str, str]]:
    for one in written.get("IpRanges") or ():
        yield "ipv4", permissions.cidr(one.get("CidrIp", ""), 4), one.get("Description", "")
    for one in written.get("Ipv6Ranges") or ():
        yield "ipv6", permissions.cidr(one.get("CidrIpv6", ""), 6), one.get("Description", "")
    for one in written.get("UserIdGroupPairs") or ():
        if not (named := one.get("GroupId") or one.get("GroupName")):
            raise AwsError("MissingParameter", "Source group ID missing.", refused="IpPermissions")
        yield "group", peers[named] if peers is not None else named, one.get("Description", "")
    for one in written.get("PrefixListIds") or ():
        yield "prefix-list", ids.uuid(PREFIX_LIST, one.get("PrefixListId", "")), one.get("Description", "")


def check_description(text: str) -> None:
    """Raise InvalidParameterValue for a description that AWS refuses."""
    # AWS's message; Neutron's limit is also 255 characters.
    if text and not DESCRIPTION.fullmatch(text):
        raise undescribed("rule")


def _rows(call: Call, group: cloud.SecurityGroup, found: Sequence[Permission]) -> list[dict[str, Any]]:
    group_id, owner, tags = ids.aws("sg", group.id), owner_of(call, group.project_id), facts.tags_of(group)
    rows = [permissions.rule_row(one, group_id, owner) for one in found]
    for one, row in zip(found, rows, strict=True):
        row["Tags"] = tag_rules.shown(tags.get(one.id, {}))
        row["SecurityGroupRuleArn"] = ids.arn(RULE, row["SecurityGroupRuleId"], call.region, owner)
    return rows


def _revoked(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a rule's row that Revoke answers."""
    kept = {name: value for name, value in row.items() if name in _REVOKED}
    peer = row.get("ReferencedGroupInfo")
    return {**kept, **({"ReferencedGroupId": peer["GroupId"]} if peer else {})}


_REVOKED = frozenset(
    ("SecurityGroupRuleId", "GroupId", "IsEgress", "IpProtocol", "FromPort", "ToPort", "CidrIpv4", "CidrIpv6",
     "PrefixListId", "Description")
)  # fmt: skip
