"""DescribeInstances: Nova's servers, all or by id, as reservations."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from adapters.errors import absent_is
from adapters.types.compute import Server
from shim.concurrency import gather
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import INSTANCE
from shim.ec2.engine.zones import resolve_zone_ids
from shim.ec2.instances.filters import ASSOCIATIONS, FILTERS
from shim.ec2.instances.rows import (
    InstanceContext,
    associations_of,
    instance_context,
    interfaces_of,
    reservation,
    volumes_of,
)
from shim.ec2.instances.states import CODES, TERMINATED
from shim.ec2.instances.terminated import remembered, terminated
from shim.ec2.instances.terminated_rows import terminated_rows
from shim.protocol.xml.rows import Written

# Filters, and the value of a terminated instance for each; it has no tags and no networks.
_ENDED: Mapping[str, str | None] = {
    "instance-state-name": TERMINATED,
    "instance-state-code": str(CODES[TERMINATED]),
    **dict.fromkeys(("tag", "tag-key", "tag-value", "vpc-id", "subnet-id"), None),
}


async def servers_of(call: Call, named: Sequence[str] = (), *, ended: bool = True) -> list[Server]:
    """Read all servers, or at least the named ones (UUIDs); a named server that does not exist is left out.

    Makes one OpenStack call, and a second for terminated servers if `ended` is set and they may be needed.
    """
    if len(named) == 1:
        if found := await absent_is(None, call.cloud.compute.server(named[0])):
            return [found]
        # Nova shows a deleted server only in lists.
        if not ended or (gone := remembered(call, named)):
            return gone if ended else []
        return [one for one in await terminated(call, living=None, absent=named) if one.id == named[0]]
    live = await call.cloud.compute.servers()
    absent = {*named} - {one.id for one in live}
    if ended and named and len(gone := remembered(call, absent)) == len(absent):
        return [*live, *gone]
    return merged(live, await terminated(call, living=[one.id for one in live]) if ended else ())


async def may_have_ended(asked: Question) -> bool:
    """Tell whether a terminated instance can pass the filters of a request."""
    return await asked.admits(_ENDED)


async def existing(call: Call, instance_ids: Iterable[str]) -> list[Server]:
    """Read the servers of these instance ids, in their order; raises NotFound with every id that does not exist."""
    asked = list(dict.fromkeys(instance_ids))
    named = [ids.uuid(INSTANCE, one) for one in asked]
    found = {server.id: server for server in await servers_of(call, named)} if named else {}
    if absent := [one for one, uuid in zip(asked, named, strict=True) if uuid not in found]:
        raise ids.missing(INSTANCE, absent)
    return [found[uuid] for uuid in named]


def merged(live: Iterable[Server], changed: Iterable[Server]) -> list[Server]:
    """Merge two lists: a server that is deleted in either is deleted, whichever was read first."""
    found = {server.id: server for server in changed}
    for server in live:
        if server.id not in found or found[server.id].status != "DELETED":
            found[server.id] = server
    return list(found.values())


def _row(server: Server, context: InstanceContext) -> dict[str, Any]:
    return {
        "InstanceId": ids.aws("i", server.id),
        ASSOCIATIONS: associations_of(server, context),
        **reservation(server, context),
    }


_HIDDEN = ("InstanceId", ASSOCIATIONS)


def grouped(rows: Collection[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Group reservations of one instance by their id, in their order; instances are sorted by launch index.

    Terminated instances are not grouped: Nova deletes a server's metadata with it, and so the reservation's id.
    """
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        if type(row) is Written:
            found[row["InstanceId"]] = row
            continue
        known = found.setdefault(
            row["ReservationId"],
            {name: value for name, value in row.items() if name not in _HIDDEN} | {"Instances": []},
        )
        known["Instances"] += row["Instances"]
    for one in found.values():
        if type(one) is not Written:
            one["Instances"].sort(key=lambda i: i["AmiLaunchIndex"])
    return list(found.values())


# A row is a reservation of one instance, so that filters can read both; "InstanceId" identifies and sorts it.  Pages
# count instances, which are grouped into reservations afterwards.
INSTANCES = Table(
    items="Reservations",
    id="InstanceId",
    ids="InstanceIds",
    resource_type=INSTANCE,
    paged_ids=False,
    filters=FILTERS,
    shown=grouped,
)


@describes(
    INSTANCES,
    supports="InstanceIds Filters MaxResults NextToken",
    ignores={"IncludeManagedResources": "no service of this cloud manages instances of its own for an account"},
)
async def describe_instances(call: Call, asked: Question) -> list[Row]:
    """List instances."""
    named = [ids.uuid(INSTANCE, one) for one in asked.ids]
    single = len(named) == 1
    servers, context, _ = await gather(
        servers_of(call, named, ended=await may_have_ended(asked)),
        interfaces_of(call, named[0]) if single else instance_context(call),
        resolve_zone_ids(call, asked, INSTANCES),
    )
    if single:
        context = replace(context, volumes=await volumes_of(call, servers))
    ended = [server for server in servers if server.status == "DELETED" and not server.metadata]
    rows = [_row(server, context) for server in servers if server.status != "DELETED" or server.metadata]
    return [*rows, *await terminated_rows(call, asked, ended, context)]
