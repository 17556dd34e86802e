"""The port to Cinder; calls use the caller's own token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from adapters.types.block import BlockLimits, BlockZone, NewVolume, Volume, VolumeType


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

    async def delete_volume(self, id: str) -> None:
        """Ask Cinder to delete a volume; IN_USE while it is attached or has snapshots, CONFLICT while it is busy."""
        ...

    async def set_volume_metadata(self, id: str, items: Mapping[str, str]) -> None:
        """Add or overwrite items of metadata."""
        ...

    async def delete_volume_metadata(self, id: str, key: str) -> None:
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
