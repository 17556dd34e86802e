"""Ports, by which servers and routers are on networks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from adapters.types.network import AllowedAddress, NewPort, Port, WantedAddress


class Ports(Protocol):
    """The ports that a project may see."""

    async def ports(
        self,
        *,
        ids: Collection[str] | None = None,
        device_ids: Collection[str] | None = None,
        device_owners: Collection[str] | None = None,
        network_ids: Collection[str] | None = None,
        security_group_id: str | None = None,
    ) -> list[Port]:
        """List ports: all, or some, those of some devices, owners (whole names) or networks, or in a security group."""
        ...

    async def port(self, id: str) -> Port:
        """Read one port."""
        ...

    async def create_port(self, new: NewPort) -> Port:
        """Make a port; DUPLICATE if an address is taken, NO_CAPACITY if a subnet has none left."""
        ...

    async def update_port(
        self,
        id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        security_groups: Collection[str] | None = None,
        fixed: Collection[WantedAddress] | None = None,
        allowed: Collection[AllowedAddress] | None = None,
    ) -> Port:
        """Change what is not None of a port.  An address of `fixed` that the port has already stays as it is."""
        ...

    async def gives_dhcp_options(self) -> bool:
        """Tell whether Neutron gives DHCP options to single ports."""
        ...

    async def set_dhcp_options(self, id: str, options: Mapping[str, str | None]) -> None:
        """Set options that DHCP of IPv4 gives to a port, by their names; None takes one away, others stay."""
        ...

    async def set_device(self, id: str, device_id: str, device_owner: str) -> None:
        """Write which device a port belongs to; '' for none.  Nova does not delete such a port with its server."""
        ...

    async def delete_port(self, id: str) -> None:
        """Delete a port; IN_USE if it is a router's."""
        ...
