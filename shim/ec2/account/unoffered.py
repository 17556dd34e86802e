"""Lists of what AWS sells or has ended and OpenStack lacks: an account that has none of it gets an empty list.

Inventories and cost tools read these lists and stop where one is refused.  Nothing here can make such a thing, so no
id is found; filters, pages and combinations are checked as for any other Describe action.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shim.ec2.engine.describe import Table, describes
from shim.ec2.engine.filters import Path, nothing
from shim.ec2.engine.resource_types import INSTANCE, ResourceType
from shim.ec2.routing.absent import none
from shim.ec2.service import Forbidden

_PAGES = "MaxResults NextToken"


@dataclass(frozen=True, slots=True)
class Unoffered:
    """One list: the answer's list, its rows' id, the request's list of ids, the type, the filters and parameters.

    `supports` are the parameters beside the ids and filters; each chooses among rows, of which there are none.
    """

    items: str
    id: str
    ids: str
    resource_type: ResourceType
    filters: str = ""
    supports: str = f"Filters {_PAGES}"
    most: int = 1000
    cut: bool = True
    paged_ids: bool = True

    def table(self) -> Table:
        """Return the table of the Describe action; `tag` among the filters stands for the three tag filters."""
        paths: Mapping[str, Path] = {name: "Tags" if name == "tag" else nothing for name in self.filters.split()}
        return Table(
            items=self.items,
            id=self.id,
            ids=self.ids,
            resource_type=self.resource_type,
            filters=paths,
            most=self.most,
            cut=self.cut,
            paged_ids=self.paged_ids,
        )


def _type(prefix: str, noun: str, not_found: str, malformed: str = "InvalidParameterValue") -> ResourceType:
    said = f"The {noun} ID '{{id}}' does not exist"
    return ResourceType(prefix, "", not_found, said, said.replace("ID", "IDs", 1), malformed)


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

UNOFFERED: Mapping[str, Unoffered] = {
    "DescribeBundleTasks": Unoffered(
        "BundleTasks", "BundleId", "BundleIds",
        _type("bun", "bundle task", "InvalidBundleID.NotFound"),
        "bundle-id error-code error-message instance-id progress s3-bucket s3-prefix start-time state update-time",
        "Filters",
    ),
    "DescribeClassicLinkInstances": Unoffered(
        "Instances", "InstanceId", "InstanceIds", INSTANCE, "group-id instance-id tag vpc-id",
    ),
    "DescribeConversionTasks": Unoffered(
        "ConversionTasks", "ConversionTaskId", "ConversionTaskIds",
        _type("import-i", "conversion task", "InvalidConversionTaskId", "InvalidConversionTaskId.Malformed"),
        supports="",
    ),
    "DescribeExportTasks": Unoffered(
        "ExportTasks", "ExportTaskId", "ExportTaskIds",
        _type("export-i", "export task", "InvalidExportTaskID.NotFound", "InvalidExportTaskID.Malformed"),
        supports="Filters",
    ),
    "DescribeFleets": Unoffered(
        "Fleets", "FleetId", "FleetIds",
        _type("fleet", "fleet", "InvalidFleetId.NotFound", "InvalidFleetId.Malformed"),
        "activity-status excess-capacity-termination-policy fleet-state replace-unhealthy-instances type",
    ),
    "DescribeHosts": Unoffered(
        "Hosts", "HostId", "HostIds", _type("h", "host", "InvalidHostID.NotFound", "InvalidHostID.Malformed"),
        "auto-placement availability-zone client-token host-reservation-id instance-type state tag",
        f"Filter {_PAGES}",
        # "If maxResults is given a larger value than 500, you receive an error.  You cannot specify this parameter and
        # the host IDs parameter in the same request."
        most=500, cut=False, paged_ids=False,
    ),
    "DescribeIpamPools": Unoffered(
        "IpamPools", "IpamPoolId", "IpamPoolIds",
        _type("ipam-pool", "ipam pool", "InvalidIpamPoolId.NotFound", "InvalidIpamPoolId.Malformed"), "tag",
    ),
    "DescribeMovingAddresses": Unoffered(
        "MovingAddressStatuses", "PublicIp", "PublicIps",
        ResourceType("", "", "InvalidAddress.NotFound", "Address '{id}' not found.", "Addresses '{id}' not found.", ""),
        "moving-status",
    ),
    "DescribePrefixLists": Unoffered(
        "PrefixLists", "PrefixListId", "PrefixListIds",
        _type("pl", "prefix list", "InvalidPrefixListId.NotFound", "InvalidPrefixListId.Malformed"),
        "prefix-list-id prefix-list-name",
    ),
    "DescribeReservedInstances": Unoffered(
        "ReservedInstances", "ReservedInstancesId", "ReservedInstancesIds",
        _type("", "reserved instances", "InvalidReservedInstancesId"),
        f"{_RESERVED} end reserved-instances-id start state tag usage-price",
        "Filters OfferingClass OfferingType",
    ),
    "DescribeReservedInstancesOfferings": Unoffered(
        "ReservedInstancesOfferings", "ReservedInstancesOfferingId", "ReservedInstancesOfferingIds",
        _type("", "reserved instances offering", "InvalidReservedInstancesOfferingId"),
        f"{_RESERVED} marketplace reserved-instances-offering-id usage-price",
        f"AvailabilityZone AvailabilityZoneId Filters IncludeMarketplace InstanceTenancy InstanceType {_PAGES} "
        "MaxDuration MaxInstanceCount MinDuration OfferingClass OfferingType ProductDescription",
        most=100,
    ),
    "DescribeScheduledInstances": Unoffered(
        "ScheduledInstanceSet", "ScheduledInstanceId", "ScheduledInstanceIds",
        _type("", "scheduled instance", "InvalidScheduledInstance"), "availability-zone instance-type platform",
        f"Filters {_PAGES} SlotStartTimeRange", most=300, cut=False,
    ),
    "DescribeSpotInstanceRequests": Unoffered(
        "SpotInstanceRequests", "SpotInstanceRequestId", "SpotInstanceRequestIds",
        _type("sir", "spot instance request", "InvalidSpotInstanceRequestID.NotFound",
              "InvalidSpotInstanceRequestID.Malformed"),
        "availability-zone-group create-time fault-code fault-message instance-id launch-group "
        f"{_SPOT} launched-availability-zone launched-availability-zone-id "
        "product-description spot-instance-request-id spot-price state status-code status-message tag type valid-from "
        "valid-until",
    ),
    "DescribeSpotPriceHistory": Unoffered(
        "SpotPriceHistory", "Timestamp", "", _type("", "", "InvalidParameterValue"),
        "availability-zone availability-zone-id instance-type product-description spot-price timestamp",
        f"AvailabilityZone AvailabilityZoneId EndTime Filters InstanceTypes {_PAGES} ProductDescriptions StartTime",
    ),
    "DescribeVpnConnections": Unoffered(
        "VpnConnections", "VpnConnectionId", "VpnConnectionIds",
        _type("vpn", "vpnConnection", "InvalidVpnConnectionID.NotFound", "InvalidVpnConnectionID.Malformed"),
        "bgp-asn customer-gateway-configuration customer-gateway-id option.static-routes-only "
        "route.destination-cidr-block state tag transit-gateway-id type vpn-connection-id vpn-gateway-id", "Filters",
    ),
}  # fmt: skip
TABLES: Mapping[str, Table] = {name: one.table() for name, one in UNOFFERED.items()}

for _name, _one in UNOFFERED.items():
    describes(
        TABLES[_name],
        supports=f"{_one.ids} {_one.supports}",
        forbids=[_ZONES] if "AvailabilityZoneId" in _one.supports.split() else (),
    )(none(_name))
