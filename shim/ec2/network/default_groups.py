"""The default security group of each VPC.

Neutron has one group named `default` for a whole project and allows no second, so the default group of a VPC has
another name and the tag `ec2:default`.  Clients see it as `default`.
"""

from __future__ import annotations

from collections.abc import Iterable

from adapters.types import network as cloud
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.network import facts
from shim.ec2.network import ip_permissions as permissions
from shim.undo import undoing

DEFAULT = "default"
DEFAULT_TAG = "ec2:default"
_DESCRIPTION = "default VPC security group"  # AWS's


def shown_name(group: cloud.SecurityGroup) -> str:
    """Return the name that clients see."""
    return DEFAULT if DEFAULT_TAG in group.tags else group.name


def default_of(groups: Iterable[cloud.SecurityGroup], vpc: str, project_id: str) -> cloud.SecurityGroup | None:
    """Return the default group of a VPC; the project's own where the VPC has none, as OpenStack's tools made it."""
    own = [group for group in groups if group.project_id == project_id and shown_name(group) == DEFAULT]
    here = [group for group in own if ids.aws("vpc", facts.one(group.tags, facts.VPC) or "") == vpc]
    return next(iter(here or (group for group in own if DEFAULT_TAG not in group.tags)), None)


def belongs_to(group: cloud.SecurityGroup, vpc_uuid: str) -> bool:
    """Tell whether a group is in a VPC, or is its default group that has not got its tags."""
    return facts.written(facts.VPC, vpc_uuid) in group.tags or group.name == _name(vpc_uuid)


async def create_default_group(call: Call, vpc_uuid: str, *, ipv6: bool = False) -> str:
    """Create the default group of a VPC and return its UUID: it lets in its own members and everything out.

    That is everything of IPv4, and of IPv6 in a VPC that has an IPv6 block.
    """
    network = call.cloud.network
    async with undoing() as undo:
        group = await network.create_security_group(_name(vpc_uuid), _DESCRIPTION)
        undo(network.delete_security_group, group.id)
        out = permissions.everything_out(ipv6=ipv6)
        members = permissions.Permission(False, permissions.ALL, None, None, "group", group.id)
        found = permissions.fold(group.rules)
        for extra in (rule for one in found if one not in out for rule in one.rules):
            await network.delete_rule(extra)
        wanted = [one for one in (*out, members) if one not in found]
        await network.create_rules([rule for one in wanted for rule in permissions.rules(group.id, one)])
        await network.set_tags("security-groups", group.id, [facts.written(facts.VPC, vpc_uuid), DEFAULT_TAG])
    return group.id


def _name(vpc_uuid: str) -> str:
    return f"default of {vpc_uuid}"
