"""Which security groups a VPC can use, and which groups are named by the rules of others' across VPCs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.types import network as cloud
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import SECURITY_GROUP, VPC
from shim.ec2.network import ip_permissions as permissions
from shim.ec2.network.default_groups import shown_name
from shim.ec2.network.layout import VpcLayout, vpc_layout
from shim.ec2.network.security_groups import describe_rows, owner_of, vpc_of
from shim.ec2.service import action
from shim.ec2.tags.creating import is_half_done

FOR_VPC = Table(
    items="SecurityGroupForVpcs",
    id="GroupId",
    resource_type=SECURITY_GROUP,
    filters={
        "group-id": "GroupId",
        "description": "Description",
        "group-name": "GroupName",
        "owner-id": "OwnerId",
        "primary-vpc-id": "PrimaryVpcId",
    },
)
_STALE = Table(items="StaleSecurityGroupSet", id="GroupId", resource_type=SECURITY_GROUP, most=255, filters={})


@describes(FOR_VPC, supports="VpcId Filters MaxResults NextToken")
async def get_security_groups_for_vpc(call: Call, asked: Question) -> list[Row]:
    """List the groups of one VPC."""
    await _check_vpc(call, asked.req["VpcId"])
    rows = await describe_rows(call)
    members = ("Description", "GroupName", "OwnerId", "GroupId", "Tags")
    return [
        {**{name: row[name] for name in members}, "PrimaryVpcId": row["VpcId"]}
        for row in rows
        if row.get("VpcId") == asked.req["VpcId"]
    ]


@action(supports="GroupId")
async def describe_security_group_references(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """List the VPCs whose groups name one of these groups: only those beside the group's own VPC."""
    wanted = {ids.uuid(SECURITY_GROUP, one): one for one in req["GroupId"]}
    groups, layout = await _read(call)
    by_id = {group.id: group for group in groups}
    if absent := [named for uuid, named in wanted.items() if uuid not in by_id]:
        raise ids.missing(SECURITY_GROUP, absent)
    found = []
    for uuid, named in wanted.items():
        home = vpc_of(by_id[uuid], layout)
        vpcs = {vpc_of(group, layout) for group in groups if uuid in _named(group)} - {home}
        found += [{"GroupId": named, "ReferencingVpcId": vpc} for vpc in sorted(filter(None, vpcs))]
    return {"SecurityGroupReferenceSet": found}


@describes(_STALE, supports="VpcId MaxResults NextToken")
async def describe_stale_security_groups(call: Call, asked: Question) -> list[Row]:
    """List the groups of a VPC with rules that name a group which is gone from a peer VPC.

    Neutron deletes rules with the group that they name, so a rule is stale only while the project sees no such group.
    """
    await _check_vpc(call, asked.req["VpcId"])
    groups, layout = await _read(call)
    known = {group.id for group in groups}
    return [
        _stale(call, group, layout, known)
        for group in groups
        if vpc_of(group, layout) == asked.req["VpcId"] and not _named(group) <= known
    ]


def _stale(call: Call, group: cloud.SecurityGroup, layout: VpcLayout, known: set[str]) -> dict[str, Any]:
    owner = owner_of(call, group.project_id)
    found = [one for one in permissions.fold(group.rules) if one.kind == "group" and one.peer not in known]
    rules = {
        member: [_stale_rule(one) for one in permissions.grouped((p for p in found if p.egress is egress), owner)]
        for member, egress in (("StaleIpPermissions", False), ("StaleIpPermissionsEgress", True))
    }
    return {
        "GroupId": ids.aws("sg", group.id),
        "GroupName": shown_name(group),
        "Description": group.description,
        "VpcId": vpc_of(group, layout),
        **rules,
    }


def _stale_rule(written: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what a StaleIpPermission does not have."""
    return {**{name: value for name, value in written.items() if name != "Ipv6Ranges"}, "IpRanges": []}


async def _read(call: Call) -> tuple[Sequence[cloud.SecurityGroup], VpcLayout]:
    groups, layout = await gather(call.cloud.network.security_groups(), vpc_layout(call))
    return [group for group in groups if not is_half_done(group.name)], layout


def _named(group: cloud.SecurityGroup) -> set[str]:
    return set(_peers(group))


def _peers(group: cloud.SecurityGroup) -> Iterator[str]:
    for rule in group.rules:
        if rule.remote_group_id:
            yield rule.remote_group_id


async def _check_vpc(call: Call, vpc: str) -> None:
    uuid = ids.uuid(VPC, vpc)
    routers, layout = await gather(call.cloud.network.routers(), vpc_layout(call))
    if vpc not in layout.vpcs.values() and all(router.id != uuid for router in routers):
        raise ids.missing(VPC, [vpc])
