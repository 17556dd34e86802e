"""Floating IPs: calls, and JSON → types (https://docs.openstack.org/api-ref/network/v2/#floating-ips-floatingips)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.openstack.neutron.calls import Calls, tags
from adapters.types.network import FloatingIp


class Addresses(Calls):
    """Neutron's floating IPs, for one project."""

    async def floating_ips(self) -> list[FloatingIp]:
        """List floating IPs."""
        return [_floating_ip(f) for f in await self._list("floatingips")]

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
    )
