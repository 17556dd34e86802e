"""Map Nova's statuses and task states to EC2's six instance states, with their reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from adapters.types.compute import Server

PENDING, RUNNING, SHUTTING_DOWN, TERMINATED, STOPPING, STOPPED = (
    "pending",
    "running",
    "shutting-down",
    "terminated",
    "stopping",
    "stopped",
)
CODES: Final[Mapping[str, int]] = {
    PENDING: 0,
    RUNNING: 16,
    SHUTTING_DOWN: 32,
    TERMINATED: 48,
    STOPPING: 64,
    STOPPED: 80,
}
_STATUSES: Final[Mapping[str, str]] = {
    "BUILD": PENDING,
    "DELETED": TERMINATED,
    "SOFT_DELETED": TERMINATED,
    "SHUTOFF": STOPPED,
    "PAUSED": STOPPED,
    "SUSPENDED": STOPPED,
    "SHELVED": STOPPED,
    "SHELVED_OFFLOADED": STOPPED,
}  # every other status is of a running server: ACTIVE, REBOOT, RESIZE, VERIFY_RESIZE, MIGRATING, RESCUE, ...
_TASKS: Final[Mapping[str, str]] = {
    "deleting": SHUTTING_DOWN,
    "soft-deleting": SHUTTING_DOWN,
    "powering-off": STOPPING,
    "pausing": STOPPING,
    "suspending": STOPPING,
    "shelving": STOPPING,
    "powering-on": PENDING,
    "unpausing": PENDING,
    "resuming": PENDING,
    "unshelving": PENDING,
}

# Nova's statuses of a server that it resizes, from the request to the confirmation.
RESIZES: Final = frozenset({"RESIZE", "VERIFY_RESIZE", "REVERT_RESIZE"})

# Suffix of the description of a server that was terminated while Nova built it.  The build overwrites the task state
# `deleting` with `block_device_mapping` (nova.compute.manager, `_build_resources`), and the deletion starts after it.
ENDING: Final = " ending"


def state(server: Server) -> str:
    """Return the EC2 name of a server's state."""
    if server.status in ("DELETED", "SOFT_DELETED"):
        return TERMINATED
    if server.status in ("BUILD", "ACTIVE") and server.description.endswith(ENDING):
        return SHUTTING_DOWN
    if server.task_state and server.task_state in _TASKS:
        return _TASKS[server.task_state]
    if server.status in RESIZES and (server.vm_state == "stopped" or server.powered_off):
        return STOPPED
    if server.status == "ERROR":
        # A server that failed to build never runs.  "terminated" makes clients stop waiting at once.
        return RUNNING if server.launched_at else TERMINATED
    return _STATUSES.get(server.status, RUNNING)


def shown(name: str) -> dict[str, object]:
    """Write a state as EC2 answers it."""
    return {"Code": CODES[name], "Name": name}


def failed(server: Server) -> bool:
    """Tell whether a server exists but failed to launch."""
    return server.status == "ERROR" and not server.launched_at


def reason(server: Server) -> dict[str, str] | None:
    """Return StateReason: why an instance is stopped or terminated, or that it is pending."""
    if failed(server):
        full = "no valid host" in server.fault.lower()
        code = "Server.InsufficientInstanceCapacity" if full else "Server.InternalError"
        return {"Code": code, "Message": f"{code}: {server.fault or 'The launch failed.'}"}
    if state(server) == PENDING:  # as AWS's example of `run-instances` shows it
        return {"Code": PENDING, "Message": PENDING}
    if state(server) in (TERMINATED, SHUTTING_DOWN, STOPPED, STOPPING):
        code = "Client.UserInitiatedShutdown"
        return {"Code": code, "Message": f"{code}: User initiated shutdown"}
    return None


def transition(server: Server) -> str:
    """Return StateTransitionReason, which is empty unless the instance ended or failed."""
    if server.terminated_at:
        return f"User initiated ({server.terminated_at:%Y-%m-%d %H:%M:%S} GMT)"
    found = reason(server)
    return found["Message"] if found and failed(server) else ""
