"""Undo at the end what a replay made, in the opposite order, by the inverse of each call."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from recording.calls import SERVICES
from recording.replay.endpoint import Answer, Caller

# The inverse of an operation, and where its parameters are: a path in the answer.
# None: the same parameters.
INVERSE: Final[Mapping[str, tuple[str, Mapping[str, str] | None]]] = {
    "AllocateAddress": ("ReleaseAddress", {"AllocationId": "AllocationId"}),
    "AssociateAddress": ("DisassociateAddress", {"AssociationId": "AssociationId"}),
    "AssociateRouteTable": ("DisassociateRouteTable", {"AssociationId": "AssociationId"}),
    "AssociateVpcCidrBlock": ("DisassociateVpcCidrBlock", {"AssociationId": "CidrBlockAssociation.AssociationId"}),
    "AttachInternetGateway": ("DetachInternetGateway", None),
    "AttachNetworkInterface": ("DetachNetworkInterface", {"AttachmentId": "AttachmentId"}),
    "AttachVolume": ("DetachVolume", {"VolumeId": "VolumeId"}),
    "AuthorizeSecurityGroupEgress": ("RevokeSecurityGroupEgress", None),
    "AuthorizeSecurityGroupIngress": ("RevokeSecurityGroupIngress", None),
    "CopyImage": ("DeregisterImage", {"ImageId": "ImageId"}),
    "CopySnapshot": ("DeleteSnapshot", {"SnapshotId": "SnapshotId"}),
    "CreateDhcpOptions": ("DeleteDhcpOptions", {"DhcpOptionsId": "DhcpOptions.DhcpOptionsId"}),
    "CreateImage": ("DeregisterImage", {"ImageId": "ImageId"}),
    "CreateInternetGateway": ("DeleteInternetGateway", {"InternetGatewayId": "InternetGateway.InternetGatewayId"}),
    "CreateKeyPair": ("DeleteKeyPair", {"KeyPairId": "KeyPairId"}),
    "CreateLaunchTemplate": ("DeleteLaunchTemplate", {"LaunchTemplateId": "LaunchTemplate.LaunchTemplateId"}),
    "CreateManagedPrefixList": ("DeleteManagedPrefixList", {"PrefixListId": "PrefixList.PrefixListId"}),
    "CreateNatGateway": ("DeleteNatGateway", {"NatGatewayId": "NatGateway.NatGatewayId"}),
    "CreateNetworkAcl": ("DeleteNetworkAcl", {"NetworkAclId": "NetworkAcl.NetworkAclId"}),
    "CreateNetworkInterface": ("DeleteNetworkInterface", {"NetworkInterfaceId": "NetworkInterface.NetworkInterfaceId"}),
    "CreateRoute": ("DeleteRoute", None),
    "CreateRouteTable": ("DeleteRouteTable", {"RouteTableId": "RouteTable.RouteTableId"}),
    "CreateSecurityGroup": ("DeleteSecurityGroup", {"GroupId": "GroupId"}),
    "CreateSnapshot": ("DeleteSnapshot", {"SnapshotId": "SnapshotId"}),
    "CreateSubnet": ("DeleteSubnet", {"SubnetId": "Subnet.SubnetId"}),
    "CreateVolume": ("DeleteVolume", {"VolumeId": "VolumeId"}),
    "CreateVpc": ("DeleteVpc", {"VpcId": "Vpc.VpcId"}),
    "CreateVpcPeeringConnection": (
        "DeleteVpcPeeringConnection",
        {"VpcPeeringConnectionId": "VpcPeeringConnection.VpcPeeringConnectionId"},
    ),
    "ImportKeyPair": ("DeleteKeyPair", {"KeyPairId": "KeyPairId"}),
    "RegisterImage": ("DeregisterImage", {"ImageId": "ImageId"}),
    "RunInstances": ("TerminateInstances", {"InstanceIds": "Instances[].InstanceId"}),
}
_NOT_NEW: Final = frozenset({"AttachVolume"})  # what its inverse names was there before
# What is told by a name that nothing else has, beside its id.
_NAMED: Final = {
    "CreateKeyPair": "KeyName",
    "CreateLaunchTemplate": "LaunchTemplateName",
    "ImportKeyPair": "KeyName",
}
_GONE: Final = ("NotFound", "NoSuch", "Malformed", "404")  # in the codes of errors about what is not there any more
_BETWEEN: Final = 2.0  # seconds


@dataclass(slots=True)
class Undo:
    """What must be undone on an endpoint.

    `made` are the ids there that the replay made, `names` the names with their parameter, `buckets` those of S3;
    `unsure` tells what may be there, though no answer named it.
    """

    endpoint: Caller
    made: set[str] = field(default_factory=set)
    names: set[tuple[str, str]] = field(default_factory=set)
    buckets: set[str] = field(default_factory=set)
    unsure: list[str] = field(default_factory=list)
    _calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def note(self, operation: str, params: Mapping[str, Any], answer: Answer) -> None:
        """Note a call that succeeded."""
        if operation.startswith("Delete"):  # what has that name from now on is another's
            self.names -= {(name, one) for name, one in params.items() if isinstance(one, str)}
        if operation in ("CreateBucket", "DeleteBucket"):
            self._note_bucket(operation, str(params.get("Bucket")))
        elif operation in INVERSE:
            self._note(operation, params, answer)

    def _note_bucket(self, operation: str, bucket: str) -> None:
        call = ("DeleteBucket", {"Bucket": bucket})
        if operation == "DeleteBucket":
            self.buckets.discard(bucket)
            self._calls = [one for one in self._calls if one != call]
        elif bucket not in self.buckets:
            self.buckets.add(bucket)
            self._calls.append(call)

    def _note(self, operation: str, params: Mapping[str, Any], answer: Answer) -> None:
        inverse, places = INVERSE[operation]
        if places is None:
            model: Any = SERVICES["ec2"].model.operation_model(inverse)
            takes = model.input_shape.members.keys() - {"DryRun"}
            self._calls.append((inverse, {name: one for name, one in params.items() if name in takes}))
            return
        found = {name: at(answer.raw, path) for name, path in places.items()}
        if not all(found.values()):
            self.unsure.append(f"{operation}: its answer does not name what it made")
            return
        self._calls.append((inverse, found))
        if operation in _NAMED:
            self.names.add((_NAMED[operation], str(params.get(_NAMED[operation]))))
        for value in found.values() if operation not in _NOT_NEW else ():
            self.made.update(value if isinstance(value, list) else [value])

    def run(self, seconds: float, say: Callable[[str], None]) -> list[str]:
        """Undo it all and return what stays: what still depends on something else is tried again for some time."""
        deadline, waiting = time.monotonic() + seconds, list(reversed(self._calls))
        if waiting:
            say(f"undoing what was made on {self.endpoint.where}")
        while waiting:
            left = [(call, why) for call in waiting if (why := self._undo(*call))]
            waiting = [call for call, _ in left]
            if waiting and time.monotonic() > deadline:
                return [*self.unsure, *(f"{operation} {params}: {why}" for (operation, params), why in left)]
            if waiting:
                time.sleep(_BETWEEN)
        return list(self.unsure)

    def _undo(self, operation: str, params: Mapping[str, Any]) -> str:
        """Make an inverse call; return why it must be made again, '' where it is done."""
        try:
            if operation == "DeleteBucket":
                self._empty(params["Bucket"])
            answer = self.endpoint.call("s3" if operation == "DeleteBucket" else "ec2", operation, params)
        except Exception as error:  # noqa: BLE001 - the rest is undone all the same
            return f"{type(error).__name__}: {error}"
        done = not answer.error or any(word in answer.error for word in _GONE)
        return "" if done else f"{answer.error}: {answer.text}"

    def _empty(self, bucket: str) -> None:
        """Delete all that is in a bucket that the replay made."""
        before: list[tuple[str, str]] = []
        while True:
            found = self.endpoint.call("s3", "ListObjectVersions", {"Bucket": bucket})
            listed = [*found.raw.get("Versions", []), *found.raw.get("DeleteMarkers", [])]
            items = [(one["Key"], one["VersionId"]) for one in listed]
            if items == before:  # nothing there, or nothing of it can be deleted
                break
            for key, version in items:
                self.endpoint.call("s3", "DeleteObject", {"Bucket": bucket, "Key": key, "VersionId": version})
            if not found.raw.get("IsTruncated"):
                break
            before = items
        uploads = self.endpoint.call("s3", "ListMultipartUploads", {"Bucket": bucket}).raw.get("Uploads", [])
        for one in uploads:
            which = {"Bucket": bucket, "Key": one["Key"], "UploadId": one["UploadId"]}
            self.endpoint.call("s3", "AbortMultipartUpload", which)


def at(value: Any, path: str) -> Any:
    """Return what is at a path: `Vpc.VpcId`, or `Instances[].InstanceId` for a list; None where there is nothing."""
    if not path:
        return value
    step, _, rest = path.partition(".")
    found = value.get(step.removesuffix("[]")) if isinstance(value, Mapping) else None
    if step.endswith("[]"):
        return [at(item, rest) for item in found] if isinstance(found, list) else found
    return at(found, rest)
