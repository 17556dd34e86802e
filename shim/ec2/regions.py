"""Regions and availability zones: Keystone's region under the names clients sign for, and Nova's zones in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.types import compute as cloud
from shim.context import Call
from shim.ec2.describe import Table, answer
from shim.ec2.filters import select
from shim.ec2.kinds import Kind
from shim.ec2.service import action
from shim.errors import AwsError

_REGION = Kind(
    "",
    "region",
    "InvalidParameterValue",
    "Invalid region provided: [{id}]",
    "Invalid region provided: [{id}]",
    "InvalidParameterValue",
)
_ZONE = Kind(
    "",
    "availability-zone",
    "InvalidParameterValue",
    "Invalid availability zone: [{id}]",
    "Invalid availability zones: [{id}]",
    "InvalidParameterValue",
)
REGIONS = Table(
    items="Regions",
    id="RegionName",
    ids="RegionNames",
    kind=_REGION,
    filters={"endpoint": "Endpoint", "opt-in-status": "OptInStatus", "region-name": "RegionName"},
)
ZONES = Table(
    items="AvailabilityZones",
    id="ZoneName",
    ids="ZoneNames",
    kind=_ZONE,
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
_NO_ZONE = "\0"  # no zone's name


@action(
    supports="RegionNames Filters", ignores={"AllRegions": "no region here is disabled, so there are no more to show"}
)
async def describe_regions(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """List the names by which this one cloud can be called."""
    names = dict.fromkeys(name for name in (call.region, call.settings.region, *call.settings.region_names) if name)
    rows = [{"RegionName": name, "Endpoint": call.host or None, "OptInStatus": "opt-in-not-required"} for name in names]
    return answer(call, REGIONS, rows, req)


@action(
    supports="ZoneNames ZoneIds Filters",
    ignores={"AllAvailabilityZones": "no zone here has to be opted into, so there are no more to show"},
)
async def describe_availability_zones(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """List Nova's availability zones."""
    rows = zones(await call.cloud.compute.zones(), call.region)
    if wanted := req.get("ZoneIds"):
        known = {row["ZoneId"] for row in rows}
        if absent := [one for one in wanted if one not in known]:
            raise AwsError("InvalidParameterValue", _ZONE.many.format(id=", ".join(absent)))
        rows = [row for row in rows if row["ZoneId"] in wanted]
    return answer(call, ZONES, rows, req)


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


async def by_name(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Rewrite a request's filters by zone id as filters by zone name, which rows of other kinds tell.

    One OpenStack call, and only where such a filter is.
    """
    filters: Sequence[Mapping[str, Any]] = req.get("Filters") or ()
    if all(one.get("Name") != "availability-zone-id" for one in filters):
        return req
    known = zones(await call.cloud.compute.zones(), call.region)
    return {**req, "Filters": [_by_name(one, known) for one in filters]}


def _by_name(asked: Mapping[str, Any], known: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    if asked.get("Name") != "availability-zone-id":
        return asked
    found = select(known, [{**asked, "Name": "zone-id"}], ZONES.filters)
    return {"Name": "availability-zone", "Values": [row["ZoneName"] for row in found] or [_NO_ZONE]}
