"""List regions and availability zones: Keystone's region has the names that clients may sign for."""

from __future__ import annotations

from shim.context import Call
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import ResourceType
from shim.ec2.engine.zones import ZONE, ZONES, zone_names, zones
from shim.errors import AwsError

_REGION = ResourceType(
    "",
    "region",
    "InvalidParameterValue",
    "Invalid region provided: [{id}]",
    "Invalid region provided: [{id}]",
    "InvalidParameterValue",
)
REGIONS = Table(
    items="Regions",
    id="RegionName",
    ids="RegionNames",
    resource_type=_REGION,
    filters={"endpoint": "Endpoint", "opt-in-status": "OptInStatus", "region-name": "RegionName"},
)


@describes(
    REGIONS,
    supports="RegionNames Filters",
    ignores={"AllRegions": "no region here is disabled, so there are no more to show"},
)
async def describe_regions(call: Call, asked: Question) -> list[Row]:
    """List the region names of the cloud."""
    names = dict.fromkeys(name for name in (call.region, call.settings.region, *call.settings.region_names) if name)
    return [{"RegionName": name, "Endpoint": call.host or None, "OptInStatus": "opt-in-not-required"} for name in names]


@describes(
    ZONES,
    supports="ZoneNames ZoneIds Filters",
    ignores={"AllAvailabilityZones": "no zone here has to be opted into, so there are no more to show"},
)
async def describe_availability_zones(call: Call, asked: Question) -> list[Row]:
    """List Nova's availability zones."""
    rows: list[Row] = list(zones(await call.cloud.compute.zones(), zone_names(call)))
    if wanted := asked.req.get("ZoneIds"):
        known = {row["ZoneId"] for row in rows}
        if absent := [one for one in wanted if one not in known]:
            raise AwsError("InvalidParameterValue", ZONE.many.format(id=", ".join(absent)))
        rows = [row for row in rows if row["ZoneId"] in wanted]
    return rows
