"""Cinder (https://docs.openstack.org/api-ref/block-storage/v3/): calls, and JSON → types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from adapters.errors import BackendError, Fault
from adapters.openstack.session import Session
from adapters.types.block import BlockLimits, BlockZone, NewVolume, Volume, VolumeAttachment, VolumeType

_SERVICE = "block-storage"
_PAGE = 1000  # the default of cinder.conf's osapi_max_limit; with a lower one, the pages' links are followed
# "Volume status must be available or error or ... and must not be migrating, attached, belong to a group, have
# snapshots, awaiting a transfer, or be disassociated from snapshots after volume transfer."
_HELD = re.compile(r"attached|snapshots", re.IGNORECASE)


class Cinder:
    """BlockStore over Cinder's REST API, for one project."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def volumes(self, *, metadata: Mapping[str, str] | None = None) -> list[Volume]:
        """List the project's volumes."""
        params: dict[str, str | int] = {"limit": _PAGE}
        if metadata:
            params["metadata"] = repr(dict(metadata))  # Cinder reads a Python literal here
        found = [_volume(v) for v in await self._session.pages(_SERVICE, "/volumes/detail", "volumes", params=params)]
        # A cloud may forbid the filter (resource_filters.json): then Cinder ignores it, or compares with LIKE.
        items = (metadata or {}).items()
        return [volume for volume in found if items <= volume.metadata.items()]

    async def volume(self, id: str) -> Volume:
        """Read one volume."""
        answer = await self._session.get(_SERVICE, f"/volumes/{id}", resource="volume", id=id)
        return _volume(answer.member("volume"))

    async def create_volume(self, new: NewVolume) -> Volume:
        """Ask Cinder to create a volume."""
        wanted = {
            "size": new.size,
            "volume_type": new.type,
            "availability_zone": new.zone,
            "snapshot_id": new.snapshot_id,
            "metadata": dict(new.metadata),
        }
        # Only a snapshot can be missing: callers take the type from `volume_types`.
        resource = "snapshot" if new.snapshot_id else "volume"
        try:
            answer = await self._session.post(
                _SERVICE,
                "/volumes",
                json={"volume": {name: value for name, value in wanted.items() if value is not None}},
                resource=resource,
                id=new.snapshot_id or "",
            )
        except BackendError as error:
            if error.fault is Fault.QUOTA:
                error.resource, error.id = "volume", ""
            raise
        return _volume(answer.member("volume"))

    async def delete_volume(self, id: str) -> None:
        """Ask Cinder to delete a volume."""
        try:
            await self._session.delete(_SERVICE, f"/volumes/{id}", resource="volume", id=id)
        except BackendError as error:
            # Cinder has one message (400) for all possible reasons; the volume's state shows the actual one.
            if error.status == 400 and _HELD.search(error.detail):
                volume = await self.volume(id)
                held = volume.attachments or volume.status == "available"  # an available volume has a snapshot
                error.fault = Fault.IN_USE if held or volume.status == "in-use" else Fault.CONFLICT
            raise

    async def set_volume_metadata(self, id: str, items: Mapping[str, str]) -> None:
        """Add or overwrite items of metadata."""
        await self._session.post(
            _SERVICE, f"/volumes/{id}/metadata", json={"metadata": dict(items)}, resource="volume", id=id
        )

    async def delete_volume_metadata(self, id: str, key: str) -> None:
        """Delete one item of metadata."""
        await self._session.delete(_SERVICE, f"/volumes/{id}/metadata/{quote(key, safe='')}", resource="volume", id=id)

    async def volume_types(self) -> list[VolumeType]:
        """List the volume types."""
        found = await self._session.pages(_SERVICE, "/types", "volume_types", params={"limit": _PAGE})
        return [VolumeType(t["id"], t["name"], t.get("extra_specs") or {}) for t in found]

    async def limits(self) -> BlockLimits:
        """Read the project's limits."""
        found = (await self._session.get(_SERVICE, "/limits")).member("limits")["absolute"]
        return BlockLimits(
            volumes=found["maxTotalVolumes"],
            gigabytes=found["maxTotalVolumeGigabytes"],
            volumes_used=found["totalVolumesUsed"],
            gigabytes_used=found["totalGigabytesUsed"],
        )

    async def zones(self) -> list[BlockZone]:
        """List the availability zones."""
        answer = await self._session.get(_SERVICE, "/os-availability-zone")
        zones = answer.member("availabilityZoneInfo")
        return [BlockZone(zone["zoneName"], zone["zoneState"]["available"]) for zone in zones]


def _volume(v: Mapping[str, Any]) -> Volume:
    return Volume(
        id=v["id"],
        name=v["name"] or "",
        project_id=v.get("os-vol-tenant-attr:tenant_id") or "",
        status=v["status"],
        size=v["size"],
        zone=v["availability_zone"] or "",
        type=v["volume_type"] or "",
        snapshot_id=v["snapshot_id"],
        created_at=_when(v["created_at"]),
        encrypted=bool(v["encrypted"]),
        multiattach=bool(v["multiattach"]),
        bootable=v["bootable"] in (True, "true"),
        metadata=v["metadata"],
        attachments=tuple(
            VolumeAttachment(
                id=a["attachment_id"],
                server_id=a["server_id"],
                device=a["device"],
                attached_at=_when(a["attached_at"]) if a.get("attached_at") else None,
            )
            for a in v["attachments"]
        ),
    )


def _when(text: str) -> datetime:
    """Parse a time; Cinder writes UTC without an offset."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
