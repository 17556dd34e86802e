"""An image's block device mapping: Nova's JSON in the image's properties, and EC2's BlockDeviceMappings.

Nova reads the property `block_device_mapping` when it starts a server from the image, as version 2 where the property
`bdm_v2` is true: https://docs.openstack.org/nova/latest/user/block-device-mapping.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.types.block import Snapshot, Volume
from adapters.types.images import Image
from shim.concurrency import gather_all
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import SNAPSHOT
from shim.ec2.volumes.rows import ROOT_DEVICE
from shim.ec2.volumes.volumes import NOT_ENCRYPTED
from shim.errors import AwsError

DEVICE_NAME = re.compile(r"/dev/(?:sd|xvd|vd|hd)[a-z]{1,2}[0-9]{0,2}|xvd[a-z]{1,2}|sd[a-z]{1,2}[0-9]{0,2}")
# Names that clients use for the root device, whatever its name in the image.
ROOTS = frozenset({"/dev/sda1", "/dev/sda", "/dev/xvda", "/dev/vda"})
_MOST_GIB = 65536

# What an image's mapping may say beside names, sizes and snapshots: all of it is a matter of the volume type.
SUPPORTED = (
    "BlockDeviceMappings.DeviceName BlockDeviceMappings.NoDevice BlockDeviceMappings.Ebs.DeleteOnTermination "
    "BlockDeviceMappings.Ebs.SnapshotId BlockDeviceMappings.Ebs.VolumeSize BlockDeviceMappings.Ebs.VolumeType "
    "BlockDeviceMappings.Ebs.Encrypted"
)
VALUES = {"BlockDeviceMappings.Ebs.Encrypted": NOT_ENCRYPTED}


def invalid(sentence: str) -> AwsError:
    """Return AWS's error for a mapping that makes no sense."""
    return AwsError("InvalidBlockDeviceMapping", sentence, refused="BlockDeviceMappings")


def named(mappings: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Check the device names of a request's mappings and sizes, and return the mappings by name."""
    found: dict[str, Mapping[str, Any]] = {}
    for one in mappings:
        name = one.get("DeviceName") or ""
        if not DEVICE_NAME.fullmatch(name):
            raise invalid(f"Invalid device name {name}")
        if name in found:
            raise invalid(f"The device '{name}' is used in more than one block-device mapping")
        if "NoDevice" not in one and not one.get("Ebs"):
            raise invalid(f"{name} maps to nothing: Ebs is missing")
        size = (one.get("Ebs") or {}).get("VolumeSize")
        if size is not None and not 1 <= size <= _MOST_GIB:
            raise AwsError("InvalidParameterValue", f"Value ({size}) for parameter volumeSize is invalid.")
        if snapshot := (one.get("Ebs") or {}).get("SnapshotId"):
            ids.check(SNAPSHOT, snapshot)
        found[name] = one
    return found


async def snapshots(call: Call, uuids: Sequence[str]) -> dict[str, Snapshot]:
    """Read the named snapshots: one by its id, several by one list; raise NotFound with those that are missing."""
    if len(uuids) <= 1:
        found = await gather_all(call.cloud.block.snapshot(uuid) for uuid in uuids)
    else:
        found = await call.cloud.block.snapshots()
    known = {snapshot.id: snapshot for snapshot in found}
    if absent := [ids.aws("snap", uuid) for uuid in uuids if uuid not in known]:
        raise ids.missing(SNAPSHOT, absent)
    return {uuid: known[uuid] for uuid in uuids}


def device(name: str, ebs: Mapping[str, Any], found: Mapping[str, Snapshot], *, root: bool) -> dict[str, Any]:
    """Write one device of a request for Nova; raises AWS's error for a size that its snapshot does not fit into."""
    snapshot = found[ids.uuid(SNAPSHOT, ebs["SnapshotId"])] if ebs.get("SnapshotId") else None
    size = ebs.get("VolumeSize") or (snapshot.size if snapshot else None)
    if size is None:
        raise AwsError("MissingParameter", "The request must contain the parameter size or snapshotId", refused="Size")
    if snapshot and size < snapshot.size:
        raise invalid(
            f"Volume of size {size}GB is smaller than snapshot '{ids.aws('snap', snapshot.id)}', "
            f"expect size >= {snapshot.size}GB"
        )
    wanted = {
        "source_type": "snapshot" if snapshot else "blank",
        "destination_type": "volume",
        "snapshot_id": snapshot.id if snapshot else None,
        "volume_size": size,
        "volume_type": ebs.get("VolumeType"),
        "device_name": _path(name),
        "delete_on_termination": ebs.get("DeleteOnTermination", True),
        "boot_index": 0 if root else -1,
        "device_type": "disk",
    }
    return {key: value for key, value in wanted.items() if value is not None}


def _path(name: str) -> str:
    return name if name.startswith("/dev/") else f"/dev/{name}"


def of_volume(name: str, volume: Volume, *, delete_on_termination: bool) -> dict[str, Any]:
    """Write a device that is to have a snapshot of a volume, as `uploads.later` keeps it."""
    return {
        "source_type": "snapshot",
        "destination_type": "volume",
        "volume_id": volume.id,
        "volume_size": volume.size,
        "device_name": _path(name),
        "delete_on_termination": delete_on_termination,
        "boot_index": -1,
        "device_type": "disk",
    }


def properties(devices: Sequence[Mapping[str, Any]], root_name: str | None = None) -> dict[str, str]:
    """Write a mapping as the properties of an image."""
    root = {"root_device_name": root_name} if root_name else {}
    return {"block_device_mapping": json.dumps(list(devices)), "bdm_v2": "True", **root}


def root_name(image: Image) -> str:
    """Return the name of an image's root device."""
    return image.properties.get("root_device_name") or ROOT_DEVICE  # the usual one of Amazon's images


def is_root(one: Mapping[str, Any]) -> bool:
    """Tell whether a device of Nova's mapping is the root."""
    return one.get("boot_index") == 0


def volumes(image: Image) -> list[dict[str, Any]]:
    """Return the devices of Nova's mapping that become volumes: of snapshots, and blank ones."""
    blank = [one for one in image.block_devices if one.get("source_type") == "blank" and one.get("volume_size")]
    return [one for one in image.block_devices if one.get("snapshot_id") or one in blank]


def name_of(image: Image, one: Mapping[str, Any], place: int) -> str:
    """Return EC2's name of a device of Nova's mapping."""
    if is_root(one):
        return root_name(image)
    return one.get("device_name") or f"/dev/sd{chr(ord('a') + place % 26)}"


def rows(image: Image, root_size: int) -> list[dict[str, Any]]:
    """Write an image's devices as BlockDeviceMappings; `root_size` is that of a root made of the image's data, in GiB.

    Encryption belongs to the snapshot's volume, which a list of images does not show.
    """
    mapped = volumes(image)
    found = [
        {
            "DeviceName": name_of(image, one, place),
            "Ebs": {
                **({"SnapshotId": ids.aws("snap", one["snapshot_id"])} if one.get("snapshot_id") else {}),
                "VolumeSize": one.get("volume_size"),
                "VolumeType": one.get("volume_type"),
                "DeleteOnTermination": bool(one.get("delete_on_termination")),
                "Encrypted": False,
            },
        }
        for place, one in enumerate(mapped)
    ]
    if any(is_root(one) for one in mapped):
        return found
    ebs = {"DeleteOnTermination": True, "Encrypted": False, "VolumeSize": root_size}
    return [{"DeviceName": root_name(image), "Ebs": ebs}, *found]
