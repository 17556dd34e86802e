"""RegisterImage of snapshots, and DeregisterImage: Glance's images without data, with a mapping that Nova reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adapters.errors import BackendError, Fault
from adapters.types.images import Image, NewImage
from shim.concurrency import gather
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import IMAGE, SNAPSHOT
from shim.ec2.images import mapping, names
from shim.ec2.images.images import ENA, SRIOV
from shim.ec2.service import action
from shim.ec2.tags.creating import HALF_DONE, CreateRequest, creates, creating
from shim.ec2.volumes import snapshot_rows, snapshots
from shim.ec2.volumes.ending import remove
from shim.ec2.volumes.rows import ROOT_DEVICE
from shim.errors import AwsError
from shim.protocol.values import only

# EC2's name → Glance's value of `hw_architecture`.
_ARCHITECTURES = {"x86_64": "x86_64", "arm64": "aarch64", "i386": "i686"}
_FIRMWARE = {"uefi": "uefi", "legacy-bios": "bios"}


def _check(settings: Settings, req: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the mappings by device name; the root must have a snapshot."""
    names.check(req)
    wanted = mapping.named(req.get("BlockDeviceMappings") or ())
    if odd := [name for name, one in wanted.items() if "NoDevice" in one]:
        raise mapping.invalid(f"{odd[0]}: there is no image whose device could be left out")
    for name, one in wanted.items():
        if one["Ebs"].get("SnapshotId") and "Encrypted" in one["Ebs"]:
            raise mapping.invalid(
                f"the encrypted flag cannot be specified since device {name} has a snapshot specified."
            )
    root = req.get("RootDeviceName") or ROOT_DEVICE
    if not (wanted.get(root, {}).get("Ebs") or {}).get("SnapshotId"):
        raise mapping.invalid(f"The root device {root} is not mapped to a snapshot")
    return wanted


@action(
    supports="Name Description Architecture RootDeviceName VirtualizationType EnaSupport SriovNetSupport BootMode "
    f"ImageLocation KernelId RamdiskId TagSpecifications {mapping.SUPPORTED}",
    values={
        **mapping.VALUES,
        "VirtualizationType": only("hvm"),
        "Architecture": only(*_ARCHITECTURES),
        "BootMode": only(*_FIRMWARE),
        # Terraform sends an empty text for a place that is not given.
        **dict.fromkeys(("ImageLocation", "KernelId", "RamdiskId"), only()),
    },
    read=creates(IMAGE, read=_check),
)
async def register_image(call: Call, asked: CreateRequest[dict[str, Mapping[str, Any]]]) -> Mapping[str, Any]:
    """Make an image of snapshots: without data, with the mapping from which Nova makes an instance's volumes."""
    new, req, wanted = creating(call, asked), asked.params, asked.read
    root = req.get("RootDeviceName") or ROOT_DEVICE
    named = [one["Ebs"]["SnapshotId"] for one in wanted.values() if one["Ebs"].get("SnapshotId")]
    found = await mapping.snapshots(call, list(dict.fromkeys(ids.uuid(SNAPSHOT, one) for one in named)))
    for one in found.values():
        if not snapshot_rows.shown(one):
            raise ids.missing(SNAPSHOT, [ids.aws("snap", one.id)])
        if snapshot_rows.state(one) != "completed":
            raise AwsError("IncorrectState", f"Snapshot '{ids.aws('snap', one.id)}' is not 'completed'.")
    devices = [mapping.device(name, one["Ebs"], found, root=name == root) for name, one in wanted.items()]
    properties = {**new.items, **mapping.properties(devices, root), **_facts(req)}
    async with new.once(name=req["Name"]):
        await names.free(call, req["Name"])
        size = next(one["volume_size"] for one in devices if mapping.is_root(one))
        image = await made(call, new, NewImage(req["Name"], properties, min_disk=size))
    return {"ImageId": ids.aws("ami", image.id)}


async def made(call: Call, new: Any, wanted: NewImage) -> Image:
    """Make an image of a mapping alone, inside of `new.once`; as with Nova's, an upload of no bytes makes it active."""
    marked = replace(wanted, properties={**wanted.properties, HALF_DONE: "1"})
    image = await call.cloud.images.create_image(marked)
    new.undo(call.cloud.images.delete_image, image.id)
    await call.cloud.images.upload_nothing(image.id)
    return await call.cloud.images.update_image(image.id, set={}, drop=[HALF_DONE])


def _facts(req: Mapping[str, Any]) -> dict[str, str]:
    """Return the properties of an image that describe what is inside of it."""
    facts = {
        "description": req.get("Description"),
        "hw_architecture": _ARCHITECTURES.get(req.get("Architecture") or ""),
        "hw_firmware_type": _FIRMWARE.get(req.get("BootMode") or ""),
        ENA: None if req.get("EnaSupport") is None else str(req["EnaSupport"]).lower(),
        SRIOV: req.get("SriovNetSupport"),
    }
    return {name: value for name, value in facts.items() if value}


@action(supports="ImageId DeleteAssociatedSnapshots")
async def deregister_image(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Delete an image of the project's own, and its snapshots if asked; instances made from it stay."""
    image = await owned(call, req["ImageId"])
    try:
        await call.cloud.images.delete_image(image.id)
    except BackendError as error:
        if error.fault is Fault.FORBIDDEN:
            raise AwsError(
                "OperationNotPermitted", f"The image '{req['ImageId']}' is protected and cannot be deregistered."
            ) from error
        raise
    if not req.get("DeleteAssociatedSnapshots"):
        return {"Return": True}
    listed, users = await gather(call.cloud.block.snapshots(), snapshots.image_users(call))
    results = []
    for snapshot in (
        one for one in listed if one.id in image.snapshots or one.metadata.get(snapshot_rows.OF_IMAGE) == image.id
    ):
        code = "skipped" if users.of(snapshot) else await _deleted(call, snapshot)
        results.append({"SnapshotId": ids.aws("snap", snapshot.id), "ReturnCode": code})
    return {"Return": True, "DeleteSnapshotResults": results}


async def _deleted(call: Call, snapshot: Any) -> str:
    """Delete a snapshot and return AWS's word for the outcome."""
    try:
        await remove(call, snapshot)
    except BackendError as error:
        return "missing-permissions" if error.fault is Fault.FORBIDDEN else "internal-error"
    except AwsError:
        return "client-error"
    return "success"


async def owned(call: Call, image_id: str) -> Image:
    """Read an image of the project's own; raise AuthFailure for one of another account."""
    image = await call.cloud.images.image(ids.uuid(IMAGE, image_id))
    if image.owner != call.caller.project_id:
        raise AwsError("AuthFailure", f"Not authorized for image:{image_id}", 403)
    return image
