"""The common part of all calls to Neutron: the session, listings, and tags in answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from adapters.errors import BackendError
from adapters.openstack.session import Session
from adapters.types.network import Route

# neutron.conf's pagination_max_limit is unlimited by default; with a lower one, the links are followed.
_PAGE = 1000
BROKE = 500  # Neutron failed where it should have passed over, or refused, what is gone

# Neutron's plural in URLs → the word for one in errors.
SINGULAR: Mapping[str, str] = {
    "networks": "network",
    "subnets": "subnet",
    "subnetpools": "subnetpool",
    "routers": "router",
    "ports": "port",
    "floatingips": "floatingip",
    "address-groups": "address_group",
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
        ask = partial(self._session.pages, "network", f"/{plural}", key, params=params, resource=SINGULAR[plural])
        try:
            return await ask()
        except BackendError as error:
            # A network was deleted while its ports were listed: Neutron 29 reads each one's network for its policy, and
            # answers 500 where that is gone (`NetworkNotFound` in `_extract`, neutron/policy.py).
            if error.status != BROKE:
                raise
            return await ask()

    async def _create(self, plural: str, body: Mapping[str, Any], *, id: str = "") -> dict[str, Any]:
        one = SINGULAR[plural]
        answer = await self._session.post("network", f"/{plural}", json={one: body}, resource=one, id=id)
        made: dict[str, Any] = answer.member(one)
        return made

    async def _update(self, plural: str, id: str, body: Mapping[str, Any]) -> None:
        one = SINGULAR[plural]
        await self._session.put("network", f"/{plural}/{id}", json={one: body}, resource=one, id=id)

    async def _delete(self, plural: str, id: str) -> None:
        await self._session.delete("network", f"/{plural}/{id}", resource=SINGULAR[plural], id=id)


def routes(found: Sequence[Mapping[str, str]] | None) -> tuple[Route, ...]:
    """Read the routes of a router or a subnet."""
    return tuple(Route(one["destination"], one["nexthop"]) for one in found or ())


def routes_body(routes: Sequence[Route]) -> list[dict[str, str]]:
    """Write routes for a request."""
    return [{"destination": one.cidr, "nexthop": one.next_hop} for one in routes]


def tags(resource: Mapping[str, Any]) -> tuple[str, ...]:
    """Read a resource's tags; none if Neutron lacks the extension."""
    return tuple(resource.get("tags") or ())
