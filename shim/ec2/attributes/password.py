"""GetPasswordData: the administrator's password that a Windows guest gave to Nova, encrypted with the key pair."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from adapters.errors import absent_is
from shim.context import Call
from shim.ec2.instances.instances import existing
from shim.ec2.instances.states import TERMINATED, state
from shim.ec2.service import action


@action(supports="InstanceId")
async def get_password_data(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read the encrypted password; it is empty until the guest has given one, as on AWS."""
    (server,) = await existing(call, [req["InstanceId"]])
    password = "" if state(server) == TERMINATED else await absent_is("", call.cloud.compute.password(server.id))
    return {"InstanceId": req["InstanceId"], "PasswordData": password, "Timestamp": datetime.now(UTC)}
