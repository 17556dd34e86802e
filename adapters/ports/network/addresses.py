"""Floating IPs."""

from __future__ import annotations

from typing import Protocol

from adapters.types.network import FloatingIp


class Addresses(Protocol):
    """The floating IPs of a project."""

    async def floating_ips(self, *, port_id: str | None = None) -> list[FloatingIp]:
        """List floating IPs: all, or those of one port."""
        ...

    async def floating_ip(self, id: str) -> FloatingIp:
        """Read one floating IP."""
        ...

    async def create_floating_ip(
        self, network_id: str, description: str = "", port_id: str | None = None, fixed: str | None = None
    ) -> FloatingIp:
        """Allocate an address of an external network, and associate it with an address of a port if one is given.

        QUOTA at the project's limit, NO_CAPACITY if none is left, and the faults of `associate_floating_ip`.
        """
        ...

    async def restore_floating_ip(self, network_id: str, address: str, project_id: str) -> FloatingIp:
        """Allocate a chosen address for a project, as Neutron allows few; DUPLICATE if it is taken."""
        ...

    async def associate_floating_ip(self, id: str, port_id: str | None, fixed: str | None = None) -> FloatingIp:
        """Associate a floating IP with an address of a port, or with none (`port_id` is None).

        DUPLICATE if another floating IP has that address, CONFLICT if no router leads from there to its network.
        """
        ...

    async def describe_floating_ip(self, id: str, description: str) -> None:
        """Write a floating IP's description."""
        ...

    async def delete_floating_ip(self, id: str) -> None:
        """Release a floating IP, associated or not."""
        ...

    async def floating_ip_limit(self, project_id: str) -> int:
        """Return how many floating IPs the project of the token may have; -1 stands for no limit."""
        ...
