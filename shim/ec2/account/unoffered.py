"""Lists of what AWS sells or has ended and OpenStack lacks; inventories and cost tools stop where one is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shim.ec2.engine.absent import Absent, absent, kind, register
from shim.ec2.engine.filters import Path, nothing
from shim.ec2.engine.resource_types import INSTANCE, ResourceType
from shim.ec2.service import Forbidden

_PAGES = "MaxResults NextToken"


def _list(
    items: str,
    id: str,
    ids: str,
    resource_type: ResourceType,
    filters: str = "",
    supports: str = f"Filters {_PAGES}",
    *,
    cut: bool = True,
    **more: Any,
) -> Absent:
    """Return one list; `filters` are the names of its filters, and `tag` stands for the three tag filters."""
    paths: Mapping[str, Path] = {name: "Tags" if name == "tag" else nothing for name in filters.split()}
    return absent(items, id, ids, resource_type, paths, supports, cut=cut, **more)


_SPOT_DISK = "launch.block-device-mapping"
_SPOT = (
    f"{_SPOT_DISK}.delete-on-termination {_SPOT_DISK}.device-name {_SPOT_DISK}.snapshot-id {_SPOT_DISK}.volume-size "
    f"{_SPOT_DISK}.volume-type launch.group-id launch.group-name launch.image-id launch.instance-type launch.kernel-id "
    "launch.key-name launch.monitoring-enabled launch.ramdisk-id network-interface.addresses.primary "
    "network-interface.delete-on-termination network-interface.description network-interface.device-index "
    "network-interface.group-id network-interface.network-interface-id network-interface.private-ip-address "
    "network-interface.subnet-id"
)
_RESERVED = "availability-zone availability-zone-id duration fixed-price instance-type product-description scope"

_ZONES = Forbidden(
    "AvailabilityZone",
    "AvailabilityZoneId",
    "Either AvailabilityZone or AvailabilityZoneId can be specified, but not both",
)

UNOFFERED = {
    "DescribeBundleTasks": _list(
        "BundleTasks", "BundleId", "BundleIds",
        kind("bun", "bundle task", "InvalidBundleID.NotFound"),
        "bundle-id error-code error-message instance-id progress s3-bucket s3-prefix start-time state update-time",
        "Filters",
    ),
    "DescribeClassicLinkInstances": _list(
        "Instances", "InstanceId", "InstanceIds", INSTANCE, "group-id instance-id tag vpc-id",
    ),
    "DescribeConversionTasks": _list(
        "ConversionTasks", "ConversionTaskId", "ConversionTaskIds",
        kind("import-i", "conversion task", "InvalidConversionTaskId", "InvalidConversionTaskId.Malformed"),
        supports="",
    ),
    "DescribeExportTasks": _list(
        "ExportTasks", "ExportTaskId", "ExportTaskIds",
        kind("export-i", "export task", "InvalidExportTaskID.NotFound", "InvalidExportTaskID.Malformed"),
        supports="Filters",
    ),
    "DescribeFleets": _list(
        "Fleets", "FleetId", "FleetIds",
        kind("fleet", "fleet", "InvalidFleetId.NotFound", "InvalidFleetId.Malformed"),
        "activity-status excess-capacity-termination-policy fleet-state replace-unhealthy-instances type",
    ),
    "DescribeHosts": _list(
        "Hosts", "HostId", "HostIds", kind("h", "host", "InvalidHostID.NotFound", "InvalidHostID.Malformed"),
        "auto-placement availability-zone client-token host-reservation-id instance-type state tag",
        f"Filter {_PAGES}",
        # "If maxResults is given a larger value than 500, you receive an error.  You cannot specify this parameter and
        # the host IDs parameter in the same request."
        most=500, cut=False, paged_ids=False,
    ),
    "DescribeIpamPools": _list(
        "IpamPools", "IpamPoolId", "IpamPoolIds",
        kind("ipam-pool", "ipam pool", "InvalidIpamPoolId.NotFound", "InvalidIpamPoolId.Malformed"), "tag",
    ),
    "DescribeMovingAddresses": _list(
        "MovingAddressStatuses", "PublicIp", "PublicIps",
        ResourceType("", "", "InvalidAddress.NotFound", "Address '{id}' not found.", "Addresses '{id}' not found.", ""),
        "moving-status",
    ),
    "DescribePrefixLists": _list(
        "PrefixLists", "PrefixListId", "PrefixListIds",
        kind("pl", "prefix list", "InvalidPrefixListId.NotFound", "InvalidPrefixListId.Malformed"),
        "prefix-list-id prefix-list-name",
    ),
    "DescribeReservedInstances": _list(
        "ReservedInstances", "ReservedInstancesId", "ReservedInstancesIds",
        kind("", "reserved instances", "InvalidReservedInstancesId"),
        f"{_RESERVED} end reserved-instances-id start state tag usage-price",
        "Filters OfferingClass OfferingType",
    ),
    "DescribeReservedInstancesOfferings": _list(
        "ReservedInstancesOfferings", "ReservedInstancesOfferingId", "ReservedInstancesOfferingIds",
        kind("", "reserved instances offering", "InvalidReservedInstancesOfferingId"),
        f"{_RESERVED} marketplace reserved-instances-offering-id usage-price",
        f"AvailabilityZone AvailabilityZoneId Filters IncludeMarketplace InstanceTenancy InstanceType {_PAGES} "
        "MaxDuration MaxInstanceCount MinDuration OfferingClass OfferingType ProductDescription",
        most=100, forbids=[_ZONES],
    ),
    "DescribeScheduledInstances": _list(
        "ScheduledInstanceSet", "ScheduledInstanceId", "ScheduledInstanceIds",
        kind("", "scheduled instance", "InvalidScheduledInstance"), "availability-zone instance-type platform",
        f"Filters {_PAGES} SlotStartTimeRange", most=300, cut=False,
    ),
    "DescribeSpotInstanceRequests": _list(
        "SpotInstanceRequests", "SpotInstanceRequestId", "SpotInstanceRequestIds",
        kind("sir", "spot instance request", "InvalidSpotInstanceRequestID.NotFound",
              "InvalidSpotInstanceRequestID.Malformed"),
        "availability-zone-group create-time fault-code fault-message instance-id launch-group "
        f"{_SPOT} launched-availability-zone launched-availability-zone-id "
        "product-description spot-instance-request-id spot-price state status-code status-message tag type valid-from "
        "valid-until",
    ),
    "DescribeSpotPriceHistory": _list(
        "SpotPriceHistory", "Timestamp", "", kind("", "", "InvalidParameterValue"),
        "availability-zone availability-zone-id instance-type product-description spot-price timestamp",
        f"AvailabilityZone AvailabilityZoneId EndTime Filters InstanceTypes {_PAGES} ProductDescriptions StartTime",
        forbids=[_ZONES],
    ),
    "DescribeVpnConnections": _list(
        "VpnConnections", "VpnConnectionId", "VpnConnectionIds",
        kind("vpn", "vpnConnection", "InvalidVpnConnectionID.NotFound", "InvalidVpnConnectionID.Malformed"),
        "bgp-asn customer-gateway-configuration customer-gateway-id option.static-routes-only "
        "route.destination-cidr-block state tag transit-gateway-id type vpn-connection-id vpn-gateway-id", "Filters",
    ),
}  # fmt: skip

register(UNOFFERED)
