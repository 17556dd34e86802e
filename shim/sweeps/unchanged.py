"""Looks once more, under the key's lock, whether a version that is to be deleted for good may go.

Since the listing was read the versions above it may have been deleted, so that it is current now, or became noncurrent
later, or is one of those that a rule keeps.
"""

from __future__ import annotations

from collections.abc import Sequence

from adapters.errors import absent_is
from adapters.types.objects import NULL_VERSION, Listing
from shim.concurrency import gather
from shim.context import Call
from shim.s3.errors import precondition_failed
from shim.s3.lifecycle.evaluation import Rule
from shim.s3.objects import versions
from shim.sweeps.listed import Found


async def check_unchanged(call: Call, bucket: str, found: Found, wanted: Sequence[Rule]) -> None:
    """Raise PreconditionFailed if a noncurrent version or a delete marker is no longer what the listing showed.

    A current object is not looked at here, as its deletion names its time.
    """
    version = found.version
    if version.noncurrent_since is not None:
        kept = min(version.newer_noncurrent, max(rule.newer_noncurrent for rule in wanted))
        same = all(
            await gather(
                _is_not_current(call, bucket, found),
                _has_successor(call, bucket, found),
                _has_newer(call, bucket, found, kept),
            )
        )
    else:
        same = not version.is_marker or await _is_alone(call, bucket, found)
    if not same:
        raise precondition_failed("x-amz-version-id")


async def _is_not_current(call: Call, bucket: str, found: Found) -> bool:
    """Return whether Swift serves another version, or none, under the object's name."""
    current = await absent_is(None, call.cloud.objects.head(bucket, found.version.key))
    return current is None or current.version != found.id


async def _has_successor(call: Call, bucket: str, found: Found) -> bool:
    """Return whether the version that made this one noncurrent is still there."""
    key, successor = found.version.key, found.successor
    if successor != NULL_VERSION:
        return await versions.is_there(call, bucket, key, successor)
    stored = await absent_is(None, call.cloud.objects.head(bucket, key, version=successor))
    return stored is not None and stored.modified == found.version.noncurrent_since


async def _has_newer(call: Call, bucket: str, found: Found, kept: int) -> bool:
    """Return whether so many noncurrent versions are newer; that a current one is has been asked before."""
    if not kept:
        return True
    newest = await _newest(call, bucket, found, kept + 1)
    return len(newest) == kept + 1 and found.id not in newest


async def _is_alone(call: Call, bucket: str, found: Found) -> bool:
    return await _newest(call, bucket, found, 2) == [found.id]


async def _newest(call: Call, bucket: str, found: Found, most: int) -> list[str]:
    """Return Swift's ids of the newest versions of a key."""
    rows = await call.cloud.objects.versions(bucket, Listing(prefix=found.version.key, limit=most))
    return [row["version_id"] for row in rows if row["name"] == found.version.key]
