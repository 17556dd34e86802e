"""AssociateVpcCidrBlock and DisassociateVpcCidrBlock: further CIDR blocks of a VPC, and its IPv6 block."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Any

from adapters.errors import absent_is
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.cidrs import ipv6
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import CIDR_ASSOCIATION, VPC
from shim.ec2.network import cidr_blocks, facts
from shim.ec2.network.ipv6 import vpc_block
from shim.ec2.network.layout import vpc_layout
from shim.ec2.network.vpcs import is_vpc
from shim.ec2.service import action
from shim.errors import AwsError

_MOST = 5  # "IPv4 CIDR blocks per VPC: 5"


def _read(settings: Any, principal: Any, operation: str, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parameters with the CIDR block in its usual form, if it is not one of IPv6 of the cloud's choice."""
    ids.check(VPC, req["VpcId"])
    if vpc_block.check(settings, req):
        if req.get("CidrBlock"):
            raise AwsError(
                "InvalidParameterCombination",
                "The parameters cidrBlock and amazonProvidedIpv6CidrBlock cannot be specified in one request.",
                refused="CidrBlock",
            )
        return req
    missing = "The request must contain the parameter cidrBlock"
    block = cidr_blocks.asked(req, code="InvalidVpc.Range", missing=missing)
    return {**req, "CidrBlock": str(block)}


@action(
    supports=f"VpcId CidrBlock {vpc_block.AMAZONS}",
    values={vpc_block.AMAZONS: vpc_block.NEEDS_SETTING},
    read=_read,
)
async def associate_vpc_cidr_block(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give a VPC one more CIDR block, or its IPv6 block."""
    if req.get(vpc_block.AMAZONS):
        return await ipv6.associate(call, req["VpcId"])
    vpc, cidr, network = req["VpcId"], req["CidrBlock"], call.cloud.network
    uuid = ids.uuid(VPC, vpc)
    router = next((one for one in await network.routers() if one.id == uuid and is_vpc(one)), None)
    if router is None:
        raise ids.missing(VPC, [vpc])
    known = facts.cidrs(router.tags)
    if not known:
        raise AwsError(
            "UnsupportedOperation",
            f"The vpc '{vpc}' was made by OpenStack's own tools: its subnets give its CIDR blocks.",
        )
    if any(IPv4Network(cidr).overlaps(IPv4Network(one)) for one in known):
        raise AwsError("InvalidVpc.Range", f"The CIDR '{cidr}' conflicts with another CIDR block of the VPC.")
    if len(known) >= _MOST:
        raise AwsError(
            "CidrLimitExceeded", f"This network '{vpc}' has met its maximum number of allowed CIDRs: {_MOST}"
        )
    await network.add_tag("routers", uuid, facts.written(facts.MORE_CIDR, cidr))
    return {"VpcId": vpc, "CidrBlockAssociation": _association(vpc, cidr, "associating")}


@action(supports="AssociationId")
async def disassociate_vpc_cidr_block(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take a further CIDR block or the IPv6 block from a VPC; no subnet may lie in it."""
    wanted, network = req["AssociationId"], call.cloud.network
    ids.check(CIDR_ASSOCIATION, wanted)
    routers, layout, subnets = await gather(network.routers(), vpc_layout(call), network.subnets())
    for router in routers:
        vpc, known = ids.aws(VPC.prefix, router.id), facts.cidrs(router.tags)
        if is_vpc(router) and ipv6.association_id(router) == wanted:
            return await ipv6.disassociate(call, router.id, wanted)
        for cidr in known if is_vpc(router) else ():
            if ids.derived(CIDR_ASSOCIATION.prefix, vpc, cidr) == wanted:
                break
        else:
            continue
        if cidr == known[0]:
            raise AwsError(
                "OperationNotPermitted",
                f"The vpc CIDR block with association ID {wanted} may not be disassociated. "
                "It is the primary IPv4 CIDR block of the VPC",
            )
        if any(
            one.version == 4
            and layout.vpc_of(one.network_id) == vpc
            and IPv4Network(one.cidr).subnet_of(IPv4Network(cidr))
            for one in subnets
        ):
            raise AwsError(
                "InvalidCidrBlock.InUse", f"The vpc CIDR block '{cidr}' has subnets and cannot be disassociated."
            )
        await absent_is(None, network.remove_tag("routers", router.id, facts.written(facts.MORE_CIDR, cidr)))
        return {"VpcId": vpc, "CidrBlockAssociation": _association(vpc, cidr, "disassociating")}
    raise ids.missing(CIDR_ASSOCIATION, [wanted])


def _association(vpc: str, cidr: str, state: str) -> dict[str, Any]:
    return {
        "AssociationId": ids.derived(CIDR_ASSOCIATION.prefix, vpc, cidr),
        "CidrBlock": cidr,
        "CidrBlockState": {"State": state},
    }
