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
_SORT: Final = "bucket"  # the name of these look-ups in the metrics


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
    """Return a bucket's configuration from Swift, for actions that show it or that must fail without the bucket."""
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
    finally:  # also on failure, as the change may have been made
        forget(call, bucket)


def forget(call: Call, bucket: str) -> None:
    """Drop a bucket's cached configuration, after a change, a creation or a deletion."""
    call.configurations.pop(bucket, None)
    call.cache.drop(call.caller.account_id, (_SORT, bucket))


def _keep(call: Call, bucket: str, found: Mapping[str, str]) -> None:
    call.configurations[bucket] = found
    call.cache.put(call.caller.account_id, (_SORT, bucket), found, size=weight(found), seconds=KEEP_SECONDS)
