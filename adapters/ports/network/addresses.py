"""Floating IPs."""

from __future__ import annotations

from typing import Protocol

from adapters.types.network import FloatingIp


class Addresses(Protocol):
    """The floating IPs of a project."""

    async def floating_ips(self) -> list[FloatingIp]:
        """List floating IPs."""
        ...
