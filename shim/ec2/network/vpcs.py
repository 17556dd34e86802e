"""Describe VPCs: the project's routers, and its networks that have no router."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

from adapters.types import network as cloud
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import VPC
from shim.ec2.network.layout import VpcLayout, vpc_layout
from shim.ec2.network.security_groups import owner_of
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.codec import from_neutron

VPCS = Table(
    items="Vpcs",
    id="VpcId",
    ids="VpcIds",
    resource_type=VPC,
    filters={
        "cidr": "CidrBlock",
        "cidr-block-association.association-id": "CidrBlockAssociationSet.AssociationId",
        "cidr-block-association.cidr-block": "CidrBlockAssociationSet.CidrBlock",
        "cidr-block-association.state": "CidrBlockAssociationSet.CidrBlockState.State",
        "dhcp-options-id": "DhcpOptionsId",
        "ipv6-cidr-block-association.association-id": "Ipv6CidrBlockAssociationSet.AssociationId",
        "ipv6-cidr-block-association.ipv6-cidr-block": "Ipv6CidrBlockAssociationSet.Ipv6CidrBlock",
        "ipv6-cidr-block-association.ipv6-pool": "Ipv6CidrBlockAssociationSet.Ipv6Pool",
        "ipv6-cidr-block-association.state": "Ipv6CidrBlockAssociationSet.Ipv6CidrBlockState.State",
        "is-default": "IsDefault",
        "isDefault": "IsDefault",  # an old name, which clients still send
        "owner-id": "OwnerId",
        "state": "State",
        "tag": "Tags",
        "vpc-id": "VpcId",
    },
)


@describes(VPCS, supports="VpcIds Filters MaxResults NextToken")
async def describe_vpcs(call: Call, asked: Question) -> list[Row]:
    """Describe VPCs: four concurrent OpenStack calls."""
    layout, routers, subnets = await gather(
        vpc_layout(call), call.cloud.network.routers(), call.cloud.network.subnets()
    )
    return rows(call, layout, routers, subnets)


def rows(call: Call, layout: VpcLayout, routers: Sequence[cloud.Router], subnets: Sequence[cloud.Subnet]) -> list[Row]:
    """Write each router, and each network without one, as a VPC."""
    found: dict[str, cloud.Router | cloud.Network] = {ids.aws("vpc", router.id): router for router in routers}
    for network_id, vpc in layout.vpcs.items():
        if vpc == ids.aws("vpc", network_id):
            found[vpc] = layout.networks[network_id]
    inside: dict[str, list[cloud.Subnet]] = {}
    for subnet in subnets:
        if subnet.network_id in layout.networks:
            inside.setdefault(layout.vpc_of(subnet.network_id), []).append(subnet)
    return [_row(call, vpc, thing, inside.get(vpc, ()), layout) for vpc, thing in found.items()]


def _row(
    call: Call, vpc: str, thing: cloud.Router | cloud.Network, subnets: Sequence[cloud.Subnet], layout: VpcLayout
) -> dict[str, Any]:
    # A router has no CIDR block, so the VPC shows those of its subnets.
    ranges = {version: sorted({s.cidr for s in subnets if s.version == version}, key=ip_network) for version in (4, 6)}
    return {
        "VpcId": vpc,
        "State": "available",
        **({"CidrBlock": ranges[4][0]} if ranges[4] else {}),
        "CidrBlockAssociationSet": [
            {
                "AssociationId": ids.derived("vpc-cidr-assoc", vpc, cidr),
                "CidrBlock": cidr,
                "CidrBlockState": {"State": "associated"},
            }
            for cidr in ranges[4]
        ],
        "Ipv6CidrBlockAssociationSet": [
            {
                "AssociationId": ids.derived("vpc-cidr-assoc", vpc, cidr),
                "Ipv6CidrBlock": cidr,
                "Ipv6CidrBlockState": {"State": "associated"},
            }
            for cidr in ranges[6]
        ],
        "IsDefault": vpc == layout.default_vpc,
        "OwnerId": owner_of(call, thing.project_id),
        "InstanceTenancy": "default",
        "DhcpOptionsId": "default",  # AWS's value if no options are set
        "Tags": tag_rules.shown(from_neutron(thing.tags)),
    }
