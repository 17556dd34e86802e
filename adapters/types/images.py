"""Glance's resources: images with their properties."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


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
    updated_at: datetime
    size: int | None
    virtual_size: int | None
    min_disk: int
    min_ram: int
    disk_format: str
    container_format: str
    tags: tuple[str, ...]
    properties: Mapping[str, str]

    @property
    def block_devices(self) -> list[dict[str, Any]]:
        """Read the block device mapping, as Nova writes it on the image of a server that has volumes."""
        return json_list(self.properties.get("block_device_mapping", "[]"))

    @property
    def snapshots(self) -> list[str]:
        """Return the UUIDs of the snapshots in the block device mapping."""
        return [one["snapshot_id"] for one in self.block_devices if isinstance(one.get("snapshot_id"), str)]


@dataclass(frozen=True, slots=True)
class NewImage:
    """The parameters of a new image, which is private and has no data at first; `properties` are the user's."""

    name: str
    properties: Mapping[str, str]
    disk_format: str = "raw"
    container_format: str = "bare"
    min_disk: int = 0
    min_ram: int = 0


def json_list(text: str) -> list[dict[str, Any]]:
    """Read a JSON list of objects from a property, which its image's owner can write; what is none is left out."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):  # the parser raises RecursionError for deep nests
        return []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
