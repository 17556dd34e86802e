"""DeleteBucket: the container of an empty bucket goes, then the further containers that a bucket may have.

A gateway that dies after the first of these leaves the others.  They go with the next bucket of that name.  Nothing is
deleted on the word that there is no such bucket: Swift's proxy says so, too, while it cannot read the account.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from adapters.errors import BackendError, Fault, absent_is
from adapters.types.objects import Listing
from shim.context import Call
from shim.s3 import name_registry, names
from shim.s3.config import configuration, documents
from shim.s3.lifecycle import registry, rules
from shim.s3.objects.conditions import present
from shim.s3.paging import MOST_KEYS
from shim.s3.placement import places
from shim.s3.service import action

log = logging.getLogger(__name__)

_MOST_STALE_ROWS: Final = 20


@action(supports="Bucket ExpectedBucketOwner")
async def delete_bucket(call: Call, req: Mapping[str, Any]) -> None:
    """Delete an empty bucket with its configuration, left side records and the parts of its abandoned uploads."""
    name = names.bucket(call, req)
    configured = await configuration.read(call, name)
    further = {names.documents(name), names.records(name), *await places.containers(call, name)}
    # A new bucket of that name is made after all this is deleted.
    async with name_registry.releasing(call, name), documents.alone(call, name):
        further |= await _left_behind(call, name)
        await delete_container(call, name)
        configuration.forget(call, name)
        await _drop(call, further)
        if rules.NAME in configured:
            await _leave(call, name)


async def _left_behind(call: Call, name: str) -> set[str]:
    """Return the containers of segments that an earlier bucket of that name had, under policies that are known.

    The account's listing may lag behind; then they go with a later bucket.
    """
    store = call.cloud.objects
    here = {one.name for one in await store.containers(prefix=names.segments(name), limit=MOST_KEYS)}
    known = {*(await store.limits()).policies, *call.settings.s3_storage_classes.values()}  # Swift may hide its own
    return here & {names.segments(name, policy) for policy in known}


async def _leave(call: Call, name: str) -> None:
    """Remove a deleted bucket from the registry of lifecycle rules; the sweeper removes an entry that stays."""
    try:
        await registry.leave(call, name)
    except BackendError as error:
        log.warning("request %s: the lifecycle entry of %s stays behind: %s", call.request_id, name, error)


async def delete_container(call: Call, name: str) -> None:
    """Delete a bucket's container, even if its listing still shows deleted objects."""
    store = call.cloud.objects
    versioned = (await store.container(name)).versions
    if versioned is not None and await store.versions(name, Listing(limit=1)):
        raise BackendError(Fault.CONFLICT, service="object-store", resource="container", id=name)
    try:
        await store.delete_container(name)
    except BackendError as error:
        if error.fault is Fault.CONFLICT and versioned:
            # Swift has deleted the container of the versions, and cannot store objects without it.
            await store.keep_versions(name)
        if error.fault is not Fault.CONFLICT or not await _only_stale_rows(call, name):
            raise
        await store.delete_container(name)


async def _only_stale_rows(call: Call, name: str) -> bool:
    """Return whether all listed objects are already deleted; if so, remove them from the listing.

    A busy container server may learn of a deletion late.
    """
    store = call.cloud.objects
    listed = [row["name"] for row in await store.objects(name, Listing(limit=_MOST_STALE_ROWS + 1))]
    if len(listed) > _MOST_STALE_ROWS:
        return False
    for key in listed:
        if await present(call, name, key) is not None:
            return False
    for key in listed:
        if not await store.drop_stale_row(name, key):  # stored after the check
            return False
    return True


async def _drop(call: Call, containers: set[str]) -> None:
    """Empty and delete containers of a deleted bucket; failures are logged and leave the rest in place."""
    for container in sorted(containers):
        try:
            await absent_is(None, _emptied(call, container))
        except BackendError as error:
            log.warning("request %s: %s stays behind: %s", call.request_id, container, error)


async def _emptied(call: Call, container: str) -> None:
    store = call.cloud.objects
    while page := await store.objects(container, Listing(limit=MOST_KEYS)):
        if await store.delete_many(container, [row["name"] for row in page]):
            break
    await store.delete_container(container)
