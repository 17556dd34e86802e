"""Where a bucket is: in the caller's own project first, else in the one that the registry of names has for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from adapters.errors import BackendError, Fault, absent_is
from shim.auth.accounts import account_id
from shim.context import Call
from shim.s3 import name_registry
from shim.s3.config import configuration

_KEEP_SECONDS: Final = 60.0


async def place(call: Call, bucket: str) -> Call | None:
    """Return the call that acts where a bucket is: `call` itself if that is the caller's project.

    It is `call` too if no project is known to have the bucket, as the action then says so; None if there is no caller.
    Raises BackendError FORBIDDEN if the gateway's user may not act in the owner's project.
    """
    mine = call.caller.project_id
    if not mine:
        project = await name_registry.owner(call, bucket)
        return await _acting(call, project) if project else None
    elsewhere: str | None = call.cache.get(mine, (configuration.ELSEWHERE, bucket))
    if elsewhere is not None:
        return await _acting(call, elsewhere)
    if await absent_is(None, configuration.configuration(call, bucket)) is not None:
        return call
    project = await name_registry.owner(call, bucket)
    if not project or project == mine:
        return call
    call.cache.put(mine, (configuration.ELSEWHERE, bucket), project, size=64, seconds=_KEEP_SECONDS)
    return await _acting(call, project)


def is_closed(error: BackendError) -> bool:
    """Tell whether `place` failed because the gateway's user may not act in the owner's project."""
    return error.service == "identity" and error.fault in (Fault.FORBIDDEN, Fault.UNSUPPORTED)


async def _acting(call: Call, project: str) -> Call:
    """Return a call for the same requester that acts in another project with the gateway's own token."""
    cloud = await call.clouds.service(project, call.request_id, contained=True)
    account = account_id(project, call.settings.account_ids)
    caller = call.requester._replace(project_id=project, project_name=cloud.project_name, account_id=account)
    return replace(call, cloud=cloud, caller=caller, configurations={})
