"""Calls an action as the gateway does: with what it reads of the parameters, before any cloud is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shim.context import Call
from shim.ec2.service import ec2
from shim.protocol.operation import Handler


async def act(handler: Handler, call: Call, params: Mapping[str, Any]) -> Any:
    """Read the parameters and call the action."""
    operation = next(one for name in ec2.handlers if (one := ec2.operations[name]).handler is handler)
    asked = operation.read(call.settings, call.caller, operation.name, params) if operation.read else params
    return await handler(call, asked)
