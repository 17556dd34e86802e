"""Glance (https://docs.openstack.org/api-ref/image/v2/): calls, and JSON → types."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from adapters.openstack.session import Session
from adapters.types.images import Image

# Members that Glance defines; every other member of an image is a user's property.
_OWN = frozenset(
    {
        "id",
        "name",
        "status",
        "visibility",
        "owner",
        "os_hidden",
        "protected",
        "created_at",
        "updated_at",
        "size",
        "virtual_size",
        "min_disk",
        "min_ram",
        "disk_format",
        "container_format",
        "tags",
        "checksum",
        "os_hash_algo",
        "os_hash_value",
        "self",
        "file",
        "schema",
        "stores",
        "direct_url",
        "locations",
    }
)


class Glance:
    """Images over Glance's REST API, for one project."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def images(self, *, hidden: bool = False) -> list[Image]:
        """List every image the project may use."""
        # Without `visibility=all` the list omits community images, which every project may use.
        params: dict[str, str | int | bool] = {"limit": 1000, "visibility": "all", "os_hidden": hidden}
        return [_image(i) for i in await self._session.pages("image", "/images", "images", params)]

    async def image(self, id: str) -> Image:
        """Read one image."""
        answer = await self._session.get("image", f"/images/{id}", resource="image", id=id)
        return _image(answer.json())

    async def update_image(self, id: str, *, set: Mapping[str, str], drop: Collection[str] = ()) -> Image:
        """Write properties and delete others."""
        # RFC 6901: "~" is written "~0" and "/" "~1".  Glance's "add" replaces an existing value.
        changes = [{"op": "add", "path": _pointer(name), "value": value} for name, value in set.items()]
        changes += [{"op": "remove", "path": _pointer(name)} for name in drop]
        answer = await self._session.patch(
            "image",
            f"/images/{id}",
            json=changes,
            headers={"Content-Type": "application/openstack-images-v2.1-json-patch"},
            resource="image",
            id=id,
        )
        return _image(answer.json())


def _pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _image(i: Mapping[str, Any]) -> Image:
    return Image(
        id=i["id"],
        name=i.get("name") or "",
        status=i["status"],
        visibility=i["visibility"],
        owner=i.get("owner") or "",
        hidden=bool(i.get("os_hidden")),
        created_at=datetime.fromisoformat(i["created_at"]),
        size=i.get("size"),
        virtual_size=i.get("virtual_size"),
        min_disk=i.get("min_disk") or 0,
        min_ram=i.get("min_ram") or 0,
        container_format=i.get("container_format") or "",
        tags=tuple(i.get("tags") or ()),
        properties={name: value for name, value in i.items() if name not in _OWN and isinstance(value, str)},
    )
