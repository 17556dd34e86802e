"""CreateImage: Nova makes an image of a server, and its volumes become snapshots in the image's mapping."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from adapters.errors import BackendError, Fault, absent_is
from adapters.types.block import NewSnapshot, Volume
from adapters.types.compute import Server
from adapters.types.images import Image
from shim.concurrency import gather_all
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import IMAGE, INSTANCE, SNAPSHOT
from shim.ec2.images import mapping, names, uploads
from shim.ec2.service import action
from shim.ec2.tags import codec as tag_codec
from shim.ec2.tags.creating import HALF_DONE, CreateRequest, Creation, creates, creating
from shim.ec2.volumes import ending, snapshot_rows
from shim.ec2.volumes.reading import shown_volume
from shim.ec2.volumes.rows import DEVICE, root
from shim.ec2.volumes.waiting import PAUSES
from shim.errors import AwsError

Asked = CreateRequest[dict[str, Mapping[str, Any]]]

_SNAPSHOT_LOOKS = 12  # about ten seconds: the reboot before has its share of the 60 s that SDKs wait


def _check(settings: Settings, req: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    names.check(req)
    ids.check(INSTANCE, req["InstanceId"])
    wanted = mapping.named(req.get("BlockDeviceMappings") or ())
    if any((one.get("Ebs") or {}).get("SnapshotId") for one in wanted.values()):
        raise mapping.invalid("A snapshot cannot be named here: the image has snapshots of the instance's volumes.")
    return wanted


@action(
    supports=f"InstanceId Name Description NoReboot TagSpecifications {mapping.SUPPORTED}",
    values=mapping.VALUES,
    read=creates(IMAGE, SNAPSHOT, read=_check),
)
async def create_image(call: Call, asked: Asked) -> Mapping[str, Any]:
    """Make an image of an instance with its volumes; the waiter ImageAvailable waits until Nova has uploaded it."""
    new, req = creating(call, asked), asked.params
    server_id = ids.uuid(INSTANCE, req["InstanceId"])
    async with new.once(name=req["Name"]):
        await names.free(call, req["Name"])
        server = await call.cloud.compute.server(server_id)
        volumes = await _volumes(call, server)
        await _quiet(call, server, reboot=not req.get("NoReboot"))
        make = _of_volumes if root(server, volumes) else _of_own_disk
        return {"ImageId": ids.aws("ami", await make(call, new, server, volumes, asked))}


async def _quiet(call: Call, server: Server, *, reboot: bool) -> None:
    """Reboot a running server, so that its file systems are whole, and wait until Nova can make an image of it.

    "false - The instance is rebooted before creating the image" (NoReboot).  A reboot that an earlier attempt began is
    not repeated.
    """
    if reboot and server.status == "ACTIVE" and server.task_state is None:
        await call.cloud.compute.reboot_server(server.id)
    elif not (server.task_state or "").startswith("reboot"):
        return
    for pause in PAUSES:
        await asyncio.sleep(pause)
        server = await call.cloud.compute.server(server.id)
        if server.task_state is None:
            return
    raise AwsError("Unavailable", "The instance is still rebooting. Please try again later.", 503)


async def _volumes(call: Call, server: Server) -> list[Volume]:
    """Read the volumes of a server, its root first."""
    if not server.volumes:
        return []
    if len(server.volumes) == 1:
        return [await call.cloud.block.volume(server.volumes[0].id)]
    listed = {volume.id: volume for volume in await call.cloud.block.volumes()}
    return [listed[one.id] for one in server.volumes if one.id in listed]


async def _made(
    call: Call, new: Creation[Image], server_id: str, marks: Mapping[str, str], req: Mapping[str, Any]
) -> str:
    described = {"description": req["Description"]} if req.get("Description") else {}
    try:
        made = await call.cloud.compute.create_server_image(server_id, req["Name"], {**new.items, **described, **marks})
    except BackendError as error:
        if error.fault is Fault.QUOTA:
            error.resource, error.id = "snapshot", ""
        raise
    new.undo(partial(remove_with_snapshots, call), made)
    return made


async def _of_volumes(call: Call, new: Creation[Image], server: Server, volumes: Sequence[Volume], asked: Asked) -> str:
    """Make an image of a server whose root is a volume: Nova makes snapshots of its volumes, and uploads nothing.

    Write the image's mapping as the request wants it, tag its snapshots, and take the half-done mark away.
    """
    made = await _made(call, new, server.id, {HALF_DONE: "1"}, asked.params)
    image = await call.cloud.images.image(made)
    devices = _named(image.block_devices, server, volumes)
    devices, dropped = _overridden(devices, asked.read, mapping.root_name(image))
    tags = tag_codec.to_metadata(new.tags_of(SNAPSHOT))
    kept = [one["snapshot_id"] for one in devices if one.get("snapshot_id")]
    if tags:
        await gather_all(call.cloud.block.set_snapshot_metadata(uuid, tags) for uuid in kept)
    await _complete(call, kept)
    await call.cloud.images.update_image(made, set=mapping.properties(devices) if devices else {}, drop=[HALF_DONE])
    await gather_all(absent_is(None, ending.take_back(call, uuid)) for uuid in dropped)
    return made


async def _of_own_disk(
    call: Call, new: Creation[Image], server: Server, volumes: Sequence[Volume], asked: Asked
) -> str:
    """Make an image of a server whose root is no volume: Nova uploads its disk, and the mapping follows after that.

    Nova makes snapshots of the volumes only where the root is one, so they are made here.
    """
    ends = {one.id: one.delete_on_termination for one in server.volumes}
    attached = [
        mapping.of_volume(_device_name(server, volume), volume, delete_on_termination=ends.get(volume.id, False))
        for volume in volumes
    ]
    devices, _ = _overridden(attached, asked.read, server.root_device_name or "")
    made = await _made(call, new, server.id, uploads.later(devices) if devices else {}, asked.params)
    metadata = {**tag_codec.to_metadata(new.tags_of(SNAPSHOT)), snapshot_rows.OF_IMAGE: made}
    for one in (one for one in devices if "volume_id" in one):
        async with ending.alone(call, one["volume_id"]):
            await shown_volume(call, one["volume_id"])
            snapshot = await call.cloud.block.create_snapshot(NewSnapshot(one["volume_id"], metadata=metadata))
        new.undo(partial(ending.take_back, call), snapshot.id)
    if devices:  # if too much is watched already, the next request that reads the image finishes it
        uploads.watch(call, made, {})
    return made


def _device_name(server: Server, volume: Volume) -> str:
    """Return the device name of a volume that a server has, as clients know it."""
    native = next((one.device for one in volume.attachments if one.server_id == server.id), None)
    return volume.metadata.get(DEVICE + server.id) or native or ""


async def _complete(call: Call, uuids: Sequence[str]) -> None:
    """Wait for an image's snapshots, for some seconds: nothing can be launched of an image before they are made."""
    for pause in PAUSES[:_SNAPSHOT_LOOKS]:
        listed = await call.cloud.block.snapshots()
        if not any(one.status == "creating" for one in listed if one.id in uuids):
            return
        await asyncio.sleep(pause)


def _named(devices: Sequence[Mapping[str, Any]], server: Server, volumes: Sequence[Volume]) -> list[dict[str, Any]]:
    """Return Nova's mapping with the device names that clients know; Nova has its snapshots in its volumes' order."""
    by_native = {
        one.device: volume.metadata.get(DEVICE + server.id, one.device)
        for volume in volumes
        for one in volume.attachments
        if one.server_id == server.id
    }
    return [
        {**one, "device_name": one.get("device_name") if mapping.is_root(one) else _client_name(one, by_native)}
        for one in devices
    ]


def _client_name(one: Mapping[str, Any], by_native: Mapping[str | None, str | None]) -> str | None:
    native = one.get("device_name")
    name = by_native.get(native) or native
    return name if name is None or name.startswith("/dev/") else f"/dev/{name}"


def _overridden(
    devices: Sequence[Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]], root_name: str
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the mapping as the request wants it, and the snapshots that it does not need."""
    left = dict(wanted)
    kept: list[dict[str, Any]] = []
    dropped: list[str] = []
    for one in devices:
        given = str(one.get("device_name") or "")
        called = (root_name, *mapping.ROOTS) if mapping.is_root(one) else (given, given.removeprefix("/dev/"))
        change = next((left.pop(name) for name in called if name in left), None)
        if change is not None and "NoDevice" in change:
            if mapping.is_root(one):
                raise mapping.invalid("The root device cannot be left out")
            if one.get("snapshot_id"):
                dropped.append(one["snapshot_id"])
            continue
        kept.append(_changed(dict(one), (change or {}).get("Ebs") or {}))
    for name, more in left.items():
        if "NoDevice" in more:
            continue
        if name in (root_name, *mapping.ROOTS):
            raise mapping.invalid("The root of this instance is not a volume, and its mapping cannot be changed")
        kept.append(mapping.device(name, more["Ebs"], {}, root=False))
    return kept, dropped


def _changed(one: dict[str, Any], ebs: Mapping[str, Any]) -> dict[str, Any]:
    size = ebs.get("VolumeSize")
    if size is not None and size < (one.get("volume_size") or 0):
        raise mapping.invalid(f"Volume of size {size}GB is smaller than the snapshot of {one['volume_size']}GB")
    wanted = {
        "volume_size": size,
        "volume_type": ebs.get("VolumeType"),
        "delete_on_termination": ebs.get("DeleteOnTermination"),
    }
    return one | {name: value for name, value in wanted.items() if value is not None}


async def remove_with_snapshots(call: Call, image_id: str) -> None:
    """Delete an image and the snapshots in its mapping."""
    image = await call.cloud.images.image(image_id)
    await call.cloud.images.delete_image(image_id)
    await gather_all(absent_is(None, ending.take_back(call, uuid)) for uuid in image.snapshots)
