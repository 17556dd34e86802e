"""Changing a server's metadata, which Nova refuses while it builds the server or does something else with it.

Clients of EC2 tag an instance a moment after its launch, so the change waits until Nova is ready for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial

from adapters.errors import BackendError, Fault, absent_is
from shim.concurrency import gather_all
from shim.context import Call
from shim.ec2.instances.states import failed

_PAUSES = (0.2, 0.3, 0.5, *(1.0,) * 44)  # 45 s in all: most clients give up on an answer after 60


async def change(call: Call, id: str, items: Mapping[str, str], drop: Collection[str] = ()) -> None:
    """Write items and delete others; an item that is not there counts as deleted.

    Raises BackendError CONFLICT when Nova is still busy with the server after 45 seconds, QUOTA for too many items.
    """
    compute = call.cloud.compute
    if items:
        await _patiently(call, id, lambda: compute.set_server_metadata(id, items))
    drops = (partial(compute.delete_server_metadata, id, item) for item in drop)
    await gather_all(absent_is(None, _patiently(call, id, write)) for write in drops)


async def _patiently(call: Call, id: str, write: Callable[[], Awaitable[None]]) -> None:
    """Write as soon as Nova is not busy with the server; one that failed to build stays busy for ever."""
    for pause in _PAUSES:
        try:
            return await write()
        except BackendError as error:
            if error.fault is not Fault.CONFLICT or failed(await call.cloud.compute.server(id)):
                raise
        await asyncio.sleep(pause)
    return await write()
