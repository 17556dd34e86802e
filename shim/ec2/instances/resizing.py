"""Change a stopped instance's type: Nova resizes the server and waits for the confirmation, which is given at once.

EC2 has no confirmation: a type is changed or it is not.  If the gateway is killed between the two, the next
ModifyInstanceAttribute or StartInstances confirms (`finish`).
"""

from __future__ import annotations

import asyncio

from adapters.errors import BackendError, Fault
from adapters.types.compute import Flavor, Server
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.instances.states import RESIZES
from shim.errors import AwsError

_PAUSES = (0.2, 0.3, 0.5, *(1.0,) * 44)  # 45 s in all: most clients time out after 60 s
_WAITING = "VERIFY_RESIZE"


async def resize(call: Call, server: Server, flavor: Flavor) -> None:
    """Resize a stopped server and confirm.

    Raises InsufficientInstanceCapacity if no host has room, and Unavailable if Nova takes longer than clients wait; a
    client that retries then waits for the same resize.
    """
    if server.status == "SHUTOFF" and server.task_state is None:
        if server.flavor.name == flavor.name:
            return
        await _ask(call, server, flavor)
    after = await finish(call, server.id)
    if after.flavor.name != flavor.name:
        raise AwsError(
            "InsufficientInstanceCapacity",
            f"There is no capacity for the instance type '{flavor.name}'. {after.fault}".strip(),
            500,
        )


async def finish(call: Call, server_id: str) -> Server:
    """Wait until Nova has resized a server, and confirm; return the server afterwards."""
    confirmed = False
    for pause in _PAUSES:
        server = await call.cloud.compute.server(server_id)
        if server.status == _WAITING and not confirmed:
            await _confirm(call, server_id)
            confirmed = True
        elif server.status not in RESIZES and not (server.task_state or "").startswith("resize"):
            return server
        await asyncio.sleep(pause)
    raise AwsError(
        "Unavailable", f"The instance '{ids.aws('i', server_id)}' is still being changed to its new type.", 503
    )


async def _ask(call: Call, server: Server, flavor: Flavor) -> None:
    try:
        await call.cloud.compute.resize_server(server.id, flavor.id)
    except BackendError as error:
        if error.fault is Fault.QUOTA and "cores" in error.detail.lower():
            raise AwsError("VcpuLimitExceeded", error.detail) from error
        raise


async def _confirm(call: Call, server_id: str) -> None:
    try:
        await call.cloud.compute.confirm_resize(server_id)
    except BackendError as error:
        if error.fault not in (Fault.CONFLICT, Fault.INVALID, Fault.NOT_FOUND):  # another request confirmed
            raise
