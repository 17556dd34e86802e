"""Cinder (https://docs.openstack.org/api-ref/block-storage/v3/): calls, and JSON → types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from adapters.errors import BackendError, Fault
from adapters.openstack.cinder.calls import PAGE, SERVICE, when
from adapters.openstack.cinder.snapshots import Snapshots
from adapters.openstack.transport import Answer
from adapters.types.block import BlockLimits, BlockZone, NewVolume, Volume, VolumeAttachment, VolumeType

# "Volume status must be available or error or ... and must not be migrating, attached, belong to a group, have
# snapshots, awaiting a transfer, or be disassociated from snapshots after volume transfer."
_HELD = re.compile(r"attached|snapshots", re.IGNORECASE)


class Cinder(Snapshots):
    """BlockStore over Cinder's REST API, for one project."""

    async def volumes(self, *, metadata: Mapping[str, str] | None = None) -> list[Volume]:
        """List the project's volumes."""
        params: dict[str, str | int] = {"limit": PAGE}
        if metadata:
            params["metadata"] = repr(dict(metadata))  # Cinder reads a Python literal here
        found = [_volume(v) for v in await self._session.pages(SERVICE, "/volumes/detail", "volumes", params=params)]
        # A cloud may forbid the filter (resource_filters.json): then Cinder ignores it, or compares with LIKE.
        items = (metadata or {}).items()
        return [volume for volume in found if items <= volume.metadata.items()]

    async def volume(self, id: str) -> Volume:
        """Read one volume."""
        answer = await self._session.get(SERVICE, f"/volumes/{id}", resource="volume", id=id)
        return _volume(answer.member("volume"))

    async def create_volume(self, new: NewVolume) -> Volume:
        """Ask Cinder to create a volume."""
        wanted = {
            "size": new.size,
            "volume_type": new.type,
            "availability_zone": new.zone,
            "snapshot_id": new.snapshot_id,
            "imageRef": new.image_id,
            "metadata": dict(new.metadata),
            "name": new.name or None,
        }
        # Only a snapshot can be missing: callers take the type from `volume_types`.
        resource = "snapshot" if new.snapshot_id else "volume"
        try:
            answer = await self._session.post(
                SERVICE,
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

    async def delete_volume(self, id: str, *, cascade: bool = False) -> None:
        """Ask Cinder to delete a volume."""
        params = {"cascade": "true"} if cascade else {}
        try:
            await self._session.delete(SERVICE, f"/volumes/{id}", params=params, resource="volume", id=id)
        except BackendError as error:
            # Cinder has one message (400) for all possible reasons; the volume's state shows the actual one.
            if error.status == 400 and _HELD.search(error.detail):
                volume = await self.volume(id)
                held = volume.attachments or volume.status == "available"  # an available volume has a snapshot
                error.fault = Fault.IN_USE if held or volume.status == "in-use" else Fault.CONFLICT
            raise

    async def extend_volume(self, id: str, size: int) -> None:
        """Ask Cinder to extend a volume."""
        await self._act(id, {"os-extend": {"new_size": size}})

    async def retype_volume(self, id: str, type: str) -> None:
        """Ask Cinder to give a volume another type."""
        await self._act(id, {"os-retype": {"new_type": type, "migration_policy": "on-demand"}})

    async def upload_volume(self, id: str, name: str, disk_format: str, properties: Mapping[str, str]) -> str:
        """Ask Cinder to make an image of a volume."""
        # Cinder copies the volume's "image metadata" to the image, and takes no other properties for it.
        await self._act(id, {"os-set_image_metadata": {"metadata": dict(properties)}})
        wanted = {"image_name": name, "disk_format": disk_format, "container_format": "bare"}
        answer = await self._act(id, {"os-volume_upload_image": wanted})
        return str(answer.member("os-volume_upload_image")["image_id"])

    async def _act(self, id: str, action: Mapping[str, Any]) -> Answer:
        return await self._session.post(SERVICE, f"/volumes/{id}/action", json=action, resource="volume", id=id)

    async def set_volume_metadata(self, id: str, items: Mapping[str, str]) -> None:
        """Add or overwrite items of metadata."""
        await self._session.post(
            SERVICE, f"/volumes/{id}/metadata", json={"metadata": dict(items)}, resource="volume", id=id
        )

    async def delete_volume_metadata(self, id: str, key: str) -> None:
        """Delete one item of metadata."""
        await self._session.delete(SERVICE, f"/volumes/{id}/metadata/{quote(key, safe='')}", resource="volume", id=id)

    async def volume_types(self) -> list[VolumeType]:
        """List the volume types."""
        found = await self._session.pages(SERVICE, "/types", "volume_types", params={"limit": PAGE})
        return [VolumeType(t["id"], t["name"], t.get("extra_specs") or {}) for t in found]

    async def limits(self) -> BlockLimits:
        """Read the project's limits."""
        found = (await self._session.get(SERVICE, "/limits")).member("limits")["absolute"]
        return BlockLimits(
            volumes=found["maxTotalVolumes"],
            gigabytes=found["maxTotalVolumeGigabytes"],
            volumes_used=found["totalVolumesUsed"],
            gigabytes_used=found["totalGigabytesUsed"],
        )

    async def zones(self) -> list[BlockZone]:
        """List the availability zones."""
        answer = await self._session.get(SERVICE, "/os-availability-zone")
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
        created_at=when(v["created_at"]),
        encrypted=bool(v["encrypted"]),
        multiattach=bool(v["multiattach"]),
        bootable=v["bootable"] in (True, "true"),
        metadata=v["metadata"],
        attachments=tuple(
            VolumeAttachment(
                id=a["attachment_id"],
                server_id=a["server_id"],
                device=a["device"],
                attached_at=when(a["attached_at"]) if a.get("attached_at") else None,
            )
            for a in v["attachments"]
        ),
    )
