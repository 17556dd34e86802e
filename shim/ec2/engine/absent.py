"""Describe actions of resources that OpenStack lacks: an account that has none of them gets an empty list from AWS.

    ABSENT = {"DescribeVpnGateways": absent("VpnGateways", "VpnGatewayId", "VpnGatewayIds", kind(...), {...}), ...}
    register(ABSENT)

No operation here can make such a resource, so no id is found.  Filters, pages and combinations of parameters are
checked as for any other Describe action.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from botocore import xform_name

from shim.context import Call
from shim.ec2.engine.describe import Question, Rows, Table, describes
from shim.ec2.engine.filters import Path, Row
from shim.ec2.engine.resource_types import ResourceType
from shim.ec2.service import Forbidden


class Absent(NamedTuple):
    """One Describe action: its table, the parameters beside the ids, and the pairs that AWS forbids."""

    table: Table
    supports: str
    forbids: Sequence[Forbidden] = ()


def absent(
    items: str,
    id: str,
    ids: str,
    resource_type: ResourceType,
    filters: Mapping[str, Path],
    supports: str = "Filters MaxResults NextToken",
    forbids: Sequence[Forbidden] = (),
    **more: Any,
) -> Absent:
    """Return a Describe action; all but `supports` and `forbids` are fields of its Table."""
    table = Table(items=items, id=id, ids=ids, resource_type=resource_type, filters=filters, **more)
    return Absent(table, supports, forbids)


def kind(prefix: str, noun: str, not_found: str, malformed: str = "InvalidParameterValue") -> ResourceType:
    """Return the type of such a resource: its ids' prefix, AWS's noun, and the codes for unknown and other ids."""
    said = f"The {noun} ID '{{id}}' does not exist"
    return ResourceType(prefix, "", not_found, said, said.replace("ID", "IDs", 1), malformed)


def register(actions: Mapping[str, Absent]) -> None:
    """Register Describe actions by their names."""
    for name, one in actions.items():
        describes(one.table, supports=f"{one.table.ids} {one.supports}", forbids=one.forbids)(_none(name))


def _none(name: str) -> Rows:
    """Return the function that reads no rows, named as an action is."""

    async def rows(call: Call, asked: Question) -> list[Row]:
        return []

    rows.__name__ = xform_name(name)
    rows.__doc__ = "Answer that there is none."
    return rows
