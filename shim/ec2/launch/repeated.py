"""Find what a RunInstances request with the same ClientToken launched before, whole or half done.

A gateway may be killed in the middle of a launch, and Nova cannot change metadata or tags of a server while it builds
it, so the last step cannot set a mark.  The order of creation shows it instead: the last of the MinCount servers is
created after all the others exist (`run_instances`), so a launch is whole once that server exists.

An existing server is found by its tag and identified by its metadata.  For a deleted server Nova keeps only the
description.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from adapters.errors import BackendError, absent_is
from adapters.types.compute import Server
from shim.concurrency import gather, gather_all
from shim.context import Call
from shim.ec2.engine import client_tokens
from shim.ec2.instances import facts as instance_facts
from shim.ec2.instances.states import ENDING, SHUTTING_DOWN, state
from shim.ec2.tags.creating import HALF_DONE, Found
from shim.errors import AwsError

log = logging.getLogger(__name__)

_PREFIX = "ec2-ct-"
_UNDONE = "undone"
_DELETED = frozenset({"DELETED", "SOFT_DELETED"})
# AWS keeps a token for a day after termination.  The gateway keeps it as long as it shows terminated instances, and at
# least this long, which is longer than clients retry.
_LEAST_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class LaunchToken:
    """A ClientToken and its request: `marks` are metadata items, `tag` is Nova's tag and starts descriptions.

    `reservation` is derived from the token, so that two gateways that complete one launch use the same reservation.
    """

    marks: Mapping[str, str]
    tag: str
    reservation: str

    def description(self, number: int) -> str:
        """Return the description of the server with this launch index."""
        return f"{self.tag} {self.marks[client_tokens.DIGEST][:16]} {number}"


def token_of(call: Call, marks: Mapping[str, str]) -> LaunchToken | None:
    """Return the token of a launch from its metadata (`Creation.token`); None if the request has none."""
    if not marks:
        return None
    token = marks[client_tokens.TOKEN]
    # Nova's tags have at most 60 characters, without slashes and commas.
    tag = _PREFIX + hashlib.sha256(token.encode()).hexdigest()[:40]
    return LaunchToken(marks, tag, uuid.uuid5(uuid.NAMESPACE_OID, f"{call.caller.project_id} {token}").hex)


def number(server: Server) -> int:
    """Return a server's launch index, from its description if the metadata is deleted."""
    word = server.metadata.get(instance_facts.INDEX) or server.description.removesuffix(ENDING).rpartition(" ")[2]
    return instance_facts.count(word) or 0


async def launched_before(call: Call, token: LaunchToken, least: int, _: Mapping[str, str]) -> Found[Server]:
    """Find the servers of an earlier request, one for each index; half done if the last of the `least` is missing.

    Call it under the token's lock (`Creation.once`).  Raises IdempotentParameterMismatch, and
    IdempotentInstanceTerminated if the launch was whole and all its instances are terminated.
    """
    seconds = max(call.settings.terminated_visible_seconds, _LEAST_SECONDS)
    since = datetime.now(UTC) - timedelta(seconds=seconds)
    tagged, deleted = await gather(call.cloud.compute.servers(tag=token.tag), call.cloud.compute.deleted_servers(since))
    # Nova still lists a deleted server by its tag for some seconds.
    gone = _by_id(one for one in (*tagged, *deleted) if one.status in _DELETED and _noted(one, token))
    there = [one for one in tagged if one.status not in _DELETED]
    await gather_all(take_back(call, token, one.id) for one in there if _undone(one) and state(one) != SHUTTING_DOWN)
    live = await one_each(call, token, not_undone(there))
    _same_request(token, live, gone.values())
    staying = [one for one in live if state(one) != SHUTTING_DOWN]
    # Deleted servers of an older launch are no longer read, so such a launch counts as whole.
    old = any(one.created_at < since for one in live)
    if not old and not any(number(one) >= least - 1 for one in (*live, *gone.values())):
        return [(one, {**token.marks, HALF_DONE: ""}) for one in staying]
    if not staying:
        raise AwsError(
            "IdempotentInstanceTerminated",
            "The request to launch an instance uses the same client token as a previous request for which the instance "
            "has been terminated.",
        )
    whole = [*live, *(_revived(one, live[0]) for one in gone.values())]
    return [(one, token.marks) for one in whole]


def not_undone(servers: Iterable[Server]) -> list[Server]:
    """Leave out servers that are deleted or marked as undone; neither counts as launched."""
    return [one for one in servers if one.status not in _DELETED and not _undone(one)]


async def one_each(call: Call, token: LaunchToken, servers: Sequence[Server]) -> list[Server]:
    """Keep one server for each index and delete the others.

    Nova may still create a server for a killed gateway when another gateway asks for the same index.
    """
    kept: dict[int, Server] = {}
    for server in sorted(servers, key=lambda one: (state(one) == SHUTTING_DOWN, one.created_at, one.id)):
        kept.setdefault(number(server), server)
    surplus = [one for one in servers if kept[number(one)] is not one and state(one) != SHUTTING_DOWN]
    await gather_all(take_back(call, token, one.id) for one in surplus)
    return sorted(kept.values(), key=number)


async def take_back(call: Call, token: LaunchToken, id: str) -> None:
    """Delete a server and mark it as undone, so that the token can launch again."""
    compute = call.cloud.compute
    await _mark_undone(call, token, id)
    await absent_is(None, compute.delete_server(id))
    # Nova loses a description that is written before the server's record exists.  A server that is deleted before that
    # leaves no record; a server that is deleted later accepts the second write.
    await _mark_undone(call, token, id)


async def _mark_undone(call: Call, token: LaunchToken, id: str) -> None:
    try:
        await absent_is(None, call.cloud.compute.set_server_description(id, f"{token.tag} {_UNDONE}"))
    except BackendError as error:
        log.warning("server %s could not be marked as undone: %s", id, error.fault.value)


def _by_id(servers: Iterable[Server]) -> dict[str, Server]:
    return {one.id: one for one in servers}


def _noted(server: Server, token: LaunchToken) -> bool:
    words = server.description.split(" ")
    return words[0] == token.tag and words[-1] != _UNDONE


def _undone(server: Server) -> bool:
    return server.description.startswith(_PREFIX) and server.description.endswith(f" {_UNDONE}")


def _same_request(token: LaunchToken, live: Iterable[Server], gone: Iterable[Server]) -> None:
    for server in live:
        client_tokens.same(token.marks, server.metadata)
    digest = token.marks[client_tokens.DIGEST]
    for server in gone:
        start = server.description.split(" ")[1]
        client_tokens.same(token.marks, {client_tokens.DIGEST: digest if digest.startswith(start) else start})


def _revived(server: Server, sibling: Server) -> Server:
    """Return a deleted server with the metadata that the answer needs, copied from a server of the same launch."""
    shared = (client_tokens.TOKEN, instance_facts.RESERVATION)
    facts = {name: sibling.metadata[name] for name in shared if name in sibling.metadata}
    return replace(server, metadata={**facts, instance_facts.INDEX: str(number(server))})
