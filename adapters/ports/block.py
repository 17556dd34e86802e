"""The port to Cinder; calls use the caller's own token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from adapters.types.block import (
    BlockLimits,
    BlockZone,
    NewSnapshot,
    NewVolume,
    Snapshot,
    Volume,
    VolumeType,
)


class BlockStore(Protocol):
    """Cinder for one project.  Every call raises BackendError; a missing thing is NOT_FOUND with its `resource`."""

    async def volumes(self, *, metadata: Mapping[str, str] | None = None) -> list[Volume]:
        """List the project's volumes: all, or those with these items of metadata."""
        ...

    async def volume(self, id: str) -> Volume:
        """Read one volume."""
        ...

    async def create_volume(self, new: NewVolume) -> Volume:
        """Ask Cinder to create a volume; it is `creating` at first."""
        ...

    async def delete_volume(self, id: str, *, cascade: bool = False) -> None:
        """Ask Cinder to delete a volume; IN_USE while it is attached or has snapshots, CONFLICT while it is busy.

        `cascade` deletes its snapshots too.
        """
        ...

    async def extend_volume(self, id: str, size: int) -> None:
        """Ask Cinder to extend a volume to a size in GiB, also while it is attached; it is `extending` at first."""
        ...

    async def retype_volume(self, id: str, type: str) -> None:
        """Ask Cinder to give a volume another type, with a migration if needed; it is `retyping` at first."""
        ...

    async def upload_volume(self, id: str, name: str, disk_format: str, properties: Mapping[str, str]) -> str:
        """Begin to make an image of an available volume, in a format; return the image's id.

        The image has `properties` from its beginning, and those of the image that the volume was made of.
        """
        ...

    async def set_volume_metadata(self, id: str, items: Mapping[str, str]) -> None:
        """Add or overwrite items of metadata."""
        ...

    async def delete_volume_metadata(self, id: str, key: str) -> None:
        """Delete one item of metadata; NOT_FOUND where it is not there."""
        ...

    async def snapshots(self, *, volume_id: str | None = None) -> list[Snapshot]:
        """List the project's snapshots: all, or those of a volume."""
        ...

    async def snapshot(self, id: str) -> Snapshot:
        """Read one snapshot."""
        ...

    async def create_snapshot(self, new: NewSnapshot) -> Snapshot:
        """Ask Cinder for a snapshot of a volume, also of an attached one; it is `creating` at first."""
        ...

    async def delete_snapshot(self, id: str) -> None:
        """Ask Cinder to delete a snapshot; CONFLICT while it is busy."""
        ...

    async def set_snapshot_metadata(self, id: str, items: Mapping[str, str]) -> None:
        """Add or overwrite items of metadata."""
        ...

    async def delete_snapshot_metadata(self, id: str, key: str) -> None:
        """Delete one item of metadata; NOT_FOUND where it is not there."""
        ...

    async def volume_types(self) -> list[VolumeType]:
        """List the volume types that the project may use."""
        ...

    async def limits(self) -> BlockLimits:
        """Read the project's limits."""
        ...

    async def zones(self) -> list[BlockZone]:
        """List the availability zones."""
        ...
