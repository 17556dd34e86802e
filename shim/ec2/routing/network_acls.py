"""Network ACLs, their entries and their associations with subnets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import NETWORK_ACL, NETWORK_ACL_ASSOCIATION
from shim.ec2.network import facts
from shim.ec2.routing import acls, markers, vpc_records
from shim.ec2.routing.acls import Acl
from shim.ec2.routing.applied import settling
from shim.ec2.routing.state import State, read_shown, read_state
from shim.ec2.service import action
from shim.ec2.tags.creating import CreateRequest, creates
from shim.errors import AwsError
from shim.protocol.values import only
from shim.undo import undoing

ACLS = Table(
    items="NetworkAcls",
    id="NetworkAclId",
    ids="NetworkAclIds",
    resource_type=NETWORK_ACL,
    filters={
        "association.association-id": "Associations.NetworkAclAssociationId",
        "association.network-acl-id": "Associations.NetworkAclId",
        "association.subnet-id": "Associations.SubnetId",
        "default": "IsDefault",
        "entry.cidr": "Entries.CidrBlock",
        "entry.egress": "Entries.Egress",
        "entry.icmp.code": "Entries.IcmpTypeCode.Code",
        "entry.icmp.type": "Entries.IcmpTypeCode.Type",
        "entry.ipv6-cidr": "Entries.Ipv6CidrBlock",
        "entry.port-range.from": "Entries.PortRange.From",
        "entry.port-range.to": "Entries.PortRange.To",
        "entry.protocol": "Entries.Protocol",
        "entry.rule-action": "Entries.RuleAction",
        "entry.rule-number": "Entries.RuleNumber",
        "network-acl-id": "NetworkAclId",
        "owner-id": "OwnerId",
        "tag": "Tags",
        "vpc-id": "VpcId",
    },
)
_VALUES = {
    "Protocol": only("-1"),
    "RuleAction": only("allow"),
    "CidrBlock": only("0.0.0.0/0"),
    "Ipv6CidrBlock": only("::/0"),
}
_ALL_PORTS = {
    "PortRange": 'AWS: with protocol -1 "traffic on all ports is allowed, regardless of any ports" that are given.',
    "IcmpTypeCode": "AWS reads it for the protocols ICMP and ICMPv6 only, which are refused here.",
}


@describes(ACLS, supports="NetworkAclIds Filters MaxResults NextToken")
async def describe_network_acls(call: Call, asked: Question) -> list[Row]:
    """Describe network ACLs: four concurrent OpenStack calls, or three for some of them."""
    if not (asked.ids or asked.filters):
        return acls.rows(call, await read_state(call))
    return acls.rows(call, await read_shown(call, {ids.uuid(NETWORK_ACL, one) for one in asked.ids}))


@action(supports="VpcId ClientToken TagSpecifications", read=creates(NETWORK_ACL, read=vpc_records.check_vpc))
async def create_network_acl(call: Call, asked: CreateRequest[None]) -> Mapping[str, Any]:
    """Create the record of a network ACL, which has no entries and so lets nothing pass."""
    state, made = await vpc_records.create(call, asked, markers.ACL, Acl)
    [row] = acls.rows(call, state, [made])
    return vpc_records.created(asked, "NetworkAcl", row)


@action(supports="NetworkAclId")
async def delete_network_acl(call: Call, req: Mapping[str, Any]) -> None:
    """Delete a network ACL that no subnet uses and that is not the default one."""
    state = await read_state(call)
    known = acls.acls(state)
    acl = vpc_records.named(known, NETWORK_ACL, req["NetworkAclId"])
    if acl.own:
        raise AwsError("InvalidParameterValue", f"cannot delete default network ACL {acl.id}")
    if any(acls.used_by(known, state, one).uuid == acl.uuid for one in state.subnets.values()):
        raise AwsError(NETWORK_ACL.in_use, NETWORK_ACL.in_use_says.format(id=acl.id))
    await call.cloud.network.delete_subnet_pool(acl.uuid)


def _read_entry(settings: Any, principal: Any, operation: str, req: Mapping[str, Any]) -> Mapping[str, Any]:
    ids.check(NETWORK_ACL, req["NetworkAclId"])
    if not 1 <= req["RuleNumber"] < acls.LAST:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({req['RuleNumber']}) for parameter ruleNumber is invalid. "
            "Rule numbers must be between 1 and 32766.",
            refused="RuleNumber",
        )
    if operation != "DeleteNetworkAclEntry" and bool(req.get("CidrBlock")) is bool(req.get("Ipv6CidrBlock")):
        raise AwsError(
            "MissingParameter",
            "The request must contain exactly one of cidrBlock, ipv6CidrBlock",
            refused="CidrBlock",
        )
    return req


@action(
    supports="NetworkAclId RuleNumber Protocol RuleAction Egress CidrBlock Ipv6CidrBlock",
    ignores=_ALL_PORTS,
    values=_VALUES,
    read=_read_entry,
)
async def create_network_acl_entry(call: Call, req: Mapping[str, Any]) -> None:
    """Add an entry, which allows everything."""
    async with _alone(call, req) as (state, acl):
        if (bool(req["Egress"]), req["RuleNumber"]) in acl.entries:
            raise AwsError(
                "NetworkAclEntryAlreadyExists",
                f"The network acl entry identified by {req['RuleNumber']} already exists.",
            )
        await _write(call, state, acl, "", _entry(req))


@action(
    supports="NetworkAclId RuleNumber Protocol RuleAction Egress CidrBlock Ipv6CidrBlock",
    ignores=_ALL_PORTS,
    values=_VALUES,
    read=_read_entry,
)
async def replace_network_acl_entry(call: Call, req: Mapping[str, Any]) -> None:
    """Replace an entry."""
    async with _alone(call, req) as (state, acl):
        await _write(call, state, acl, _existing(acl, req), _entry(req))


@action(supports="NetworkAclId RuleNumber Egress", read=_read_entry)
async def delete_network_acl_entry(call: Call, req: Mapping[str, Any]) -> None:
    """Delete an entry."""
    async with _alone(call, req) as (state, acl):
        await _write(call, state, acl, _existing(acl, req), "")


@action(supports="AssociationId NetworkAclId")
async def replace_network_acl_association(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Associate a subnet with another network ACL; the new association has the id of the old one."""
    ids.check(NETWORK_ACL, req["NetworkAclId"])
    uuid = ids.uuid(NETWORK_ACL_ASSOCIATION, req["AssociationId"])
    async with _alone(call, req) as (state, acl):
        subnet = state.subnets.get(uuid)
        if subnet is None:
            raise ids.missing(NETWORK_ACL_ASSOCIATION, [req["AssociationId"]])
        if state.homes[uuid] != acl.router.id:
            raise AwsError(
                "InvalidParameterValue",
                f"network ACL {acl.id} and subnet {ids.aws('subnet', uuid)} belong to different networks",
            )
        async with undoing() as undo:
            wanted = "" if acl.own else facts.written(acls.ACL, acl.uuid)
            await vpc_records.write_fact(call, undo, subnet, acls.ACL, wanted)
            await acls.enforce(call, undo, state, acl.router.id)
    return {"NewAssociationId": req["AssociationId"]}


@asynccontextmanager
async def _alone(call: Call, req: Mapping[str, Any]) -> AsyncIterator[tuple[State, Acl]]:
    """Yield the state, and the ACL that a request names, while nothing else changes the VPC's ACLs or its routes.

    A route that is applied puts NAT gateways' ports on subnets, up or down as the ACLs were when it began.
    """
    async with settling(call, _named(await read_state(call), req).router.id):
        state = await read_state(call)
        yield state, _named(state, req)


def _named(state: State, req: Mapping[str, Any]) -> Acl:
    return vpc_records.named(acls.acls(state), NETWORK_ACL, req["NetworkAclId"])


def _entry(req: Mapping[str, Any]) -> str:
    return acls.entry(bool(req["Egress"]), req["RuleNumber"], "ipv6" if req.get("Ipv6CidrBlock") else "ipv4")


def _existing(acl: Acl, req: Mapping[str, Any]) -> str:
    """Return the tag of the entry that a request names."""
    family = acl.entries.get((bool(req["Egress"]), req["RuleNumber"]))
    if family is None:
        raise AwsError(
            "InvalidNetworkAclEntry.NotFound",
            f"The network acl entry identified by {req['RuleNumber']} does not exist.",
        )
    return acls.entry(bool(req["Egress"]), req["RuleNumber"], family)


async def _write(call: Call, state: State, acl: Acl, old: str, new: str) -> None:
    """Replace an entry ('' for none), and switch what the ACL now opens or closes."""
    network = call.cloud.network
    pool = acl.pool or await markers.own_marker(call, markers.ACL, acl.router.id, acl.router.tags)
    async with undoing() as undo:
        # A call that fails may have taken effect, so each is undone whether it did or not.
        if new and new != old:
            undo(vpc_records.remove_tag, call, "subnetpools", pool.id, new)
            await network.add_tag("subnetpools", pool.id, new)
        if old and new != old:
            undo(network.add_tag, "subnetpools", pool.id, old)
            await vpc_records.remove_tag(call, "subnetpools", pool.id, old)
        await acls.enforce(call, undo, state, acl.router.id)
