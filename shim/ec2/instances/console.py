"""GetConsoleOutput: the part of the serial console's log that Nova keeps."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from adapters.errors import BackendError, Fault
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.instances.instances import existing
from shim.ec2.instances.states import TERMINATED, state
from shim.ec2.service import action

_MOST = 64 * 1024  # "the most recent 64 KB"


@action(supports="InstanceId", ignores={"Latest": "Nova's log is always the latest"})
async def get_console_output(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read the console's log; the answer has no output if the instance has no console yet, or no longer."""
    (server,) = await existing(call, [req["InstanceId"]])
    output = "" if state(server) == TERMINATED else await _output(call, server.id)
    return {
        "InstanceId": ids.aws("i", server.id),
        "Output": base64.b64encode(output.encode()[-_MOST:]).decode(),
        "Timestamp": datetime.now(UTC),
    }


async def _output(call: Call, id: str) -> str:
    try:
        return await call.cloud.compute.console_output(id)
    except BackendError as error:
        # "Instance ... is not ready" is 409; 404 where the host has no log; 501 where the hypervisor has no console.
        if error.fault in (Fault.CONFLICT, Fault.NOT_FOUND, Fault.UNSUPPORTED):
            return ""
        raise
