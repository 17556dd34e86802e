"""Networks and subnets: calls, and JSON → types (https://docs.openstack.org/api-ref/network/v2/#networks)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.openstack.neutron.calls import Calls, tags
from adapters.types.network import Network, Subnet


class Networks(Calls):
    """Neutron's networks and subnets, for one project."""

    async def networks(self) -> list[Network]:
        """List networks."""
        return [_network(n) for n in await self._list("networks")]

    async def subnets(self) -> list[Subnet]:
        """List subnets."""
        return [_subnet(s) for s in await self._list("subnets")]


def _network(n: Mapping[str, Any]) -> Network:
    return Network(
        id=n["id"],
        name=n["name"] or "",
        project_id=n["project_id"],
        external=bool(n.get("router:external")),
        shared=bool(n.get("shared")),
        status=n["status"],
        subnets=tuple(n["subnets"]),
        zones=tuple(n.get("availability_zones") or ()),
        tags=tags(n),
    )


def _subnet(s: Mapping[str, Any]) -> Subnet:
    return Subnet(
        id=s["id"],
        name=s["name"] or "",
        project_id=s["project_id"],
        network_id=s["network_id"],
        version=s["ip_version"],
        cidr=s["cidr"],
        gateway=s["gateway_ip"],
        pools=tuple((pool["start"], pool["end"]) for pool in s["allocation_pools"]),
        tags=tags(s),
    )
