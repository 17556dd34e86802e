"""Tags of Neutron's resources: calls (https://docs.openstack.org/api-ref/network/v2/#standard-attributes-tag-extension)."""

from __future__ import annotations

from collections.abc import Awaitable, Collection
from typing import Any
from urllib.parse import quote

from adapters.errors import BackendError, Fault, absent_is
from adapters.openstack.neutron.calls import BROKE, SINGULAR, Calls


class Tags(Calls):
    """The tags of Neutron's resources, for one project."""

    async def set_tags(self, resource: str, id: str, tags: Collection[str]) -> None:
        """Replace a resource's tags by these."""
        path, one = f"/{resource}/{id}/tags", SINGULAR[resource]
        call = self._session.put("network", path, json={"tags": sorted(tags)}, resource=one, id=id)
        await self._of_what_exists(resource, id, call)

    async def add_tag(self, resource: str, id: str, tag: str) -> None:
        """Add one tag."""
        path, one = f"/{resource}/{id}/tags/{quote(tag, safe='')}", SINGULAR[resource]
        await self._of_what_exists(resource, id, self._session.put("network", path, resource=one, id=id))

    async def remove_tag(self, resource: str, id: str, tag: str) -> None:
        """Delete one tag."""
        path, one = f"/{resource}/{id}/tags/{quote(tag, safe='')}", SINGULAR[resource]
        await self._of_what_exists(resource, id, self._session.delete("network", path, resource=one, id=id))

    async def _of_what_exists(self, resource: str, id: str, call: Awaitable[Any]) -> None:
        """Await a change of tags; raise NOT_FOUND where the resource is gone.

        Neutron 29 answers 500 then: `KeyError: None` in `_get_policy_action` (neutron/extensions/tagging.py), for which
        `_get_resource_info` has found nothing.
        """
        try:
            await call
        except BackendError as error:
            one = SINGULAR[resource]
            if error.status == BROKE:
                there = await absent_is(None, self._session.get("network", f"/{resource}/{id}", resource=one, id=id))
                if there is None:
                    raise BackendError(Fault.NOT_FOUND, service="network", resource=one, id=id) from error
            raise
