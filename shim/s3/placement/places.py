"""The containers of a bucket's segments: its own, and one for each other storage policy that segments of it lie under.

In Swift a storage policy belongs to a container.  A bucket's configuration names the policies, so that deletions find
all these containers; a bucket without such an item has none of them.
"""

from __future__ import annotations

from typing import Final

from adapters.errors import absent_is
from shim.context import Call
from shim.s3 import names
from shim.s3.config.configuration import configuration, configure

ITEM: Final = "policy-"  # of a bucket's configuration, with the policy's name behind it


async def containers(call: Call, bucket: str) -> list[str]:
    """Return the names of all containers that a bucket's segments may lie in, there or not."""
    found = sorted(item for item in await configuration(call, bucket) if item.startswith(ITEM))
    return [names.segments(bucket), *(names.segments(bucket, item.removeprefix(ITEM)) for item in found)]


async def may_be_there(call: Call, bucket: str) -> bool:
    """Return whether a bucket may have segments: it has a container of them, or names a storage policy.

    The former may be missing, as an operator may delete it while it is empty.
    """
    if await call.cloud.objects.has_container(names.segments(bucket)):
        return True
    configured = await configuration(call, bucket)
    return bool(configured) and any(item.startswith(ITEM) for item in configured)  # most buckets have none


async def prepare(call: Call, bucket: str, policy: str) -> None:
    """Make the container of a bucket's segments under a storage policy, unless it is known to be there."""
    needed = names.segments(bucket), names.segments(bucket, policy)
    known = ITEM + policy in await configuration(call, bucket)
    if not known or not all([await call.cloud.objects.has_container(one) for one in needed]):
        await make(call, bucket, policy)


async def make(call: Call, bucket: str, policy: str) -> None:
    """Make the container of a bucket's segments under a storage policy.

    The bucket's own container of segments comes first: where it is missing, nobody looks for segments of an object.
    """
    store, home = call.cloud.objects, names.segments(bucket)
    if await absent_is(None, store.container(home)) is None:
        await store.create_container(home, like=bucket)
    configured = await configuration(call, bucket)
    # The item stays if Swift refuses the policy: another gateway may have needed it meanwhile.
    await configure(call, bucket, {ITEM + policy: "yes"})
    call.configurations[bucket] = {**configured, ITEM + policy: "yes"}  # for the rest of this request
    await store.create_container(names.segments(bucket, policy), like=bucket, policy=policy)
