"""The port to Glance; calls use the caller's own token."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Collection, Mapping
from typing import Protocol

from adapters.types.images import Image, NewImage


class Images(Protocol):
    """Glance for one project.  Every call raises BackendError; a missing image is NOT_FOUND."""

    async def images(self, *, hidden: bool = False, owner: str | None = None, name: str | None = None) -> list[Image]:
        """List every image the project may use (its own, public, community, shared with it), or the hidden ones.

        `owner` (a project's id) and `name` choose among them.
        """
        ...

    async def image(self, id: str) -> Image:
        """Read one image."""
        ...

    async def update_image(self, id: str, *, set: Mapping[str, str], drop: Collection[str] = ()) -> Image:
        """Write the properties `set` and delete those in `drop`, which must be there."""
        ...

    async def create_image(self, new: NewImage) -> Image:
        """Make a private image without data; it is `queued` until data is uploaded."""
        ...

    async def upload_nothing(self, id: str) -> None:
        """Upload data of no bytes: an image that only has a block device mapping becomes `active`."""
        ...

    async def upload(self, id: str, body: AsyncIterable[bytes], length: int) -> None:
        """Upload an image's data of exactly `length` bytes, however long that takes; what `body` raises is raised."""
        ...

    def download(self, id: str) -> AsyncGenerator[bytes, None]:
        """Read an image's data in pieces, however long that takes; close the generator if it is not read to its end."""
        ...

    async def delete_image(self, id: str) -> None:
        """Delete an image; FORBIDDEN for one of another project and for a protected one."""
        ...

    async def set_visibility(self, id: str, visibility: str) -> None:
        """Make an image private, shared (with its members) or community (for every project)."""
        ...

    async def set_image_active(self, id: str, *, active: bool) -> None:
        """Reactivate an image, or deactivate it: then nobody but administrators can use its data."""
        ...

    async def image_members(self, id: str) -> list[str]:
        """List the ids of the projects with which an image is shared."""
        ...

    async def add_image_member(self, id: str, project_id: str) -> None:
        """Share an image with a project; DUPLICATE where it is shared with it."""
        ...

    async def remove_image_member(self, id: str, project_id: str) -> None:
        """Share an image with a project no longer; NOT_FOUND where it is not shared with it."""
        ...
