"""What a lookup of one id costs: every Describe action that takes ids, asked for one of its resources."""

from dataclasses import dataclass
from typing import Any

from botocore import xform_name

from tests.support.gateway import Gateway


@dataclass(frozen=True, slots=True)
class Lookup:
    """A Describe action: the request's list of ids, the answer's list, and the member that has a resource's id."""

    action: str
    ids: str
    items: str
    id: str

    def first(self, ec2: Any) -> str | None:
        """Return the id of a resource that is there; None if there is none."""
        found = getattr(ec2, xform_name(self.action))()[self.items]
        # A reservation has no ids of its own that could be asked for.
        rows = [one for each in found for one in each["Instances"]] if self.items == "Reservations" else found
        return str(rows[0][self.id]) if rows else None

    def calls(self, ec2: Any, gateway: Gateway, id: str) -> int:
        """Return the OpenStack calls behind a lookup of one id with warm caches."""
        return gateway.least_calls(lambda: getattr(ec2, xform_name(self.action))(**{self.ids: [id]}))


LOOKUPS = (
    Lookup("DescribeInstances", "InstanceIds", "Reservations", "InstanceId"),
    Lookup("DescribeInstanceStatus", "InstanceIds", "InstanceStatuses", "InstanceId"),
    Lookup("DescribeInstanceTypes", "InstanceTypes", "InstanceTypes", "InstanceType"),
    Lookup("DescribeImages", "ImageIds", "Images", "ImageId"),
    Lookup("DescribeKeyPairs", "KeyPairIds", "KeyPairs", "KeyPairId"),
    Lookup("DescribeLaunchTemplates", "LaunchTemplateIds", "LaunchTemplates", "LaunchTemplateId"),
    Lookup("DescribePlacementGroups", "GroupIds", "PlacementGroups", "GroupId"),
    Lookup("DescribeVolumes", "VolumeIds", "Volumes", "VolumeId"),
    Lookup("DescribeVolumeStatus", "VolumeIds", "VolumeStatuses", "VolumeId"),
    Lookup("DescribeSnapshots", "SnapshotIds", "Snapshots", "SnapshotId"),
    Lookup("DescribeAddresses", "AllocationIds", "Addresses", "AllocationId"),
    Lookup("DescribeNetworkInterfaces", "NetworkInterfaceIds", "NetworkInterfaces", "NetworkInterfaceId"),
    Lookup("DescribeSecurityGroups", "GroupIds", "SecurityGroups", "GroupId"),
    Lookup("DescribeSecurityGroupRules", "SecurityGroupRuleIds", "SecurityGroupRules", "SecurityGroupRuleId"),
    Lookup("DescribeManagedPrefixLists", "PrefixListIds", "PrefixLists", "PrefixListId"),
    Lookup("DescribeVpcs", "VpcIds", "Vpcs", "VpcId"),
    Lookup("DescribeSubnets", "SubnetIds", "Subnets", "SubnetId"),
    Lookup("DescribeInternetGateways", "InternetGatewayIds", "InternetGateways", "InternetGatewayId"),
    Lookup("DescribeNatGateways", "NatGatewayIds", "NatGateways", "NatGatewayId"),
    Lookup("DescribeRouteTables", "RouteTableIds", "RouteTables", "RouteTableId"),
    Lookup("DescribeNetworkAcls", "NetworkAclIds", "NetworkAcls", "NetworkAclId"),
    Lookup("DescribeDhcpOptions", "DhcpOptionsIds", "DhcpOptions", "DhcpOptionsId"),
    Lookup(
        "DescribeVpcPeeringConnections", "VpcPeeringConnectionIds", "VpcPeeringConnections", "VpcPeeringConnectionId"
    ),
)
