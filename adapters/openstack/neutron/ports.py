"""Ports: calls, and JSON → types (https://docs.openstack.org/api-ref/network/v2/#ports)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from adapters.openstack.neutron.calls import Calls, tags
from adapters.types.network import FixedAddress, Port

# Each id takes some 50 characters of the URL, and web servers before Neutron accept 8 KiB of it (Apache's default).
_MOST_DEVICES = 100


class Ports(Calls):
    """Neutron's ports, for one project."""

    async def ports(
        self,
        *,
        device_ids: Collection[str] | None = None,
        device_owners: Collection[str] | None = None,
        security_group_id: str | None = None,
    ) -> list[Port]:
        """List ports."""
        wanted: dict[str, list[str]] = {}
        if device_ids is not None:
            if not device_ids:
                return []
            if len(device_ids) <= _MOST_DEVICES:
                wanted["device_id"] = sorted(device_ids)
        if device_owners is not None:
            wanted["device_owner"] = sorted(device_owners)
        if security_group_id is not None:
            wanted["security_groups"] = [security_group_id]
        found = [_port(p) for p in await self._list("ports", **wanted)]
        return found if device_ids is None else [port for port in found if port.device_id in device_ids]


def _port(p: Mapping[str, Any]) -> Port:
    return Port(
        id=p["id"],
        name=p["name"] or "",
        description=p.get("description") or "",
        project_id=p["project_id"],
        network_id=p["network_id"],
        mac=p["mac_address"],
        status=p["status"],
        device_id=p["device_id"] or "",
        device_owner=p["device_owner"] or "",
        fixed=tuple(FixedAddress(f["subnet_id"], f["ip_address"]) for f in p["fixed_ips"]),
        security_groups=tuple(p.get("security_groups") or ()),
        port_security=p.get("port_security_enabled", True),
        created_at=_when(p["created_at"]),
        tags=tags(p),
    )


def _when(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
