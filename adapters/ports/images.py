"""The port to Glance; calls use the caller's own token."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from adapters.types.images import Image


class Images(Protocol):
    """Glance for one project.  Every call raises BackendError; a missing image is NOT_FOUND."""

    async def images(self, *, hidden: bool = False) -> list[Image]:
        """List every image the project may use (its own, public, community, accepted shared), or the hidden ones."""
        ...

    async def image(self, id: str) -> Image:
        """Read one image."""
        ...

    async def update_image(self, id: str, *, set: Mapping[str, str], drop: Collection[str] = ()) -> Image:
        """Write the properties `set` and delete those in `drop`, which must be there."""
        ...
