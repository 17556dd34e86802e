"""Security groups: Neutron's groups, each shown in one VPC as EC2 requires.

A Neutron group belongs to the whole project.  A group that EC2 created in a VPC has the tag `ec2:vpc=<UUID>`; all other
groups, including Neutron's `default`, are shown in the VPC of OpenStack's own default network, where EC2's need no tag,
or in none if the project has no such network.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from adapters.errors import absent_is
from adapters.types import network as cloud
from shim.auth.accounts import account_id
from shim.concurrency import gather, gather_all
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import SECURITY_GROUP, VPC
from shim.ec2.network import ip_permissions as permissions
from shim.ec2.network import known, rule_facts
from shim.ec2.network.default_groups import DEFAULT as DEFAULT
from shim.ec2.network.default_groups import shown_name
from shim.ec2.network.layout import VpcLayout, vpc_layout
from shim.ec2.service import Forbidden, action
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.codec import from_neutron
from shim.ec2.tags.creating import HALF_DONE, CreateRequest, creates, creating, half_done_name, is_half_done
from shim.errors import AwsError

VPC_TAG = "ec2:vpc="
# "Valid characters: a-z, A-Z, 0-9, spaces, and ._-:/()#,@[]+=&;{}!$*", and the same for the description.
DESCRIPTION = re.compile(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}")

# A row's member for the names of the groups in its rules: filters read them, but AWS's answer has only ids.
_NAMES = "Names"
GROUPS = Table(
    items="SecurityGroups",
    id="GroupId",
    ids="GroupIds",
    resource_type=SECURITY_GROUP,
    filters={
        "description": "Description",
        "group-id": "GroupId",
        "group-name": "GroupName",
        "owner-id": "OwnerId",
        "tag": "Tags",
        "vpc-id": "VpcId",
        **{
            f"{prefix}ip-permission.{name}": f"{member}.{path}"
            for prefix, member in (("", "IpPermissions"), ("egress.", "IpPermissionsEgress"))
            for name, path in {
                "cidr": "IpRanges.CidrIp",
                "from-port": "FromPort",
                "group-id": "UserIdGroupPairs.GroupId",
                "ipv6-cidr": "Ipv6Ranges.CidrIpv6",
                "prefix-list-id": "PrefixListIds.PrefixListId",
                "protocol": "IpProtocol",
                "to-port": "ToPort",
                "user-id": "UserIdGroupPairs.UserId",
            }.items()
        },
        "ip-permission.group-name": lambda row: row[_NAMES]["IpPermissions"],
        "egress.ip-permission.group-name": lambda row: row[_NAMES]["IpPermissionsEgress"],
    },
    shown=lambda rows: [{name: value for name, value in row.items() if name != _NAMES} for row in rows],
)


def _read_new(settings: Settings, req: Mapping[str, Any]) -> tuple[str, str]:
    """Return the name and the description, and check the form of the VPC's id."""
    name, description = _name(req["GroupName"]), _description(req["Description"])
    if vpc := req.get("VpcId"):
        ids.check(VPC, vpc)
    return name, description


@action(supports="GroupName Description VpcId TagSpecifications", read=creates(SECURITY_GROUP, read=_read_new))
async def create_security_group(call: Call, asked: CreateRequest[tuple[str, str]]) -> Mapping[str, Any]:
    """Create a group that allows no ingress and all egress, of IPv6 too where the VPC has an IPv6 block.

    Neutron needs separate calls for a group, its rules and its tags, so the group's name is the half-done mark until
    the last call.
    """
    (name, description), new = asked.read, creating(call, asked)
    layout = await vpc_layout(call)
    vpc = await _vpc(call, layout, asked.params.get("VpcId"))
    strings = new.strings(*([VPC_TAG + ids.uuid(VPC, vpc)] if vpc and vpc != layout.openstacks_vpc else []))
    network = call.cloud.network
    marked = half_done_name(vpc or "", name.lower())
    groups: list[cloud.SecurityGroup] = []

    async def find(_: Mapping[str, str]) -> Iterable[tuple[cloud.SecurityGroup, Mapping[str, str]]]:
        groups[:] = await network.security_groups()
        return [(group, {HALF_DONE: ""}) for group in groups if group.name == marked]

    async with new.once(find, name=name.lower()):
        # "Names are case-insensitive and must be unique within the VPC"; Neutron does not enforce it.
        if any(group.name.lower() == name.lower() and vpc_of(group, layout) == vpc for group in groups):
            raise AwsError("InvalidGroup.Duplicate", f"The security group '{name}' already exists for VPC '{vpc}'")
        await gather_all(absent_is(None, network.delete_security_group(group.id)) for group in new.half_done)
        group = await network.create_security_group(marked, description)
        new.undo(network.delete_security_group, group.id)
        await _shape(call, group, ipv6=vpc in layout.with_ipv6)
        if strings:
            await network.set_tags("security-groups", group.id, strings)
        await network.rename_security_group(group.id, name)
    made = ids.aws("sg", group.id)
    return {
        "GroupId": made,
        "SecurityGroupArn": new.arn(made),
        "Tags": tag_rules.shown(new.tags),
    }


@describes(GROUPS, supports="GroupIds GroupNames Filters MaxResults NextToken")
async def describe_security_groups(call: Call, asked: Question) -> list[Row]:
    """Describe groups: three concurrent OpenStack calls; one if ids are given and the default VPC is known."""
    vpcs = known.layout(call, ()) if asked.ids and not asked.req.get("GroupNames") else vpc_layout(call)
    groups, layout = await gather(call.cloud.network.security_groups(), vpcs)
    if names := asked.req.get("GroupNames"):
        # AWS's reference: names are looked up only in the default VPC; groups of other VPCs need an id.
        found = named_in(groups, layout.default_vpc, names, layout)
        asked.ids += [ids.aws("sg", group.id) for group in found]
    return _written(call, groups, layout)


async def describe_rows(call: Call) -> list[Row]:
    """Read the rows of all groups."""
    groups, layout = await gather(call.cloud.network.security_groups(), vpc_layout(call))
    return _written(call, groups, layout)


def _written(call: Call, groups: Sequence[cloud.SecurityGroup], layout: VpcLayout) -> list[Row]:
    names = {ids.aws("sg", group.id): shown_name(group) for group in groups}
    return [_row(call, group, layout, names) for group in groups if not is_half_done(group.name)]


@action(
    supports="GroupId GroupName",
    forbids=(
        Forbidden(
            "GroupId",
            "GroupName",
            "You can specify either the security group name or the security group ID.",
        ),
    ),
)
async def delete_security_group(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Delete a group that no port and no other group's rule uses."""
    network = call.cloud.network
    group = await one_group(call, req)
    group_id = ids.aws("sg", group.id)
    if shown_name(group) == DEFAULT:
        raise AwsError(
            "CannotDelete", f'the specified group: "{group_id}" name: "{DEFAULT}" cannot be deleted by a user'
        )
    # Neutron would also delete other groups' rules that name this group.
    if any(rule.security_group_id != group.id for rule in await network.rules(remote_group_id=group.id)):
        raise AwsError(SECURITY_GROUP.in_use, SECURITY_GROUP.in_use_says.format(id=group_id))
    await network.delete_security_group(group.id)
    return {"Return": True, "GroupId": group_id}


async def one_group(call: Call, req: Mapping[str, Any]) -> cloud.SecurityGroup:
    """Read the group that a request names by GroupId, or by GroupName in the default VPC."""
    if group_id := req.get("GroupId"):
        return await call.cloud.network.security_group(ids.uuid(SECURITY_GROUP, group_id))
    name = req.get("GroupName")
    if not name:
        raise AwsError(
            "MissingParameter", "The request must contain the parameter GroupName or GroupId", refused="GroupName"
        )
    native = None if name == DEFAULT else name  # a VPC's default group has another name in Neutron
    groups, layout = await gather(call.cloud.network.security_groups(name=native), vpc_layout(call))
    return named_in(groups, layout.default_vpc, [name], layout)[0]


@asynccontextmanager
async def changing(call: Call, req: Mapping[str, Any]) -> AsyncIterator[cloud.SecurityGroup]:
    """Yield the group that a request names, as it is while no other request exchanges or removes its rules.

    For a moment an exchanged rule has lost its id of EC2's, and what the group's tags say of it seems to be of a rule
    that is gone.
    """
    named = req.get("GroupId") or ids.aws(SECURITY_GROUP.prefix, (await one_group(call, req)).id)
    async with call.locks.hold("security group rules", call.caller.project_id, ids.uuid(SECURITY_GROUP, named)):
        yield await one_group(call, {"GroupId": named})


def named_in(
    groups: Iterable[cloud.SecurityGroup], vpc: str | None, names: Sequence[str], layout: VpcLayout
) -> list[cloud.SecurityGroup]:
    """Find groups by name in one VPC; raises InvalidGroup.NotFound for unknown names.

    Neutron may have several groups with one name; then the group with the lowest id is used.
    """
    by_name = {shown_name(g): g for g in sorted(groups, key=lambda g: g.id, reverse=True) if vpc_of(g, layout) == vpc}
    absent = [name for name in names if name not in by_name]
    if absent:
        raise ids.missing(SECURITY_GROUP, absent)
    return [by_name[name] for name in dict.fromkeys(names)]


def vpc_of(group: cloud.SecurityGroup, layout: VpcLayout) -> str | None:
    """Return the id of the VPC in which a group is shown; None if it has no tag and OpenStack no default network."""
    for tag in group.tags:
        if tag.startswith(VPC_TAG) and ids.is_uuid(tag.removeprefix(VPC_TAG)):
            return ids.aws("vpc", tag.removeprefix(VPC_TAG))
    return layout.openstacks_vpc


def owner_of(call: Call, project_id: str) -> str:
    """Return the account id of a project."""
    return account_id(project_id, call.settings.account_ids)


def _row(call: Call, group: cloud.SecurityGroup, layout: VpcLayout, names: Mapping[str, str]) -> Row:
    group_id, owner, vpc = ids.aws("sg", group.id), owner_of(call, group.project_id), vpc_of(group, layout)
    found = rule_facts.of_group(group)
    rules = {
        "IpPermissions": permissions.grouped((p for p in found if not p.egress), owner),
        "IpPermissionsEgress": permissions.grouped((p for p in found if p.egress), owner),
    }
    return {
        "GroupId": group_id,
        "GroupName": shown_name(group),
        "Description": group.description,
        "OwnerId": owner,
        **({"VpcId": vpc} if vpc else {}),
        "SecurityGroupArn": ids.arn(SECURITY_GROUP, group_id, call.region, owner),
        **rules,
        _NAMES: {member: _peers(written, names) for member, written in rules.items()},
        "Tags": tag_rules.shown(from_neutron(group.tags)),
    }


def _peers(written: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> list[str]:
    """Return the names of the groups in some permissions, if the project can see them."""
    return [names[p["GroupId"]] for one in written for p in one["UserIdGroupPairs"] if p["GroupId"] in names]


async def _shape(call: Call, group: cloud.SecurityGroup, *, ipv6: bool) -> None:
    """Give a new group AWS's default rules: all egress of what the VPC has, and nothing else.

    Neutron adds one egress rule for each ethertype, or the operator's default rules.
    """
    network = call.cloud.network
    out, found = permissions.everything_out(ipv6=ipv6), permissions.fold(group.rules)
    await gather_all(network.delete_rule(rule) for one in found if one not in out for rule in one.rules)
    if lacking := [rule for one in out if one not in found for rule in permissions.rules(group.id, one)]:
        await network.create_rules(lacking)


async def _vpc(call: Call, layout: VpcLayout, asked: str | None) -> str | None:
    if not asked:
        return layout.default_vpc
    uuid = ids.uuid(VPC, asked)
    # The layout has only routers with networks; a router may have none yet.
    if asked not in layout.vpcs.values() and all(router.id != uuid for router in await call.cloud.network.routers()):
        raise ids.missing(VPC, [asked])
    return asked


def _name(given: str) -> str:
    # "If a name contains trailing spaces, we trim the space at the end of the name."
    name = given.rstrip(" ")
    # AWS accepts such a name, but the gateway hides groups with the half-done mark.
    reserved = "sg-" if name.lower().startswith("sg-") else HALF_DONE if is_half_done(name) else ""
    if reserved:
        raise AwsError(
            "InvalidParameterValue",
            f"Invalid value '{name}' for groupName. It may not start with '{reserved}'",
            refused="GroupName",
        )
    if not DESCRIPTION.fullmatch(name):
        raise _refused(name, "GroupName")
    if name.lower() == DEFAULT:
        raise AwsError("InvalidGroup.Reserved", "Cannot use reserved security group name: default")
    return name


def _description(text: str) -> str:
    if not text.isascii():
        raise _refused(text, "GroupDescription")
    if not DESCRIPTION.fullmatch(text):
        raise undescribed("security group")
    return text


def undescribed(what: str) -> AwsError:
    """Return AWS's error for an invalid description of a security group or a rule (`what`)."""
    return AwsError(
        "InvalidParameterValue",
        f"Invalid {what} description. Valid descriptions are strings less than 256 characters from the following set: "
        " a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
    )


def _refused(value: str, name: str) -> AwsError:
    said = f"Value ({value}) for parameter {name} is invalid. "
    if not value.isascii():
        return AwsError("InvalidParameterValue", f"{said}Character sets beyond ASCII are not supported.")
    valid = "a-z, A-Z, 0-9, spaces and ._-:/()#,@[]+=&;{}!$*"
    return AwsError("InvalidParameterValue", f"{said}Valid are 1 to 255 characters out of {valid}")
