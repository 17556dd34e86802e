"""Availability zones: Nova's zones, named after the region that a client signed for.

AWS's clients parse a zone's name: `eu-west-3a` is zone `a` of region `eu-west-3`, and some remove the region without
checking it.  `PASSERELLE_ZONES` assigns letters to Nova's zones, so a zone keeps its letter when the cloud grows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Any

from adapters.types import compute as cloud
from shim.context import Call
from shim.ec2.engine.describe import Question, Table
from shim.ec2.engine.filters import Filter, Turns, reader
from shim.ec2.engine.resource_types import ResourceType
from shim.ec2.service import Forbidden

ZONE = ResourceType(
    "",
    "availability-zone",
    "InvalidParameterValue",
    "Invalid availability zone: [{id}]",
    "Invalid availability zones: [{id}]",
    "InvalidParameterValue",
)
# Of CreateVolume and CreateDefaultSubnet.
ONE_NAME = Forbidden(
    "AvailabilityZone",
    "AvailabilityZoneId",
    "Either AvailabilityZone or AvailabilityZoneId must be specified, but not both.",
)
ZONES = Table(
    items="AvailabilityZones",
    id="ZoneName",
    ids="ZoneNames",
    resource_type=ZONE,
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
# Nova's zone for its own services: only administrators see it, and no server can be placed there.
_INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class ZoneNames:
    """The names that clients see for Nova's zones in one region; `lettered` are Nova's names in letter order."""

    region: str = ""
    lettered: tuple[str, ...] = ()

    def shown(self, native: str) -> str:
        """Return the name that clients see for a Nova zone."""
        if native in self.lettered[: len(ascii_lowercase)]:
            return self.region + ascii_lowercase[self.lettered.index(native)]
        return native

    def native(self, name: str, known: Collection[str]) -> str | None:
        """Return the OpenStack zone that a client names by either spelling; None if it is not in `known`."""
        return name if name in known else next((one for one in known if self.shown(one) == name), None)

    def place(self, native: str) -> tuple[int, str]:
        """Return a zone's sort key: zones with letters first, then by name."""
        return (self.lettered.index(native) if native in self.lettered else len(self.lettered), native)


def placeable(found: Iterable[cloud.Zone]) -> list[str]:
    """Return Nova's names of the zones in which servers can be placed."""
    return [zone.name for zone in found if zone.name != _INTERNAL]


def zone_names(call: Call) -> ZoneNames:
    """Return the names of zones in the region that the client signed for."""
    return ZoneNames(call.region, call.settings.zones)


def zones(found: Sequence[cloud.Zone], names: ZoneNames) -> list[dict[str, Any]]:
    """Write zones as rows; a zone's id is its position among them, which is the same on every replica."""
    region = names.region
    known = {zone.name: zone for zone in found if zone.name != _INTERNAL}
    placed = [(native, known[native]) for native in sorted(known, key=names.place)]
    return [
        {
            "ZoneName": names.shown(native),
            "ZoneId": zone_id(region, place),
            "ZoneType": "availability-zone",
            "RegionName": region,
            "GroupName": region,
            "NetworkBorderGroup": region,
            "State": "available" if zone.available else "unavailable",
            "OptInStatus": "opt-in-not-required",
            "Messages": [],
        }
        for place, (native, zone) in enumerate(placed, 1)
    ]


def zone_id(region: str, place: int) -> str:
    """Return a zone's id in AWS's form (`use1-az1`)."""
    return f"{region.lower()}-az{place}"


async def resolve_zone_ids(call: Call, asked: Question, table: Table) -> None:
    """Replace a filter by zone id with one by zone name, because the rows of most resources have only the name.

    Makes one OpenStack call, only if the request has such a filter.
    """
    if all(one.name != "availability-zone-id" for one in asked.filters):
        return
    known = zones(await call.cloud.compute.zones(), zone_names(call))
    read = reader("availability-zone", table.filters)
    turns = Turns()

    async def by_name(one: Filter) -> Filter:
        names = [zone["ZoneName"] for zone in known if await one.matches(zone["ZoneId"], turns)]
        return Filter("availability-zone", read, frozenset(names), ())

    asked.filters = [await by_name(one) if one.name == "availability-zone-id" else one for one in asked.filters]
