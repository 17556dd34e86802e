"""Tags of objects: GetObjectTagging, PutObjectTagging and DeleteObjectTagging.

Tags given with an object's write are an item of its metadata.  Tags that are set later are an item of its side record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.types.objects import Stored
from shim.context import Call
from shim.s3 import names, tags
from shim.s3.notifications.events import TAGGED, UNTAGGED
from shim.s3.notifications.noting import note
from shim.s3.notifications.record import Event
from shim.s3.objects import records, versions
from shim.s3.objects.headers import TAGGING, etag_of
from shim.s3.service import action


@action(supports="Bucket Key VersionId ExpectedBucketOwner")
async def get_object_tagging(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an object's tags, none if it was never tagged."""
    bucket = names.bucket(call, req)
    stored = await records.exact(call, bucket, req["Key"], version=versions.asked(req))
    tag_set = tags.tag_set(tags.of_stored(stored.metadata.get(TAGGING, "")))
    return {"TagSet": tag_set, **await versions.members(call, bucket, stored)}


@action(supports="Bucket Key VersionId Tagging ChecksumAlgorithm ExpectedBucketOwner")
async def put_object_tagging(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Replace an object's tags."""
    return await _set(call, req, tags.check_object(req["Tagging"]["TagSet"]), TAGGED)


@action(supports="Bucket Key VersionId ExpectedBucketOwner")
async def delete_object_tagging(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Remove all of an object's tags."""
    return await _set(call, req, {}, UNTAGGED)


async def _set(call: Call, req: Mapping[str, Any], wanted: Mapping[str, str], event: str) -> Mapping[str, Any]:
    bucket = names.bucket(call, req)

    def decide(_: Stored) -> records.Items:
        return {TAGGING: tags.stored(wanted)}

    stored = await records.change(call, bucket, req["Key"], decide, version=versions.asked(req))
    members = await versions.members(call, bucket, stored)
    await note(call, bucket, Event(event, req["Key"], etag=etag_of(stored), version=members.get("VersionId", "")))
    return members
