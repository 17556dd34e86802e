"""The common part of all calls to Neutron: the session, listings, and tags in answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.openstack.session import Session

# neutron.conf's pagination_max_limit is unlimited by default; with a lower one, the links are followed.
_PAGE = 1000

# Neutron's plural in URLs → the word for one in errors.
SINGULAR: Mapping[str, str] = {
    "networks": "network",
    "subnets": "subnet",
    "routers": "router",
    "ports": "port",
    "floatingips": "floatingip",
    "security-groups": "security_group",
    "security-group-rules": "security_group_rule",
}


class Calls:
    """Calls to Neutron through one session, for one project."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def _list(self, plural: str, **filters: list[str]) -> list[dict[str, Any]]:
        key = plural.replace("-", "_")
        params: dict[str, int | list[str]] = {"limit": _PAGE, **filters}
        return await self._session.pages("network", f"/{plural}", key, params=params, resource=SINGULAR[plural])


def tags(resource: Mapping[str, Any]) -> tuple[str, ...]:
    """Read a resource's tags; none if Neutron lacks the extension."""
    return tuple(resource.get("tags") or ())
