"""Networks and subnets: calls, and JSON → types (https://docs.openstack.org/api-ref/network/v2/#networks)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.openstack.neutron.calls import Calls, routes, routes_body, tags
from adapters.types.network import Network, NewSubnet, Route, Subnet


class Networks(Calls):
    """Neutron's networks and subnets, for one project."""

    async def networks(self, *, external: bool | None = None) -> list[Network]:
        """List networks."""
        wanted = {} if external is None else {"router:external": [str(external).lower()]}
        return [_network(n) for n in await self._list("networks", **wanted)]

    async def subnets(self) -> list[Subnet]:
        """List subnets."""
        return [_subnet(s) for s in await self._list("subnets")]

    async def create_network(self, name: str) -> Network:
        """Create a network."""
        return _network(await self._create("networks", {"name": name}))

    async def rename_network(self, id: str, name: str) -> None:
        """Rename a network."""
        await self._update("networks", id, {"name": name})

    async def delete_network(self, id: str) -> None:
        """Delete a network."""
        await self._delete("networks", id)

    async def create_subnet(self, new: NewSubnet) -> Subnet:
        """Create a subnet."""
        body = {
            "name": new.name,
            "network_id": new.network_id,
            "ip_version": new.version,
            "gateway_ip": new.gateway,
            "dns_nameservers": list(new.name_servers),
            "enable_dhcp": new.dhcp,
        }
        if new.pool_id:
            body |= {"subnetpool_id": new.pool_id, "prefixlen": new.prefix_length}
        else:
            body |= {
                "cidr": new.cidr,
                "allocation_pools": [{"start": start, "end": end} for start, end in new.pools],
            }
        if new.version == 6 and new.dhcp:
            body |= dict.fromkeys(("ipv6_address_mode", "ipv6_ra_mode"), "dhcpv6-stateful")
        return _subnet(await self._create("subnets", body, id=new.cidr))

    async def rename_subnet(self, id: str, name: str) -> None:
        """Rename a subnet."""
        await self._update("subnets", id, {"name": name})

    async def delete_subnet(self, id: str) -> None:
        """Delete a subnet."""
        await self._delete("subnets", id)

    async def set_host_routes(self, id: str, routes: Sequence[Route]) -> None:
        """Replace the host routes of a subnet."""
        await self._update("subnets", id, {"host_routes": routes_body(routes)})

    async def set_name_servers(self, id: str, addresses: Sequence[str]) -> None:
        """Replace the name servers of a subnet."""
        await self._update("subnets", id, {"dns_nameservers": list(addresses)})


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
        host_routes=routes(s.get("host_routes")),
        name_servers=tuple(s.get("dns_nameservers") or ()),
    )
