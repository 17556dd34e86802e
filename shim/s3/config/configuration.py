"""A bucket's configuration: items of its container's metadata, cached, and read at most once per request.

Only actions that need it read it, from a cache that all requests of a gateway share and that reads Swift at most once
every `KEEP_SECONDS`.  So a gateway sees another replica's change after that time; AWS documents for most sub-resources
that a change may take minutes.  A gateway sees its own changes at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shim.cache import weight
from shim.context import Call

KEEP_SECONDS: Final = 30.0
PREFIX: Final = "s3-config-"  # of the gateway's items; others belong to OpenStack's own tools
SWIFT_VERSIONS: Final = "swift-versions"  # not an item: `on` or `off` if Swift keeps or kept the container's versions
_CHANGE: Final = "bucket-change"
_LONGEST_READ: Final = 120.0  # seconds; longer than the timeout of a HEAD to Swift
ELSEWHERE: Final = "elsewhere"  # of look-ups of buckets that another project has, in the metrics
SORT: Final = "bucket"  # the name of these look-ups in the metrics


async def configuration(call: Call, bucket: str) -> Mapping[str, str]:
    """Return a bucket's configuration, which may be some seconds old; raise as ObjectStore.container does."""
    found = call.configurations.get(bucket)
    if found is None:
        found = call.cache.get(call.caller.project_id, (SORT, bucket))
        if found is None:
            found = await read(call, bucket)
        call.configurations[bucket] = found
    return found


async def read(call: Call, bucket: str) -> Mapping[str, str]:
    """Return a bucket's configuration from Swift, for actions that show it or that must fail without the bucket."""
    change = _last_change(call, bucket)
    container = await call.cloud.objects.container(bucket)
    found = {name.removeprefix(PREFIX): value for name, value in container.metadata.items() if name.startswith(PREFIX)}
    found.pop(SWIFT_VERSIONS, None)
    if container.versions is not None:
        found[SWIFT_VERSIONS] = "on" if container.versions else "off"
    call.configurations[bucket] = found
    if _last_change(call, bucket) is change:  # otherwise Swift may have answered before the change
        call.cache.put(call.caller.project_id, (SORT, bucket), found, size=weight(found), seconds=KEEP_SECONDS)
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
    """Drop a bucket's cached configuration after a change, a creation or a deletion."""
    call.configurations.pop(bucket, None)
    call.cache.drop(call.caller.project_id, (SORT, bucket))
    call.cache.drop(call.caller.project_id, (ELSEWHERE, bucket))
    call.cache.put(call.caller.project_id, (_CHANGE, bucket), object(), size=0, seconds=_LONGEST_READ)


def _last_change(call: Call, bucket: str) -> object:
    """Return a token of this gateway's last change of the bucket; None if there was no recent change."""
    return call.cache.get(call.caller.project_id, (_CHANGE, bucket))
