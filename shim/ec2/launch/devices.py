"""Translate BlockDeviceMappings for Nova: a root volume instead of the flavor's disk, and data volumes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from adapters.types.compute import BlockDevice, Flavor
from adapters.types.images import Image
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import SNAPSHOT
from shim.ec2.images import images
from shim.ec2.volumes import sizes as volume_sizes
from shim.errors import AwsError

_NAME = re.compile(r"/dev/(?:sd|xvd|vd|hd)[a-z]{1,2}[0-9]{0,2}|xvd[a-z]{1,2}|sd[a-z]{1,2}[0-9]{0,2}")
GENERAL = ("gp2", "gp3", "standard")
# Names that clients use for the root device, whatever its name in the image.
_ROOTS = frozenset({"/dev/sda1", "/dev/sda", "/dev/xvda", "/dev/vda"})


async def devices(
    call: Call, mappings: Sequence[Mapping[str, Any]], image: Image, flavor: Flavor
) -> tuple[BlockDevice, ...]:
    """Translate the mappings for Nova, with volume types that Cinder has."""
    found = mapped(mappings, image, flavor)
    if not any(device.volume_type for device in found):
        return found
    known = {one.name for one in await call.cloud.block.volume_types()}
    return tuple(replace(device, volume_type=_type(device.volume_type, known)) for device in found)


def _type(asked: str | None, known: Collection[str]) -> str | None:
    """Return Cinder's volume type; Cinder's default replaces an AWS general-purpose type that Cinder does not have."""
    if asked is None or asked in known:
        return asked
    if asked not in GENERAL:
        raise AwsError("UnknownVolumeType", f"The volume type '{asked}' is not available.")
    return None


def mapped(mappings: Sequence[Mapping[str, Any]], image: Image, flavor: Flavor) -> tuple[BlockDevice, ...]:
    """Translate the mappings, with volume types as the request has them.

    Without a mapping Nova copies the image to the flavor's own disk; a flavor without a disk gets a root volume.
    """
    root_name = image.properties.get("root_device_name") or images.ROOT_DEVICE
    named: dict[str, Mapping[str, Any]] = {}
    for one in mappings:
        name = one.get("DeviceName", "")
        if not _NAME.fullmatch(name):
            raise AwsError("InvalidBlockDeviceMapping", f"Invalid device name {name}")
        if name in named:
            raise AwsError(
                "InvalidBlockDeviceMapping", f"The device '{name}' is used in more than one block-device mapping"
            )
        named[name] = one
    roots = [name for name in named if name == root_name or name in _ROOTS]
    if len(roots) > 1:
        raise AwsError("InvalidBlockDeviceMapping", f"The root device {root_name} is mapped more than once")
    root = named.pop(roots[0]) if roots else None
    if root is not None and "NoDevice" in root:
        raise AwsError("InvalidBlockDeviceMapping", "The root device cannot be left out")
    data = [_data(name, one) for name, one in named.items() if "NoDevice" not in one]
    first = _root(root, image, flavor)
    return (*first, *data) if data or first[0].local is False else ()


def _root(mapping: Mapping[str, Any] | None, image: Image, flavor: Flavor) -> tuple[BlockDevice]:
    least = images.root_size(image)
    if mapping is None:
        if flavor.disk:
            return (BlockDevice("image", image.id, boot_index=0, local=True),)
        return (BlockDevice("image", image.id, size=least, boot_index=0),)
    ebs = _ebs(mapping)
    if ebs.get("SnapshotId"):
        raise AwsError("InvalidBlockDeviceMapping", "snapshotId cannot be modified on root device")
    size = ebs.get("VolumeSize") or max(least, flavor.disk)
    if size < least:
        raise AwsError(
            "InvalidBlockDeviceMapping",
            f"Volume of size {size}GB is smaller than snapshot '{ids.aws('ami', image.id)}', expect size >= {least}GB",
        )
    return (
        BlockDevice(
            "image",
            image.id,
            size=size,
            volume_type=ebs.get("VolumeType"),
            boot_index=0,
            delete_on_termination=ebs.get("DeleteOnTermination", True),
        ),
    )


def _data(name: str, mapping: Mapping[str, Any]) -> BlockDevice:
    ebs = _ebs(mapping)
    snapshot, size = ebs.get("SnapshotId"), ebs.get("VolumeSize")
    if not snapshot and not size:
        raise AwsError("MissingParameter", "The request must contain the parameter size or snapshotId", refused="Size")
    return BlockDevice(
        "snapshot" if snapshot else "blank",
        ids.uuid(SNAPSHOT, snapshot) if snapshot else None,
        size=size,
        device=name if name.startswith("/dev/") else f"/dev/{name}",
        volume_type=ebs.get("VolumeType"),
        # AWS's default for a volume that the launch creates; a volume attached later is kept by default.
        delete_on_termination=ebs.get("DeleteOnTermination", True),
    )


def _ebs(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    ebs: Mapping[str, Any] | None = mapping.get("Ebs")
    if ebs is None:
        raise AwsError("InvalidBlockDeviceMapping", f"{mapping['DeviceName']} maps to nothing: Ebs is missing")
    volume_sizes.check(ebs.get("VolumeSize"), ebs.get("VolumeType"), "volumeSize")
    return ebs
