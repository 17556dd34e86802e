"""What a launch leaves on its servers, so that a request repeated with its ClientToken finds it, whole or half done.

A gateway may be killed in mid-launch, and Nova changes neither metadata nor tags of a server that is being built: no
mark can be set at the end.  So the order of making tells: the last of the MinCount servers is made when all the others
are there (`instance_launch`), and a launch is whole as soon as that one exists.

While a server is there, its tag finds it and its metadata tells the rest; of a deleted one Nova keeps the description.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.errors import BackendError, absent_is
from adapters.types.compute import Server
from shim.concurrency import each, together
from shim.context import Call
from shim.ec2.engine import client_tokens
from shim.ec2.instances import facts as instance_facts
from shim.ec2.instances.states import ENDING, SHUTTING_DOWN, state
from shim.errors import AwsError

log = logging.getLogger(__name__)

_PREFIX = "ec2-ct-"
_UNDONE = "undone"
_DELETED = frozenset({"DELETED", "SOFT_DELETED"})
# AWS remembers a token for a day after the end; here it is as long as terminated instances are shown, and at least so
# long that whoever repeats a request for want of an answer has given up.
_LEAST_SECONDS = 3600
_QUIET_SECONDS = 2.0
_MOST_LOOKS = 8  # with the launch itself still within the 60 s that SDKs wait


@dataclass(frozen=True, slots=True)
class Memory:
    """One ClientToken and the request it came with: `marks` for metadata, `tag` as Nova's tag and in descriptions.

    `reservation` follows from the token, so that two gateways that end one launch launch together.
    """

    marks: Mapping[str, str]
    tag: str
    reservation: str

    def note(self, number: int) -> str:
        """Write the description of the server with that launch index."""
        return f"{self.tag} {self.marks[client_tokens.DIGEST][:16]} {number}"


def memory(call: Call, req: Mapping[str, Any]) -> Memory | None:
    """Read what a launch is to be remembered by; None where the request carries no token."""
    marks = client_tokens.marks(req)
    if not marks:
        return None
    token = marks[client_tokens.TOKEN]
    # Nova's tags hold 60 characters, and neither slashes nor commas.
    tag = _PREFIX + hashlib.sha256(token.encode()).hexdigest()[:40]
    return Memory(marks, tag, uuid.uuid5(uuid.NAMESPACE_OID, f"{call.caller.project_id} {token}").hex)


def number(server: Server) -> int:
    """Tell a server's launch index, from its description where the metadata is gone."""
    word = server.metadata.get(instance_facts.INDEX) or server.description.removesuffix(ENDING).rpartition(" ")[2]
    return instance_facts.count(word) or 0


async def recall(call: Call, known: Memory, least: int) -> tuple[list[Server], bool]:
    """Return the servers of an earlier attempt, one for each index, and whether they are all there need be.

    To be called under the token's lock.  Half a launch is looked at again until nothing is added to it: Nova goes on
    with what a killed gateway asked of it, and what came after this would be there twice.  Raises
    IdempotentParameterMismatch, and IdempotentInstanceTerminated where a launch was whole and all of it has been
    terminated.
    """
    found, whole = await _recalled(call, known, least)
    for _ in range(_MOST_LOOKS):
        if whole or not found:
            break
        await asyncio.sleep(_QUIET_SECONDS)
        before = len(found)
        found, whole = await _recalled(call, known, least)
        if len(found) == before:
            break
    return found, whole


async def _recalled(call: Call, known: Memory, least: int) -> tuple[list[Server], bool]:
    seconds = max(call.settings.terminated_visible_seconds, _LEAST_SECONDS)
    since = datetime.now(UTC) - timedelta(seconds=seconds)
    tagged, deleted = await together(
        call.cloud.compute.servers(tag=known.tag), call.cloud.compute.deleted_servers(since)
    )
    # Nova still lists a server by its tag for some seconds after its end.
    gone = _by_id(one for one in (*tagged, *deleted) if one.status in _DELETED and _noted(one, known))
    there = [one for one in tagged if one.status not in _DELETED]
    await each(take_back(call, known, one.id) for one in there if _undone(one) and state(one) != SHUTTING_DOWN)
    live = await one_each(call, known, counting(there))
    _same_request(known, live, gone.values())
    staying = [one for one in live if state(one) != SHUTTING_DOWN]
    # Of a launch longer ago than deleted servers are remembered nobody can tell: it is left as it is.
    old = any(one.created_at < since for one in live)
    if not old and not any(number(one) >= least - 1 for one in (*live, *gone.values())):
        return staying, False
    if not staying:
        raise AwsError(
            "IdempotentInstanceTerminated",
            "The request to launch an instance uses the same client token as a previous request for which the instance "
            "has been terminated.",
        )
    return [*live, *(_revived(one, live[0]) for one in gone.values())], True


def counting(servers: Iterable[Server]) -> list[Server]:
    """Leave out what is deleted, and what an attempt took back: it answers for nothing any more."""
    return [one for one in servers if one.status not in _DELETED and not _undone(one)]


async def one_each(call: Call, known: Memory, servers: Sequence[Server]) -> list[Server]:
    """Keep one server for each index and take the others back.

    What a killed gateway had asked of Nova may still be made while another gateway makes it anew.
    """
    kept: dict[int, Server] = {}
    for server in sorted(servers, key=lambda one: (state(one) == SHUTTING_DOWN, one.created_at, one.id)):
        kept.setdefault(number(server), server)
    surplus = [one for one in servers if kept[number(one)] is not one and state(one) != SHUTTING_DOWN]
    await each(take_back(call, known, one.id) for one in surplus)
    return sorted(kept.values(), key=number)


async def take_back(call: Call, known: Memory, id: str) -> None:
    """Delete a server in such a way that it answers for nothing any more: the token may launch again."""
    compute = call.cloud.compute
    await _describe_undone(call, known, id)
    await absent_is(None, compute.delete_server(id))
    # Nova loses what is written between the request and the server's first record: what is deleted then leaves no
    # record, and what is deleted later takes a second writing.
    await _describe_undone(call, known, id)


async def _describe_undone(call: Call, known: Memory, id: str) -> None:
    try:
        await absent_is(None, call.cloud.compute.set_server_description(id, f"{known.tag} {_UNDONE}"))
    except BackendError as error:
        log.warning("server %s could not be marked as undone: %s", id, error.fault.value)


def _by_id(servers: Iterable[Server]) -> dict[str, Server]:
    return {one.id: one for one in servers}


def _noted(server: Server, known: Memory) -> bool:
    words = server.description.split(" ")
    return words[0] == known.tag and words[-1] != _UNDONE


def _undone(server: Server) -> bool:
    return server.description.startswith(_PREFIX) and server.description.endswith(f" {_UNDONE}")


def _same_request(known: Memory, live: Iterable[Server], gone: Iterable[Server]) -> None:
    for server in live:
        client_tokens.same(known.marks, server.metadata)
    digest = known.marks[client_tokens.DIGEST]
    for server in gone:
        start = server.description.split(" ")[1]
        client_tokens.same(known.marks, {client_tokens.DIGEST: digest if digest.startswith(start) else start})


def _revived(server: Server, sibling: Server) -> Server:
    """Give a deleted server back what its answer needs, of which it had the same as those launched with it."""
    shared = (client_tokens.TOKEN, instance_facts.RESERVATION)
    facts = {name: sibling.metadata[name] for name in shared if name in sibling.metadata}
    return replace(server, metadata={**facts, instance_facts.INDEX: str(number(server))})
