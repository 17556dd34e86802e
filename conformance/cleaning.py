"""Delete what a killed run left.  Whatever a run makes carries its prefix, as its own name or as the tag `Name`.

The tag is asked for by a filter, so that a large account does not list all it has, and looked for in the answer too: an
endpoint that does not know the filter answers with everything, and nothing but a run's own things may be deleted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import jmespath

from conformance.endpoint import NOT_OFFERED, Endpoint, EndpointError, Refusal
from conformance.scenario import PREFIX, Step
from conformance.undoing import Undo, take_back

_TAGGED: Final = {"Filters": [{"Name": "tag:Name", "Values": [f"{PREFIX}*"]}]}
_UNFILTERED: Final[Mapping[str, Any]] = {}
_OURS: Final = re.compile(rf"{PREFIX}[0-9a-f]{{6}}-")  # a run's prefix, as the command makes it

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sort:
    """A sort of things of EC2: how those of a run are found, and the call that deletes one by its `id`."""

    describe: str
    rows: str  # JMESPath
    delete: str
    id: str
    named: str = ""  # the member with its name; without one, its tag is its name
    asked: Mapping[str, Any] = field(default_factory=lambda: _TAGGED)


_LIVING: Final = {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}

INSTANCES: Final = Sort(
    "DescribeInstances", "Reservations[].Instances[] | [?State.Name!='terminated']", "TerminateInstances", "InstanceId",
    asked={"Filters": [*_TAGGED["Filters"], _LIVING]},
)  # fmt: skip
GATEWAYS: Final = Sort("DescribeInternetGateways", "InternetGateways", "DeleteInternetGateway", "InternetGatewayId")
VPCS: Final = Sort("DescribeVpcs", "Vpcs", "DeleteVpc", "VpcId")
_PEERED: Final = """VpcPeeringConnections[?contains(['active', 'pending-acceptance'], Status.Code)]"""

# What scenarios make, in this order: each uses those below it.
SORTS: Final = (
    INSTANCES,
    Sort("DescribeLaunchTemplates", "LaunchTemplates", "DeleteLaunchTemplate", "LaunchTemplateId",
         named="LaunchTemplateName", asked=_UNFILTERED),
    Sort("DescribeKeyPairs", "KeyPairs", "DeleteKeyPair", "KeyName", named="KeyName", asked=_UNFILTERED),
    Sort("DescribeImages", "Images", "DeregisterImage", "ImageId", asked={"Owners": ["self"], **_TAGGED}),
    Sort("DescribeSnapshots", "Snapshots", "DeleteSnapshot", "SnapshotId", asked={"OwnerIds": ["self"], **_TAGGED}),
    Sort("DescribeVolumes", "Volumes", "DeleteVolume", "VolumeId"),
    Sort("DescribeNetworkInterfaces", "NetworkInterfaces", "DeleteNetworkInterface", "NetworkInterfaceId"),
    Sort("DescribeAddresses", "Addresses", "ReleaseAddress", "AllocationId"),
    Sort("DescribeVpcPeeringConnections", _PEERED, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId"),
    Sort("DescribeSubnets", "Subnets", "DeleteSubnet", "SubnetId"),
    Sort("DescribeRouteTables", "RouteTables", "DeleteRouteTable", "RouteTableId"),
    Sort("DescribeSecurityGroups", "SecurityGroups", "DeleteSecurityGroup", "GroupId"),
    GATEWAYS,
    VPCS,
    Sort("DescribeDhcpOptions", "DhcpOptions", "DeleteDhcpOptions", "DhcpOptionsId"),
)  # fmt: skip


def clean(endpoint: Endpoint, services: frozenset[str], say: Callable[[str], None]) -> list[str]:
    """Delete everything with the prefix; tell each deletion, and return what could not be looked for or deleted."""
    left: list[str] = []
    looks: list[tuple[str, Callable[[], Iterator[Undo]]]] = []
    if "s3" in services:
        looks.append(("ListBuckets", partial(_buckets, endpoint)))
    if "ec2" in services:
        looks += [(sort.describe, partial(_things, endpoint, sort)) for sort in SORTS]
    for operation, look in looks:
        try:
            undos = list(look())
        except Refusal as refusal:
            left += [] if refusal.not_offered else [f"{operation}: {refusal}"]
            continue
        except EndpointError as error:
            left.append(f"{operation}: {error}")
            continue
        for undo in undos:
            say(f"{undo}")
            left += filter(None, [take_back(endpoint, undo)])
    return left


def _buckets(endpoint: Endpoint) -> Iterator[Undo]:
    for row in _look(endpoint, "s3", "ListBuckets", _UNFILTERED, "Buckets"):
        if _OURS.match(row["Name"]):
            yield Undo(_step("own", "empty-bucket"), {"Bucket": row["Name"]})
            yield Undo(_step("s3", "DeleteBucket"), {"Bucket": row["Name"]})


def _things(endpoint: Endpoint, sort: Sort) -> Iterator[Undo]:
    rows = _ours(endpoint, sort)
    if sort is GATEWAYS:
        yield from _attachments(rows, {vpc["VpcId"] for vpc in _ours(endpoint, VPCS)})
    for name in [row[sort.id] for row in rows]:
        if sort is not INSTANCES:
            yield Undo(_step("ec2", sort.delete), {sort.id: name})
            continue
        unprotected = {"InstanceId": name, "DisableApiTermination": {"Value": False}}
        yield Undo(_step("ec2", "ModifyInstanceAttribute", errors=tuple(NOT_OFFERED)), unprotected)
        yield Undo(_step("ec2", sort.delete), {"InstanceIds": [name]})
        ended = {"length(Reservations[].Instances[?State.Name!='terminated'][])": 0}
        yield Undo(_step("ec2", sort.describe, ended), {"InstanceIds": [name]})


def _attachments(gateways: list[Row], vpcs: set[str]) -> Iterator[Undo]:
    """Return what detaches internet gateways from a run's VPCs: neither could be deleted otherwise."""
    for gateway in gateways:
        for attached in gateway.get("Attachments", ()):
            if attached["VpcId"] in vpcs:
                members = {"InternetGatewayId": gateway["InternetGatewayId"], "VpcId": attached["VpcId"]}
                yield Undo(_step("ec2", "DetachInternetGateway"), members)


def _ours(endpoint: Endpoint, sort: Sort) -> list[Row]:
    return [row for row in _look(endpoint, "ec2", sort.describe, sort.asked, sort.rows) if _is_ours(row, sort)]


def _is_ours(row: Row, sort: Sort) -> bool:
    if sort.named:
        return _OURS.match(row.get(sort.named, "")) is not None
    tags = row.get("Tags") or row.get("TagSet") or ()  # interfaces have a TagSet
    return any(tag["Key"] == "Name" and _OURS.match(tag["Value"]) for tag in tags)


def _look(endpoint: Endpoint, service: str, operation: str, asked: Mapping[str, Any], path: str) -> list[Row]:
    return jmespath.search(path, endpoint.call(endpoint.client(service), operation, asked)) or []


def _step(service: str, action: str, until: Mapping[str, Any] | None = None, errors: tuple[str, ...] = ()) -> Step:
    return Step(action, service, {}, "", {}, errors, None, until or {}, 0, False, None, ())
