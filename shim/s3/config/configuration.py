"""A bucket's configuration: items of its container's metadata, read at most once a request, and cached.

Only actions that need it read it, from the cache that all requests of a gateway share, and at most once every
`KEEP_SECONDS` from Swift.  So another replica's change is seen after that time; AWS documents of most sub-resources
that a change may take minutes.  Changes through the same gateway are seen at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shim.cache import weight
from shim.context import Call

KEEP_SECONDS: Final = 30.0
PREFIX: Final = "s3-config-"  # of the gateway's items; others belong to OpenStack's own tools
_CHANGE: Final = "bucket-change"
_LONGEST_READ: Final = 120.0  # seconds; longer than any answer of Swift to a HEAD is waited for
_SORT: Final = "bucket"  # the name of these look-ups in the metrics


async def configuration(call: Call, bucket: str) -> Mapping[str, str]:
    """Return a bucket's configuration, which may be some seconds old; raises as ObjectStore.container does."""
    found = call.configurations.get(bucket)
    if found is None:
        found = call.cache.get(call.caller.project_id, (_SORT, bucket))
        if found is None:
            found = await read(call, bucket)
        call.configurations[bucket] = found
    return found


async def read(call: Call, bucket: str) -> Mapping[str, str]:
    """Return a bucket's configuration from Swift, for actions that show it or that must fail without the bucket."""
    change = _last_change(call, bucket)
    container = await call.cloud.objects.container(bucket)
    found = {name.removeprefix(PREFIX): value for name, value in container.metadata.items() if name.startswith(PREFIX)}
    call.configurations[bucket] = found
    if _last_change(call, bucket) is change:  # else Swift may have answered before that change
        call.cache.put(call.caller.project_id, (_SORT, bucket), found, size=weight(found), seconds=KEEP_SECONDS)
    return found


async def configure(call: Call, bucket: str, items: Mapping[str, str]) -> None:
    """Set items of a bucket's configuration; an empty value removes an item, and all other items stay."""
    try:
        await call.cloud.objects.set_container_metadata(
            bucket, {f"{PREFIX}{name}": value for name, value in items.items()}
        )
    finally:  # also on failure, as the change may have been made
        forget(call, bucket)


def forget(call: Call, bucket: str) -> None:
    """Drop a bucket's cached configuration, after a change, a creation or a deletion."""
    call.configurations.pop(bucket, None)
    call.cache.drop(call.caller.project_id, (_SORT, bucket))
    call.cache.put(call.caller.project_id, (_CHANGE, bucket), object(), size=0, seconds=_LONGEST_READ)


def _last_change(call: Call, bucket: str) -> object:
    """Return what stands for the last change by this gateway; None where there was none for a while."""
    return call.cache.get(call.caller.project_id, (_CHANGE, bucket))
