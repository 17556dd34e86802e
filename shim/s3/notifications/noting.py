"""Notes events of objects for the destinations that their bucket's configuration names.

An action notes its events after they happened and before it answers: a client that was told of a success knows that
the records are on the gateway's disk.  If the bucket's configuration cannot be read at that moment, the action fails,
though the object is changed, and a repetition notes the event.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from shim.context import Call
from shim.errors import AwsError
from shim.notices.segments import Notice
from shim.s3.config import documents
from shim.s3.config.configuration import configuration
from shim.s3.notifications.document import Rule, rules
from shim.s3.notifications.record import Event, Scene, record

log = logging.getLogger(__name__)

NAME: Final = "notification"  # the item of the bucket's configuration
_SORT: Final = "notification"  # the name of these look-ups in the metrics
_KEEP_SECONDS: Final = 600.0  # the rules of an item never change
_MANY: Final = 50  # records of as many events take about a millisecond
_COMPILED: Final = 12  # bytes that rules take for each byte of their document, about


async def note(call: Call, bucket: str, *events: Event) -> None:
    """Note events of a bucket's objects, if its configuration names destinations for them."""
    if NAME not in await configuration(call, bucket):
        return
    wanted = await _rules(call, bucket)
    work = partial(_notices, call, bucket, events, wanted)
    notices = work() if len(events) < _MANY else await call.worker.run(call.caller.account_id, work)
    if not notices:
        return
    if call.notices is None:
        log.warning("request %s: bucket %s has notifications, and no destinations are set", call.request_id, bucket)
        return
    await call.notices.put(call.caller.project_id, notices)


async def created(call: Call, bucket: str, key: str, name: str, answer: Mapping[str, Any], size: int) -> None:
    """Note that an object was written, from the members of the action's answer."""
    await note(call, bucket, Event(name, key, size, answer["ETag"].strip('"'), answer.get("VersionId", "")))


def _notices(call: Call, bucket: str, events: Sequence[Event], wanted: Sequence[Rule]) -> list[Notice]:
    at, order = datetime.now(UTC), time.time_ns()
    requester = call.requester
    user = f"AWS:{requester.user_id}" if requester.user_id else "Anonymous" if call.client else ""
    scene = Scene(call.region, call.request_id, user, call.client, bucket, call.caller.project_id)
    return [
        Notice(rule.destination, at.timestamp(), {"Records": [record(event, scene, rule.id, at, order + place)]})
        for place, event in enumerate(events)
        for rule in wanted
        if rule.covers(event.name, event.key)
    ]


async def _rules(call: Call, bucket: str) -> Sequence[Rule]:
    """Return the rules of a bucket, which may be some seconds old; none for a document damaged through Swift."""
    try:
        item, kept = await documents.recent(call, bucket, NAME)
        if not kept:
            return ()
        project, key = call.caller.project_id, (_SORT, bucket, item)
        found: Sequence[Rule] | None = call.cache.get(project, key)
        if found is None:
            try:
                found = tuple(rules(kept))
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise documents.unreadable(bucket, NAME, "it has no notifications") from error
            call.cache.put(project, key, found, size=_COMPILED * len(json.dumps(kept)), seconds=_KEEP_SECONDS)
    except AwsError as error:
        log.warning("request %s: bucket %s notifies nobody: %s", call.request_id, bucket, error.message)
        return ()
    return found
