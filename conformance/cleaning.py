"""Delete what a killed run left.  Whatever a run makes carries its prefix, as its own name or as the tag `Name`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import jmespath

from conformance.endpoint import Endpoint, EndpointError, Refusal
from conformance.scenario import PREFIX, Step
from conformance.undoing import Undo, take_back

_TAGGED: Final = {"Filters": [{"Name": "tag:Name", "Values": [f"{PREFIX}*"]}]}
_UNFILTERED: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Sort:
    """A sort of things of EC2: how those of a run are found, and the call and its member that delete one."""

    describe: str
    ids: str  # JMESPath
    delete: str
    member: str
    asked: Mapping[str, Any] = field(default_factory=lambda: _TAGGED)


_NAMED: Final = f"[?starts_with({{}}, '{PREFIX}')]"
_LIVING: Final = {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}
_NAT: Final = {"Filter": [*_TAGGED["Filters"], {"Name": "state", "Values": ["pending", "available", "failed"]}]}

# In this order: each uses those below it.
SORTS: Final = (
    Sort("DescribeInstances", "Reservations[].Instances[].InstanceId", "TerminateInstances", "InstanceIds",
          asked={"Filters": [*_TAGGED["Filters"], _LIVING]}),
    Sort("DescribeLaunchTemplates", f"LaunchTemplates{_NAMED.format('LaunchTemplateName')}.LaunchTemplateId",
          "DeleteLaunchTemplate", "LaunchTemplateId", asked=_UNFILTERED),
    Sort("DescribeKeyPairs", f"KeyPairs{_NAMED.format('KeyName')}.KeyName", "DeleteKeyPair", "KeyName",
          asked=_UNFILTERED),
    Sort("DescribePlacementGroups", f"PlacementGroups{_NAMED.format('GroupName')}.GroupName",
          "DeletePlacementGroup", "GroupName", asked=_UNFILTERED),
    Sort("DescribeImages", "Images[].ImageId", "DeregisterImage", "ImageId",
          asked={"Owners": ["self"], **_TAGGED}),
    Sort("DescribeSnapshots", "Snapshots[].SnapshotId", "DeleteSnapshot", "SnapshotId",
          asked={"OwnerIds": ["self"], **_TAGGED}),
    Sort("DescribeVolumes", "Volumes[].VolumeId", "DeleteVolume", "VolumeId"),
    Sort("DescribeNatGateways", "NatGateways[].NatGatewayId", "DeleteNatGateway", "NatGatewayId", asked=_NAT),
    Sort("DescribeAddresses", "Addresses[].AllocationId", "ReleaseAddress", "AllocationId"),
    Sort("DescribeNetworkInterfaces", "NetworkInterfaces[].NetworkInterfaceId",
          "DeleteNetworkInterface", "NetworkInterfaceId"),
    Sort("DescribeVpcPeeringConnections", "VpcPeeringConnections[?Status.Code=='active'].VpcPeeringConnectionId",
          "DeleteVpcPeeringConnection", "VpcPeeringConnectionId"),
    Sort("DescribeSubnets", "Subnets[].SubnetId", "DeleteSubnet", "SubnetId"),
    Sort("DescribeRouteTables", "RouteTables[].RouteTableId", "DeleteRouteTable", "RouteTableId"),
    Sort("DescribeNetworkAcls", "NetworkAcls[].NetworkAclId", "DeleteNetworkAcl", "NetworkAclId"),
    Sort("DescribeSecurityGroups", "SecurityGroups[].GroupId", "DeleteSecurityGroup", "GroupId"),
    Sort("DescribeManagedPrefixLists", f"PrefixLists{_NAMED.format('PrefixListName')}.PrefixListId",
          "DeleteManagedPrefixList", "PrefixListId", asked=_UNFILTERED),
    Sort("DescribeInternetGateways", "InternetGateways[].InternetGatewayId",
          "DeleteInternetGateway", "InternetGatewayId"),
    Sort("DescribeVpcs", "Vpcs[].VpcId", "DeleteVpc", "VpcId"),
    Sort("DescribeDhcpOptions", "DhcpOptions[].DhcpOptionsId", "DeleteDhcpOptions", "DhcpOptionsId"),
)  # fmt: skip


def clean(endpoint: Endpoint, services: frozenset[str], say: Callable[[str], None]) -> list[str]:
    """Delete everything with the prefix; tell each deletion, and return what could not be deleted."""
    left: list[str] = []
    for found in _undos(endpoint, services):
        if isinstance(found, str):
            left.append(found)
            continue
        say(f"{found}")
        if why := take_back(endpoint, found):
            left.append(why)
    return left


def _undos(endpoint: Endpoint, services: frozenset[str]) -> Iterator[Undo | str]:
    if "s3" in services:
        for name in _look(endpoint, "s3", "ListBuckets", _UNFILTERED, f"Buckets{_NAMED.format('Name')}.Name"):
            yield Undo(_step("own", "empty-bucket"), {"Bucket": name})
            yield Undo(_step("s3", "DeleteBucket"), {"Bucket": name})
    if "ec2" in services:
        for sort in SORTS:
            if sort.describe == "DescribeInternetGateways":
                yield from _attachments(endpoint)
            try:
                ids = _look(endpoint, "ec2", sort.describe, sort.asked, sort.ids)
            except EndpointError as error:
                yield f"{sort.describe}: {error}"
                continue
            for name in ids:
                yield Undo(_step("ec2", sort.delete), {sort.member: [name] if sort.member.endswith("Ids") else name})
                if sort.describe == "DescribeInstances":
                    ended = {"length(Reservations[].Instances[?State.Name!='terminated'][])": 0}
                    yield Undo(_step("ec2", sort.describe, ended), {"InstanceIds": [name]})


def _attachments(endpoint: Endpoint) -> Iterator[Undo]:
    """Return what detaches internet gateways; their VPCs could not be deleted otherwise, nor they."""
    rows = "InternetGateways[?Attachments].{InternetGatewayId: InternetGatewayId, VpcId: Attachments[0].VpcId}"
    for members in _look(endpoint, "ec2", "DescribeInternetGateways", _TAGGED, rows):
        yield Undo(_step("ec2", "DetachInternetGateway"), members)


def _look(endpoint: Endpoint, service: str, operation: str, asked: Mapping[str, Any], path: str) -> list[Any]:
    try:
        answer = endpoint.call(endpoint.client(service), operation, asked)
    except Refusal:
        return []  # it has no such things
    return jmespath.search(path, answer) or []


def _step(service: str, action: str, until: Mapping[str, Any] | None = None) -> Step:
    return Step(action, service, {}, "", {}, (), None, until or {}, 0, False, None, ())
