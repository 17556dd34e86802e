"""Terminated instances as rows with cached XML: they do not change, and an account may have a thousand of them.

Building and writing a row takes fifty times as long as finding its XML.  The XML depends on the server, the account and
the zone names of the region that the client signed for, so each replica caches it by account and region.  The XML may
use the part of the account's share of the cache that the servers leave; other rows are written again each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final

from adapters.types.compute import Server
from shim.cache import Key, weight
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question
from shim.ec2.engine.zones import zone_names
from shim.ec2.instances.rows import InstanceContext, reservation
from shim.ec2.instances.terminated import ID_BYTES, remembered_bytes
from shim.ec2.service import ec2
from shim.protocol.coverage import shape_at
from shim.protocol.xml.rows import Written
from shim.protocol.xml.write import Compiler

_ROWS_A_TURN = 20  # built before the event loop runs other requests
_SPARE_BYTES = 4096  # for the cache's own entries
_ANSWER: Final = ec2.model.operation_model("DescribeInstances").output_shape
_xml = Compiler().text_of_members(shape_at(_ANSWER, "Reservations").member)


async def terminated_rows(
    call: Call, asked: Question, servers: Iterable[Server], context: InstanceContext
) -> list[Written]:
    """Write deleted servers as reservations; rows have members other than "InstanceId" only if filters read them.

    The XML is cached only if the request has neither ids nor filters, because then `servers` are all that are shown.
    """
    key = "terminated rows", call.caller.account_id, zone_names(call)
    known: Mapping[str, Written] = call.cache.get(call.caller.project_id, key) or {}
    rows: dict[str, Written] = {}
    built = 0
    for server in servers:
        kept = known.get(server.id)
        if kept is not None and not asked.filters:
            rows[server.id] = kept
            continue
        row: Mapping[str, Any] = reservation(server, context)
        name = {"InstanceId": ids.aws("i", server.id)}
        rows[server.id] = Written({**name, **(row if asked.filters else {})}, kept.xml if kept else _xml(row))
        built += 1
        if built % _ROWS_A_TURN == 0:
            await asyncio.sleep(0)
    if not asked.ids and not asked.filters and (built or len(rows) != len(known)):
        _keep(call, key, rows, known)
    return list(rows.values())


def _keep(call: Call, key: Key, rows: Mapping[str, Written], known: Mapping[str, Written]) -> None:
    room = call.cache.owner_bytes - remembered_bytes(call) - _SPARE_BYTES
    kept: dict[str, Written] = {}
    size = 0
    for name, row in rows.items():
        size += weight(row) + ID_BYTES
        if size > room:
            break
        kept[name] = row
    if kept.keys() != known.keys():
        seconds = call.settings.terminated_visible_seconds
        call.cache.put(call.caller.project_id, key, kept, size=size, seconds=seconds)
