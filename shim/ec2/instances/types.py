"""Instance types: Nova's flavors under their own names.  Members that a flavor does not define are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.types import compute as cloud
from shim.cache import weight
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import zones as availability_zones
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import INSTANCE_TYPE, ResourceType
from shim.ec2.instances import facts as instance_facts
from shim.errors import AwsError

TYPES = Table(
    items="InstanceTypes",
    id="InstanceType",
    ids="InstanceTypes",
    resource_type=INSTANCE_TYPE,
    most=100,
    filters={
        "auto-recovery-supported": "AutoRecoverySupported",
        "bare-metal": "BareMetal",
        "burstable-performance-supported": "BurstablePerformanceSupported",
        "current-generation": "CurrentGeneration",
        "dedicated-hosts-supported": "DedicatedHostsSupported",
        "ebs-info.attachment-limit-type": "EbsInfo.AttachmentLimitType",
        "ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps": "EbsInfo.EbsOptimizedInfo.BaselineBandwidthInMbps",
        "ebs-info.ebs-optimized-info.baseline-iops": "EbsInfo.EbsOptimizedInfo.BaselineIops",
        "ebs-info.ebs-optimized-info.baseline-throughput-in-mbps": "EbsInfo.EbsOptimizedInfo.BaselineThroughputInMBps",
        "ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps": "EbsInfo.EbsOptimizedInfo.MaximumBandwidthInMbps",
        "ebs-info.ebs-optimized-info.maximum-iops": "EbsInfo.EbsOptimizedInfo.MaximumIops",
        "ebs-info.ebs-optimized-info.maximum-throughput-in-mbps": "EbsInfo.EbsOptimizedInfo.MaximumThroughputInMBps",
        "ebs-info.ebs-optimized-support": "EbsInfo.EbsOptimizedSupport",
        "ebs-info.encryption-support": "EbsInfo.EncryptionSupport",
        "ebs-info.maximum-ebs-attachments": "EbsInfo.MaximumEbsAttachments",
        "ebs-info.nvme-support": "EbsInfo.NvmeSupport",
        "free-tier-eligible": "FreeTierEligible",
        "hibernation-supported": "HibernationSupported",
        "hypervisor": "Hypervisor",
        "instance-storage-info.disk.count": "InstanceStorageInfo.Disks.Count",
        "instance-storage-info.disk.size-in-gb": "InstanceStorageInfo.Disks.SizeInGB",
        "instance-storage-info.disk.type": "InstanceStorageInfo.Disks.Type",
        "instance-storage-info.encryption-support": "InstanceStorageInfo.EncryptionSupport",
        "instance-storage-info.nvme-support": "InstanceStorageInfo.NvmeSupport",
        "instance-storage-info.total-size-in-gb": "InstanceStorageInfo.TotalSizeInGB",
        "instance-storage-supported": "InstanceStorageSupported",
        "instance-type": "InstanceType",
        "memory-info.size-in-mib": "MemoryInfo.SizeInMiB",
        "network-info.bandwidth-weightings": "NetworkInfo.BandwidthWeightings",
        "network-info.efa-info.maximum-efa-interfaces": "NetworkInfo.EfaInfo.MaximumEfaInterfaces",
        "network-info.efa-supported": "NetworkInfo.EfaSupported",
        "network-info.ena-support": "NetworkInfo.EnaSupport",
        "network-info.encryption-in-transit-supported": "NetworkInfo.EncryptionInTransitSupported",
        "network-info.flexible-ena-queues-support": "NetworkInfo.FlexibleEnaQueuesSupport",
        "network-info.ipv4-addresses-per-interface": "NetworkInfo.Ipv4AddressesPerInterface",
        "network-info.ipv6-addresses-per-interface": "NetworkInfo.Ipv6AddressesPerInterface",
        "network-info.ipv6-supported": "NetworkInfo.Ipv6Supported",
        "network-info.maximum-network-cards": "NetworkInfo.MaximumNetworkCards",
        "network-info.maximum-network-interfaces": "NetworkInfo.MaximumNetworkInterfaces",
        "network-info.network-performance": "NetworkInfo.NetworkPerformance",
        "nitro-enclaves-support": "NitroEnclavesSupport",
        "nitro-tpm-info.supported-versions": "NitroTpmInfo.SupportedVersions",
        "nitro-tpm-support": "NitroTpmSupport",
        "processor-info.supported-architecture": "ProcessorInfo.SupportedArchitectures",
        "processor-info.supported-features": "ProcessorInfo.SupportedFeatures",
        "processor-info.sustained-clock-speed-in-ghz": "ProcessorInfo.SustainedClockSpeedInGhz",
        "reboot-migration-support": "RebootMigrationSupport",
        "supported-boot-mode": "SupportedBootModes",
        "supported-root-device-type": "SupportedRootDeviceTypes",
        "supported-usage-class": "SupportedUsageClasses",
        "supported-virtualization-type": "SupportedVirtualizationTypes",
        "vcpu-info.default-cores": "VCpuInfo.DefaultCores",
        "vcpu-info.default-threads-per-core": "VCpuInfo.DefaultThreadsPerCore",
        "vcpu-info.default-vcpus": "VCpuInfo.DefaultVCpus",
        "vcpu-info.valid-cores": "VCpuInfo.ValidCores",
        "vcpu-info.valid-threads-per-core": "VCpuInfo.ValidThreadsPerCore",
    },
)
# "Place" is type and location, for the order of pages; it is not a member of AWS's answer.
OFFERINGS = Table(
    items="InstanceTypeOfferings",
    id="Place",
    resource_type=ResourceType("", "", "InvalidParameterValue", "{id}", "{id}", "InvalidParameterValue"),
    filters={"instance-type": "InstanceType", "location": "Location"},
    shown=lambda rows: [{name: value for name, value in row.items() if name != "Place"} for row in rows],
)
_KEEP_SECONDS = 60.0  # how long a flavor is remembered, which Nova cannot change but only replace
# Placement's trait for an architecture, which a flavor may require (os-traits) → EC2's name.
_TRAITS = {"trait:HW_ARCH_AARCH64": "arm64", "trait:HW_ARCH_X86_64": "x86_64", "trait:HW_ARCH_I686": "i386"}


@describes(
    TYPES,
    supports="InstanceTypes Filters MaxResults NextToken",
    ignores={"IncludeUnsupportedInRegion": "there is one region, and every flavor is of it"},
)
async def describe_instance_types(call: Call, asked: Question) -> list[Row]:
    """List flavors as instance types."""
    return [row(flavor) for flavor in await call.cloud.compute.flavors()]


@describes(OFFERINGS, supports="LocationType Filters MaxResults NextToken")
async def describe_instance_type_offerings(call: Call, asked: Question) -> list[Row]:
    """List instance types by location: every flavor in every location, because Nova does not bind flavors to zones."""
    flavors, zones = await gather(call.cloud.compute.flavors(), call.cloud.compute.zones())
    known = availability_zones.zones(zones, availability_zones.zone_names(call))
    location = asked.req.get("LocationType") or "region"
    places: Mapping[str, Sequence[str]] = {
        "region": [call.region],
        "availability-zone": [zone["ZoneName"] for zone in known],
        "availability-zone-id": [zone["ZoneId"] for zone in known],
        "outpost": [],
    }
    return [
        {
            "InstanceType": flavor.name,
            "LocationType": location,
            "Location": place,
            "Place": f"{flavor.name} {place}",
        }
        for flavor in flavors
        for place in places[location]
    ]


async def flavor_named(call: Call, name: str) -> cloud.Flavor:
    """Find the flavor of an instance type, at most a minute old; raises InvalidParameterValue as RunInstances does."""
    key, project = ("flavor", name), call.caller.project_id
    known: cloud.Flavor | None = call.cache.get(project, key)
    if known is not None:
        return known
    for flavor in await call.cloud.compute.flavors():
        if flavor.name == name:
            call.cache.put(project, key, flavor, size=weight(flavor), seconds=_KEEP_SECONDS)
            return flavor
    raise AwsError("InvalidParameterValue", f"Invalid value '{name}' for InstanceType.", refused="InstanceType")


def architecture(flavor: cloud.Flavor) -> str:
    """Return a flavor's architecture; the default is that of nearly every cloud."""
    return next((word for trait, word in _TRAITS.items() if flavor.extra_specs.get(trait) == "required"), "x86_64")


def row(flavor: cloud.Flavor) -> dict[str, Any]:
    """Write a flavor as EC2 describes an instance type."""
    count, threads = cores(flavor)
    return {
        "InstanceType": flavor.name,
        "CurrentGeneration": True,
        "FreeTierEligible": False,
        "SupportedUsageClasses": ["on-demand"],
        "SupportedRootDeviceTypes": ["ebs", "instance-store"] if flavor.disk else ["ebs"],
        "SupportedVirtualizationTypes": ["hvm"],
        "SupportedBootModes": ["legacy-bios", "uefi"],
        "BareMetal": False,
        "ProcessorInfo": {"SupportedArchitectures": [architecture(flavor)]},
        "VCpuInfo": {
            "DefaultVCpus": flavor.vcpus,
            "DefaultCores": count,
            "DefaultThreadsPerCore": threads,
            "ValidCores": [count],
            "ValidThreadsPerCore": [threads],
        },
        "MemoryInfo": {"SizeInMiB": flavor.ram},
        **_storage(flavor),
        "EbsInfo": {
            "EbsOptimizedSupport": "supported",
            "EncryptionSupport": "supported",
            "NvmeSupport": "unsupported",
        },
        "NetworkInfo": {
            "Ipv6Supported": True,
            "EnaSupport": "supported",
            "EfaSupported": False,
            "EncryptionInTransitSupported": False,
        },
        "PlacementGroupInfo": {"SupportedStrategies": ["cluster", "spread"]},
        "HibernationSupported": False,
        # "true" makes Terraform ask for CPU credits, which Nova does not have.
        "BurstablePerformanceSupported": False,
        "DedicatedHostsSupported": False,
        "AutoRecoverySupported": False,
        "NitroEnclavesSupport": "unsupported",
        "NitroTpmSupport": "unsupported",
    }


def _storage(flavor: cloud.Flavor) -> dict[str, Any]:
    """Describe the ephemeral disk, which EC2 calls instance storage; the root disk is not part of it."""
    if not flavor.ephemeral:
        return {"InstanceStorageSupported": False}
    return {
        "InstanceStorageSupported": True,
        "InstanceStorageInfo": {
            "TotalSizeInGB": flavor.ephemeral,
            "Disks": [{"SizeInGB": flavor.ephemeral, "Count": 1}],
            "NvmeSupport": "unsupported",
        },
    }


def cores(flavor: cloud.Flavor) -> tuple[int, int]:
    """Return how many cores a flavor has, and how many threads each."""
    threads = instance_facts.count(flavor.extra_specs.get("hw:cpu_threads", "1")) or 1
    return max(1, flavor.vcpus // threads), threads
