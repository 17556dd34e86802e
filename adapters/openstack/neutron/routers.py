"""Routers: calls, and JSON → types (https://docs.openstack.org/api-ref/network/v2/#routers-routers)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.openstack.neutron.calls import Calls, tags
from adapters.types.network import Router


class Routers(Calls):
    """Neutron's routers, for one project."""

    async def routers(self) -> list[Router]:
        """List routers."""
        return [_router(r) for r in await self._list("routers")]


def _router(r: Mapping[str, Any]) -> Router:
    return Router(
        id=r["id"],
        name=r["name"] or "",
        project_id=r["project_id"],
        status=r["status"],
        tags=tags(r),
    )
