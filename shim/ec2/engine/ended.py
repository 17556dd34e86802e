"""Resources that ended a while ago, which EC2 still describes: the replica that ended them remembers their rows."""

from __future__ import annotations

from typing import Final

from shim.context import Call
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import ResourceType

_MOST: Final = 100  # of one project and type
_ROW_BYTES: Final = 2000


def ended(call: Call, resource_type: ResourceType) -> tuple[Row, ...]:
    """Return the rows that are remembered, the latest first."""
    return call.cache.get(call.caller.project_id, _key(resource_type)) or ()


def keep(call: Call, resource_type: ResourceType, row: Row, seconds: float) -> None:
    """Remember a row for some seconds; the older ones of its type last as long."""
    rows = (row, *ended(call, resource_type))[:_MOST]
    call.cache.put(call.caller.project_id, _key(resource_type), rows, size=_ROW_BYTES * len(rows), seconds=seconds)


def _key(resource_type: ResourceType) -> tuple[str, str]:
    return "ended", resource_type.name
