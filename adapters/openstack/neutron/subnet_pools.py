"""Subnet pools: calls, and JSON → types (https://docs.openstack.org/api-ref/network/v2/#subnet-pools-extension-subnetpools)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.openstack.neutron.calls import Calls, tags
from adapters.types.network import SubnetPool


class SubnetPools(Calls):
    """Neutron's subnet pools, for one project."""

    async def subnet_pools(self) -> list[SubnetPool]:
        """List the project's own subnet pools: an administrator sees those of all projects, and others share theirs."""
        project = await self._session.project_id()
        return [_pool(p) for p in await self._list("subnetpools", project_id=[project])]

    async def visible_subnet_pools(self) -> list[SubnetPool]:
        """List all subnet pools that the project may see."""
        return [_pool(p) for p in await self._list("subnetpools")]

    async def create_subnet_pool(self, name: str, prefix: str) -> SubnetPool:
        """Create a pool of one prefix."""
        return _pool(await self._create("subnetpools", {"name": name, "prefixes": [prefix]}))

    async def rename_subnet_pool(self, id: str, name: str) -> None:
        """Rename a pool."""
        await self._update("subnetpools", id, {"name": name})

    async def delete_subnet_pool(self, id: str) -> None:
        """Delete a pool."""
        await self._delete("subnetpools", id)


def _pool(p: Mapping[str, Any]) -> SubnetPool:
    return SubnetPool(id=p["id"], name=p["name"] or "", project_id=p["project_id"], tags=tags(p))
