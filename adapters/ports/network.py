"""Network: what is asked of Neutron, with the caller's own token."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from adapters.types.network import FloatingIp, NewRule, Port, Router, Rule, SecurityGroup, Subnet
from adapters.types.network import Network as NetworkType


class Network(Protocol):
    """Neutron for one project.  Every call raises BackendError; a missing thing is NOT_FOUND with its `resource`.

    Lists hold what the project may see: its own resources and those that others share with it.
    """

    async def networks(self) -> list[NetworkType]:
        """List networks, external ones among them."""
        ...

    async def subnets(self) -> list[Subnet]:
        """List subnets."""
        ...

    async def routers(self) -> list[Router]:
        """List routers."""
        ...

    async def ports(
        self,
        *,
        device_ids: Collection[str] | None = None,
        device_owners: Collection[str] | None = None,
        security_group_id: str | None = None,
    ) -> list[Port]:
        """List ports: all, or those of some devices, of some owners (whole names), or in one security group."""
        ...

    async def floating_ips(self) -> list[FloatingIp]:
        """List floating IPs."""
        ...

    async def security_groups(self, *, name: str | None = None) -> list[SecurityGroup]:
        """List security groups with their rules; names are not unique."""
        ...

    async def security_group(self, id: str) -> SecurityGroup:
        """Read one security group with its rules."""
        ...

    async def create_security_group(self, name: str, description: str) -> SecurityGroup:
        """Make a security group; Neutron gives it one egress rule for each ethertype."""
        ...

    async def delete_security_group(self, id: str) -> None:
        """Delete a security group; IN_USE while a port is in it.  Rules elsewhere that name it go with it."""
        ...

    async def rules(self, *, remote_group_id: str | None = None) -> list[Rule]:
        """List rules: all, or those whose remote is one security group."""
        ...

    async def create_rules(self, rules: Sequence[NewRule]) -> list[Rule]:
        """Make rules, all of them or none; DUPLICATE where one is there already.  Answers in the order of `rules`."""
        ...

    async def delete_rule(self, id: str) -> None:
        """Delete one rule."""
        ...

    async def set_tags(self, resource: str, id: str, tags: Collection[str]) -> None:
        """Give a resource exactly these tags; `resource` is Neutron's plural (`security-groups`)."""
        ...

    async def add_tag(self, resource: str, id: str, tag: str) -> None:
        """Add one tag, without a slash in it, leaving the others alone."""
        ...

    async def remove_tag(self, resource: str, id: str, tag: str) -> None:
        """Take one tag away; NOT_FOUND where it is not there."""
        ...
