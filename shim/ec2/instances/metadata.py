"""Change a server's metadata, which Nova refuses while it builds the server or runs another task on it.

EC2's clients tag an instance right after its launch, so the change waits until Nova accepts it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial

from adapters.errors import BackendError, Fault, absent_is
from shim.concurrency import gather_all
from shim.context import Call
from shim.ec2.instances.states import failed

_PAUSES = (0.2, 0.3, 0.5, *(1.0,) * 44)  # 45 s in all: most clients time out after 60 s


async def change(call: Call, id: str, items: Mapping[str, str], drop: Collection[str] = ()) -> None:
    """Write items and delete others; an item that does not exist counts as deleted.

    Raises BackendError CONFLICT if Nova is still busy with the server after 45 seconds, QUOTA for too many items.
    """
    compute = call.cloud.compute
    if items:
        await _patiently(call, id, lambda: compute.set_server_metadata(id, items))
    drops = (partial(compute.delete_server_metadata, id, item) for item in drop)
    await gather_all(absent_is(None, _patiently(call, id, write)) for write in drops)


async def _patiently(call: Call, id: str, write: Callable[[], Awaitable[None]]) -> None:
    """Write once Nova is not busy with the server; a server that failed to build stays busy and is not awaited."""
    for pause in _PAUSES:
        try:
            return await write()
        except BackendError as error:
            if error.fault is not Fault.CONFLICT or failed(await call.cloud.compute.server(id)):
                raise
        await asyncio.sleep(pause)
    return await write()
