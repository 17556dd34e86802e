"""Security groups and their rules: calls, and JSON → types (https://docs.openstack.org/api-ref/network/v2/#security-groups-security-groups)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.openstack.neutron.calls import Calls, tags
from adapters.types.network import NewRule, Rule, SecurityGroup


class SecurityGroups(Calls):
    """Neutron's security groups and rules, for one project."""

    async def security_groups(self, *, name: str | None = None) -> list[SecurityGroup]:
        """List security groups."""
        wanted = {} if name is None else {"name": [name]}
        return [_security_group(g) for g in await self._list("security-groups", **wanted)]

    async def security_group(self, id: str) -> SecurityGroup:
        """Read one security group."""
        answer = await self._session.get("network", f"/security-groups/{id}", resource="security_group", id=id)
        return _security_group(answer.member("security_group"))

    async def create_security_group(self, name: str, description: str) -> SecurityGroup:
        """Create a security group."""
        answer = await self._session.post(
            "network",
            "/security-groups",
            json={"security_group": {"name": name, "description": description}},
            resource="security_group",
            id=name,
        )
        return _security_group(answer.member("security_group"))

    async def rename_security_group(self, id: str, name: str) -> None:
        """Rename a security group."""
        body = {"security_group": {"name": name}}
        await self._session.put("network", f"/security-groups/{id}", json=body, resource="security_group", id=id)

    async def delete_security_group(self, id: str) -> None:
        """Delete a security group."""
        await self._session.delete("network", f"/security-groups/{id}", resource="security_group", id=id)

    async def rules(self, *, remote_group_id: str | None = None) -> list[Rule]:
        """List rules."""
        wanted = {} if remote_group_id is None else {"remote_group_id": [remote_group_id]}
        return [_rule(r) for r in await self._list("security-group-rules", **wanted)]

    async def create_rules(self, rules: Sequence[NewRule]) -> list[Rule]:
        """Create rules in one request; Neutron creates all of them or none."""
        answer = await self._session.post(
            "network",
            "/security-group-rules",
            json={"security_group_rules": [_rule_body(rule) for rule in rules]},
            resource="security_group_rule",
        )
        made = [_rule(r) for r in answer.member("security_group_rules")]
        # Neutron currently answers in the order of the request, but does not guarantee it.
        return sorted(made, key=_order(rules))

    async def delete_rule(self, id: str) -> None:
        """Delete one rule."""
        await self._session.delete("network", f"/security-group-rules/{id}", resource="security_group_rule", id=id)


def _security_group(g: Mapping[str, Any]) -> SecurityGroup:
    return SecurityGroup(
        id=g["id"],
        name=g["name"] or "",
        description=g.get("description") or "",
        project_id=g["project_id"],
        rules=tuple(_rule(r) for r in g["security_group_rules"]),
        tags=tags(g),
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


def _rule_body(rule: NewRule) -> dict[str, Any]:
    """Return the body of a new rule without None values: Neutron refuses -1, and a null port with a protocol."""
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
