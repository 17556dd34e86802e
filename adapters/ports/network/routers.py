"""Routers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from adapters.types.network import Gateway, Route, Router


class Routers(Protocol):
    """The routers that a project may see."""

    async def routers(self) -> list[Router]:
        """List routers."""
        ...

    async def router(self, id: str) -> Router:
        """Read one router."""
        ...

    async def create_router(self, name: str) -> Router:
        """Make a router without a gateway."""
        ...

    async def rename_router(self, id: str, name: str) -> None:
        """Give a router another name."""
        ...

    async def delete_router(self, id: str) -> None:
        """Delete a router; IN_USE while it has ports on subnets."""
        ...

    async def set_gateway(self, id: str, gateway: Gateway | None) -> None:
        """Connect a router to an external network, or disconnect it; IN_USE while floating IPs need it.

        Neutron's default policy lets only administrators set `snat` to false, or choose the addresses.
        """
        ...

    async def add_routes(self, id: str, routes: Sequence[Route]) -> None:
        """Add routes to a router, whose next hops are on its subnets; those that it has stay as they are."""
        ...

    async def remove_routes(self, id: str, routes: Sequence[Route]) -> None:
        """Remove routes from a router; those that it does not have are passed over."""
        ...

    async def add_interface(self, id: str, *, subnet_id: str = "", port_id: str = "") -> None:
        """Put a router on a subnet with the subnet's gateway address, or with a port that was made for it."""
        ...

    async def switch_interface(self, port_id: str, *, up: bool) -> None:
        """Let a router's port pass packets, or none."""
        ...

    async def remove_interface(self, id: str, *, subnet_id: str = "", port_id: str = "") -> None:
        """Take a router off a subnet, and delete its port; IN_USE while floating IPs or routes need it."""
        ...
