"""Glance's resources: images with their properties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Image:
    """An image; sizes are in bytes and None until the data is there, `min_disk` is in GiB, `min_ram` in MiB.

    `visibility` is public, private, shared or community.  `properties` holds everything Glance does not define itself.
    """

    id: str
    name: str
    status: str
    visibility: str
    owner: str
    hidden: bool
    created_at: datetime
    size: int | None
    virtual_size: int | None
    min_disk: int
    min_ram: int
    container_format: str
    tags: tuple[str, ...]
    properties: Mapping[str, str]
