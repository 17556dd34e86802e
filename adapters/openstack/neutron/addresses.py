"""Floating IPs: calls, and JSON → types (https://docs.openstack.org/api-ref/network/v2/#floating-ips-floatingips)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.openstack.neutron.calls import Calls, tags
from adapters.openstack.transport import Answer
from adapters.types.network import FloatingIp


class Addresses(Calls):
    """Neutron's floating IPs, for one project."""

    async def floating_ips(self, *, port_id: str | None = None) -> list[FloatingIp]:
        """List floating IPs."""
        wanted = {} if port_id is None else {"port_id": [port_id]}
        return [_floating_ip(f) for f in await self._list("floatingips", **wanted)]

    async def floating_ip(self, id: str) -> FloatingIp:
        """Read one floating IP."""
        answer = await self._session.get("network", f"/floatingips/{id}", resource="floatingip", id=id)
        return _floating_ip(answer.member("floatingip"))

    async def create_floating_ip(
        self, network_id: str, description: str = "", port_id: str | None = None, fixed: str | None = None
    ) -> FloatingIp:
        """Allocate an address."""
        wanted = {"floating_network_id": network_id, "description": description}
        if port_id is not None:
            wanted |= {"port_id": port_id, **({"fixed_ip_address": fixed} if fixed else {})}
        answer = await self._session.post("network", "/floatingips", json={"floatingip": wanted}, resource="floatingip")
        return _floating_ip(answer.member("floatingip"))

    async def restore_floating_ip(self, network_id: str, address: str, project_id: str) -> FloatingIp:
        """Allocate a chosen address for a project."""
        wanted = {"floating_network_id": network_id, "floating_ip_address": address, "project_id": project_id}
        answer = await self._session.post(
            "network", "/floatingips", json={"floatingip": wanted}, resource="floatingip", id=address
        )
        return _floating_ip(answer.member("floatingip"))

    async def associate_floating_ip(self, id: str, port_id: str | None, fixed: str | None = None) -> FloatingIp:
        """Associate a floating IP with an address of a port, or with none."""
        wanted = {"port_id": port_id, **({"fixed_ip_address": fixed} if fixed else {})}
        return _floating_ip((await self._put_address(id, wanted)).member("floatingip"))

    async def describe_floating_ip(self, id: str, description: str) -> None:
        """Write a description."""
        await self._put_address(id, {"description": description})

    async def delete_floating_ip(self, id: str) -> None:
        """Release a floating IP."""
        await self._session.delete("network", f"/floatingips/{id}", resource="floatingip", id=id)

    async def _put_address(self, id: str, wanted: Mapping[str, Any]) -> Answer:
        body = {"floatingip": wanted}
        return await self._session.put("network", f"/floatingips/{id}", json=body, resource="floatingip", id=id)

    async def floating_ip_limit(self, project_id: str) -> int:
        """Return the token's project's quota of floating IPs; -1 means no limit."""
        found = await self._session.get("network", f"/quotas/{project_id}", resource="quota")
        return int(found.member("quota")["floatingip"])


def _floating_ip(f: Mapping[str, Any]) -> FloatingIp:
    return FloatingIp(
        id=f["id"],
        project_id=f["project_id"],
        address=f["floating_ip_address"],
        network_id=f["floating_network_id"],
        port_id=f["port_id"],
        fixed=f["fixed_ip_address"],
        status=f["status"],
        tags=tags(f),
        description=f.get("description") or "",
    )
