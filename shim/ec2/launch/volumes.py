"""Write tags, the requested device names and the zone on the volumes that Nova creates for a launch.

Nova creates them while it builds the server and passes neither on, so the launch waits until they exist.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from adapters.types.block import Volume
from adapters.types.compute import BlockDevice, Server
from shim.concurrency import gather_all
from shim.context import Call
from shim.ec2.instances.states import failed
from shim.ec2.tags.codec import from_metadata, to_metadata
from shim.ec2.volumes import encryption
from shim.ec2.volumes import rows as volume_rows
from shim.errors import AwsError

PAUSES = (0.5, *(1.0,) * 44)  # 45 s in all: most clients time out after 60 s


async def mark(
    call: Call,
    servers: Sequence[Server],
    devices: Sequence[BlockDevice],
    tags: Mapping[str, str],
    *,
    again: bool = False,
) -> None:
    """Write tags on all volumes of new servers, and the device name of its mapping on each data volume.

    If a launch is repeated (`again`), volumes that have tags or a device name are not changed: a user may have changed
    them.  Raises Unavailable if Cinder has not created the volumes within 45 seconds, and UnsupportedOperation for a
    volume that was to be encrypted and is not; one that is marked was encrypted when it was.
    """
    wanted = [device for device in devices if not device.local]
    named = [device for device in wanted if device.device]
    if not wanted or not (tags or named):
        return
    items = to_metadata(tags)
    servers = await _with_volumes(call, servers, len(wanted))
    volumes = await _volumes(call, [one.id for server in servers for one in server.volumes])
    marks: dict[str, Mapping[str, str]] = {}
    for server in servers:
        held = [volumes[one.id] for one in server.volumes if one.id in volumes]
        found = matched(server, held, named)
        for volume in held:
            if again and _marked(volume):
                continue
            device = found.get(volume.id)
            if device and not volume.encrypted and _to_encrypt(call, device, volume, again=again):
                raise encryption.unkept()
            if facts := items | _own(server, device):
                marks[volume.id] = facts | ({volume_rows.ZONE: server.zone} if server.zone else {})
    await gather_all(call.cloud.block.set_volume_metadata(one, facts) for one, facts in marks.items())


async def _with_volumes(call: Call, servers: Sequence[Server], count: int) -> list[Server]:
    """Wait until each server has all its volumes or is built; return the servers that did not fail."""
    for pause in PAUSES:
        found = await read_servers(call, [server.id for server in servers])
        alive = [server for server in found if not failed(server)]
        if all(len(server.volumes) >= count or server.status != "BUILD" for server in alive):
            return alive
        await asyncio.sleep(pause)
    raise AwsError("Unavailable", "The volumes of the launch were not made in time.", 503)


async def read_servers(call: Call, named: Sequence[str]) -> list[Server]:
    """Read servers in one call: the single named one, or the list of all."""
    if len(named) == 1:
        return [await call.cloud.compute.server(named[0])]
    listed = {server.id: server for server in await call.cloud.compute.servers()}
    return [listed[one] for one in named if one in listed]


async def _volumes(call: Call, named: Sequence[str]) -> dict[str, Volume]:
    """Read volumes in one call: the single named one, or the list of all."""
    if len(named) == 1:
        return {named[0]: await call.cloud.block.volume(named[0])}
    return {volume.id: volume for volume in await call.cloud.block.volumes()} if named else {}


def _to_encrypt(call: Call, device: BlockDevice, volume: Volume, *, again: bool) -> bool:
    """Tell whether a volume was to be encrypted; default encryption may have been switched since a launch."""
    native = call.settings.ec2_encrypted_volume_types.values()
    return bool(device.encrypted_as) or (again and volume.type in native and volume.type != device.volume_type)


def _marked(volume: Volume) -> bool:
    return bool(from_metadata(volume.metadata)) or any(item.startswith(volume_rows.DEVICE) for item in volume.metadata)


def _own(server: Server, device: BlockDevice | None) -> dict[str, str]:
    """Return what is kept of a volume's mapping in the volume's metadata."""
    if device is None or not device.device:
        return {}
    kept = {volume_rows.TYPE: device.encrypted_as} if device.encrypted_as else {}
    return {volume_rows.DEVICE + server.id: device.device} | kept


def matched(server: Server, volumes: Iterable[Volume], devices: Iterable[BlockDevice]) -> dict[str, BlockDevice]:
    """Return the device of each volume, matched by size and source; equal volumes are interchangeable.

    Devices that ask most choose first, and each chooses the volume that is most like it.
    """
    ends = {held.id: held.delete_on_termination for held in server.volumes}
    free = {volume.id: volume for volume in volumes}
    found: dict[str, BlockDevice] = {}
    for device in sorted(devices, key=lambda one: (one.encrypted_as is None, one.volume_type is None)):
        alike = [
            volume
            for volume in free.values()
            if ends.get(volume.id) == device.delete_on_termination
            and volume.snapshot_id == device.id
            and device.size in (None, volume.size)
        ]
        if alike:
            chosen = min(alike, key=partial(_unlike, device))
            found[free.pop(chosen.id).id] = device
    return found


def _unlike(device: BlockDevice, volume: Volume) -> tuple[bool, bool, bool, str]:
    """Return by what a volume of a device's size and source is still unlike it; the rest makes the order certain."""
    other = device.volume_type not in (None, volume.type), volume.encrypted is (device.encrypted_as is None)
    return (volume.bootable, *other, volume.id)
