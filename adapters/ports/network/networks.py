"""Networks and their subnets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from adapters.types.network import Network, NewSubnet, Route, Subnet


class Networks(Protocol):
    """The networks and subnets that a project may see."""

    async def networks(self, *, external: bool | None = None) -> list[Network]:
        """List networks: all, only external ones, or only others."""
        ...

    async def subnets(self) -> list[Subnet]:
        """List subnets."""
        ...

    async def create_network(self, name: str) -> Network:
        """Make a network of the project's own."""
        ...

    async def rename_network(self, id: str, name: str) -> None:
        """Give a network another name."""
        ...

    async def delete_network(self, id: str) -> None:
        """Delete a network with its subnets; IN_USE while it has ports of servers or routers."""
        ...

    async def create_subnet(self, new: NewSubnet) -> Subnet:
        """Make a subnet; NO_CAPACITY if a subnet pool has no block left."""
        ...

    async def rename_subnet(self, id: str, name: str) -> None:
        """Give a subnet another name."""
        ...

    async def delete_subnet(self, id: str) -> None:
        """Delete a subnet; IN_USE while ports have addresses of it."""
        ...

    async def set_host_routes(self, id: str, routes: Sequence[Route]) -> None:
        """Replace the routes that DHCP gives to the hosts of a subnet."""
        ...

    async def set_name_servers(self, id: str, addresses: Sequence[str]) -> None:
        """Replace the name servers that DHCP gives to the hosts of a subnet; none: Neutron's own."""
        ...
