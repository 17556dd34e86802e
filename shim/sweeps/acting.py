"""Does what is due by the actions of S3 themselves, so that their rules hold: locks, segments, versions, records.

Each deletion of an object names the time at which the listing showed it.  It is compared again under the object's lock,
right before the deletion, so an object that was overwritten since then stays.  Versions are compared by `unchanged`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

from adapters.errors import BackendError, Fault
from shim.context import Call
from shim.errors import AwsError
from shim.s3.lifecycle.evaluation import Action, Due
from shim.s3.lifecycle.registry import Entry
from shim.s3.multipart.multipart import abort_multipart_upload
from shim.s3.objects.conditions import LastCheck
from shim.s3.objects.deleting import expire_object, expire_version
from shim.s3.objects.records import alone
from shim.s3.objects.versions import settle
from shim.sweeps.counts import DONE, FAILED, KEPT, tell
from shim.sweeps.listed import Found
from shim.sweeps.tools import Tools
from shim.undo import to_the_end

# Faults that the next object would meet too: the sweep of the bucket ends, and the next sweep tries again.
OF_THE_BUCKET: Final = frozenset(
    {Fault.UNAVAILABLE, Fault.THROTTLED, Fault.UNAUTHORIZED, Fault.FORBIDDEN, Fault.UNSUPPORTED}
)
LOCKS: Final = "coordination"  # the service of a lock that somebody holds for long


async def act(
    tools: Tools, call: Call, entry: Entry, due: Due, found: Found, still_due: LastCheck | None = None
) -> None:
    """Do what is due to a version if `still_due` does not raise; a current one must still be the one of that time."""
    key = found.version.key
    if due.action is Action.EXPIRE:
        work = _expire(call, entry.bucket, found, still_due)
    else:
        work = expire_version(call, entry.bucket, key, found.id, still_due)
    await _do(tools, entry, due, key, found.shown, work)


async def _expire(call: Call, bucket: str, found: Found, still_due: LastCheck | None) -> None:
    key = found.version.key
    if not found.linked:  # a gateway died after it deleted the version that was current
        async with alone(call, bucket, key):
            await settle(call, bucket, key)
    await expire_object(call, bucket, key, found.version.modified, still_due)


async def abort(tools: Tools, call: Call, entry: Entry, due: Due, key: str, upload: str, initiated: datetime) -> None:
    """Abort an upload that is still open."""
    asked: dict[str, Any] = {"Bucket": entry.bucket, "Key": key, "UploadId": upload, "IfMatchInitiatedTime": initiated}
    await _do(tools, entry, due, key, upload, abort_multipart_upload(call, asked))


async def _do(tools: Tools, entry: Entry, due: Due, key: str, version: str, work: Awaitable[Any]) -> None:
    """Await an action, to its end even if the sweeper is stopped, and tell its outcome."""
    async with telling(tools, entry, due, key, version):
        await tools.pace.turn()
        await to_the_end(work)
        tell(tools.counts, entry, due, key, version, DONE)


@asynccontextmanager
async def telling(tools: Tools, entry: Entry, due: Due, key: str, version: str = "") -> AsyncIterator[None]:
    """Tell a failure of the block as the outcome of an action; raise only what the next object would meet too."""
    try:
        yield
    except AwsError as error:
        outcome = FAILED if error.status >= 500 else KEPT
        tell(tools.counts, entry, due, key, version, outcome, error.code)
    except BackendError as error:
        held = error.service == LOCKS
        tell(tools.counts, entry, due, key, version, KEPT if held else FAILED, error.fault.value)
        if error.fault in OF_THE_BUCKET and not held:
            raise
