"""Availability zones: Nova's, as rows that the answers of other resources refer to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.types import compute as cloud
from shim.context import Call
from shim.ec2.engine.describe import Question, Table
from shim.ec2.engine.filters import Filter, reader
from shim.ec2.engine.resource_types import Kind

ZONE = Kind(
    "",
    "availability-zone",
    "InvalidParameterValue",
    "Invalid availability zone: [{id}]",
    "Invalid availability zones: [{id}]",
    "InvalidParameterValue",
)
ZONES = Table(
    items="AvailabilityZones",
    id="ZoneName",
    ids="ZoneNames",
    kind=ZONE,
    filters={
        "group-long-name": "GroupLongName",
        "group-name": "GroupName",
        "message": "Messages.Message",
        "opt-in-status": "OptInStatus",
        "parent-zone-id": "ParentZoneId",
        "parent-zone-name": "ParentZoneName",
        "region-name": "RegionName",
        "state": "State",
        "zone-id": "ZoneId",
        "zone-name": "ZoneName",
        "zone-type": "ZoneType",
    },
)
# Nova's zone for its own services: administrators see it, nothing can be placed there.
_INTERNAL = "internal"


def zones(found: Sequence[cloud.Zone], region: str) -> list[dict[str, Any]]:
    """Write zones as rows; a zone's id is its place among the names, which every replica counts alike."""
    names = sorted({zone.name: zone for zone in found if zone.name != _INTERNAL}.items())
    return [
        {
            "ZoneName": name,
            "ZoneId": zone_id(region, place),
            "ZoneType": "availability-zone",
            "RegionName": region,
            "GroupName": region,
            "NetworkBorderGroup": region,
            "State": "available" if zone.available else "unavailable",
            "OptInStatus": "opt-in-not-required",
            "Messages": [],
        }
        for place, (name, zone) in enumerate(names, 1)
    ]


def zone_id(region: str, place: int) -> str:
    """Make a zone's id in AWS's manner (`use1-az1`)."""
    return f"{region.lower()}-az{place}"


async def resolve_zone_ids(call: Call, asked: Question, table: Table) -> None:
    """Turn a filter by zone id into one by zone name, which rows of other resources tell.

    One OpenStack call, and only where a request has such a filter.
    """
    if all(one.name != "availability-zone-id" for one in asked.filters):
        return
    known = zones(await call.cloud.compute.zones(), call.region)
    read = reader("availability-zone", table.filters)
    asked.filters = [
        Filter("availability-zone", read, frozenset(z["ZoneName"] for z in known if one.matches(z["ZoneId"])), ())
        if one.name == "availability-zone-id"
        else one
        for one in asked.filters
    ]
