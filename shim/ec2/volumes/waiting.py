"""Wait for what Cinder does in the background: it refuses the next step until then, where AWS would queue it."""

from __future__ import annotations

import asyncio

from adapters.errors import BackendError, Fault
from adapters.types.block import Volume
from shim.context import Call
from shim.errors import AwsError

PAUSES = (0.3, 0.5, *(1.0,) * 40)  # 41 s in all: SDKs wait for 60 s
_BUSY = frozenset({"creating", "downloading", "extending", "retyping"})


async def settled(call: Call, id: str) -> Volume:
    """Read a volume until Cinder has made, extended or retyped it; raise Unavailable if that takes too long."""
    for pause in PAUSES:
        volume = await call.cloud.block.volume(id)
        if volume.status not in _BUSY:
            return volume
        await asyncio.sleep(pause)
    raise AwsError("Unavailable", "The volume is still being worked on. Please try again later.", 503)


async def delete_snapshot(call: Call, id: str) -> None:
    """Delete a snapshot, also one that is being made: AWS deletes it, Cinder refuses until it is made."""
    for pause in PAUSES:
        try:
            await call.cloud.block.delete_snapshot(id)
        except BackendError as error:
            if error.fault is not Fault.CONFLICT or (await call.cloud.block.snapshot(id)).status != "creating":
                raise
        else:
            return
        await asyncio.sleep(pause)
    raise AwsError("IncorrectState", "The snapshot is still being created.")


async def snapshots_gone(call: Call, volume_id: str) -> bool:
    """Wait while all snapshots of a volume are being deleted; tell whether none is left.

    AWS deletes a snapshot at once, and a client that deletes the volume next is not refused.
    """
    for pause in PAUSES:
        left = await call.cloud.block.snapshots(volume_id=volume_id)
        if not left:
            return True
        if any(snapshot.status != "deleting" for snapshot in left):
            return False
        await asyncio.sleep(pause)
    return False
