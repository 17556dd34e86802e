"""Tags: words without a value that Neutron keeps on its resources."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class Tags(Protocol):
    """The tags of one resource; `resource` is Neutron's plural in URLs (`security-groups`)."""

    async def set_tags(self, resource: str, id: str, tags: Collection[str]) -> None:
        """Replace a resource's tags by these."""
        ...

    async def add_tag(self, resource: str, id: str, tag: str) -> None:
        """Add one tag, which contains no slash, and keep the others."""
        ...

    async def remove_tag(self, resource: str, id: str, tag: str) -> None:
        """Delete one tag; NOT_FOUND where it is not there."""
        ...
