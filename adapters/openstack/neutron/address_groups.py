"""Address groups: calls, and JSON → types (https://docs.openstack.org/api-ref/network/v2/#address-groups)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from adapters.openstack.neutron.calls import Calls
from adapters.types.network import AddressGroup

_PATH = "/address-groups"


class AddressGroups(Calls):
    """Neutron's address groups, for one project."""

    async def address_groups(self) -> list[AddressGroup]:
        """List address groups."""
        return [_address_group(g) for g in await self._list("address-groups")]

    async def create_address_group(self, name: str, description: str, addresses: Collection[str]) -> AddressGroup:
        """Make an address group."""
        body = {"address_group": {"name": name, "description": description, "addresses": sorted(addresses)}}
        answer = await self._session.post("network", _PATH, json=body, resource="address_group", id=name)
        return _address_group(answer.member("address_group"))

    async def update_address_group(self, id: str, *, name: str | None = None, description: str | None = None) -> None:
        """Change an address group."""
        wanted = {"name": name, "description": description}
        body = {"address_group": {field: value for field, value in wanted.items() if value is not None}}
        await self._session.put("network", f"{_PATH}/{id}", json=body, resource="address_group", id=id)

    async def add_addresses(self, id: str, addresses: Collection[str]) -> None:
        """Add address blocks."""
        await self._change(id, "add_addresses", addresses)

    async def remove_addresses(self, id: str, addresses: Collection[str]) -> None:
        """Remove address blocks."""
        await self._change(id, "remove_addresses", addresses)

    async def delete_address_group(self, id: str) -> None:
        """Delete an address group."""
        await self._session.delete("network", f"{_PATH}/{id}", resource="address_group", id=id)

    async def _change(self, id: str, verb: str, addresses: Collection[str]) -> None:
        body = {"addresses": sorted(addresses)}
        await self._session.put("network", f"{_PATH}/{id}/{verb}", json=body, resource="address_group", id=id)


def _address_group(g: Mapping[str, Any]) -> AddressGroup:
    return AddressGroup(
        id=g["id"],
        name=g["name"] or "",
        description=g.get("description") or "",
        project_id=g["project_id"],
        addresses=tuple(g["addresses"]),
    )
