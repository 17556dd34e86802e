"""Read volumes for clients: those that are hidden are not there (`rows.hidden`)."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.types.block import Volume
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.resource_types import VOLUME
from shim.ec2.volumes.rows import hidden


async def shown_volume(call: Call, uuid: str) -> Volume:
    """Read one volume; raise NotFound for one that is hidden."""
    volume = await call.cloud.block.volume(uuid)
    if hidden(volume):
        raise ids.missing(VOLUME, [ids.aws(VOLUME.prefix, uuid)])
    return volume


async def shown_volumes(call: Call, *, metadata: Mapping[str, str] | None = None) -> list[Volume]:
    """List the volumes that are not hidden: all, or those with these items of metadata."""
    return [volume for volume in await call.cloud.block.volumes(metadata=metadata) if not hidden(volume)]
