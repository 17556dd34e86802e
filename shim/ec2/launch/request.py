"""Parse a RunInstances request, and check what needs no OpenStack call."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from shim.ec2.attributes.changing import SHUTDOWN_STOPS
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import IMAGE, INTERFACE, PLACEMENT_GROUP, SECURITY_GROUP, SUBNET
from shim.ec2.instances import facts as instance_facts
from shim.ec2.launch import limits
from shim.ec2.network.interface_rows import HIGHEST_PLACE
from shim.ec2.network.ipv6 import asked as ipv6_asked
from shim.ec2.service import Forbidden
from shim.ec2.volumes.encryption import NEEDS_SETTING
from shim.ec2.volumes.volumes import IOPS, THROUGHPUT
from shim.errors import AwsError
from shim.protocol.values import Values, but, only

_USER_DATA_BYTES = 16384  # "limited to 16 KB, in raw form, before it is base64-encoded"

FORBIDS = (
    # A name means a group of the default VPC, but the subnet may be in another VPC.  The message is seen in
    # https://github.com/aws/aws-cli/issues/5679.
    Forbidden(
        "SecurityGroups",
        "SubnetId",
        "[Default VPC] The names of the security groups.",
        "The parameter groupName cannot be used with the parameter subnet",
    ),
    *(
        Forbidden(
            "NetworkInterfaces",
            names,
            f"If you specify a network interface, you must specify any {doc} as part of the network interface instead "
            "of using this parameter.",
            f"Network interfaces and an instance-level {what} may not be specified on the same request",
        )
        # As seen in https://github.com/aws/aws-sdk-php/issues/231, https://github.com/hashicorp/terraform/issues/1188
        # and https://github.com/ansible/ansible/issues/48109.
        for names, doc, what in (
            ("SubnetId", "subnets", "subnet ID"),
            ("SecurityGroupIds SecurityGroups", "security groups", "security groups"),
            ("PrivateIpAddress", "private address", "private IP address"),
        )
    ),
    Forbidden(
        "NetworkInterfaces",
        " ".join(ipv6_asked.ANY),
        "You cannot specify this option and the network interfaces option in the same request.",
        "Network interfaces and an instance-level IPv6 address may not be specified on the same request",
    ),
    ipv6_asked.either(
        "You cannot specify this option and the option to assign specific IPv6 addresses in the same request."
    ),
)


VALUES: Mapping[str, Values | tuple[Values, ...]] = {
    "BlockDeviceMappings.Ebs.Encrypted": NEEDS_SETTING,
    "BlockDeviceMappings.Ebs.Iops": IOPS,
    "BlockDeviceMappings.Ebs.Throughput": THROUGHPUT,
    "EnclaveOptions.Enabled": only(False),
    "HibernationOptions.Configured": only(False),
    "InstanceInitiatedShutdownBehavior": SHUTDOWN_STOPS,
    # Nova deletes the ports that it makes, and keeps those that exist.
    "NetworkInterfaces.DeleteOnTermination": only(
        True,
        code="UnsupportedOperation",
        message="An interface made at launch ends with its instance on this cloud.",
        where={"NetworkInterfaceId": None},
    ),
    "CapacityReservationSpecification.CapacityReservationPreference": only("open", "none"),
    "EnablePrimaryIpv6": only(False),
    "NetworkInterfaces.PrimaryIpv6": only(False),
    "MaintenanceOptions.AutoRecovery": only("disabled"),
    "NetworkPerformanceOptions.BandwidthWeighting": only("default"),
    "PrivateDnsNameOptions.EnableResourceNameDnsAAAARecord": only(False),
    "PrivateDnsNameOptions.EnableResourceNameDnsARecord": only(False),
    "PrivateDnsNameOptions.HostnameType": only("ip-name"),
    "Placement.Tenancy": only("default"),
    "TagSpecifications.ResourceType": but("network-interface"),
}


@dataclass(frozen=True, slots=True)
class Interface:
    """One network interface of each instance: a port that exists, or a new one in a subnet (UUIDs)."""

    port_id: str | None = None
    subnet_id: str | None = None
    address: str | None = None
    public: bool | None = None  # AssociatePublicIpAddress; None leaves it to the subnet
    groups: tuple[str, ...] = ()  # ids of security groups; the default group if there is none
    place: int = 0  # the device index
    ipv6: ipv6_asked.Asked = ipv6_asked.NOTHING


@dataclass(frozen=True, slots=True)
class Launch:
    """A checked request; ids are OpenStack's UUIDs, and `group_names` are not resolved yet."""

    least: int
    most: int
    image_id: str
    instance_type: str
    interfaces: tuple[Interface, ...]
    group_ids: tuple[str, ...]
    group_names: tuple[str, ...]
    devices: tuple[Mapping[str, Any], ...]
    facts: Mapping[str, str]
    zone: str | None = None
    key_name: str | None = None
    user_data: str | None = field(default=None, repr=False)
    group_name: str = ""
    group_id: str = ""
    profile: Mapping[str, str] | None = None
    cores: tuple[int | None, int | None] = (None, None)  # CoreCount and ThreadsPerCore

    @property
    def places(self) -> tuple[int, ...]:
        """The device indexes of the interfaces; () if they follow from the interfaces' order."""
        told = tuple(one.place for one in self.interfaces)
        return () if told == tuple(range(len(told))) else told

    @property
    def grouped_apart(self) -> bool:
        """Whether new interfaces of an instance have different security groups."""
        return len({tuple(sorted(one.groups)) for one in self.interfaces if not one.port_id}) > 1


def read(req: Mapping[str, Any], bound: int = 1000) -> Launch:
    """Check and parse a request for at most `bound` instances; raises AWS's errors for invalid parameters."""
    least, most = _counts(req, bound)
    if not req.get("ImageId"):
        raise AwsError("MissingParameter", "The request must contain the parameter ImageId", refused="ImageId")
    if not req.get("InstanceType"):
        # AWS's default is m1.small; an OpenStack cloud may not have a flavor of that name.
        raise AwsError(
            "MissingParameter", "The request must contain the parameter InstanceType", refused="InstanceType"
        )
    interfaces, group_ids = _interfaces(req, most)
    cpu = req.get("CpuOptions") or {}
    return Launch(
        least=least,
        most=most,
        image_id=ids.uuid(IMAGE, req["ImageId"]),
        instance_type=req["InstanceType"],
        interfaces=interfaces,
        group_ids=tuple(dict.fromkeys(ids.uuid(SECURITY_GROUP, one) for one in group_ids)),
        group_names=tuple(dict.fromkeys(req.get("SecurityGroups") or ())),
        devices=tuple(req.get("BlockDeviceMappings") or ()),
        facts=_facts(req),
        zone=(req.get("Placement") or {}).get("AvailabilityZone") or None,
        key_name=req.get("KeyName") or None,
        user_data=_user_data(req.get("UserData")),
        **_placed(req),
        profile=req.get("IamInstanceProfile"),
        cores=(cpu.get("CoreCount"), cpu.get("ThreadsPerCore")),
    )


def _placed(req: Mapping[str, Any]) -> dict[str, str]:
    placement = req.get("Placement") or {}
    name, group = placement.get("GroupName") or "", placement.get("GroupId") or ""
    if name and group:
        raise AwsError(
            "InvalidParameterCombination",
            "The placement group's name and its id cannot be given both.",
            refused="Placement.GroupId",
        )
    if group:
        ids.check(PLACEMENT_GROUP, group)
    return {"group_name": name, "group_id": group}


def _counts(req: Mapping[str, Any], bound: int) -> tuple[int, int]:
    least, most = int(req["MinCount"]), int(req["MaxCount"])
    if least < 1 or most < 1:
        raise AwsError("InvalidParameterValue", f"Value ({min(least, most)}) for parameter minCount is invalid.")
    if least > most:
        raise AwsError(
            "InvalidParameterValue",
            f"Maximum count ({most}) must be at least the minimum count ({least}).",
            refused="MaxCount",
        )
    if least > bound:
        raise limits.too_many(least, bound)
    return least, min(most, bound)


def _interfaces(req: Mapping[str, Any], count: int) -> tuple[tuple[Interface, ...], list[str]]:
    """Read the interfaces and their security groups, from `NetworkInterfaces` or the instance's parameters."""
    given = req.get("NetworkInterfaces") or []
    groups: list[str] = list(req.get("SecurityGroupIds") or ())
    if not given:
        subnet = ids.uuid(SUBNET, req["SubnetId"]) if req.get("SubnetId") else None
        address = _address(req.get("PrivateIpAddress"), count)
        return (Interface(subnet_id=subnet, address=address, ipv6=_ipv6(req, count)),), groups
    placed = sorted(given, key=_place)
    _check_places([_place(one) for one in placed])
    if len(placed) > 1 and any(one.get("AssociatePublicIpAddress") for one in placed):
        # The sentence is AWS's as seen in https://github.com/erlcloud/erlcloud/pull/284.
        raise AwsError(
            "InvalidParameterCombination",
            "The associatePublicIPAddress parameter cannot be specified when launching with multiple network "
            "interfaces.",
            refused="NetworkInterfaces",
        )
    first: Mapping[str, Any] = next((one for one in placed if not one.get("NetworkInterfaceId")), {})
    read = tuple(replace(_interface(one, count), place=_place(one)) for one in placed)
    return read, list(first.get("Groups") or ())


def _place(given: Mapping[str, Any]) -> int:
    return int(given.get("DeviceIndex", 0))


def _check_places(places: Sequence[int]) -> None:
    """Refuse device indexes that no instance can have; there may be gaps between them."""
    sentence = ""
    if len({*places}) < len(places):
        sentence = "Each network interface requires a unique device index."
    elif places[0] != 0 or places[-1] > HIGHEST_PLACE:
        sentence = f"Network interfaces require device indexes from 0 to {HIGHEST_PLACE}, of which one is 0."
    if sentence:
        raise AwsError("InvalidParameterValue", sentence, refused="NetworkInterfaces")


def _interface(given: Mapping[str, Any], count: int) -> Interface:
    if port := given.get("NetworkInterfaceId"):
        if count > 1:
            raise AwsError(
                "InvalidParameterCombination",
                "A network interface cannot be attached to more than one instance.",
                refused="NetworkInterfaces",
            )
        if any(given.get(name) for name in ("SubnetId", "Groups", "PrivateIpAddress", *ipv6_asked.ANY)):
            raise AwsError(
                "InvalidParameterCombination",
                "A network interface that exists brings its own subnet, address and groups.",
                refused="NetworkInterfaces",
            )
        if given.get("AssociatePublicIpAddress"):
            # It "can only be assigned to a new network interface, not an existing one" (AssociatePublicIpAddress).
            raise AwsError(
                "InvalidParameterCombination",
                "The associatePublicIPAddress parameter cannot be specified for a network interface that exists.",
                refused="NetworkInterfaces",
            )
        if given.get("DeleteOnTermination"):
            # InstanceNetworkInterfaceSpecification: "You can specify true only if creating a new network interface".
            # The sentence is AWS's as seen in https://github.com/hashicorp/terraform/pull/12933.
            raise AwsError(
                "InvalidParameterCombination",
                "A network interface may not specify a network interface ID and delete on termination as true",
                refused="NetworkInterfaces",
            )
        return Interface(port_id=ids.uuid(INTERFACE, port))
    subnet = ids.uuid(SUBNET, given["SubnetId"]) if given.get("SubnetId") else None
    address, public = _address(given.get("PrivateIpAddress"), count), given.get("AssociatePublicIpAddress")
    groups = tuple(dict.fromkeys(given.get("Groups") or ()))
    for one in groups:
        ids.check(SECURITY_GROUP, one)
    ipv6 = _ipv6(given, count)
    return Interface(subnet_id=subnet, address=address, public=public, groups=groups, ipv6=ipv6)


def _address(address: str | None, count: int) -> str | None:
    if address and count > 1:
        raise AwsError(
            "InvalidParameterCombination",
            "A private IP address cannot be given to more than one instance.",
            refused="PrivateIpAddress",
        )
    return address or None


def _ipv6(given: Mapping[str, Any], count: int) -> ipv6_asked.Asked:
    found = ipv6_asked.read(given)
    if found.addresses and count > 1:
        raise AwsError(
            "InvalidParameterCombination",
            "An IPv6 address cannot be given to more than one instance.",
            refused="Ipv6Addresses",
        )
    return found


def _user_data(text: str | None) -> str | None:
    """Check user data and return it as base64 in one line, as Nova requires."""
    if not text:
        return None
    try:
        # Clients may wrap lines, as `base64` does.
        raw = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise AwsError("InvalidParameterValue", "Invalid BASE64 encoding of user data.", refused="UserData") from None
    if len(raw) > _USER_DATA_BYTES:
        raise AwsError("InvalidParameterValue", f"User data is limited to {_USER_DATA_BYTES} bytes", refused="UserData")
    return base64.b64encode(raw).decode()


def _facts(req: Mapping[str, Any]) -> dict[str, str]:
    flags = {
        instance_facts.NO_TERMINATE: req.get("DisableApiTermination"),
        instance_facts.NO_STOP: req.get("DisableApiStop"),
        instance_facts.EBS_OPTIMIZED: req.get("EbsOptimized"),
        instance_facts.MONITORING: (req.get("Monitoring") or {}).get("Enabled"),
    }
    facts = {name: "1" for name, on in flags.items() if on}
    if options := req.get("MetadataOptions"):
        facts[instance_facts.METADATA_OPTIONS] = instance_facts.write_options(options)
    return facts
