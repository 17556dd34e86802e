"""A bucket's configuration: items of its container's metadata, read at most once a request and kept for a while.

Whoever has no configuration pays nothing for it: only an action that asks for it reads it, from the cache that all
requests of a gateway share, and at most once every `KEEP_SECONDS` from Swift.  So another replica's change shows after
as long; AWS says of most sub-resources that a change may take minutes to hold everywhere.  Own changes show at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shim.cache import weight
from shim.context import Call

KEEP_SECONDS: Final = 30.0
PREFIX: Final = "s3-config-"  # of the items that are ours; all others are of OpenStack's own tools
_SORT: Final = "bucket"  # how the metrics call these look-ups


async def configuration(call: Call, bucket: str) -> Mapping[str, str]:
    """Return a bucket's configuration, which may be some seconds old; raises as ObjectStore.container does."""
    found = call.configurations.get(bucket)
    if found is None:
        found = call.cache.get(call.caller.account_id, (_SORT, bucket))
        if found is None:
            found = await read(call, bucket)
        call.configurations[bucket] = found
    return found


async def read(call: Call, bucket: str) -> Mapping[str, str]:
    """Return a bucket's configuration as it is now, for the actions that show it or that must know the bucket there."""
    container = await call.cloud.objects.container(bucket)
    found = {name.removeprefix(PREFIX): value for name, value in container.metadata.items() if name.startswith(PREFIX)}
    _keep(call, bucket, found)
    return found


async def configure(call: Call, bucket: str, items: Mapping[str, str]) -> None:
    """Set items of a bucket's configuration; an empty value removes an item, and all other items stay."""
    try:
        await call.cloud.objects.set_container_metadata(
            bucket, {f"{PREFIX}{name}": value for name, value in items.items()}
        )
    finally:  # also where the answer was lost, as the change may have come through
        forget(call, bucket)


def forget(call: Call, bucket: str) -> None:
    """Drop what is known of a bucket's configuration: it was changed, made or deleted."""
    call.configurations.pop(bucket, None)
    call.cache.drop(call.caller.account_id, (_SORT, bucket))


def _keep(call: Call, bucket: str, found: Mapping[str, str]) -> None:
    call.configurations[bucket] = found
    call.cache.put(call.caller.account_id, (_SORT, bucket), found, size=weight(found), seconds=KEEP_SECONDS)
