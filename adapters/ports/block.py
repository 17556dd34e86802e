"""BlockStore: what is asked of Cinder, with the caller's own token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from adapters.types.block import BlockZone, NewVolume, Volume, VolumeType


class BlockStore(Protocol):
    """Cinder for one project.  Every call raises BackendError; a missing thing is NOT_FOUND with its `resource`."""

    async def volumes(self, *, metadata: Mapping[str, str] | None = None) -> list[Volume]:
        """List the project's volumes: all, or those that carry these items."""
        ...

    async def volume(self, id: str) -> Volume:
        """Read one volume."""
        ...

    async def create_volume(self, new: NewVolume) -> Volume:
        """Ask for a volume; it is `creating` at first."""
        ...

    async def delete_volume(self, id: str) -> None:
        """Ask for a volume's end; IN_USE while it is attached or has snapshots, CONFLICT in another busy state."""
        ...

    async def set_volume_metadata(self, id: str, items: Mapping[str, str]) -> None:
        """Add or overwrite items."""
        ...

    async def delete_volume_metadata(self, id: str, key: str) -> None:
        """Take one item away; NOT_FOUND where it is not there."""
        ...

    async def volume_types(self) -> list[VolumeType]:
        """List the volume types that the project may use."""
        ...

    async def zones(self) -> list[BlockZone]:
        """List the availability zones."""
        ...
