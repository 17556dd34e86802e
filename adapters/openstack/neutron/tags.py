"""Tags of Neutron's resources: calls (https://docs.openstack.org/api-ref/network/v2/#standard-attributes-tag-extension)."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import quote

from adapters.openstack.neutron.calls import SINGULAR, Calls


class Tags(Calls):
    """The tags of Neutron's resources, for one project."""

    async def set_tags(self, resource: str, id: str, tags: Collection[str]) -> None:
        """Replace a resource's tags by these."""
        await self._session.put(
            "network", f"/{resource}/{id}/tags", json={"tags": sorted(tags)}, resource=SINGULAR[resource], id=id
        )

    async def add_tag(self, resource: str, id: str, tag: str) -> None:
        """Add one tag."""
        await self._session.put(
            "network", f"/{resource}/{id}/tags/{quote(tag, safe='')}", resource=SINGULAR[resource], id=id
        )

    async def remove_tag(self, resource: str, id: str, tag: str) -> None:
        """Delete one tag."""
        await self._session.delete(
            "network", f"/{resource}/{id}/tags/{quote(tag, safe='')}", resource=SINGULAR[resource], id=id
        )
