"""Undo at the end what a replay made, in the opposite order, by the inverse of each call."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

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
_GONE: Final = ("NotFound", "NoSuch", "Malformed", "404")  # in the codes of errors about what is not there any more
_BETWEEN: Final = 2.0  # seconds


@dataclass(slots=True)
class Undo:
    """What must be undone on an endpoint; `made` are the ids there that the replay made, and its buckets."""

    endpoint: Caller
    made: set[str] = field(default_factory=set)
    _calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def note(self, operation: str, params: Mapping[str, Any], answer: Answer) -> None:
        """Note a call that succeeded."""
        if operation == "CreateBucket":
            self.made.add(params["Bucket"])
            self._calls.append(("DeleteBucket", {"Bucket": params["Bucket"]}))
            return
        if operation not in INVERSE:
            return
        inverse, places = INVERSE[operation]
        if places is None:
            self._calls.append((inverse, {name: one for name, one in params.items() if name != "DryRun"}))
            return
        found = {name: _at(answer.raw, path) for name, path in places.items()}
        if all(found.values()):
            self._calls.append((inverse, found))
            for value in found.values():
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
                return [f"{operation} {params}: {why}" for (operation, params), why in left]
            if waiting:
                time.sleep(_BETWEEN)
        return []

    def _undo(self, operation: str, params: Mapping[str, Any]) -> str:
        """Make an inverse call; return why it must be made again, '' where it is done."""
        if operation == "DeleteBucket":
            self._empty(params["Bucket"])
        answer = self.endpoint.call("s3" if operation == "DeleteBucket" else "ec2", operation, params)
        done = not answer.error or any(word in answer.error for word in _GONE)
        return "" if done else f"{answer.error}: {answer.text}"

    def _empty(self, bucket: str) -> None:
        """Delete all that is in a bucket that the replay made."""
        while True:
            found = self.endpoint.call("s3", "ListObjectVersions", {"Bucket": bucket})
            items = [*found.raw.get("Versions", []), *found.raw.get("DeleteMarkers", [])]
            for one in items:
                which = {"Bucket": bucket, "Key": one["Key"], "VersionId": one["VersionId"]}
                self.endpoint.call("s3", "DeleteObject", which)
            if not items or not found.raw.get("IsTruncated"):
                break
        uploads = self.endpoint.call("s3", "ListMultipartUploads", {"Bucket": bucket}).raw.get("Uploads", [])
        for one in uploads:
            which = {"Bucket": bucket, "Key": one["Key"], "UploadId": one["UploadId"]}
            self.endpoint.call("s3", "AbortMultipartUpload", which)


def _at(value: Any, path: str) -> Any:
    """Return what is at a path: `Vpc.VpcId`, or `Instances[].InstanceId` for a list."""
    if not path:
        return value
    step, _, rest = path.partition(".")
    if step.endswith("[]"):
        return [_at(item, rest) for item in (value or {}).get(step[:-2], [])]
    return _at((value or {}).get(step), rest)
