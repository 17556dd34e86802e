"""Attach volumes to instances and detach them, through Nova."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from adapters.errors import BackendError, Fault
from adapters.types import block as cloud
from adapters.types.compute import Server
from shim.concurrency import gather, gather_all
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import INSTANCE, VOLUME
from shim.ec2.engine.zones import placeable
from shim.ec2.service import action
from shim.ec2.volumes import rows as volume_rows
from shim.ec2.volumes.ending import alone, unmark
from shim.ec2.volumes.reading import shown_volume
from shim.ec2.volumes.volumes import holders
from shim.errors import AwsError
from shim.protocol.values import only
from shim.undo import undoing

# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/device_naming.html, and virtio's names.
_DEVICE = re.compile(r"(?:/dev/)?(?:xvd|sd|hd|vd)([a-z]{1,2}[0-9]{0,2})")
# The instance's root disk, which is not a volume if Nova copied the image to the host.
_ROOT = re.compile(r"a[0-9]*")
# Nova's message for a device name that it counts as used although no volume has it.
_PATH = re.compile(r"device path\b.*\bin use", re.IGNORECASE)
# Nova's message if the operator set cross_az_attach to false.
_ZONES = re.compile(r"availability.zone", re.IGNORECASE)


@action(supports="VolumeId InstanceId Device")
async def attach_volume(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Attach a volume to an instance; the waiter VolumeInUse waits until Cinder shows it."""
    name = req["Device"]
    if not _DEVICE.fullmatch(name):
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({name}) for parameter device is invalid. {name} is not a valid EBS device name.",
            refused="Device",
        )
    volume_id, server_id = ids.uuid(VOLUME, req["VolumeId"]), ids.uuid(INSTANCE, req["InstanceId"])
    mark = volume_rows.DEVICE + server_id
    async with alone(call, volume_id), undoing() as undo:
        volume, server = await gather(shown_volume(call, volume_id), call.cloud.compute.server(server_id))
        await _check(call, volume, server, name)
        if not await _within(call, volume, server):
            raise _mismatch(req)
        await _mark(call, volume, mark, name)
        undo(call.cloud.block.delete_volume_metadata, volume_id, mark)
        try:
            await call.cloud.compute.attach_volume(server_id, volume_id, f"/dev/{name.removeprefix('/dev/')}")
        except BackendError as error:
            if error.fault is Fault.INVALID and _ZONES.search(error.detail):
                raise _mismatch(req) from error
            if error.fault is Fault.IN_USE and _PATH.search(error.detail):
                raise _taken(name) from error
            raise
        if volume_rows.DELETED in volume.metadata:  # it was to end with another instance, and is used again
            await unmark(call, volume_id)
    return {
        "VolumeId": req["VolumeId"],
        "InstanceId": req["InstanceId"],
        "Device": name,
        "State": "attaching",
        "DeleteOnTermination": False,
    }


@action(
    supports="VolumeId InstanceId Device Force",
    values={
        "Force": only(
            False,
            code="UnsupportedOperation",
            message="Nova detaches a volume when the instance lets go of it, never by force.",
        )
    },
)
async def detach_volume(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Detach a volume from the named instance, or from the only instance that holds it."""
    volume = await shown_volume(call, ids.uuid(VOLUME, req["VolumeId"]))
    servers = await holders(call, [volume]) if volume_rows.held([volume]) else []
    row = _held(volume_rows.attachments(volume, servers), volume, req)
    if volume_rows.DELETED in volume.metadata:  # its instance was to be terminated, and Nova could not
        await unmark(call, volume.id)
    try:
        await call.cloud.compute.detach_volume(ids.uuid(INSTANCE, row["InstanceId"]), volume.id)
    except BackendError as error:
        # Nova answers 400 or 403, by version: "Cannot detach a root device volume".
        if error.fault in (Fault.FORBIDDEN, Fault.INVALID) and "root" in error.detail.lower():
            raise AwsError(
                "OperationNotPermitted",
                f"Unable to detach root volume '{req['VolumeId']}' from instance '{row['InstanceId']}'",
            ) from error
        raise
    return {**row, "State": "detaching"}


async def _check(call: Call, volume: cloud.Volume, server: Server, device: str) -> None:
    """Raise AWS's errors for what Nova would refuse, and for a device name that the instance already uses."""
    volume_id = ids.aws("vol", volume.id)
    if any(one.server_id == server.id for one in volume.attachments):
        raise AwsError(VOLUME.in_use, f"{volume_id} is already attached to an instance")
    if volume_rows.state(volume) == "in-use" and not (volume.multiattach and volume.status == "in-use"):
        raise AwsError(VOLUME.in_use, f"{volume_id} is already attached to an instance")
    if volume.status not in ("available", "in-use"):
        raise AwsError("IncorrectState", f"Volume '{volume_id}' is not 'available'.")
    others = await gather_all(call.cloud.block.volume(one.id) for one in server.volumes if one.id != volume.id)
    wanted = _letters(device)
    if _ROOT.fullmatch(wanted) or wanted in {_letters(volume_rows.device(other, server.id)) for other in others}:
        raise _taken(device)


async def _within(call: Call, volume: cloud.Volume, server: Server) -> bool:
    """Tell whether a volume may be attached to a server: "the instance must be in the same Availability Zone" (AWS).

    A volume that no client of EC2 asked for in a zone is attached wherever Nova allows it, and so is one that the
    server had already: Nova may have moved the server to another zone since.
    """
    bound = volume.metadata.get(volume_rows.ZONE)
    if not bound or server.zone in ("", bound) or volume_rows.DEVICE + server.id in volume.metadata:
        return True
    return bound not in placeable(await call.cloud.compute.zones())


def _letters(device: str) -> str:
    """Return the distinguishing letters of a device name: the guest's bus determines the prefix."""
    shape = _DEVICE.fullmatch(device)
    return shape[1] if shape else device


def _taken(device: str) -> AwsError:
    return AwsError(
        "InvalidParameterValue",
        f"Invalid value '{device}' for unixDevice. Attachment point {device} is already in use",
    )


async def _mark(call: Call, volume: cloud.Volume, mark: str, device: str) -> None:
    """Write the device name to the volume's metadata, and delete the names for servers that no longer hold it.

    DetachVolume does not delete them, because clients look for the attachment by them until Nova has finished.
    """
    block = call.cloud.block
    held = {volume_rows.DEVICE + one.server_id for one in volume.attachments}
    stale = [key for key in volume.metadata if key.startswith(volume_rows.DEVICE) and key not in {*held, mark}]
    for key in stale:
        await block.delete_volume_metadata(volume.id, key)
    await block.set_volume_metadata(volume.id, {mark: device})


def _mismatch(req: Mapping[str, Any]) -> AwsError:
    return AwsError(
        "InvalidVolume.ZoneMismatch",
        f"The volume '{req['VolumeId']}' is not in the same availability zone as instance '{req['InstanceId']}'",
    )


def _held(rows: list[dict[str, Any]], volume: cloud.Volume, req: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attachment to detach."""
    volume_id, instance, device = req["VolumeId"], req.get("InstanceId"), req.get("Device")
    if instance:
        ids.check(INSTANCE, instance)
    chosen = [row for row in rows if instance in (None, "", row["InstanceId"])]
    if not rows or (chosen and chosen[0]["State"] != "attached"):
        moving = chosen[0]["State"] if chosen else volume_rows.state(volume)
        raise AwsError("IncorrectState", f"Volume '{volume_id}' is in the '{moving}' state.")
    if not chosen or (device and device != chosen[0]["Device"]):
        where = f" as device '{device}'" if device else ""
        raise AwsError(
            "InvalidAttachment.NotFound", f"Volume '{volume_id}' is not attached to instance '{instance or ''}'{where}"
        )
    if len(chosen) > 1:
        raise AwsError("MissingParameter", f"Volume '{volume_id}' has several attachments: name the instance.")
    return chosen[0]
