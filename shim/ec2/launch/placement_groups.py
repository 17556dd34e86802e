"""Placement groups are Nova's server groups.

A cluster is `soft-affinity`: AWS packs its instances close together, and on one host where there is room.  A spread is
`anti-affinity`: "strictly places a small group of instances across distinct underlying hardware", and a launch without
such hardware fails.  Nova has nothing like partitions, and does not know racks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adapters.errors import absent_is
from adapters.types.compute import ServerGroup
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import PLACEMENT_GROUP
from shim.ec2.instances.states import TERMINATED, state
from shim.ec2.service import action
from shim.ec2.tags.creating import CreateRequest, creates, creating
from shim.errors import AwsError
from shim.protocol.values import only

_POLICIES = {"cluster": "soft-affinity", "spread": "anti-affinity"}
_LONGEST = 255  # of a group's name

GROUPS = Table(
    items="PlacementGroups",
    id="GroupName",
    ids="GroupNames",
    resource_type=replace(PLACEMENT_GROUP, prefix=""),  # named by name
    filters={
        "group-arn": "GroupArn",
        "group-name": "GroupName",
        "spread-level": "SpreadLevel",
        "state": "State",
        "strategy": "Strategy",
        "tag": "Tags",
    },
)


@action(
    supports="GroupName Strategy SpreadLevel",
    values={
        "Strategy": only(
            *_POLICIES,
            code="UnsupportedOperation",
            message="Placement groups of this cloud are clusters or spreads: hosts are in no partitions.",
        ),
        "SpreadLevel": only(
            "host", code="UnsupportedOperation", message="Instances of this cloud are spread over hosts, not racks."
        ),
    },
    read=creates(PLACEMENT_GROUP),
)
async def create_placement_group(call: Call, asked: CreateRequest[None]) -> Mapping[str, Any]:
    """Create a group, whose name must be unique in the project."""
    name, strategy = asked.params.get("GroupName", ""), asked.params.get("Strategy") or "cluster"
    if not name or len(name) > _LONGEST or not name.isascii() or not name.isprintable():
        raise AwsError(
            "MissingParameter" if not name else "InvalidParameterValue",
            "The request must contain the parameter groupName"
            if not name
            else f"Value ({name}) for parameter groupName is invalid.",
            refused="GroupName",
        )
    compute = call.cloud.compute

    async def find(_: Mapping[str, str]) -> list[tuple[ServerGroup, Mapping[str, str]]]:
        return [(one, {}) for one in await compute.server_groups() if one.name == name]

    async with creating(call, asked).once(find, name=name) as new:
        if new.earlier:
            raise AwsError(PLACEMENT_GROUP.duplicate, PLACEMENT_GROUP.duplicate_says.format(id=name))
        made = await compute.create_server_group(name, _POLICIES[strategy])
    return {"PlacementGroup": row(call, made)}


@action(supports="GroupName")
async def delete_placement_group(call: Call, req: Mapping[str, Any]) -> None:
    """Delete a group that has no instances."""
    group = await group_named(call, req["GroupName"])
    if group.members and await _lives_in(call, group):
        raise AwsError(PLACEMENT_GROUP.in_use, PLACEMENT_GROUP.in_use_says.format(id=group.name))
    await call.cloud.compute.delete_server_group(group.id)


async def _lives_in(call: Call, group: ServerGroup) -> bool:
    """Tell whether a member is not terminated: Nova keeps one in the group for a moment after it is DELETED."""
    for one in group.members:
        server = await absent_is(None, call.cloud.compute.server(one))
        if server is not None and state(server) != TERMINATED:
            return True
    return False


@describes(GROUPS, supports="GroupNames GroupIds Filters")
async def describe_placement_groups(call: Call, asked: Question) -> list[Row]:
    """List groups."""
    rows: list[Row] = [row(call, one) for one in await call.cloud.compute.server_groups()]
    wanted = asked.req.get("GroupIds") or ()
    for one in wanted:
        ids.uuid(PLACEMENT_GROUP, one)
    if absent := [one for one in wanted if one not in {row["GroupId"] for row in rows}]:
        raise ids.missing(PLACEMENT_GROUP, absent)
    return [one for one in rows if not wanted or one["GroupId"] in wanted]


async def group_named(call: Call, name: str = "", group_id: str = "") -> ServerGroup:
    """Find a group by its name or by its id."""
    uuid = ids.uuid(PLACEMENT_GROUP, group_id) if group_id else ""
    for one in await call.cloud.compute.server_groups():
        if (uuid and one.id == uuid) or (not uuid and one.name == name):
            return one
    raise ids.missing(PLACEMENT_GROUP, [group_id or name])


def row(call: Call, group: ServerGroup) -> dict[str, Any]:
    """Write a server group as a placement group."""
    spread = group.policy.endswith("anti-affinity")
    return {
        "GroupName": group.name,
        "GroupId": ids.aws(PLACEMENT_GROUP.prefix, group.id),
        "GroupArn": ids.arn(PLACEMENT_GROUP, group.name, call.region, call.caller.account_id),
        "State": "available",
        "Strategy": "spread" if spread else "cluster",
        "SpreadLevel": "host" if spread else None,
        "Tags": [],
    }
