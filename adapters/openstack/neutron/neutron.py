"""Neutron: calls, and JSON → types; see https://docs.openstack.org/api-ref/network/v2/ for both."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from adapters.openstack.session import Session
from adapters.types.network import (
    FixedAddress,
    FloatingIp,
    Network,
    NewRule,
    Port,
    Router,
    Rule,
    SecurityGroup,
    Subnet,
)

# neutron.conf's pagination_max_limit is unlimited by default; where it is lower the links lead on.
_PAGE = 1000
# Each id takes some 50 characters of the URL, and web servers in front of Neutron take 8 KiB of it (Apache's default).
_MOST_DEVICES = 100


class Neutron:
    """Network over Neutron's REST API, for one project."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def networks(self) -> list[Network]:
        """List networks."""
        return [_network(n) for n in await self._list("networks")]

    async def subnets(self) -> list[Subnet]:
        """List subnets."""
        return [_subnet(s) for s in await self._list("subnets")]

    async def routers(self) -> list[Router]:
        """List routers."""
        return [_router(r) for r in await self._list("routers")]

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

    async def floating_ips(self) -> list[FloatingIp]:
        """List floating IPs."""
        return [_floating_ip(f) for f in await self._list("floatingips")]

    async def security_groups(self, *, name: str | None = None) -> list[SecurityGroup]:
        """List security groups."""
        wanted = {} if name is None else {"name": [name]}
        return [_security_group(g) for g in await self._list("security-groups", **wanted)]

    async def security_group(self, id: str) -> SecurityGroup:
        """Read one security group."""
        answer = await self._session.get("network", f"/security-groups/{id}", resource="security_group", id=id)
        return _security_group(answer.member("security_group"))

    async def create_security_group(self, name: str, description: str) -> SecurityGroup:
        """Make a security group."""
        answer = await self._session.post(
            "network",
            "/security-groups",
            json={"security_group": {"name": name, "description": description}},
            resource="security_group",
            id=name,
        )
        return _security_group(answer.member("security_group"))

    async def delete_security_group(self, id: str) -> None:
        """Delete a security group."""
        await self._session.delete("network", f"/security-groups/{id}", resource="security_group", id=id)

    async def rules(self, *, remote_group_id: str | None = None) -> list[Rule]:
        """List rules."""
        wanted = {} if remote_group_id is None else {"remote_group_id": [remote_group_id]}
        return [_rule(r) for r in await self._list("security-group-rules", **wanted)]

    async def create_rules(self, rules: Sequence[NewRule]) -> list[Rule]:
        """Make rules in one request, which Neutron carries out as a whole or not at all."""
        answer = await self._session.post(
            "network",
            "/security-group-rules",
            json={"security_group_rules": [_wanted(rule) for rule in rules]},
            resource="security_group_rule",
        )
        made = [_rule(r) for r in answer.member("security_group_rules")]
        # Neutron answers in the order of the request today, but does not promise it.
        return sorted(made, key=_order(rules))

    async def delete_rule(self, id: str) -> None:
        """Delete one rule."""
        await self._session.delete("network", f"/security-group-rules/{id}", resource="security_group_rule", id=id)

    async def set_tags(self, resource: str, id: str, tags: Collection[str]) -> None:
        """Give a resource exactly these tags."""
        await self._session.put(
            "network", f"/{resource}/{id}/tags", json={"tags": sorted(tags)}, resource=_SINGULAR[resource], id=id
        )

    async def add_tag(self, resource: str, id: str, tag: str) -> None:
        """Add one tag."""
        await self._session.put(
            "network", f"/{resource}/{id}/tags/{quote(tag, safe='')}", resource=_SINGULAR[resource], id=id
        )

    async def remove_tag(self, resource: str, id: str, tag: str) -> None:
        """Take one tag away."""
        await self._session.delete(
            "network", f"/{resource}/{id}/tags/{quote(tag, safe='')}", resource=_SINGULAR[resource], id=id
        )

    async def _list(self, plural: str, **wanted: list[str]) -> list[dict[str, Any]]:
        key = plural.replace("-", "_")
        params: dict[str, int | list[str]] = {"limit": _PAGE, **wanted}
        return await self._session.pages("network", f"/{plural}", key, params=params, resource=_SINGULAR[plural])


# Neutron's plural in URLs → the word for one in errors.
_SINGULAR: Mapping[str, str] = {
    "networks": "network",
    "subnets": "subnet",
    "routers": "router",
    "ports": "port",
    "floatingips": "floatingip",
    "security-groups": "security_group",
    "security-group-rules": "security_group_rule",
}


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
        tags=_tags(n),
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
        tags=_tags(s),
    )


def _router(r: Mapping[str, Any]) -> Router:
    return Router(
        id=r["id"],
        name=r["name"] or "",
        project_id=r["project_id"],
        status=r["status"],
        tags=_tags(r),
    )


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
        tags=_tags(p),
    )


def _floating_ip(f: Mapping[str, Any]) -> FloatingIp:
    return FloatingIp(
        id=f["id"],
        project_id=f["project_id"],
        address=f["floating_ip_address"],
        network_id=f["floating_network_id"],
        port_id=f["port_id"],
        fixed=f["fixed_ip_address"],
        status=f["status"],
        tags=_tags(f),
    )


def _security_group(g: Mapping[str, Any]) -> SecurityGroup:
    return SecurityGroup(
        id=g["id"],
        name=g["name"] or "",
        description=g.get("description") or "",
        project_id=g["project_id"],
        rules=tuple(_rule(r) for r in g["security_group_rules"]),
        tags=_tags(g),
    )


def _rule(r: Mapping[str, Any]) -> Rule:
    return Rule(
        id=r["id"],
        security_group_id=r["security_group_id"],
        project_id=r["project_id"],
        direction=r["direction"],
        ethertype=r["ethertype"],
        protocol=None if r["protocol"] is None else str(r["protocol"]).lower(),
        port_min=r["port_range_min"],
        port_max=r["port_range_max"],
        remote_prefix=r["remote_ip_prefix"],
        remote_group_id=r["remote_group_id"],
        remote_address_group_id=r.get("remote_address_group_id"),
        description=r.get("description") or "",
    )


def _wanted(rule: NewRule) -> dict[str, Any]:
    """Write a rule; what is None is left out, since Neutron takes no -1 and no null port beside a protocol."""
    fields: dict[str, Any] = {
        "security_group_id": rule.security_group_id,
        "direction": rule.direction,
        "ethertype": rule.ethertype,
        "protocol": rule.protocol,
        "port_range_min": rule.port_min,
        "port_range_max": rule.port_max,
        "remote_ip_prefix": rule.remote_prefix,
        "remote_group_id": rule.remote_group_id,
        "remote_address_group_id": rule.remote_address_group_id,
        "description": rule.description or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _order(rules: Sequence[NewRule]) -> Any:
    def key(rule: Rule | NewRule) -> tuple[Any, ...]:
        return (
            rule.direction,
            rule.ethertype,
            rule.protocol,
            rule.port_min,
            rule.port_max,
            rule.remote_prefix,
            rule.remote_group_id,
            rule.remote_address_group_id,
        )

    places = {key(rule): place for place, rule in enumerate(rules)}
    return lambda made: places.get(key(made), len(places))


def _tags(resource: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(resource.get("tags") or ())


def _when(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
