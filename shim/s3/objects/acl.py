"""ACLs of objects: given with the write in the object's own metadata, and set later in its side record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from adapters.types.objects import Stored
from shim.authz.acl import Acl, parsed, private
from shim.context import Call
from shim.s3 import grants, names
from shim.s3.config import acl as bucket_acl
from shim.s3.config import ownership
from shim.s3.notifications import events
from shim.s3.notifications.noting import note
from shim.s3.notifications.record import Event
from shim.s3.objects import records, versions
from shim.s3.objects.headers import ACL, etag_of
from shim.s3.service import action

_OWNERS_ALONE: Final = frozenset(("private", "bucket-owner-read"))


@action(supports="Bucket Key VersionId ExpectedBucketOwner")
async def get_object_acl(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an object's ACL."""
    bucket = names.bucket(call, req)
    return grants.shown(
        call, of(call, (await records.exact(call, bucket, req["Key"], version=versions.asked(req))).metadata)
    )


@action(supports=f"Bucket Key VersionId {bucket_acl.SETTING}")
async def put_object_acl(call: Call, req: Mapping[str, Any]) -> None:
    """Replace an object's ACL."""
    bucket, key = names.bucket(call, req), req["Key"]
    owner = of(call, (await records.exact(call, bucket, key, version=versions.asked(req))).metadata).owner
    acl = bucket_acl.required(call, req, owner)
    if not (_gives_nothing(call, req, acl) and await ownership.recent(call, bucket) == ownership.ENFORCED):
        await bucket_acl.check(call, bucket, acl)

    def decide(stored: Stored) -> Mapping[str, str]:
        """Set the ACL of the object that is there now, which may have another owner than before."""
        return {ACL: text(call, bucket_acl.required(call, req, of(call, stored.metadata).owner))}

    stored = await records.change(call, bucket, key, decide, version=versions.asked(req))
    shown = await versions.shown(call, bucket, stored)
    await note(call, bucket, Event(events.ACL, key, etag=etag_of(stored), version=shown))


def of(call: Call, metadata: Mapping[str, str]) -> Acl:
    """Return an object's ACL from its metadata; a text that was damaged through Swift gives nothing to anybody else."""
    try:
        return parsed(metadata[ACL]) if metadata.get(ACL) else private(call.caller.project_id)
    except ValueError:
        return private(call.caller.project_id)


def text(call: Call, acl: Acl) -> str:
    """Return the text to store, which is '' for the ACL that an object has without one."""
    return "" if acl == private(call.caller.project_id) else acl.text()


async def of_write(call: Call, bucket: str, params: Mapping[str, Any]) -> str:
    """Return the text of the ACL that a write gives its object; raise AwsError if the bucket does not allow it.

    The object belongs to the bucket's owner, or to its writer if the bucket's object ownership says so.
    """
    mode, mine = await ownership.recent(call, bucket), call.caller.project_id
    given = params.get("ACL")
    preferred = mode == ownership.PREFERRED and given == "bucket-owner-full-control"
    owner = mine if mode == ownership.ENFORCED or preferred else grants.requester(call)
    acl = grants.asked(call, params, owner) or private(owner)
    if mode == ownership.ENFORCED:
        if not _gives_nothing(call, params, acl):
            raise ownership.no_acls()
        return ""
    if acl != private(owner):
        await bucket_acl.check(call, bucket, acl)
    return text(call, acl)


def _gives_nothing(call: Call, params: Mapping[str, Any], acl: Acl) -> bool:
    """Tell whether an ACL gives access to nobody but the bucket's owner, so that a bucket without ACLs takes it.

    It "accepts only PUT requests that don't specify an ACL or specify bucket owner full control ACLs" (User Guide,
    object ownership).  A canned ACL that is for the writer alone is such an ACL if the writer is the bucket's owner.
    """
    name, mine = params.get("ACL"), call.caller.project_id
    if name in _OWNERS_ALONE:
        return grants.requester(call) == mine
    return name == "bucket-owner-full-control" or acl == private(mine)
