"""What network ACLs are: which a VPC has, which one each subnet uses, and what they let pass.

A network ACL is the VPC's default one (its id has the UUID of the VPC's router) or a record of its own.  The tag
`ec2:network-acl` on a subnet names the ACL that it is associated with.  An entry is the tag
`ec2:entry=<direction>-<number>-<family>` and allows everything.  Neutron has only security groups, which cannot deny,
so no other entry can be honoured.

An ACL without an IPv4 entry for both directions lets nothing pass.  The VPC's router then has its port on the subnet
switched off (`admin_state_up` false), since an ACL decides about what enters and leaves a subnet.  An IPv6 entry does
the same for the router's port on the subnet's IPv6 block, where EC2 gave the VPC such blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from adapters.errors import absent_is
from adapters.types import network as cloud
from shim.concurrency import gather_outcomes
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import NETWORK_ACL
from shim.ec2.network import facts
from shim.ec2.network.security_groups import owner_of
from shim.ec2.routing import markers
from shim.ec2.routing.state import State, read_state
from shim.ec2.routing.vpc_records import VpcRecord, of_vpcs
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.codec import from_neutron

ACL = "ec2:network-acl"
LAST = 32767  # the number of the last entry, which denies and cannot be changed
_CLOSED: Mapping[int, str] = {4: facts.CLOSED, 6: facts.CLOSED_IPV6}  # the mark on the router, by IP version
EVERYWHERE: Mapping[str, tuple[str, str]] = {"ipv4": ("CidrBlock", "0.0.0.0/0"), "ipv6": ("Ipv6CidrBlock", "::/0")}


@dataclass(frozen=True, slots=True)
class Acl(VpcRecord):
    """A network ACL of a VPC; the VPC's own one is its default one."""

    @property
    def id(self) -> str:
        """The EC2 id."""
        return ids.aws(NETWORK_ACL.prefix, self.uuid)

    @property
    def entries(self) -> dict[tuple[bool, int], str]:
        """The family of each entry by its direction (true for egress) and number."""
        tags = self.pool.tags if self.pool else markers.default_entries(self.router.tags)
        found = (entry.split("-") for entry in facts.every(tags, markers.ENTRY))
        return {(way == "egress", int(number)): family for way, number, family in found}

    @property
    def has_ipv6(self) -> bool:
        """Tell whether EC2 gave the VPC an IPv6 block."""
        return facts.one(self.router.tags, facts.IPV6) is not None

    def passes(self, version: int = 4) -> bool:
        """Tell whether everything of an IP version passes; else nothing does.

        The IPv6 subnets of OpenStack's own tools share the fate of IPv4.
        """
        wanted = "ipv6" if version == 6 and self.has_ipv6 else "ipv4"
        return {egress for (egress, _), family in self.entries.items() if family == wanted} == {True, False}


def entry(egress: bool, number: int, family: str) -> str:
    """Write an entry as a tag."""
    return facts.written(markers.ENTRY, f"{'egress' if egress else 'ingress'}-{number}-{family}")


def acls(state: State) -> dict[str, Acl]:
    """Return all network ACLs by their UUIDs; those of VPCs that are gone are left out."""
    return of_vpcs(state, markers.ACL, Acl)


def used_by(known: Mapping[str, Acl], state: State, subnet: cloud.Subnet) -> Acl:
    """Return the ACL of a subnet: the one that it is associated with, else the VPC's default one.

    An IPv6 subnet has that of the IPv4 subnet that it belongs to.
    """
    home = state.homes[subnet.id]
    holder = state.subnets.get(facts.one(subnet.tags, facts.IPV6_OF) or "", subnet)
    named = known.get(facts.one(holder.tags, ACL) or "")
    return named if named is not None and named.router.id == home else known[home]


async def enforce(call: Call, undo: Callable[..., None], before: State, router_id: str) -> None:
    """Switch the router's ports of those subnets of a VPC whose ACL lets pass what it did not before, or the reverse.

    The caller has been `settling` since `before` was read: another change of the VPC's ACLs, or a NAT gateway's router
    that enters a subnet meanwhile, would not be seen.  Other VPCs are left alone, as their changes have other locks.
    What is undone is undone before the caller's lock is released, for the same reason.
    """
    network, after = call.cloud.network, await read_state(call)
    router = after.vpcs.get(router_id)
    if router is None:  # it was deleted meanwhile
        return
    old, new, marked = acls(before), acls(after), False
    for version, closed in _CLOSED.items():
        passes = new[router_id].passes(version) or (version == 6 and not new[router_id].has_ipv6)
        if passes is (closed in router.tags):
            undo(partial(_mark, there=passes), call, router_id, closed)  # a call that fails may have taken effect
            await _mark(call, router_id, closed, there=not passes)
            marked = True
    if marked:  # CreateSubnet, which reads the mark last, may have made a subnet since `after`
        after = await read_state(call)
        new = acls(after)
    work = []
    for subnet in (one for one in after.subnets.values() if after.homes[one.id] == router_id):
        passes, was = _passes(new, after, subnet), before.subnets.get(subnet.id)
        changed = passes is not _passes(old, before, was) if was else marked
        if changed:
            nats = (port.id for (_, there), port in after.nat_ports.items() if there == subnet.id)
            for one in (after.doors[subnet.id], *nats):
                undo(partial(network.switch_interface, up=not passes), one)
                work.append(network.switch_interface(one, up=passes))
    # All of them end before one is undone: a request that is given up may still take effect in Neutron afterwards.
    for outcome in await gather_outcomes(work):
        if isinstance(outcome, Exception):
            raise outcome


async def _mark(call: Call, router_id: str, closed: str, *, there: bool) -> None:
    """Mark on the router that the default ACL lets nothing pass, or take that mark away."""
    network = call.cloud.network
    if there:
        await network.add_tag("routers", router_id, closed)
    else:
        await absent_is(None, network.remove_tag("routers", router_id, closed))


def _passes(known: Mapping[str, Acl], state: State, subnet: cloud.Subnet) -> bool:
    return used_by(known, state, subnet).passes(subnet.version)


def rows(call: Call, state: State, wanted: Iterable[Acl] | None = None) -> list[Row]:
    """Write network ACLs: all, or those that are wanted."""
    known = acls(state)
    used: dict[str, list[str]] = {}
    for subnet in sorted(state.subnets.values(), key=lambda one: one.id):
        if subnet.version == 4:
            used.setdefault(used_by(known, state, subnet).uuid, []).append(subnet.id)
    return [_row(call, one, used.get(one.uuid, ())) for one in (known.values() if wanted is None else wanted)]


def _row(call: Call, acl: Acl, subnets: Iterable[str]) -> dict[str, Any]:
    return {
        "NetworkAclId": acl.id,
        "VpcId": acl.vpc,
        "IsDefault": acl.own,
        "OwnerId": owner_of(call, acl.router.project_id),
        "Associations": [
            {
                "NetworkAclAssociationId": ids.aws("aclassoc", subnet),
                "NetworkAclId": acl.id,
                "SubnetId": ids.aws("subnet", subnet),
            }
            for subnet in subnets
        ],
        "Entries": [
            *(_entry(egress, number, family, "allow") for (egress, number), family in sorted(acl.entries.items())),
            *(_entry(egress, LAST, "ipv4", "deny") for egress in (True, False)),
            # "32768" is AWS's number where the VPC has an IPv6 block.
            *(_entry(egress, LAST + 1, "ipv6", "deny") for egress in (True, False) if acl.has_ipv6),
        ],
        "Tags": tag_rules.shown(from_neutron(acl.tags)),
    }


def _entry(egress: bool, number: int, family: str, verb: str) -> dict[str, Any]:
    member, block = EVERYWHERE[family]
    return {"Egress": egress, "RuleNumber": number, "Protocol": "-1", "RuleAction": verb, member: block}
