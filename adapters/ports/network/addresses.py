"""Floating IPs."""

from __future__ import annotations

from typing import Protocol

from adapters.types.network import FloatingIp


class Addresses(Protocol):
    """The floating IPs of a project."""

    async def floating_ips(self) -> list[FloatingIp]:
        """List floating IPs."""
        ...

    async def floating_ip_limit(self, project_id: str) -> int:
        """Return how many floating IPs the project of the token may have; -1 stands for no limit."""
        ...
