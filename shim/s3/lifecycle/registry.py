"""The registry of the buckets that have lifecycle rules: where the sweeper finds its work.

It is a container of the service project with a small object for each bucket, `<project id>/<bucket>`.  So the cost of a
sweep grows with the buckets that have rules, and not with all projects and buckets.  An entry says only where to look:
the rules are in the bucket, and the sweeper removes an entry whose bucket has none.  See decision 18.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from adapters.errors import BackendError, Fault, absent_is
from adapters.ports.objects import ObjectStore
from adapters.types.objects import Description
from shim.context import Call
from shim.errors import AwsError
from shim.s3 import paging

CONTAINER: Final = "passerelle-lifecycle"
# Faults that mean that the service user cannot act in the project, and not that something is broken.
_NO_IDENTITY: Final = frozenset({Fault.FORBIDDEN, Fault.UNSUPPORTED, Fault.UNAUTHORIZED})
_MISSING: Final = (
    "Lifecycle rules need the gateway's service identity, which the operator of this cloud has not enabled for this "
    "project."
)
_MOST_BYTES: Final = 8192  # of an entry: a key and a little more


class Entry(NamedTuple):
    """A bucket that has, or had, lifecycle rules."""

    project: str
    bucket: str

    @property
    def name(self) -> str:
        """The name of its object."""
        return f"{self.project}/{self.bucket}"


@asynccontextmanager
async def alone(call: Call, bucket: str) -> AsyncIterator[None]:
    """Hold the lock under which a bucket's rules and its entry change together."""
    async with call.locks.hold("lifecycle", call.caller.project_id, bucket):
        yield


async def enter(call: Call, bucket: str) -> None:
    """Enter the caller's bucket; raise NotImplemented where nothing could execute its rules."""
    project = call.caller.project_id
    try:
        await call.clouds.service(project, call.request_id)  # as the sweeper will act there
        own = await call.clouds.own(call.request_id)
        await note(own.objects, Entry(project, bucket), "")
    except BackendError as error:
        if error.fault not in _NO_IDENTITY:
            raise
        raise AwsError("NotImplemented", _MISSING, 501, refused="LifecycleConfiguration") from error


async def leave(call: Call, bucket: str) -> None:
    """Remove the entry of the caller's bucket; it may be absent, and so may the service identity."""
    try:
        own = await call.clouds.own(call.request_id)
        await absent_is(None, own.objects.delete(CONTAINER, Entry(call.caller.project_id, bucket).name))
    except BackendError as error:
        if error.fault not in _NO_IDENTITY:
            raise


async def entries(store: ObjectStore) -> list[Entry]:
    """Return all entries of the service project, the one that was swept longest ago first."""
    found = await absent_is(list[tuple[str, Entry]](), _listed(store))  # absent: nobody has put rules yet
    return [entry for _, entry in sorted(found)]


async def _listed(store: ObjectStore) -> list[tuple[str, Entry]]:
    """List the entries with the times at which they were written."""
    found: list[tuple[str, Entry]] = []
    async for page in paging.pages(store, CONTAINER):
        for row in page:
            project, slash, bucket = row["name"].partition("/")
            if project and slash and bucket:
                found.append((row["last_modified"], Entry(project, bucket)))
    return found


async def note(store: ObjectStore, entry: Entry, marker: str) -> None:
    """Write an entry with the key up to which its bucket is swept; '' if a sweep is complete, or has not begun."""
    text = json.dumps({"marker": marker}).encode() if marker else b""
    described = Description("application/json")
    if await absent_is(None, store.put(CONTAINER, entry.name, text, len(text), described)) is None:
        await store.create_container(CONTAINER)
        await store.put(CONTAINER, entry.name, text, len(text), described)


async def marker(store: ObjectStore, entry: Entry) -> str:
    """Return where an interrupted sweep of a bucket goes on; '' for its beginning."""
    download = await absent_is(None, store.get(CONTAINER, entry.name))
    if download is None:
        return ""
    try:
        if not isinstance(download.body, bytes) or download.stored.size > _MOST_BYTES:
            return ""
        told: Any = json.loads(download.body or b"{}")
        found = told.get("marker") if isinstance(told, dict) else None
        return found if isinstance(found, str) else ""
    except ValueError:
        return ""
    finally:
        download.close()
