"""Translate BlockDeviceMappings for Nova: a root volume instead of the flavor's disk, and data volumes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from adapters.types.compute import BlockDevice, Flavor
from adapters.types.images import Image
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import SNAPSHOT
from shim.ec2.images import images, mapping
from shim.ec2.volumes import default_encryption, encryption
from shim.ec2.volumes import sizes as volume_sizes
from shim.ec2.volumes.types import GENERAL, check_performance
from shim.errors import AwsError


async def devices(
    call: Call, mappings: Sequence[Mapping[str, Any]], image: Image, flavor: Flavor
) -> tuple[BlockDevice, ...]:
    """Translate the mappings for Nova, with volume types that Cinder has, and encrypted where that is the default."""
    found = asked_devices(call.settings, mappings, image, flavor)
    on = any(not one.local and not one.encrypted_as for one in found) and await default_encryption.is_on(call)
    if on:
        found = await _encrypted(call, found)
    typed = found
    if any(device.volume_type for device in found):
        known = {one.name for one in await call.cloud.block.volume_types()}
        typed = tuple(replace(device, volume_type=_type(device, known)) for device in found)
    if on or not call.settings.ec2_encrypted_volume_types:
        return typed
    return await _of_encrypted(call, found, typed, {_device(one) for one in mappings if _is_plain(one)})


async def _of_encrypted(
    call: Call, asked: Sequence[BlockDevice], typed: Sequence[BlockDevice], plain: Collection[str | None]
) -> tuple[BlockDevice, ...]:
    """Leave the types of volumes of encrypted snapshots to Cinder, and keep what was asked for.

    Cinder gives them no other type than the snapshot's, and Nova, asked for another one, would end in an error.  The
    devices in `plain` are asked to be not encrypted: "In no case can you remove encryption from an encrypted volume."
    """
    about = [one for one in asked if one.source == "snapshot" and (one.volume_type or one.device in plain)]
    found = await mapping.snapshots(call, list(dict.fromkeys(one.id for one in about if one.id)))
    encrypted = await encryption.encrypted_among(call, found.values())
    for one in about:
        if one.id in encrypted and one.device in plain:
            raise AwsError(
                "InvalidBlockDeviceMapping",
                f"The volume of device '{one.device}' is made of an encrypted snapshot, so it is encrypted.",
                refused="BlockDeviceMappings.Ebs.Encrypted",
            )
    return tuple(
        replace(new, volume_type=None, encrypted_as=old.volume_type) if old in about and old.id in encrypted else new
        for old, new in zip(asked, typed, strict=True)
    )


def _is_plain(one: Mapping[str, Any]) -> bool:
    return (one.get("Ebs") or {}).get("Encrypted") is False


def _device(one: Mapping[str, Any]) -> str:
    """Return the name of a mapping's device as Nova's devices have it."""
    name: str = one["DeviceName"]
    return name if name.startswith("/dev/") else f"/dev/{name}"


async def _encrypted(call: Call, devices: Sequence[BlockDevice]) -> tuple[BlockDevice, ...]:
    """Encrypt the empty volumes; refuse those of data that is not encrypted.

    A volume of an encrypted snapshot has the snapshot's type, as Cinder gives it no other.
    """
    made_of = [one for one in devices if not one.local and one.source != "blank"]
    if any(one.source == "image" for one in made_of):
        raise default_encryption.plain("an image")
    snapshots = await mapping.snapshots(call, list(dict.fromkeys(one.id for one in made_of if one.id)))
    await default_encryption.check_encrypted(call, snapshots.values())

    def encrypted(one: BlockDevice) -> BlockDevice:
        if one.local or one.encrypted_as:
            return one
        if one.source != "blank":
            return replace(one, volume_type=None)
        kind = encryption.encrypting(call.settings, one.volume_type)
        return replace(one, volume_type=kind, encrypted_as=one.volume_type or encryption.DEFAULT)

    return tuple(map(encrypted, devices))


def asked_devices(
    settings: Settings, mappings: Sequence[Mapping[str, Any]], image: Image, flavor: Flavor
) -> tuple[BlockDevice, ...]:
    """Translate the mappings, with volume types that Cinder may not have."""
    from_volume, encrypting = settings.root_devices == "volume", partial(encryption.encrypting, settings)
    return mapped(mappings, image, flavor, from_volume=from_volume, encrypting=encrypting)


def _type(device: BlockDevice, known: Collection[str]) -> str | None:
    """Return Cinder's volume type; Cinder's default replaces an AWS general-purpose type that Cinder does not have."""
    kind = device.volume_type
    if kind is None or kind in known:
        return kind
    if device.encrypted_as:
        encryption.check_there(kind, known)
    if kind not in GENERAL:
        raise AwsError("UnknownVolumeType", f"The volume type '{kind}' is not available.")
    return None


def mapped(
    mappings: Sequence[Mapping[str, Any]],
    image: Image,
    flavor: Flavor,
    *,
    from_volume: bool = False,
    encrypting: Callable[[str | None], str] = str,
) -> tuple[BlockDevice, ...]:
    """Translate the mappings, with volume types as the request has them.

    Without a mapping Nova copies the image to the flavor's own disk; a flavor without a disk gets a root volume, and
    every flavor does with `from_volume`.  Of an image with a mapping of its own, each snapshot becomes a volume, as the
    request's device of that name changes it.  `encrypting` returns the type of an empty volume that is to be encrypted;
    Cinder encrypts no data that is not.
    """
    root_name = mapping.root_name(image)
    named: dict[str, Mapping[str, Any]] = {}
    for one in mappings:
        name = one.get("DeviceName", "")
        if not mapping.DEVICE_NAME.fullmatch(name):
            raise AwsError("InvalidBlockDeviceMapping", f"Invalid device name {name}")
        if name in named:
            raise AwsError(
                "InvalidBlockDeviceMapping", f"The device '{name}' is used in more than one block-device mapping"
            )
        named[name] = one
    roots = [name for name in named if name == root_name or name in mapping.ROOTS]
    if len(roots) > 1:
        raise AwsError("InvalidBlockDeviceMapping", f"The root device {root_name} is mapped more than once")
    root = named.pop(roots[0]) if roots else None
    if root is not None and "NoDevice" in root:
        raise AwsError("InvalidBlockDeviceMapping", "The root device cannot be left out")
    own = mapping.volumes(image)
    mine = [one for one in own if mapping.is_root(one)]
    data = [_of_image(image, one, place, named) for place, one in enumerate(own) if one not in mine]
    data += [_data(name, one, encrypting) for name, one in named.items() if "NoDevice" not in one]
    first = (_root_of_image(mine[0], root),) if mine else _root(root, image, flavor, from_volume=from_volume)
    return (*first, *data) if data or first[0].local is False else ()


def _root_of_image(one: Mapping[str, Any], root: Mapping[str, Any] | None) -> BlockDevice:
    """Return the root volume of an image that has a snapshot for it, as the request changes it."""
    return _changed(one, one.get("device_name"), root, boot_index=0)


def _of_image(image: Image, one: Mapping[str, Any], place: int, named: dict[str, Mapping[str, Any]]) -> BlockDevice:
    """Return a data volume of an image, as the request changes it; takes the change out of `named`."""
    name = mapping.name_of(image, one, place)
    change = named.pop(name, None) or named.pop(name.removeprefix("/dev/"), None)
    if change is not None and "NoDevice" in change:
        return BlockDevice("none", device=name, local=True)
    return _changed(one, name, change)


def _changed(
    one: Mapping[str, Any], device: str | None, change: Mapping[str, Any] | None, boot_index: int | None = None
) -> BlockDevice:
    ebs = _ebs(change) if change is not None else {}
    snapshot = one.get("snapshot_id")
    if ebs.get("SnapshotId") and ids.uuid(SNAPSHOT, ebs["SnapshotId"]) != snapshot:
        raise AwsError("InvalidBlockDeviceMapping", f"snapshotId cannot be modified on device {device}")
    least = one.get("volume_size") or 1
    size = ebs.get("VolumeSize") or least
    if size < least:
        shown = ids.aws("snap", snapshot) if snapshot else ""
        raise AwsError(
            "InvalidBlockDeviceMapping",
            f"Volume of size {size}GB is smaller than snapshot '{shown}', expect size >= {least}GB",
        )
    return BlockDevice(
        "snapshot" if snapshot else "blank",
        snapshot,
        size=size,
        device=device,
        volume_type=ebs.get("VolumeType") or one.get("volume_type"),
        boot_index=boot_index,
        delete_on_termination=ebs.get("DeleteOnTermination", bool(one.get("delete_on_termination"))),
    )


def _root(root: Mapping[str, Any] | None, image: Image, flavor: Flavor, *, from_volume: bool) -> tuple[BlockDevice]:
    least = images.root_size(image)
    if root is None:
        if flavor.disk and not from_volume:
            return (BlockDevice("image", image.id, boot_index=0, local=True),)
        return (BlockDevice("image", image.id, size=max(least, flavor.disk), boot_index=0),)
    ebs = _ebs(root)
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


def _data(name: str, one: Mapping[str, Any], encrypting: Callable[[str | None], str]) -> BlockDevice:
    blank = not (one.get("Ebs") or {}).get("SnapshotId")
    ebs = _ebs(one, encrypts=blank)
    snapshot, size, kind = ebs.get("SnapshotId"), ebs.get("VolumeSize"), ebs.get("VolumeType")
    encrypts = ebs.get("Encrypted")
    if not snapshot and not size:
        raise AwsError("MissingParameter", "The request must contain the parameter size or snapshotId", refused="Size")
    return BlockDevice(
        "snapshot" if snapshot else "blank",
        ids.uuid(SNAPSHOT, snapshot) if snapshot else None,
        size=size,
        device=_device(one),
        volume_type=encrypting(kind) if encrypts else kind,
        # AWS's default for a volume that the launch creates; a volume attached later is kept by default.
        delete_on_termination=ebs.get("DeleteOnTermination", True),
        encrypted_as=(kind or encryption.DEFAULT) if encrypts else None,
    )


def _ebs(one: Mapping[str, Any], *, encrypts: bool = False) -> Mapping[str, Any]:
    ebs: Mapping[str, Any] | None = one.get("Ebs")
    if ebs is None:
        raise AwsError("InvalidBlockDeviceMapping", f"{one['DeviceName']} maps to nothing: Ebs is missing")
    if ebs.get("Encrypted") and not encrypts:
        raise AwsError(
            "UnsupportedOperation",
            f"Encryption on request is not supported for device '{one['DeviceName']}': it is made of data that is not "
            "encrypted.",
            refused="BlockDeviceMappings.Ebs.Encrypted",
        )
    check_performance(ebs.get("VolumeType"), ebs)
    volume_sizes.check(ebs.get("VolumeSize"), ebs.get("VolumeType"), "volumeSize")
    return ebs
