"""Ports, by which servers and routers are on networks."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from adapters.types.network import Port


class Ports(Protocol):
    """The ports that a project may see."""

    async def ports(
        self,
        *,
        device_ids: Collection[str] | None = None,
        device_owners: Collection[str] | None = None,
        security_group_id: str | None = None,
    ) -> list[Port]:
        """List ports: all, or those of some devices, of some owners (whole names), or in one security group."""
        ...
