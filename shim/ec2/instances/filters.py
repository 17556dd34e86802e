"""DescribeInstances' filters: each is a path into a reservation of one instance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shim.ec2.engine.filters import Path, Row, never, nothing

_INSTANCE = {
    "affinity": "Placement.Affinity",
    "architecture": "Architecture",
    "availability-zone": "Placement.AvailabilityZone",
    "availability-zone-id": "Placement.AvailabilityZoneId",
    "block-device-mapping.attach-time": "BlockDeviceMappings.Ebs.AttachTime",
    "block-device-mapping.delete-on-termination": "BlockDeviceMappings.Ebs.DeleteOnTermination",
    "block-device-mapping.device-name": "BlockDeviceMappings.DeviceName",
    "block-device-mapping.status": "BlockDeviceMappings.Ebs.Status",
    "block-device-mapping.volume-id": "BlockDeviceMappings.Ebs.VolumeId",
    "boot-mode": "BootMode",
    "capacity-reservation-id": "CapacityReservationId",
    "capacity-reservation-specification.capacity-reservation-preference": (
        "CapacityReservationSpecification.CapacityReservationPreference"
    ),
    "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id": (
        "CapacityReservationSpecification.CapacityReservationTarget.CapacityReservationId"
    ),
    "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-group-arn": (
        "CapacityReservationSpecification.CapacityReservationTarget.CapacityReservationResourceGroupArn"
    ),
    "client-token": "ClientToken",
    "current-instance-boot-mode": "CurrentInstanceBootMode",
    "dns-name": "PublicDnsName",
    "ebs-optimized": "EbsOptimized",
    "ena-support": "EnaSupport",
    "enclave-options.enabled": "EnclaveOptions.Enabled",
    "hibernation-options.configured": "HibernationOptions.Configured",
    "host-id": "Placement.HostId",
    "hypervisor": "Hypervisor",
    "iam-instance-profile.arn": "IamInstanceProfile.Arn",
    "iam-instance-profile.id": "IamInstanceProfile.Id",
    "image-id": "ImageId",
    "instance-id": "InstanceId",
    "instance-lifecycle": "InstanceLifecycle",
    "instance-state-code": "State.Code",
    "instance-state-name": "State.Name",
    "instance-type": "InstanceType",
    "instance.group-id": "SecurityGroups.GroupId",
    "instance.group-name": "SecurityGroups.GroupName",
    "ip-address": "PublicIpAddress",
    "ipv6-address": "NetworkInterfaces.Ipv6Addresses.Ipv6Address",
    "kernel-id": "KernelId",
    "key-name": "KeyName",
    "launch-index": "AmiLaunchIndex",
    "launch-time": "LaunchTime",
    "maintenance-options.auto-recovery": "MaintenanceOptions.AutoRecovery",
    "metadata-options.http-endpoint": "MetadataOptions.HttpEndpoint",
    "metadata-options.http-protocol-ipv6": "MetadataOptions.HttpProtocolIpv6",
    "metadata-options.http-put-response-hop-limit": "MetadataOptions.HttpPutResponseHopLimit",
    "metadata-options.http-tokens": "MetadataOptions.HttpTokens",
    "metadata-options.instance-metadata-tags": "MetadataOptions.InstanceMetadataTags",
    "metadata-options.state": "MetadataOptions.State",
    "monitoring-state": "Monitoring.State",
    "network-interface.addresses.association.carrier-ip": "NetworkInterfaces.PrivateIpAddresses.Association.CarrierIp",
    "network-interface.addresses.association.customer-owned-ip": (
        "NetworkInterfaces.PrivateIpAddresses.Association.CustomerOwnedIp"
    ),
    "network-interface.addresses.association.ip-owner-id": "NetworkInterfaces.PrivateIpAddresses.Association.IpOwnerId",
    "network-interface.addresses.association.public-dns-name": (
        "NetworkInterfaces.PrivateIpAddresses.Association.PublicDnsName"
    ),
    "network-interface.addresses.association.public-ip": "NetworkInterfaces.PrivateIpAddresses.Association.PublicIp",
    "network-interface.addresses.primary": "NetworkInterfaces.PrivateIpAddresses.Primary",
    "network-interface.addresses.private-dns-name": "NetworkInterfaces.PrivateIpAddresses.PrivateDnsName",
    "network-interface.addresses.private-ip-address": "NetworkInterfaces.PrivateIpAddresses.PrivateIpAddress",
    "network-interface.association.carrier-ip": "NetworkInterfaces.Association.CarrierIp",
    "network-interface.association.customer-owned-ip": "NetworkInterfaces.Association.CustomerOwnedIp",
    "network-interface.association.ip-owner-id": "NetworkInterfaces.Association.IpOwnerId",
    "network-interface.association.public-dns-name": "NetworkInterfaces.Association.PublicDnsName",
    "network-interface.association.public-ip": "NetworkInterfaces.Association.PublicIp",
    "network-interface.attachment.attach-time": "NetworkInterfaces.Attachment.AttachTime",
    "network-interface.attachment.attachment-id": "NetworkInterfaces.Attachment.AttachmentId",
    "network-interface.attachment.delete-on-termination": "NetworkInterfaces.Attachment.DeleteOnTermination",
    "network-interface.attachment.device-index": "NetworkInterfaces.Attachment.DeviceIndex",
    "network-interface.attachment.network-card-index": "NetworkInterfaces.Attachment.NetworkCardIndex",
    "network-interface.attachment.status": "NetworkInterfaces.Attachment.Status",
    "network-interface.availability-zone": "Placement.AvailabilityZone",
    "network-interface.description": "NetworkInterfaces.Description",
    "network-interface.group-id": "NetworkInterfaces.Groups.GroupId",
    "network-interface.group-name": "NetworkInterfaces.Groups.GroupName",
    "network-interface.ipv4-prefixes.ipv4-prefix": "NetworkInterfaces.Ipv4Prefixes.Ipv4Prefix",
    "network-interface.ipv6-address": "NetworkInterfaces.Ipv6Addresses.Ipv6Address",
    "network-interface.ipv6-addresses.ipv6-address": "NetworkInterfaces.Ipv6Addresses.Ipv6Address",
    "network-interface.ipv6-addresses.is-primary-ipv6": "NetworkInterfaces.Ipv6Addresses.IsPrimaryIpv6",
    "network-interface.ipv6-prefixes.ipv6-prefix": "NetworkInterfaces.Ipv6Prefixes.Ipv6Prefix",
    "network-interface.mac-address": "NetworkInterfaces.MacAddress",
    "network-interface.network-interface-id": "NetworkInterfaces.NetworkInterfaceId",
    "network-interface.owner-id": "NetworkInterfaces.OwnerId",
    "network-interface.private-dns-name": "NetworkInterfaces.PrivateDnsName",
    "network-interface.private-ip-address": "NetworkInterfaces.PrivateIpAddress",
    "network-interface.source-dest-check": "NetworkInterfaces.SourceDestCheck",
    "network-interface.status": "NetworkInterfaces.Status",
    "network-interface.subnet-id": "NetworkInterfaces.SubnetId",
    "network-interface.vpc-id": "NetworkInterfaces.VpcId",
    "network-performance-options.bandwidth-weighting": "NetworkPerformanceOptions.BandwidthWeighting",
    "outpost-arn": "OutpostArn",
    "placement-group-name": "Placement.GroupName",
    "placement-partition-number": "Placement.PartitionNumber",
    "platform": "Platform",
    "platform-details": "PlatformDetails",
    "private-dns-name": "PrivateDnsName",
    "private-dns-name-options.enable-resource-name-dns-a-record": "PrivateDnsNameOptions.EnableResourceNameDnsARecord",
    "private-dns-name-options.enable-resource-name-dns-aaaa-record": (
        "PrivateDnsNameOptions.EnableResourceNameDnsAAAARecord"
    ),
    "private-dns-name-options.hostname-type": "PrivateDnsNameOptions.HostnameType",
    "private-ip-address": "PrivateIpAddress",
    "product-code": "ProductCodes.ProductCodeId",
    "product-code.type": "ProductCodes.ProductCodeType",
    "ramdisk-id": "RamdiskId",
    "reason": "StateTransitionReason",
    "root-device-name": "RootDeviceName",
    "root-device-type": "RootDeviceType",
    "source-dest-check": "SourceDestCheck",
    "spot-instance-request-id": "SpotInstanceRequestId",
    "state-reason-code": "StateReason.Code",
    "state-reason-message": "StateReason.Message",
    "subnet-id": "SubnetId",
    "tag": "Tags",
    "tenancy": "Placement.Tenancy",
    "tpm-support": "TpmSupport",
    "usage-operation": "UsageOperation",
    "usage-operation-update-time": "UsageOperationUpdateTime",
    "virtualization-type": "VirtualizationType",
    "vpc-id": "VpcId",
}
# Only AWS's own services and Outposts have these.
_ABSENT = (
    "network-interface.operator.principal",
    "network-interface.outpost-arn",
    "network-interface.public-dns-name",
    "network-interface.requester-id",
    "operator.principal",
)
_NO = (
    "network-interface.deny-all-igw-traffic",
    "network-interface.ipv6-native",
    "network-interface.operator.managed",
    "network-interface.requester-managed",
    "operator.managed",
)


def _of_attached(row: Row, value: str) -> Iterable[str]:
    """Repeat a value for each interface of a row's instance."""
    return [value for one in row["Instances"] for _ in one["NetworkInterfaces"]]


ASSOCIATIONS = "Associations"  # a row's member for filters: DescribeInstances does not answer the ids of associations


def _associated(member: str, *, secondary: bool) -> Path:
    def read(row: Row) -> Iterable[str]:
        return [one[member] for one in row.get(ASSOCIATIONS, ()) if secondary or one["Primary"]]

    return read


FILTERS: Mapping[str, Path] = {
    "owner-id": "OwnerId",
    "requester-id": "RequesterId",
    "reservation-id": "ReservationId",
    **{name: f"Instances.{path}" for name, path in _INSTANCE.items()},
    **dict.fromkeys(_ABSENT, nothing),
    **dict.fromkeys(_NO, never),
    **{
        f"network-interface.{prefix}association.{name}": _associated(member, secondary=bool(prefix))
        for prefix in ("", "addresses.")
        for name, member in (("allocation-id", "AllocationId"), ("association-id", "AssociationId"))
    },
    "network-interface.attachment.instance-id": lambda row: _of_attached(row, row["InstanceId"]),
    "network-interface.attachment.instance-owner-id": lambda row: _of_attached(row, row["OwnerId"]),
}
