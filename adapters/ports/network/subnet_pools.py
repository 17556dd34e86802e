"""Subnet pools."""

from __future__ import annotations

from typing import Protocol

from adapters.types.network import SubnetPool


class SubnetPools(Protocol):
    """The subnet pools of a project, and those that it may see."""

    async def subnet_pools(self) -> list[SubnetPool]:
        """List the project's own pools: only what the project wrote may tell of its resources."""
        ...

    async def visible_subnet_pools(self) -> list[SubnetPool]:
        """List the pools that the project may see, which others share with it too."""
        ...

    async def create_subnet_pool(self, name: str, prefix: str) -> SubnetPool:
        """Make a pool of one prefix."""
        ...

    async def rename_subnet_pool(self, id: str, name: str) -> None:
        """Give a pool another name."""
        ...

    async def delete_subnet_pool(self, id: str) -> None:
        """Delete a pool."""
        ...
