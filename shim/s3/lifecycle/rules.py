"""Put, Get and DeleteBucketLifecycleConfiguration, and a bucket's rules as the sweeper and the headers need them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shim.cache import weight
from shim.context import Call
from shim.s3 import names
from shim.s3.config import configuration, documents
from shim.s3.errors import no_such_configuration
from shim.s3.lifecycle import registry
from shim.s3.lifecycle.document import checked, shown
from shim.s3.lifecycle.evaluation import Rule, compiled
from shim.s3.service import action

NAME: Final = "lifecycle"  # of the document
_SORT: Final = "lifecycle rules"  # the name of these look-ups in the metrics
_KEEP_SECONDS: Final = 600.0
# AWS's default for every configuration that was made since September 2024.
_SMALLEST: Final = "all_storage_classes_128K"
_RULE: Final = "ID Status Prefix Filter Expiration NoncurrentVersionExpiration AbortIncompleteMultipartUpload"


@action(
    supports="Bucket ChecksumAlgorithm ExpectedBucketOwner TransitionDefaultMinimumObjectSize "
    + " ".join(f"LifecycleConfiguration.Rules.{name}" for name in _RULE.split()),
    first=lambda req: checked(req.get("LifecycleConfiguration") or {}),
)
async def put_bucket_lifecycle_configuration(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Store a bucket's rules, and enter the bucket in the registry, where the sweeper finds it."""
    bucket = names.bucket(call, req)
    rules = checked(req.get("LifecycleConfiguration") or {})
    smallest = req.get("TransitionDefaultMinimumObjectSize") or _SMALLEST
    await configuration.read(call, bucket)  # raises for a missing bucket
    async with registry.alone(call, bucket):
        await registry.enter(call, bucket)  # first: rules without an entry would never be executed
        await documents.write(call, bucket, NAME, {"Rules": rules, "Smallest": smallest})
    return {"TransitionDefaultMinimumObjectSize": smallest}


@action(supports="Bucket ExpectedBucketOwner")
async def get_bucket_lifecycle_configuration(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a bucket's rules as they were put."""
    kept = await documents.current(call, names.bucket(call, req), NAME)
    if kept is None:
        raise no_such_configuration(req, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")
    return {"Rules": shown(kept["Rules"]), "TransitionDefaultMinimumObjectSize": kept["Smallest"]}


@action(supports="Bucket ExpectedBucketOwner")
async def delete_bucket_lifecycle(call: Call, req: Mapping[str, Any]) -> None:
    """Delete a bucket's rules; from then on nothing expires by them."""
    bucket = names.bucket(call, req)
    async with registry.alone(call, bucket):
        if await documents.delete(call, bucket, NAME):
            await registry.leave(call, bucket)


async def current(call: Call, bucket: str) -> list[Rule] | None:
    """Return the enabled rules of a bucket as Swift holds them now, or None if it has no document."""
    kept = await documents.current(call, bucket, NAME)
    return None if kept is None else _compiled(bucket, kept)


async def recent(call: Call, bucket: str) -> list[Rule]:
    """Return the enabled rules of a bucket, which may be some seconds old; none if it has no document."""
    item, kept = await documents.recent(call, bucket, NAME)
    if kept is None:
        return []
    key = (_SORT, bucket, item)
    found: list[Rule] | None = call.cache.get(call.caller.project_id, key)
    if found is None:
        found = _compiled(bucket, kept)
        call.cache.put(call.caller.project_id, key, found, size=weight(found), seconds=_KEEP_SECONDS)
    return found


def _compiled(bucket: str, kept: Any) -> list[Rule]:
    try:
        return compiled(kept["Rules"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:  # damaged through Swift
        raise documents.unreadable(bucket, NAME, "it holds no rules") from error
