"""Security groups and their rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from adapters.types.network import NewRule, Rule, SecurityGroup


class SecurityGroups(Protocol):
    """The security groups that a project may see, and their rules."""

    async def security_groups(self, *, name: str | None = None) -> list[SecurityGroup]:
        """List security groups with their rules; names are not unique."""
        ...

    async def security_group(self, id: str) -> SecurityGroup:
        """Read one security group with its rules."""
        ...

    async def create_security_group(self, name: str, description: str) -> SecurityGroup:
        """Make a security group; Neutron gives it one egress rule for each ethertype."""
        ...

    async def rename_security_group(self, id: str, name: str) -> None:
        """Give a security group another name."""
        ...

    async def delete_security_group(self, id: str) -> None:
        """Delete a security group, and other groups' rules that name it; IN_USE while a port is in it."""
        ...

    async def rules(self, *, remote_group_id: str | None = None) -> list[Rule]:
        """List rules: all, or those whose remote is this security group."""
        ...

    async def create_rules(self, rules: Sequence[NewRule]) -> list[Rule]:
        """Make all of these rules or none; DUPLICATE where one exists.  Return them in the order of `rules`."""
        ...

    async def delete_rule(self, id: str) -> None:
        """Delete one rule."""
        ...
