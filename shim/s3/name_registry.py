"""The registry of bucket names: which project has the bucket of a name, for callers of other projects.

It is in Swift, in the gateway's own project: one container `name:<bucket>` for each name, with the owner's project in
its metadata.  It says only where a bucket is; whether a caller may use it is decided by the bucket's policy and ACL.
Without the service identity, or if the operator wants names per project, there is no registry.  See decision 11.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from enum import Enum
from typing import Final

from adapters.errors import BackendError, Fault, absent_is
from adapters.ports.objects import ObjectStore
from shim.context import Call
from shim.errors import AwsError
from shim.s3.names import is_bucket
from shim.undo import undoing

log = logging.getLogger(__name__)

_OWNER: Final = "passerelle-owner"
_SORT: Final = "name"  # these look-ups in the metrics
_SHARED: Final = "bucket names"  # the owner of entries in the cache that all accounts share
_KEEP_SECONDS: Final = 60.0
# Names that were found lately are looked up for nobody without a limit, so that made-up names do not delay them.
_FOUND: Final = "name-found"
_FOUND_SECONDS: Final = 86_400.0
_CLAIM_SECONDS: Final = 60.0  # a name without an owner for so long was claimed by a gateway that died
_NOBODY: Final = ""


class Claim(Enum):
    """What a claim of a name has found."""

    NEW = "the name was free"
    MINE = "the caller's project has had it"
    TAKEN = "another project has it"


async def store(call: Call) -> ObjectStore | None:
    """Return the object store with the registry, or None if there is no registry."""
    if call.settings.bucket_names == "project":
        return None
    cloud = await call.clouds.shared(call.request_id)
    return None if cloud is None else cloud.objects


async def owner(call: Call, bucket: str) -> str | None:
    """Return the project that has the bucket of a name, '' if none has; None if there is no registry.

    The answer may be a minute old.
    """
    # Names that nobody has are kept for the asking account, so that nobody can displace what others need.
    account = _asking(call)
    known: str | None = call.cache.get(_SHARED, (_SORT, bucket))
    if known is None:
        known = call.cache.get(account, (_SORT, bucket))
    if known is not None:
        return known
    names = await store(call)
    if names is None:
        return None
    if not is_bucket(bucket):
        return _NOBODY
    if account or call.unknown_names is None or call.cache.get(_SHARED, (_FOUND, bucket)):
        return await _look_up(call, names, bucket)
    async with call.unknown_names.lookup(call.client) as count_unknown:
        project = await _look_up(call, names, bucket)
        if not project:
            count_unknown()
        return project


async def _look_up(call: Call, names: ObjectStore, bucket: str) -> str | None:
    try:
        found = await absent_is(None, names.container(_name(bucket)))
    except BackendError as error:
        if error.fault is not Fault.FORBIDDEN:
            raise
        log.warning("the registry of bucket names is off: %s", error)
        return None
    project = found.metadata.get(_OWNER, _NOBODY) if found else _NOBODY
    if project:
        call.cache.put(_SHARED, (_SORT, bucket), project, size=64, seconds=_KEEP_SECONDS)
        call.cache.put(_SHARED, (_FOUND, bucket), True, size=0, seconds=_FOUND_SECONDS)
    else:
        call.cache.put(_asking(call), (_SORT, bucket), project, size=64, seconds=_KEEP_SECONDS)
    return project


def _asking(call: Call) -> str:
    """Return the account that has proved to ask; '' for nobody, who may name the access key of somebody."""
    return call.requester.account_id if call.requester.access_key else ""


@asynccontextmanager
async def claiming(call: Call, bucket: str) -> AsyncIterator[Claim]:
    """Claim a name for the caller's project and run the block that makes the bucket; give it back if that fails.

    Without a registry every name is new.
    """
    names = await store(call)
    if names is None:
        yield Claim.NEW
        return
    async with _alone(call, bucket), undoing() as undo:
        claim = await _claim(call, names, bucket)
        if claim is Claim.NEW:
            undo(_give_back, call, names, bucket)
        yield claim


@asynccontextmanager
async def releasing(call: Call, bucket: str) -> AsyncIterator[None]:
    """Run the block that deletes a bucket, and then give its name back."""
    names = await store(call)
    if names is None:
        yield
        return
    async with _alone(call, bucket):
        yield
        try:
            found = await absent_is(None, names.container(_name(bucket)))
            if found is not None and found.metadata.get(_OWNER) == call.caller.project_id:
                await _give_back(call, names, bucket)
        except BackendError as error:
            log.warning("request %s: the name of bucket %s is not given back: %s", call.request_id, bucket, error)


async def _claim(call: Call, names: ObjectStore, bucket: str) -> Claim:
    """Claim a name while its lock is held; raise OperationAborted if another gateway claims it now."""
    entry, mine = _name(bucket), call.caller.project_id
    found = await absent_is(None, names.container(entry))
    project = found.metadata.get(_OWNER, _NOBODY) if found else _NOBODY
    if project == mine:
        return Claim.MINE
    if project and not await _abandoned(call, project, bucket):
        return Claim.TAKEN
    if found is not None:
        if not project and (datetime.now(UTC) - found.modified).total_seconds() < _CLAIM_SECONDS:
            raise _conflict()
        await absent_is(None, names.delete_container(entry))
    if not await names.create_container(entry):
        raise _conflict()
    await names.set_container_metadata(entry, {_OWNER: mine})
    _forget(call, bucket)
    return Claim.NEW


async def _abandoned(call: Call, project: str, bucket: str) -> bool:
    """Tell whether the bucket of a claimed name is gone: it was deleted by Swift's own API.

    Swift's proxy answers 404 for a container, too, while it cannot read the account; it does not list it then.
    """
    try:
        store = (await call.clouds.service(project, call.request_id)).objects
        if await absent_is(None, store.container(bucket)) is not None:
            return False
        return bucket not in [one.name for one in await store.containers(prefix=bucket, limit=1)]
    except BackendError as error:
        if error.fault in (Fault.FORBIDDEN, Fault.UNSUPPORTED):
            return False
        raise


async def _give_back(call: Call, names: ObjectStore, bucket: str) -> None:
    await absent_is(None, names.delete_container(_name(bucket)))
    _forget(call, bucket)


def _alone(call: Call, bucket: str) -> AbstractAsyncContextManager[None]:
    return call.locks.hold("bucket-name", "", bucket)


def _forget(call: Call, bucket: str) -> None:
    call.cache.drop(_SHARED, (_SORT, bucket))
    call.cache.drop(_asking(call), (_SORT, bucket))


def _name(bucket: str) -> str:
    return f"name:{bucket}"


def _conflict() -> AwsError:
    return AwsError(
        "OperationAborted",
        "A conflicting conditional operation is currently in progress against this resource. Please try again.",
        409,
    )
