"""ModifyVolume: Cinder extends and retypes a volume, also while it is attached.

What was asked is kept in the volume's metadata, and how far it is follows from the volume itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from adapters.types import block as cloud
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import VOLUME, ResourceType
from shim.ec2.service import action
from shim.ec2.volumes import rows as volume_rows
from shim.ec2.volumes import sizes as volume_sizes
from shim.ec2.volumes.encryption import check_there, encrypting, plain_types
from shim.ec2.volumes.moving import at_rest
from shim.ec2.volumes.reading import shown_volume, shown_volumes
from shim.ec2.volumes.types import GENERAL, check_performance
from shim.ec2.volumes.waiting import settled
from shim.errors import AwsError
from shim.protocol.values import only
from shim.undo import undoing

MODIFICATION = ResourceType(
    "vol",
    "volume",
    "InvalidVolumeModification.NotFound",
    "Modification for volume '{id}' does not exist.",
    "Modifications for volumes '{id}' do not exist.",
    VOLUME.malformed,
)
MODIFICATIONS = Table(
    items="VolumesModifications",
    id="VolumeId",
    ids="VolumeIds",
    resource_type=MODIFICATION,
    cut=True,
    filters={
        "modification-state": "ModificationState",
        "original-iops": "OriginalIops",
        "original-size": "OriginalSize",
        "original-volume-type": "OriginalVolumeType",
        "originalMultiAttachEnabled": "OriginalMultiAttachEnabled",
        "start-time": "StartTime",
        "target-iops": "TargetIops",
        "target-size": "TargetSize",
        "target-volume-type": "TargetVolumeType",
        "targetMultiAttachEnabled": "TargetMultiAttachEnabled",
        "volume-id": "VolumeId",
    },
)
# The gateway's own items in a volume's metadata.
_WHEN, _FROM, _TO = "ec2:modified", "ec2:modified:from", "ec2:modified:to"
_BUSY = frozenset({"extending", "retyping"})


@dataclass(frozen=True, slots=True)
class Modification:
    """The last modification of a volume: sizes in GiB, and types as clients see them."""

    start: datetime
    sizes: tuple[int, int]
    types: tuple[str, str]

    def items(self) -> dict[str, str]:
        """Write it as metadata."""
        start = self.start.isoformat(timespec="milliseconds")
        return {_WHEN: f"{start} {self.sizes[0]} {self.sizes[1]}", _FROM: self.types[0], _TO: self.types[1]}


def _read(volume: cloud.Volume) -> Modification | None:
    """Read a volume's last modification; None without one, and where another program changed it."""
    try:
        start, before, after = volume.metadata[_WHEN].split(" ")
        types = volume.metadata[_FROM], volume.metadata[_TO]
        return Modification(datetime.fromisoformat(start), (int(before), int(after)), types)
    except (KeyError, ValueError):
        return None


def _check(settings: Settings, principal: Any, operation: str, req: Mapping[str, Any]) -> Mapping[str, Any]:
    ids.check(VOLUME, req["VolumeId"])
    if not any(req.get(name) for name in ("Size", "VolumeType", "Iops", "Throughput")):
        raise AwsError(
            "MissingParameter",
            "The request must contain at least one of the parameters size, volumeType, iops and throughput",
        )
    return req


@action(
    supports="VolumeId Size VolumeType Iops Throughput",
    # Terraform sends 0 for what its user has not set.
    values={"Iops": only(0, volume_rows.GP3_IOPS), "Throughput": only(0, volume_rows.GP3_THROUGHPUT)},
    read=_check,
)
async def modify_volume(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Extend a volume, and give it another type; both one after the other, as Cinder does one thing at a time."""
    block, uuid = call.cloud.block, ids.uuid(VOLUME, req["VolumeId"])
    types = {one.name for one in await block.volume_types()}
    plain = plain_types(call.settings)
    async with undoing() as undo:

        async def begin(volume: cloud.Volume) -> tuple[cloud.Volume, Modification, str]:
            kind = req.get("VolumeType") or volume_rows.kind(volume, plain)
            size = req.get("Size") or volume.size
            native = _native(call.settings, volume, kind, types)
            _check_change(volume, size, kind, req)
            if native != volume.type:
                await _check_snapshots(call, uuid)
            change = Modification(datetime.now(UTC), (volume.size, size), (volume_rows.kind(volume, plain), kind))
            before = {name: value for name, value in volume.metadata.items() if name in (_WHEN, _FROM, _TO)}
            undo(_restore, call, uuid, before)
            await block.set_volume_metadata(uuid, change.items())
            if size > volume.size:
                await block.extend_volume(uuid, size)
            elif native != volume.type:
                await block.retype_volume(uuid, native)
            return volume, change, native

        volume, change, native = await at_rest(call, uuid, begin)
        if change.sizes[1] > volume.size and native != volume.type:
            await settled(call, uuid)
            await block.retype_volume(uuid, native)
        await _mark(call, volume, change.types[1], plain.get(native, native))
    return {"VolumeModification": row(await block.volume(uuid), change, plain)}


@describes(MODIFICATIONS, supports="VolumeIds Filters MaxResults NextToken")
async def describe_volumes_modifications(call: Call, asked: Question) -> list[Row]:
    """Describe the last modification of each volume that has one: one OpenStack call."""
    if len(asked.ids) == 1:
        volumes = [await shown_volume(call, ids.uuid(VOLUME, asked.ids[0]))]
    else:
        volumes = await shown_volumes(call)
        known = {ids.aws("vol", volume.id) for volume in volumes}
        if absent := [one for one in asked.ids if one not in known]:
            raise ids.missing(VOLUME, absent)
    plain = plain_types(call.settings)
    return [row(volume, change, plain) for volume in volumes if (change := _read(volume))]


def row(volume: cloud.Volume, change: Modification, plain: Mapping[str, str]) -> dict[str, Any]:
    """Write a modification as in DescribeVolumesModifications."""
    state = _state(volume, change, plain)
    shown: dict[str, Any] = {
        "VolumeId": ids.aws("vol", volume.id),
        "ModificationState": state,
        "Progress": 100 if state == "completed" else 0,
        "StartTime": change.start,
    }
    if state == "failed":
        shown["StatusMessage"] = "Cinder could not modify the volume."
    for word, size, kind in zip(("Original", "Target"), change.sizes, change.types, strict=True):
        shown |= {f"{word}Size": size, f"{word}VolumeType": kind, f"{word}MultiAttachEnabled": volume.multiattach}
        if kind == "gp3":
            shown |= {f"{word}Iops": volume_rows.GP3_IOPS, f"{word}Throughput": volume_rows.GP3_THROUGHPUT}
    return shown


def _state(volume: cloud.Volume, change: Modification, plain: Mapping[str, str]) -> str:
    if volume.status in _BUSY:
        return "modifying"
    # Cinder says nothing more of a retype that failed: the volume has its old type and status again.
    done = volume.size >= change.sizes[1] and volume_rows.kind(volume, plain) == change.types[1]
    return "completed" if done and not volume.status.startswith("error") else "failed"


def _native(settings: Settings, volume: cloud.Volume, kind: str, known: set[str]) -> str:
    """Return Cinder's type for a requested one; a type that stands in for one of AWS's stands in for another too.

    An encrypted volume gets a type that encrypts.
    """
    plain = plain_types(settings)
    if volume.encrypted:
        if kind == volume_rows.kind(volume, plain):
            return volume.type
        native = encrypting(settings, kind)
        check_there(native, known)
        return native
    if kind in known:
        return kind
    if kind == volume_rows.kind(volume, plain) or (kind in GENERAL and volume.type not in GENERAL):
        return volume.type
    raise AwsError("UnknownVolumeType", f"The volume type '{kind}' is not available.", refused="VolumeType")


def _check_change(volume: cloud.Volume, size: int, kind: str, req: Mapping[str, Any]) -> None:
    """Raise AWS's errors for what a volume cannot become."""
    volume_id = ids.aws("vol", volume.id)
    if volume.status in _BUSY:
        raise AwsError("IncorrectModificationState", f"Volume '{volume_id}' is being modified.")
    if volume.status not in ("available", "in-use"):
        raise AwsError("IncorrectState", f"Volume '{volume_id}' is in the '{volume_rows.state(volume)}' state.")
    check_performance(kind, {name: value for name, value in req.items() if value})
    volume_sizes.check(size, kind)
    if size < volume.size:
        raise AwsError("InvalidParameterValue", "New size cannot be smaller than existing size", refused="Size")


async def _check_snapshots(call: Call, uuid: str) -> None:
    """Refuse another type for a volume with a snapshot that has metadata, which keeps its tags.

    Cinder (29.0.0) ends such a retype with "Object action save failed because: snapshots changed": it takes metadata of
    snapshots that came by a message for changed.  The volume then is `retyping` until an administrator resets it.
    """
    if any(one.metadata for one in await call.cloud.block.snapshots(volume_id=uuid)):
        raise AwsError(
            "UnsupportedOperation",
            "The volume has snapshots with tags, and Cinder cannot give such a volume another type. "
            "Its size can be changed.",
            refused="VolumeType",
        )


async def _mark(call: Call, volume: cloud.Volume, kind: str, native: str) -> None:
    """Keep the name of a type that Cinder does not have, or delete one that no longer holds."""
    if kind != native:
        if volume.metadata.get(volume_rows.TYPE) != kind and kind != volume_rows.kind(
            volume, plain_types(call.settings)
        ):
            await call.cloud.block.set_volume_metadata(volume.id, {volume_rows.TYPE: kind})
    elif volume_rows.TYPE in volume.metadata:
        await call.cloud.block.delete_volume_metadata(volume.id, volume_rows.TYPE)


async def _restore(call: Call, uuid: str, before: Mapping[str, str]) -> None:
    """Put back the record of the modification before, unless the refused one has already extended the volume."""
    volume = await call.cloud.block.volume(uuid)
    change = _read(volume)
    if change and volume.size != change.sizes[0]:
        return
    if before:
        await call.cloud.block.set_volume_metadata(uuid, before)
        return
    for name in (_WHEN, _FROM, _TO):
        if name in volume.metadata:
            await call.cloud.block.delete_volume_metadata(uuid, name)
