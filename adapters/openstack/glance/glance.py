"""Glance (https://docs.openstack.org/api-ref/image/v2/): calls, and JSON → types."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Collection, Mapping
from datetime import datetime
from typing import Any

from adapters.openstack.session import Session
from adapters.types.images import Image, NewImage

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

    async def images(self, *, hidden: bool = False, owner: str | None = None, name: str | None = None) -> list[Image]:
        """List every image the project may use."""
        # Without `visibility=all` the list omits community images, which every project may use.
        # Without `member_status=all` it omits what is shared with the project until the project accepts it.
        params: dict[str, str | int | bool] = {"limit": 1000, "visibility": "all", "os_hidden": hidden}
        params["member_status"] = "all"
        if owner is not None:
            params["owner"] = owner
        if name is not None:
            params["name"] = name
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
        return await self._patch(id, changes)

    async def set_visibility(self, id: str, visibility: str) -> None:
        """Change who may use an image."""
        await self._patch(id, [{"op": "replace", "path": "/visibility", "value": visibility}])

    async def create_image(self, new: NewImage) -> Image:
        """Make an image without data."""
        wanted = {
            **new.properties,
            "name": new.name,
            "visibility": "private",
            "disk_format": new.disk_format,
            "container_format": new.container_format,
            "min_disk": new.min_disk,
            "min_ram": new.min_ram,
        }
        return _image((await self._session.post("image", "/images", json=wanted, resource="image")).json())

    async def upload_nothing(self, id: str) -> None:
        """Upload data of no bytes."""
        headers = {"Content-Type": "application/octet-stream"}
        await self._session.put("image", f"/images/{id}/file", content=b"", headers=headers, resource="image", id=id)

    async def upload(self, id: str, body: AsyncIterable[bytes], length: int) -> None:
        """Upload an image's data."""
        await self._session.upload("image", f"/images/{id}/file", body, length, resource="image", id=id)

    def download(self, id: str) -> AsyncGenerator[bytes, None]:
        """Read an image's data."""
        return self._session.download("image", f"/images/{id}/file", resource="image", id=id)

    async def delete_image(self, id: str) -> None:
        """Delete an image."""
        await self._session.delete("image", f"/images/{id}", resource="image", id=id)

    async def set_image_active(self, id: str, *, active: bool) -> None:
        """Reactivate or deactivate an image."""
        action = "reactivate" if active else "deactivate"
        await self._session.post("image", f"/images/{id}/actions/{action}", resource="image", id=id)

    async def image_members(self, id: str) -> list[str]:
        """List the projects with which an image is shared."""
        answer = await self._session.get("image", f"/images/{id}/members", resource="image", id=id)
        return [one["member_id"] for one in answer.member("members")]

    async def add_image_member(self, id: str, project_id: str) -> None:
        """Share an image with a project."""
        body = {"member": project_id}
        await self._session.post("image", f"/images/{id}/members", json=body, resource="image", id=id)

    async def remove_image_member(self, id: str, project_id: str) -> None:
        """Share an image with a project no longer."""
        await self._session.delete("image", f"/images/{id}/members/{project_id}", resource="image", id=id)

    async def _patch(self, id: str, changes: list[dict[str, str]]) -> Image:
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
        updated_at=datetime.fromisoformat(i["updated_at"]),
        size=i.get("size"),
        virtual_size=i.get("virtual_size"),
        min_disk=i.get("min_disk") or 0,
        min_ram=i.get("min_ram") or 0,
        disk_format=i.get("disk_format") or "",
        container_format=i.get("container_format") or "",
        tags=tuple(i.get("tags") or ()),
        properties={name: value for name, value in i.items() if name not in _OWN and isinstance(value, str)},
    )
