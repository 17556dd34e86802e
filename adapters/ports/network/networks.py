"""Networks and their subnets."""

from __future__ import annotations

from typing import Protocol

from adapters.types.network import Network, Subnet


class Networks(Protocol):
    """The networks and subnets that a project may see."""

    async def networks(self) -> list[Network]:
        """List networks, external ones among them."""
        ...

    async def subnets(self) -> list[Subnet]:
        """List subnets."""
        ...
