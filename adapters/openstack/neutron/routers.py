"""Routers: calls, and JSON → types (https://docs.openstack.org/api-ref/network/v2/#routers-routers)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.openstack.neutron.calls import Calls, routes, routes_body, tags
from adapters.types.network import Gateway, Route, Router


class Routers(Calls):
    """Neutron's routers, for one project."""

    async def routers(self) -> list[Router]:
        """List routers."""
        return [_router(r) for r in await self._list("routers")]

    async def router(self, id: str) -> Router:
        """Read one router."""
        answer = await self._session.get("network", f"/routers/{id}", resource="router", id=id)
        return _router(answer.member("router"))

    async def create_router(self, name: str) -> Router:
        """Create a router without a gateway."""
        return _router(await self._create("routers", {"name": name}))

    async def rename_router(self, id: str, name: str) -> None:
        """Rename a router."""
        await self._update("routers", id, {"name": name})

    async def delete_router(self, id: str) -> None:
        """Delete a router."""
        await self._delete("routers", id)

    async def set_gateway(self, id: str, gateway: Gateway | None) -> None:
        """Set or clear the external gateway; what the default policy reserves is sent only if it is asked for."""
        info: dict[str, Any] = {}
        if gateway is not None:
            info = {"network_id": gateway.network_id}
            if not gateway.snat:
                info["enable_snat"] = False
            if gateway.addresses or gateway.subnets:
                info["external_fixed_ips"] = [
                    *({"ip_address": one} for one in gateway.addresses),
                    *({"subnet_id": one} for one in gateway.subnets),
                ]
        await self._update("routers", id, {"external_gateway_info": info})

    async def add_routes(self, id: str, routes: Sequence[Route]) -> None:
        """Add routes: unlike an update of the router, this keeps what others add at the same time."""
        await self._extra_routes("add", id, routes)

    async def remove_routes(self, id: str, routes: Sequence[Route]) -> None:
        """Remove routes."""
        await self._extra_routes("remove", id, routes)

    async def _extra_routes(self, verb: str, id: str, routes: Sequence[Route]) -> None:
        body = {"router": {"routes": routes_body(routes)}}
        await self._session.put("network", f"/routers/{id}/{verb}_extraroutes", json=body, resource="router", id=id)

    async def add_interface(self, id: str, *, subnet_id: str = "", port_id: str = "") -> None:
        """Add an interface."""
        await self._interface("add", id, subnet_id, port_id)

    async def switch_interface(self, port_id: str, *, up: bool) -> None:
        """Set the administrative state of a router's port."""
        await self._update("ports", port_id, {"admin_state_up": up})

    async def remove_interface(self, id: str, *, subnet_id: str = "", port_id: str = "") -> None:
        """Remove an interface."""
        await self._interface("remove", id, subnet_id, port_id)

    async def _interface(self, verb: str, id: str, subnet_id: str, port_id: str) -> None:
        body = {"port_id": port_id} if port_id else {"subnet_id": subnet_id}
        path = f"/routers/{id}/{verb}_router_interface"
        await self._session.put("network", path, json=body, resource="router", id=id)


def _router(r: Mapping[str, Any]) -> Router:
    return Router(
        id=r["id"],
        name=r["name"] or "",
        project_id=r["project_id"],
        status=r["status"],
        tags=tags(r),
        gateway=_gateway(r.get("external_gateway_info")),
        routes=routes(r.get("routes")),
    )


def _gateway(info: Mapping[str, Any] | None) -> Gateway | None:
    if not info:
        return None
    addresses = tuple(one["ip_address"] for one in info.get("external_fixed_ips") or ())
    return Gateway(info["network_id"], bool(info.get("enable_snat", True)), addresses)
