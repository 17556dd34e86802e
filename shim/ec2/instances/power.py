"""Start, stop, reboot and terminate instances."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from adapters.errors import absent_is
from adapters.types.compute import Power, Server
from shim.concurrency import gather, gather_all
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.instances import facts as instance_facts
from shim.ec2.instances.instances import existing
from shim.ec2.instances.resizing import finish
from shim.ec2.instances.states import (
    ENDING,
    PENDING,
    RESIZES,
    RUNNING,
    SHUTTING_DOWN,
    STOPPED,
    STOPPING,
    TERMINATED,
    failed,
    shown,
    state,
)
from shim.ec2.interfaces import attachments
from shim.ec2.service import action
from shim.ec2.volumes import ending as volume_ending
from shim.errors import AwsError
from shim.protocol.values import only

# Nova's status of a server that does not run → the action that starts it.
_WAKE = {
    "SHUTOFF": Power.START,
    "PAUSED": Power.UNPAUSE,
    "SUSPENDED": Power.RESUME,
    "SHELVED": Power.UNSHELVE,
    "SHELVED_OFFLOADED": Power.UNSHELVE,
}
_MOST_DESCRIBED = 255 - len(ENDING)  # Nova's limit of a description, less the suffix
_SCHEDULING_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.5, 3, 4)  # seconds; a scheduler that takes longer is broken
_NO_HOST_OPTIONS = "an option of hosts that Nova does not have; AWS calls it reserved"


@action(supports="InstanceIds", ignores={"AdditionalInfo": _NO_HOST_OPTIONS})
async def start_instances(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Start stopped instances; running instances do not change."""
    servers = await existing(call, req["InstanceIds"])
    _all_in(servers, (STOPPED, PENDING, RUNNING), "started")

    async def start(server: Server) -> str:
        if state(server) != STOPPED:
            return state(server)
        if server.status in RESIZES:
            server = await finish(call, server.id)
        await call.cloud.compute.power_server(server.id, _WAKE.get(server.status, Power.START))
        return PENDING

    return {"StartingInstances": await _changes(servers, start)}


@action(
    supports="InstanceIds Hibernate",
    values={
        "Hibernate": only(
            False,
            code="UnsupportedHibernationConfiguration",
            message="Instances of this cloud cannot be hibernated.",
        )
    },
    ignores={"Force": "Nova cuts the power itself where the guest does not obey in time"},
)
async def stop_instances(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Stop running instances; Nova asks the guest to shut down, and powers it off after a timeout."""
    servers = await existing(call, req["InstanceIds"])
    for server in servers:
        if state(server) == PENDING:
            raise AwsError(
                "IncorrectInstanceState",
                f"Instance '{ids.aws('i', server.id)}' cannot be stopped as it has never reached the 'running' state.",
            )
    _all_in(servers, (RUNNING, STOPPING, STOPPED), "stopped")
    _unprotected(servers, instance_facts.NO_STOP, "stopped", "disableApiStop")

    async def stop(server: Server) -> str:
        if state(server) != RUNNING:
            return state(server)
        await call.cloud.compute.power_server(server.id, Power.STOP)
        return STOPPING

    return {"StoppingInstances": await _changes(servers, stop)}


@action(supports="InstanceIds")
async def reboot_instances(call: Call, req: Mapping[str, Any]) -> None:
    """Reboot running instances; "requests to reboot terminated instances are ignored"."""
    servers = [one for one in await existing(call, req["InstanceIds"]) if state(one) != TERMINATED]
    _all_in(servers, (RUNNING,), "rebooted")
    await gather_all(call.cloud.compute.reboot_server(server.id) for server in servers)


@action(
    supports="InstanceIds",
    ignores={
        "Force": "Nova does not wait for a guest that does not answer",
        "SkipOsShutdown": "Nova gives the guest the time that the operator set",
    },
)
async def terminate_instances(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Terminate instances, or none if one is protected; terminated instances do not change."""
    servers = await existing(call, req["InstanceIds"])
    _unprotected(servers, instance_facts.NO_TERMINATE, "terminated", "disableApiTermination")
    its, outlived = await gather(
        attachments.ending(call, [server.id for server in servers]), volume_ending.outlived(call, servers)
    )

    async def terminate(server: Server) -> str:
        if state(server) == TERMINATED and not failed(server):
            return TERMINATED
        await _until_scheduled(call, server)
        async with volume_ending.marked(call, server.id, outlived[server.id]):
            if not await attachments.end(call, server.id, its[server.id]):
                return TERMINATED
        if state(server) == PENDING and server.status == "BUILD":
            await _note_end(call, server)
        return TERMINATED if failed(server) else SHUTTING_DOWN

    return {"TerminatingInstances": await _changes(servers, terminate)}


async def _until_scheduled(call: Call, server: Server) -> None:
    """Wait some seconds until Nova's scheduler has chosen a host for a new server.

    Until Nova has stored the server in a cell, it deletes it without a trace (nova.compute.api,
    `_delete_while_booting`), but "Terminated instances remain visible after termination (for approximately one hour)"
    (TerminateInstances).
    """
    for pause in _SCHEDULING_PAUSES:
        if (server.status, server.task_state) != ("BUILD", "scheduling"):
            return
        await asyncio.sleep(pause)
        found = await absent_is(None, call.cloud.compute.server(server.id))
        if found is None:
            return
        server = found


async def _note_end(call: Call, server: Server) -> None:
    """Mark a server that is terminated while Nova builds it, because Nova goes on to show it as building."""
    ended = server.description[:_MOST_DESCRIBED] + ENDING
    await absent_is(None, call.cloud.compute.set_server_description(server.id, ended))


def _all_in(servers: Sequence[Server], allowed: tuple[str, ...], done: str) -> None:
    """Raise IncorrectInstanceState if a server's state is not allowed."""
    for server in servers:
        if state(server) not in allowed:
            raise AwsError(
                "IncorrectInstanceState",
                f"The instance '{ids.aws('i', server.id)}' is not in a state from which it can be {done}.",
            )


def _unprotected(servers: Sequence[Server], fact: str, done: str, attribute: str) -> None:
    """Raise OperationNotPermitted if a server is protected, by EC2's attribute or by Nova's lock."""
    for server in servers:
        if server.locked or instance_facts.flag(server.metadata, fact):
            how = (
                "It is locked in Nova."
                if server.locked
                else f"Modify its '{attribute}' instance attribute and try again."
            )
            raise AwsError(
                "OperationNotPermitted",
                f"The instance '{ids.aws('i', server.id)}' may not be {done}. {how}",
            )


async def _changes(servers: Sequence[Server], act: Callable[[Server], Awaitable[str]]) -> list[dict[str, Any]]:
    """Act on all servers concurrently; return the state of each before and after."""
    after = await gather_all(act(server) for server in servers)
    return [
        {
            "InstanceId": ids.aws("i", server.id),
            # Keep AWS's order: libcloud reads the first state in the document as the current one.
            "CurrentState": shown(became),
            "PreviousState": shown(state(server)),
        }
        for server, became in zip(servers, after, strict=True)
    ]
