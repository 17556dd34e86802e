"""The resource types of EC2 that the gateway supports, with AWS's error codes and messages for each.

Clients match on the literal codes, and AWS's spelling is irregular (`InvalidVpcID.Malformed` but
`InvalidGroupId.Malformed`), so each code is listed here as in the error code page of the EC2 API reference:
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One resource type: its id's prefix, its name in TagSpecifications, and its error codes and messages.

    `one` and `many` are the messages of `not_found`; `{id}` is the id, or the ids joined by a comma and a space.
    """

    prefix: str
    name: str
    not_found: str
    one: str
    many: str
    malformed: str
    in_use: str = "DependencyViolation"
    in_use_says: str = "resource {id} has a dependent object"
    duplicate: str = "InvalidParameterValue"
    duplicate_says: str = "{id} already exists"
    state: str = "IncorrectState"
    quota: str = "ResourceLimitExceeded"
    capacity: str = "InsufficientCapacity"


INSTANCE = ResourceType(
    "i",
    "instance",
    "InvalidInstanceID.NotFound",
    "The instance ID '{id}' does not exist",
    "The instance IDs '{id}' do not exist",
    "InvalidInstanceID.Malformed",
    state="IncorrectInstanceState",
    quota="InstanceLimitExceeded",
    capacity="InsufficientInstanceCapacity",
)
INSTANCE_TYPE = ResourceType(
    "",
    "instance-type",
    "InvalidInstanceType",
    "The following supplied instance types do not exist: [{id}]",
    "The following supplied instance types do not exist: [{id}]",
    "InvalidInstanceType",
)
IMAGE = ResourceType(
    "ami",
    "image",
    "InvalidAMIID.NotFound",
    "The image id '[{id}]' does not exist",
    "The image ids '[{id}]' do not exist",
    "InvalidAMIID.Malformed",
    in_use="OperationNotPermitted",
    in_use_says="{id} is in use",
    duplicate="InvalidAMIName.Duplicate",
    state="InvalidAMIID.Unavailable",
)
KEY_PAIR = ResourceType(
    "key",
    "key-pair",
    "InvalidKeyPair.NotFound",
    "The key pair '{id}' does not exist",
    "The key pairs '{id}' do not exist",
    "InvalidParameterValue",  # the error code page lists no code for a malformed key pair id
    duplicate="InvalidKeyPair.Duplicate",
    duplicate_says="The keypair '{id}' already exists",
    quota="KeyPairLimitExceeded",
)
VOLUME = ResourceType(
    "vol",
    "volume",
    "InvalidVolume.NotFound",
    "The volume '{id}' does not exist.",
    "The volumes '{id}' do not exist.",
    "InvalidVolumeID.Malformed",
    in_use="VolumeInUse",
    in_use_says="Volume {id} is currently in use",
    quota="VolumeLimitExceeded",
    capacity="InsufficientVolumeCapacity",
)
ATTACHMENT = ResourceType(
    "",
    "volume-attachment",
    "InvalidAttachment.NotFound",
    "Volume '{id}' is not attached to the instance",
    "Volumes '{id}' are not attached to the instance",
    "InvalidParameterValue",
    in_use="VolumeInUse",
    in_use_says="{id} is already attached to an instance",
    duplicate="VolumeInUse",
    duplicate_says="{id} is already attached to an instance",
    quota="AttachmentLimitExceeded",
)
SNAPSHOT = ResourceType(
    "snap",
    "snapshot",
    "InvalidSnapshot.NotFound",
    "The snapshot '{id}' does not exist.",
    "The snapshots '{id}' do not exist.",
    "InvalidSnapshotID.Malformed",
    in_use="InvalidSnapshot.InUse",
    in_use_says="The snapshot {id} is currently in use",
    quota="SnapshotLimitExceeded",
)
SECURITY_GROUP = ResourceType(
    "sg",
    "security-group",
    "InvalidGroup.NotFound",
    "The security group '{id}' does not exist",
    "The security groups '{id}' do not exist",
    "InvalidGroupId.Malformed",
    duplicate="InvalidGroup.Duplicate",
    duplicate_says="The security group '{id}' already exists",
    quota="SecurityGroupLimitExceeded",
)
RULE = ResourceType(
    "sgr",
    "security-group-rule",
    "InvalidSecurityGroupRuleId.NotFound",
    "The security group rule ID '{id}' does not exist",
    "The security group rule IDs '{id}' do not exist",
    "InvalidSecurityGroupRuleId.Malformed",
    duplicate="InvalidPermission.Duplicate",
    duplicate_says="the specified rule already exists",
    quota="RulesPerSecurityGroupLimitExceeded",
)
VPC = ResourceType(
    "vpc",
    "vpc",
    "InvalidVpcID.NotFound",
    "The vpc ID '{id}' does not exist",
    "The vpc IDs '{id}' do not exist",
    "InvalidVpcID.Malformed",
    quota="VpcLimitExceeded",
)
SUBNET = ResourceType(
    "subnet",
    "subnet",
    "InvalidSubnetID.NotFound",
    "The subnet ID '{id}' does not exist",
    "The subnet IDs '{id}' do not exist",
    "InvalidSubnetID.Malformed",
    quota="SubnetLimitExceeded",
    capacity="InsufficientFreeAddressesInSubnet",
)
INTERFACE = ResourceType(
    "eni",
    "network-interface",
    "InvalidNetworkInterfaceID.NotFound",
    "The networkInterface ID '{id}' does not exist",
    "The networkInterface IDs '{id}' do not exist",
    "InvalidNetworkInterfaceId.Malformed",
    in_use="InvalidNetworkInterface.InUse",
    in_use_says="Interface: [{id}] in use.",
    duplicate="InvalidIPAddress.InUse",
    duplicate_says="Address is in use.",
    quota="NetworkInterfaceLimitExceeded",
    capacity="InsufficientFreeAddressesInSubnet",
)
ALLOCATION = ResourceType(
    "eipalloc",
    "elastic-ip",
    "InvalidAllocationID.NotFound",
    "The allocation ID '{id}' does not exist",
    "The allocation IDs '{id}' do not exist",
    "InvalidParameterValue",
    in_use="InvalidIPAddress.InUse",
    in_use_says="{id} is in use.",
    quota="AddressLimitExceeded",
    capacity="InsufficientAddressCapacity",
)
PREFIX_LIST = ResourceType(
    "pl",
    "prefix-list",
    "InvalidPrefixListID.NotFound",
    "The prefix list ID '{id}' does not exist",
    "The prefix list IDs '{id}' do not exist",
    "InvalidPrefixListId.Malformed",
    quota="PrefixListLimitExceeded",
)
INTERNET_GATEWAY = ResourceType(
    "igw",
    "internet-gateway",
    "InvalidInternetGatewayID.NotFound",
    "The internetGateway ID '{id}' does not exist",
    "The internetGateway IDs '{id}' do not exist",
    "InvalidInternetGatewayId.Malformed",
    in_use_says="The internetGateway '{id}' has dependencies and cannot be deleted.",
    quota="InternetGatewayLimitExceeded",
)
NAT_GATEWAY = ResourceType(
    "nat",
    "natgateway",
    "NatGatewayNotFound",
    "The Nat Gateway {id} was not found",
    "The Nat Gateways {id} were not found",
    "NatGatewayMalformed",
    quota="NatGatewayLimitExceeded",
)
ROUTE_TABLE = ResourceType(
    "rtb",
    "route-table",
    "InvalidRouteTableID.NotFound",
    "The routeTable ID '{id}' does not exist",
    "The routeTable IDs '{id}' do not exist",
    "InvalidRouteTableId.Malformed",
    in_use_says="The routeTable '{id}' has dependencies and cannot be deleted.",
    quota="RouteTableLimitExceeded",
)
ROUTE_TABLE_ASSOCIATION = ResourceType(
    "rtbassoc",
    "route-table-association",
    "InvalidAssociationID.NotFound",
    "The association ID '{id}' does not exist",
    "The association IDs '{id}' do not exist",
    "InvalidRouteTableAssociationID.Malformed",
)
NETWORK_ACL = ResourceType(
    "acl",
    "network-acl",
    "InvalidNetworkAclID.NotFound",
    "The networkAcl ID '{id}' does not exist",
    "The networkAcl IDs '{id}' do not exist",
    "InvalidNetworkAclId.Malformed",
    in_use_says="The networkAcl '{id}' has dependencies and cannot be deleted.",
    quota="NetworkAclLimitExceeded",
)
NETWORK_ACL_ASSOCIATION = ResourceType(
    "aclassoc",
    "network-acl-association",
    "InvalidAssociationID.NotFound",
    "The association ID '{id}' does not exist",
    "The association IDs '{id}' do not exist",
    "InvalidNetworkAclAssociationId.Malformed",
)
PEERING = ResourceType(
    "pcx",
    "vpc-peering-connection",
    "InvalidVpcPeeringConnectionID.NotFound",
    "The vpcPeeringConnection ID '{id}' does not exist",
    "The vpcPeeringConnection IDs '{id}' do not exist",
    "InvalidVpcPeeringConnectionId.Malformed",
    duplicate="VpcPeeringConnectionAlreadyExists",
    quota="VpcPeeringConnectionsPerVpcLimitExceeded",
)
DHCP_OPTIONS = ResourceType(
    "dopt",
    "dhcp-options",
    "InvalidDhcpOptionID.NotFound",
    "The dhcpOption ID '{id}' does not exist",
    "The dhcpOption IDs '{id}' do not exist",
    "InvalidDhcpOptionsId.Malformed",
    in_use_says="The dhcpOptions '{id}' has dependencies and cannot be deleted.",
)
CIDR_ASSOCIATION = ResourceType(
    "vpc-cidr-assoc",
    "vpc-cidr-block-association",
    "InvalidVpcCidrBlockAssociationID.NotFound",
    "The vpc CIDR block association ID '{id}' does not exist",
    "The vpc CIDR block association IDs '{id}' do not exist",
    "InvalidVpcCidrBlockAssociationID.Malformed",
)
SUBNET_CIDR_ASSOCIATION = ResourceType(
    "subnet-cidr-assoc",
    "subnet-cidr-block-association",
    "InvalidSubnetCidrBlockAssociationID.NotFound",
    "The subnet CIDR block association ID '{id}' does not exist",
    "The subnet CIDR block association IDs '{id}' do not exist",
    "InvalidSubnetCidrBlockAssociationID.Malformed",
)
LAUNCH_TEMPLATE = ResourceType(
    "lt",
    "launch-template",
    "InvalidLaunchTemplateId.NotFound",
    "The specified launch template, with template ID {id}, does not exist.",
    "The specified launch templates, with template IDs {id}, do not exist.",
    "InvalidLaunchTemplateId.Malformed",
    duplicate="InvalidLaunchTemplateName.AlreadyExistsException",
    duplicate_says="Launch template name already in use.",
)
PLACEMENT_GROUP = ResourceType(
    "pg",
    "placement-group",
    "InvalidPlacementGroup.Unknown",
    "The Placement Group '{id}' is unknown.",
    "The Placement Groups '{id}' are unknown.",
    "InvalidPlacementGroupId.Malformed",
    in_use="InvalidPlacementGroup.InUse",
    in_use_says="The placement group '{id}' is in use and may not be deleted.",
    duplicate="InvalidPlacementGroup.Duplicate",
    duplicate_says="The Placement Group '{id}' already exists.",
    quota="PlacementGroupLimitExceeded",
)
PROFILE_ASSOCIATION = ResourceType(
    "iip-assoc",
    "iam-instance-profile-association",
    "NoSuchAssociation",
    "An invalid association-id of '{id}' was given",
    "An invalid association-id of '{id}' was given",
    "InvalidAssociationID.Malformed",
)
IMPORT_IMAGE_TASK = ResourceType(
    "import-ami",
    "import-image-task",
    "InvalidConversionTaskId",
    "The task ID '{id}' does not exist",
    "The task IDs '{id}' do not exist",
    "InvalidConversionTaskId.Malformed",
)
IMPORT_SNAPSHOT_TASK = ResourceType(
    "import-snap",
    "import-snapshot-task",
    "InvalidConversionTaskId",
    "The task ID '{id}' does not exist",
    "The task IDs '{id}' do not exist",
    "InvalidConversionTaskId.Malformed",
)
EXPORT_IMAGE_TASK = ResourceType(
    "export-ami",
    "export-image-task",
    "InvalidExportTaskID",
    "The task ID '{id}' does not exist",
    "The task IDs '{id}' do not exist",
    "InvalidExportTaskID.Malformed",
)
# For errors whose resource the adapter does not know.
UNKNOWN = ResourceType(
    "",
    "",
    "InvalidParameterValue",
    "The resource '{id}' does not exist",
    "The resources '{id}' do not exist",
    "InvalidParameterValue",
)

RESOURCE_TYPES: tuple[ResourceType, ...] = (
    INSTANCE,
    INSTANCE_TYPE,
    IMAGE,
    KEY_PAIR,
    VOLUME,
    ATTACHMENT,
    SNAPSHOT,
    SECURITY_GROUP,
    RULE,
    VPC,
    SUBNET,
    INTERFACE,
    ALLOCATION,
    PREFIX_LIST,
    INTERNET_GATEWAY,
    NAT_GATEWAY,
    ROUTE_TABLE,
    ROUTE_TABLE_ASSOCIATION,
    NETWORK_ACL,
    NETWORK_ACL_ASSOCIATION,
    PEERING,
    DHCP_OPTIONS,
    CIDR_ASSOCIATION,
    SUBNET_CIDR_ASSOCIATION,
    LAUNCH_TEMPLATE,
    PLACEMENT_GROUP,
    PROFILE_ASSOCIATION,
    IMPORT_IMAGE_TASK,
    IMPORT_SNAPSHOT_TASK,
    EXPORT_IMAGE_TASK,
)

# OpenStack's name of a resource, as in `BackendError.resource` → EC2's resource type.
RESOURCES: Mapping[str, ResourceType] = {
    "server": INSTANCE,
    "flavor": INSTANCE_TYPE,
    "image": IMAGE,
    "keypair": KEY_PAIR,
    "volume": VOLUME,
    "volume_attachment": ATTACHMENT,
    "snapshot": SNAPSHOT,
    "security_group": SECURITY_GROUP,
    "security_group_rule": RULE,
    "router": VPC,
    "network": SUBNET,  # a subnet of EC2 is a network with one subnet
    "subnet": SUBNET,
    "port": INTERFACE,
    "server_group": PLACEMENT_GROUP,
    "floatingip": ALLOCATION,
    "address_group": PREFIX_LIST,
}

BY_PREFIX: Mapping[str, ResourceType] = {one.prefix: one for one in RESOURCE_TYPES if one.prefix}
