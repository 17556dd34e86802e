"""Ports: calls, and JSON → types (https://docs.openstack.org/api-ref/network/v2/#ports)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from adapters.errors import absent_is
from adapters.openstack.neutron.calls import Calls, tags
from adapters.types.network import AllowedAddress, FixedAddress, NewPort, Port, WantedAddress

# Each id takes some 50 characters of the URL, and web servers before Neutron accept 8 KiB of it (Apache's default).
_MOST_DEVICES = 100
_EXTENSION, _OPTIONS = "extension", "extra_dhcp_opt"


class Ports(Calls):
    """Neutron's ports, for one project."""

    async def ports(
        self,
        *,
        ids: Collection[str] | None = None,
        device_ids: Collection[str] | None = None,
        device_owners: Collection[str] | None = None,
        network_ids: Collection[str] | None = None,
        security_group_id: str | None = None,
    ) -> list[Port]:
        """List ports."""
        wanted: dict[str, list[str]] = {}
        if ids is not None:
            if not ids:
                return []
            if len(ids) <= _MOST_DEVICES:
                wanted["id"] = sorted(ids)
        if device_ids is not None:
            if not device_ids:
                return []
            if len(device_ids) <= _MOST_DEVICES:
                wanted["device_id"] = sorted(device_ids)
        if device_owners is not None:
            wanted["device_owner"] = sorted(device_owners)
        if network_ids is not None:
            if not network_ids:
                return []
            if len(network_ids) <= _MOST_DEVICES:
                wanted["network_id"] = sorted(network_ids)
        if security_group_id is not None:
            wanted["security_groups"] = [security_group_id]
        found = [_port(p) for p in await self._list("ports", **wanted)]
        return [
            port
            for port in found
            if (ids is None or port.id in ids)
            and (device_ids is None or port.device_id in device_ids)
            and (network_ids is None or port.network_id in network_ids)
        ]

    async def port(self, id: str) -> Port:
        """Read one port."""
        answer = await self._session.get("network", f"/ports/{id}", resource="port", id=id)
        return _port(answer.member("port"))

    async def create_port(self, new: NewPort) -> Port:
        """Make a port."""
        wanted: dict[str, Any] = {
            "network_id": new.network_id,
            "fixed_ips": _wanted(new.fixed),
            "security_groups": list(new.security_groups),
            "name": new.name,
            "description": new.description,
        }
        if new.dhcp_options:
            wanted["extra_dhcp_opts"] = _options(dict(new.dhcp_options))
        answer = await self._session.post("network", "/ports", json={"port": wanted}, resource="port")
        return _port(answer.member("port"))

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
        """Change a port."""
        wanted: dict[str, Any] = {
            "name": name,
            "description": description,
            "security_groups": None if security_groups is None else sorted(security_groups),
            "fixed_ips": None if fixed is None else _wanted(fixed),
            "allowed_address_pairs": None if allowed is None else [_pair(one) for one in allowed],
        }
        return await self._put_port(id, {field: value for field, value in wanted.items() if value is not None})

    async def gives_dhcp_options(self) -> bool:
        """Tell whether this Neutron gives options to single ports."""
        path = f"/extensions/{_OPTIONS}"
        return await absent_is(None, self._session.get("network", path, resource=_EXTENSION, id=_OPTIONS)) is not None

    async def set_dhcp_options(self, id: str, options: Mapping[str, str | None]) -> None:
        """Change DHCP options of a port."""
        await self._put_port(id, {"extra_dhcp_opts": _options(options)})

    async def set_device(self, id: str, device_id: str, device_owner: str) -> None:
        """Write which device a port belongs to."""
        await self._put_port(id, {"device_id": device_id, "device_owner": device_owner})

    async def delete_port(self, id: str) -> None:
        """Delete a port."""
        await self._session.delete("network", f"/ports/{id}", resource="port", id=id)

    async def _put_port(self, id: str, wanted: Mapping[str, Any]) -> Port:
        answer = await self._session.put("network", f"/ports/{id}", json={"port": wanted}, resource="port", id=id)
        return _port(answer.member("port"))


def _pair(one: AllowedAddress) -> dict[str, str]:
    return {"ip_address": one.address, **({"mac_address": one.mac} if one.mac else {})}


def _wanted(fixed: Collection[WantedAddress]) -> list[dict[str, str]]:
    return [{"subnet_id": one.subnet_id, **({"ip_address": one.address} if one.address else {})} for one in fixed]


def _options(options: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """Write options for a request; Neutron keeps those that it does not name."""
    return [{"opt_name": name, "opt_value": value, "ip_version": 4} for name, value in sorted(options.items())]


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
        allowed=tuple(
            AllowedAddress(pair["ip_address"], pair.get("mac_address")) for pair in p.get("allowed_address_pairs") or ()
        ),
        dhcp_options=tuple(
            (one["opt_name"], one["opt_value"])
            for one in p.get("extra_dhcp_opts") or ()
            if one.get("ip_version", 4) == 4
        ),
    )


def _when(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
