"""What network ACLs are: which a VPC has, which one each subnet uses, and what they let pass.

A network ACL is the VPC's default one (its id has the UUID of the VPC's router) or a record of its own.  The tag
`ec2:network-acl` on a subnet names the ACL that it is associated with.  An entry is the tag
`ec2:entry=<direction>-<number>-<family>` and allows everything.  Neutron has only security groups, which cannot deny,
so no other entry can be honoured.

An ACL without an IPv4 entry for both directions lets nothing pass.  The VPC's router then has its port on the subnet
switched off (`admin_state_up` false), since an ACL decides about what enters and leaves a subnet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.types import network as cloud
from shim.concurrency import gather_all
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
        tags = self.pool.tags if self.pool else markers.DEFAULT_ENTRIES
        found = (entry.split("-") for entry in facts.every(tags, markers.ENTRY))
        return {(way == "egress", int(number)): family for way, number, family in found}

    @property
    def passes(self) -> bool:
        """Tell whether everything passes; else nothing does."""
        return {egress for (egress, _), family in self.entries.items() if family == "ipv4"} == {True, False}


def entry(egress: bool, number: int, family: str) -> str:
    """Write an entry as a tag."""
    return facts.written(markers.ENTRY, f"{'egress' if egress else 'ingress'}-{number}-{family}")


def acls(state: State) -> dict[str, Acl]:
    """Return all network ACLs by their UUIDs; those of VPCs that are gone are left out."""
    return of_vpcs(state, markers.ACL, Acl)


def used_by(known: Mapping[str, Acl], state: State, subnet: cloud.Subnet) -> Acl:
    """Return the ACL of a subnet: the one that it is associated with, else the VPC's default one."""
    home = state.homes[subnet.id]
    named = known.get(facts.one(subnet.tags, ACL) or "")
    return named if named is not None and named.router.id == home else known[home]


async def enforce(call: Call, before: State, after: State) -> None:
    """Switch the routers' ports of those subnets whose ACL lets pass what it did not before, or the reverse."""
    network, old, new = call.cloud.network, acls(before), acls(after)
    marked = {one.id for one in after.vpcs.values() if new[one.id].passes is (facts.CLOSED in one.tags)}
    for router in marked:
        mark = network.remove_tag if new[router].passes else network.add_tag
        await mark("routers", router, facts.CLOSED)
    if marked:  # CreateSubnet, which reads the mark last, may have made a subnet since `after`
        after = await read_state(call)
        new = acls(after)
    work = []
    for subnet in after.subnets.values():
        passes, was = used_by(new, after, subnet).passes, before.subnets.get(subnet.id)
        changed = passes is not used_by(old, before, was).passes if was else after.homes[subnet.id] in marked
        if changed:
            nats = (port.id for (_, there), port in after.nat_ports.items() if there == subnet.id)
            work += [network.switch_interface(one, up=passes) for one in (after.doors[subnet.id], *nats)]
    await gather_all(work)


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
        ],
        "Tags": tag_rules.shown(from_neutron(acl.tags)),
    }


def _entry(egress: bool, number: int, family: str, verb: str) -> dict[str, Any]:
    member, block = EVERYWHERE[family]
    return {"Egress": egress, "RuleNumber": number, "Protocol": "-1", "RuleAction": verb, member: block}
