"""DescribeSubnets: the rows of subnets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from adapters.types import network as cloud
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine import zones as availability_zones
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import SUBNET
from shim.ec2.network import facts, known
from shim.ec2.network.ipv6 import subnet_block
from shim.ec2.network.layout import VpcLayout, vpc_layout_of
from shim.ec2.network.security_groups import owner_of
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.codec import from_neutron

SUBNETS = Table(
    items="Subnets",
    id="SubnetId",
    ids="SubnetIds",
    resource_type=SUBNET,
    filters={
        **dict.fromkeys(("availability-zone", "availabilityZone"), "AvailabilityZone"),
        **dict.fromkeys(("availability-zone-id", "availabilityZoneId"), "AvailabilityZoneId"),
        **dict.fromkeys(("cidr-block", "cidr", "cidrBlock"), "CidrBlock"),
        **dict.fromkeys(("default-for-az", "defaultForAz"), "DefaultForAz"),
        "available-ip-address-count": "AvailableIpAddressCount",
        "customer-owned-ipv4-pool": "CustomerOwnedIpv4Pool",
        "enable-dns64": "EnableDns64",
        "enable-lni-at-device-index": "EnableLniAtDeviceIndex",
        "ipv6-cidr-block-association.association-id": "Ipv6CidrBlockAssociationSet.AssociationId",
        "ipv6-cidr-block-association.ipv6-cidr-block": "Ipv6CidrBlockAssociationSet.Ipv6CidrBlock",
        "ipv6-cidr-block-association.state": "Ipv6CidrBlockAssociationSet.Ipv6CidrBlockState.State",
        "ipv6-native": "Ipv6Native",
        "map-customer-owned-ip-on-launch": "MapCustomerOwnedIpOnLaunch",
        "map-public-ip-on-launch": "MapPublicIpOnLaunch",
        "outpost-arn": "OutpostArn",
        "owner-id": "OwnerId",
        **{
            f"private-dns-name-options-on-launch.{name}": f"PrivateDnsNameOptionsOnLaunch.{member}"
            for name, member in {
                "hostname-type": "HostnameType",
                "enable-resource-name-dns-a-record": "EnableResourceNameDnsARecord",
                "enable-resource-name-dns-aaaa-record": "EnableResourceNameDnsAAAARecord",
            }.items()
        },
        "state": "State",
        "subnet-arn": "SubnetArn",
        "subnet-id": "SubnetId",
        "tag": "Tags",
        "vpc-id": "VpcId",
    },
)


@describes(SUBNETS, supports="SubnetIds Filters MaxResults NextToken")
async def describe_subnets(call: Call, asked: Question) -> list[Row]:
    """Describe subnets: four concurrent OpenStack calls; two for a single one whose network is known."""
    network = call.cloud.network
    if len(asked.ids) == 1:
        uuid = ids.uuid(SUBNET, asked.ids[0])
        found, ports, zones = await gather(network.subnets(), network.ports(), known.zones(call))
        subnets = [one for one in found if one.id == uuid]
        layout = await known.layout(call, {one.network_id for one in subnets})
    else:
        networks, subnets, ports, zones = await gather(
            network.networks(), network.subnets(), network.ports(), call.cloud.compute.zones()
        )
        found = subnets
        layout = vpc_layout_of(networks, ports, name=call.settings.default_network, project_id=call.caller.project_id)
    used: dict[str, list[str]] = {}
    for port in ports:
        for fixed in port.fixed:
            used.setdefault(fixed.subnet_id, []).append(fixed.address)
    places = availability_zones.zones(zones, availability_zones.zone_names(call))
    ipv6 = subnet_block.partners(found)
    return [
        described(call, subnet, layout, used.get(subnet.id, ()), places, ipv6.get(subnet.id, ()))
        for subnet in subnets
        if subnet.version == 4 and subnet.network_id in layout.networks
    ]


def described(
    call: Call,
    subnet: cloud.Subnet,
    layout: VpcLayout,
    used: Sequence[str],
    zones: Sequence[Mapping[str, Any]],
    ipv6: Iterable[cloud.Subnet] = (),
) -> dict[str, Any]:
    """Write a subnet; `used` are the addresses of its ports, and `ipv6` its IPv6 subnets."""
    owner, subnet_id = owner_of(call, subnet.project_id), ids.aws("subnet", subnet.id)
    default = subnet.network_id in layout.default_networks
    return {
        "SubnetId": subnet_id,
        "SubnetArn": ids.arn(SUBNET, subnet_id, call.region, owner),
        "VpcId": layout.vpc_of(subnet.network_id),
        "CidrBlock": subnet.cidr,
        "State": "available",
        **zone(layout.networks[subnet.network_id], zones, availability_zones.zone_names(call)),
        "AvailableIpAddressCount": _room(subnet, used),
        "DefaultForAz": default,
        "MapPublicIpOnLaunch": facts.MAP_PUBLIC in subnet.tags,
        "MapCustomerOwnedIpOnLaunch": False,
        **subnet_block.members(subnet, ipv6),
        "EnableDns64": False,
        # Terraform's provider requires these members.
        "PrivateDnsNameOptionsOnLaunch": {
            "HostnameType": "ip-name",
            "EnableResourceNameDnsARecord": False,
            "EnableResourceNameDnsAAAARecord": False,
        },
        "OwnerId": owner,
        "Tags": tag_rules.shown(from_neutron(subnet.tags)),
    }


def zone(
    network: cloud.Network, zones: Sequence[Mapping[str, Any]], names: availability_zones.ZoneNames
) -> dict[str, str]:
    """Return one zone for a subnet, as EC2 requires: the first that the network has, because a network may span all."""
    chosen = facts.one(network.tags, facts.ZONE)
    common = set(map(names.shown, [chosen] if chosen else network.zones))
    here = [zone for zone in zones if zone["ZoneName"] in common] or list(zones)
    return {"AvailabilityZone": here[0]["ZoneName"], "AvailabilityZoneId": here[0]["ZoneId"]} if here else {}


def _room(subnet: cloud.Subnet, used: Sequence[str]) -> int:
    """Count the free addresses; other projects' ports on a shared network are not visible and count as free."""
    taken = [ip_address(address) for address in used]
    room = 0
    for pool in subnet.pools:
        first, last = (ip_address(end) for end in pool)
        room += int(last) - int(first) + 1 - sum(int(first) <= int(one) <= int(last) for one in taken)
    return room
