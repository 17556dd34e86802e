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
        if await snapshot_deleted(call, id):
            return
        await asyncio.sleep(pause)
    raise still_creating()


async def snapshot_deleted(call: Call, id: str) -> bool:
    """Delete a snapshot, or return False while it is being made."""
    try:
        await call.cloud.block.delete_snapshot(id)
    except BackendError as error:
        if error.fault is not Fault.CONFLICT or (await call.cloud.block.snapshot(id)).status != "creating":
            raise
        return False
    return True


def still_creating() -> AwsError:
    """Return the error of a snapshot that is not made in time to be deleted."""
    return AwsError("IncorrectState", "The snapshot is still being created.")
