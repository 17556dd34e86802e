"""AMIs: Glance's images.

Public images correspond to Amazon's own images in AWS: anybody may use them, and only the operator can make them
(Glance restricts `public` to administrators).  So `Owners=amazon` finds them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from adapters.types import images as cloud
from shim.auth.accounts import account_id
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row, never, nothing, text
from shim.ec2.engine.resource_types import IMAGE
from shim.ec2.images import mapping, uploads
from shim.ec2.tags import codec as tag_codec
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.creating import HALF_DONE
from shim.errors import AwsError
from shim.protocol.values import OTHER_ACCOUNT, but

_ABSENT = (
    "image-watermark.source-image-creation-time",
    "image-watermark.source-image-id",
    "image-watermark.source-image-region",
    "image-watermark.watermark-creation-time",
    "image-watermark.watermark-key",
    "instance-type-specification.supported-instance-type",
    "instance-type-specification.unsupported-instance-type",
    "public-ssm-parameter-name",
    "scan-result.critical-fix-available-since",
    "scan-result.finding-scan-date",
    "scan-result.high-fix-available-since",
    "scan-result.highest-finding-severity-label",
    "scan-result.informational-fix-available-since",
    "scan-result.low-fix-available-since",
    "scan-result.medium-fix-available-since",
)
_STATES = {
    "active": "available",
    "deactivated": "disabled",
    "queued": "pending",
    "saving": "pending",
    "uploading": "pending",
    "importing": "pending",
    "pending_delete": "deregistered",
    "deleted": "deregistered",
    "killed": "failed",
}
_ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64", "i686": "i386", "i386": "i386"}
_TYPES = {"aki": "kernel", "ari": "ramdisk"}
# The gateway's own properties of an image: the time of its deprecation, and what RegisterImage said without effect.
DEPRECATED, ENA, SRIOV = "ec2:deprecate-at", "ec2:ena-support", "ec2:sriov-net-support"
_GIB = 1 << 30
_OPERATOR = "amazon"
_ACCOUNT = re.compile(r"[0-9]{12}")
# Accepted in place of an account id.
_OWNERS = frozenset({"self", _OPERATOR, "aws-backup-vault", "aws-marketplace", "microsoft"})
_USERS = frozenset({"self", "all"})


def _check(req: Mapping[str, Any]) -> None:
    _check_accounts(req.get("Owners") or (), _OWNERS)
    _check_accounts(req.get("ExecutableUsers") or (), _USERS)


def _check_accounts(named: Sequence[str], words: frozenset[str]) -> None:
    """Raise InvalidUserID.Malformed for a text that is neither an account id nor one of `words`."""
    for one in named:
        if one not in words and not _ACCOUNT.fullmatch(one):
            raise AwsError("InvalidUserID.Malformed", f'Invalid user id: "{one}"', refused=one)


IMAGES = Table(
    items="Images",
    id="ImageId",
    ids="ImageIds",
    resource_type=IMAGE,
    check=_check,
    filters={
        "architecture": "Architecture",
        "block-device-mapping.delete-on-termination": "BlockDeviceMappings.Ebs.DeleteOnTermination",
        "block-device-mapping.device-name": "BlockDeviceMappings.DeviceName",
        "block-device-mapping.encrypted": "BlockDeviceMappings.Ebs.Encrypted",
        "block-device-mapping.snapshot-id": "BlockDeviceMappings.Ebs.SnapshotId",
        "block-device-mapping.volume-size": "BlockDeviceMappings.Ebs.VolumeSize",
        "block-device-mapping.volume-type": "BlockDeviceMappings.Ebs.VolumeType",
        "boot-mode": "BootMode",
        "creation-date": "CreationDate",
        "description": "Description",
        "ena-support": "EnaSupport",
        "free-tier-eligible": never,
        "hypervisor": "Hypervisor",
        "image-id": "ImageId",
        "image-type": "ImageType",
        "is-public": "Public",
        "kernel-id": "KernelId",
        "manifest-location": "ImageLocation",
        "name": "Name",
        "owner-alias": "ImageOwnerAlias",
        "owner-id": "OwnerId",
        "platform": "Platform",
        "product-code": "ProductCodes.ProductCodeId",
        "product-code.type": "ProductCodes.ProductCodeType",
        "ramdisk-id": "RamdiskId",
        "root-device-name": "RootDeviceName",
        "root-device-type": "RootDeviceType",
        "source-image-id": "SourceImageId",
        "source-image-region": "SourceImageRegion",
        "source-instance-id": "SourceInstanceId",
        "sriov-net-support": "SriovNetSupport",
        "state": "State",
        "state-reason-code": "StateReason.Code",
        "state-reason-message": "StateReason.Message",
        "tag": "Tags",
        "virtualization-type": "VirtualizationType",
        # OpenStack has no counterpart of Amazon's public parameters, watermarks, scanner and marketplace.
        **dict.fromkeys(_ABSENT, nothing),
    },
)


@describes(
    IMAGES,
    supports="ImageIds Owners ExecutableUsers Filters IncludeDeprecated IncludeDisabled MaxResults NextToken",
    values={
        "ExecutableUsers": but(
            OTHER_ACCOUNT,
            code="UnsupportedOperation",
            message="The launch permissions of another account cannot be seen.",
        )
    },
)
async def describe_images(call: Call, asked: Question) -> list[Row]:
    """Describe the images that the project can use."""
    owners, users = asked.req.get("Owners"), asked.req.get("ExecutableUsers")
    found = await _found(call, asked.ids, hidden=bool(asked.req.get("IncludeDeprecated")))
    shown = await uploads.all_finished(call, (image for image in found if HALF_DONE not in image.properties))
    if not asked.ids and not asked.req.get("IncludeDeprecated"):
        # "If you are the AMI owner, all deprecated AMIs appear in the response regardless" of IncludeDeprecated.
        own = call.caller.project_id
        shown = [image for image in shown if image.owner == own or not is_deprecated(image)]
    rows: list[Row] = [row(call, image) for image in shown]
    if not asked.ids and not asked.req.get("IncludeDisabled"):
        rows = [one for one in rows if one["State"] != "disabled"]
    if owners:
        rows = [one for one in rows if _owned(one, owners, call.caller.account_id)]
    if users:
        rows = [one for one in rows if _executable(one, users, call.caller.account_id)]
    return rows


async def _found(call: Call, named: list[str], *, hidden: bool) -> list[cloud.Image]:
    if len(named) == 1:
        return [await call.cloud.images.image(ids.uuid(IMAGE, named[0]))]
    if not hidden and not named:
        return await call.cloud.images.images()
    # Glance's hidden images are AWS's deprecated ones: not listed by default, but usable by id.
    shown, others = await gather(call.cloud.images.images(), call.cloud.images.images(hidden=True))
    return [*shown, *others]


def _owned(image: Mapping[str, Any], owners: list[str], account: str) -> bool:
    """Tell whether an image has one of these owners: `self`, an account id, or an alias."""
    for owner in owners:
        if owner == "self":
            match = image["OwnerId"] == account
        elif _ACCOUNT.fullmatch(owner):
            match = image["OwnerId"] == owner
        else:
            match = image.get("ImageOwnerAlias") == owner
        if match:
            return True
    return False


def _executable(image: Mapping[str, Any], users: list[str], account: str) -> bool:
    """Tell whether one of `users` may launch an image: `all` means public, `self` means explicitly shared."""
    shared_with_me = not image["Public"] and image["OwnerId"] != account
    return any(image["Public"] if user == "all" else shared_with_me for user in users)


def row(call: Call, image: cloud.Image) -> dict[str, Any]:
    """Write an image as EC2 describes it."""
    properties = image.properties
    owner = account_id(image.owner, call.settings.account_ids) if image.owner else ""
    windows = properties.get("os_type", "").lower() == "windows"
    own = image.owner == call.caller.project_id
    return {
        "ImageId": ids.aws("ami", image.id),
        "Name": image.name or image.id,
        "Description": properties.get("description"),
        "State": uploads.state(image, _STATES.get(image.status, "error")),
        "Public": image.visibility in ("public", "community"),
        "OwnerId": owner,
        "ImageOwnerAlias": _OPERATOR if image.visibility == "public" else None,
        "ImageLocation": f"{owner}/{image.name or image.id}",
        "ImageType": _TYPES.get(image.container_format, "machine"),
        "Architecture": architecture(image),
        "CreationDate": text(image.created_at),
        "Platform": "windows" if windows else None,
        "PlatformDetails": "Windows" if windows else "Linux/UNIX",
        "UsageOperation": "RunInstances:0002" if windows else "RunInstances",
        "BootMode": {"uefi": "uefi", "bios": "legacy-bios"}.get(properties.get("hw_firmware_type", "")),
        "KernelId": _related("aki", properties.get("kernel_id")),
        "RamdiskId": _related("ari", properties.get("ramdisk_id")),
        "RootDeviceName": mapping.root_name(image),
        # Every image can be launched from a volume, and clients filter by this value.
        "RootDeviceType": "ebs",
        "BlockDeviceMappings": mapping.rows(image, root_size(image)),
        "VirtualizationType": "hvm",
        "Hypervisor": "xen",  # "The value xen is used for both Xen and Nitro hypervisors": EC2 has no other for KVM
        "EnaSupport": properties.get(ENA) != "false",
        "SriovNetSupport": properties.get(SRIOV),
        "DeprecationTime": _deprecation(image),
        "SourceInstanceId": _related("i", properties.get("instance_uuid")),
        # AWS keeps tags by account; Glance's properties are the owner's, so other accounts see none.
        "Tags": tag_rules.shown(tag_codec.from_metadata(properties)) if own else [],
    }


def _deprecation(image: cloud.Image) -> str | None:
    """Return the time of an image's deprecation; None for none, and for a text that another program wrote."""
    try:
        return text(datetime.fromisoformat(image.properties[DEPRECATED]))
    except (KeyError, ValueError):
        return None


def is_deprecated(image: cloud.Image) -> bool:
    """Tell whether the time of an image's deprecation is over."""
    moment = _deprecation(image)
    return moment is not None and moment <= text(datetime.now(UTC))


def architecture(image: cloud.Image) -> str:
    """Return EC2's name of an image's architecture; the default is `x86_64`."""
    said = image.properties.get("hw_architecture") or image.properties.get("architecture") or "x86_64"
    return _ARCHITECTURES.get(said, said)


def root_size(image: cloud.Image) -> int:
    """Return the smallest root volume, in GiB, that holds the image."""
    # Without `virtual_size` (raw and qcow2 uploads before Glance 2.15) only the stored size is known.
    size = image.virtual_size or image.size or 0
    return max(1, image.min_disk, -(-size // _GIB))


def _related(prefix: str, uuid: str | None) -> str | None:
    return ids.aws(prefix, uuid) if uuid and ids.is_uuid(uuid) else None
