"""Address groups: named lists of address blocks that rules of security groups may name."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from adapters.types.network import AddressGroup


class AddressGroups(Protocol):
    """The address groups that a project may see; UNSUPPORTED where Neutron has none."""

    async def address_groups(self) -> list[AddressGroup]:
        """List address groups."""
        ...

    async def create_address_group(self, name: str, description: str, addresses: Collection[str]) -> AddressGroup:
        """Make an address group."""
        ...

    async def update_address_group(self, id: str, *, name: str | None = None, description: str | None = None) -> None:
        """Change the name or the description."""
        ...

    async def add_addresses(self, id: str, addresses: Collection[str]) -> None:
        """Add address blocks; DUPLICATE if one is there."""
        ...

    async def remove_addresses(self, id: str, addresses: Collection[str]) -> None:
        """Remove address blocks."""
        ...

    async def delete_address_group(self, id: str) -> None:
        """Delete an address group; IN_USE while a rule names it."""
        ...
