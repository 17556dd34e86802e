"""The ACL of a bucket: kept as a short text, read by the authorisation of callers of other projects.

It applies to requests through this gateway.  A container's own ACLs, which OpenStack's tools set, apply to Swift's URL;
the gateway neither shows nor changes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shim.authz.acl import Acl, parsed, private
from shim.context import Call
from shim.errors import AwsError
from shim.protocol.restparse import malformed_xml
from shim.s3 import grants, names
from shim.s3.config import configuration, documents, ownership, public_access
from shim.s3.errors import no_such_configuration
from shim.s3.service import action

NAME: Final = "acl"  # the item of the bucket's configuration
SETTING: Final = "AccessControlPolicy GrantWrite ExpectedBucketOwner " + grants.MEMBERS


@action(supports="Bucket ExpectedBucketOwner")
async def get_bucket_acl(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a bucket's ACL."""
    bucket = names.bucket(call, req)
    return grants.shown(call, _acl(call, await documents.current(call, bucket, NAME)))


@action(supports=f"Bucket {SETTING}")
async def put_bucket_acl(call: Call, req: Mapping[str, Any]) -> None:
    """Replace a bucket's ACL."""
    bucket = names.bucket(call, req)
    acl = required(call, req, call.caller.project_id)
    if acl == private(acl.owner):
        # "Requests to set ACLs or update ACLs fail" (PutBucketAcl), but those that give the owner full control.
        strange = bool(req.get("ACL")) and grants.requester(call) != acl.owner
        if strange and await ownership.recent(call, bucket) == ownership.ENFORCED:
            raise ownership.no_acls()
        await documents.delete(call, bucket, NAME)
        return
    await check(call, bucket, acl)
    await documents.write(call, bucket, NAME, {"acl": acl.text()})


@action(supports="Bucket OwnershipControls ExpectedBucketOwner")
async def put_bucket_ownership_controls(call: Call, req: Mapping[str, Any]) -> None:
    """Set the bucket's object ownership; a bucket whose ACL lets others in cannot do without ACLs."""
    bucket, rules = names.bucket(call, req), req["OwnershipControls"]["Rules"]
    if len(rules) != 1:
        raise malformed_xml()
    mode = rules[0]["ObjectOwnership"]
    acl = _acl(call, await documents.current(call, bucket, NAME))
    if mode == ownership.ENFORCED and acl != private(acl.owner):
        raise ownership.enforced_with_acls()
    await documents.write(call, bucket, ownership.NAME, ownership.document(mode))


@action(supports="Bucket ExpectedBucketOwner")
async def get_bucket_ownership_controls(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the bucket's object ownership."""
    kept = await documents.current(call, names.bucket(call, req), ownership.NAME)
    found = ownership.default(call.settings) if kept is None else kept
    if not found:
        message = "The bucket ownership controls were not found"
        raise no_such_configuration(req, "OwnershipControlsNotFoundError", message)
    return {"OwnershipControls": found}


@action(supports="Bucket ExpectedBucketOwner")
async def delete_bucket_ownership_controls(call: Call, req: Mapping[str, Any]) -> None:
    """Delete the bucket's object ownership: it has ACLs then, as every bucket had before there was that setting."""
    await documents.write(call, names.bucket(call, req), ownership.NAME, {})


def asked(call: Call, req: Mapping[str, Any]) -> Acl:
    """Return the ACL that a CreateBucket asks for."""
    return grants.asked(call, req, call.caller.project_id) or private(call.caller.project_id)


def refusal_of_new_bucket(call: Call, req: Mapping[str, Any], acl: Acl) -> AwsError | None:
    """Return why a new bucket cannot have an ACL, None if it can."""
    if acl == private(acl.owner):
        return None
    if (req.get("ObjectOwnership") or call.settings.object_ownership) == ownership.ENFORCED:
        return ownership.enforced_with_acls()
    if acl.public and call.settings.block_public_access:
        message = "Bucket cannot have public ACLs set with BlockPublicAccess enabled"
        return AwsError("InvalidBucketAclWithBlockPublicAccessError", message, 400)
    return None


async def set_up(call: Call, bucket: str, acl: Acl, mode: str | None) -> None:
    """Set the ACL and the object ownership of a new bucket."""
    if mode:
        await documents.write(call, bucket, ownership.NAME, ownership.document(mode))
    if acl != private(acl.owner):
        await documents.write(call, bucket, NAME, {"acl": acl.text()})


async def reset(call: Call, bucket: str, acl: Acl) -> None:
    """Replace the ACL of a bucket that is created again; its object ownership stays."""
    if acl != private(acl.owner):
        await documents.write(call, bucket, NAME, {"acl": acl.text()})
    elif NAME in await configuration.read(call, bucket):
        await documents.delete(call, bucket, NAME)


def required(call: Call, req: Mapping[str, Any], owner: str) -> Acl:
    """Return the ACL that a request sets; raise AwsError if it names none."""
    acl = grants.asked(call, req, owner)
    if acl is None:
        message = "Your request was missing a required header"
        raise AwsError("MissingSecurityHeader", message, 400, extra={"MissingHeaderName": "x-amz-acl"})
    return acl


async def check(call: Call, bucket: str, acl: Acl) -> None:
    """Refuse an ACL in a bucket without ACLs, and a public one where public ACLs are blocked."""
    if await ownership.recent(call, bucket) == ownership.ENFORCED:
        raise ownership.no_acls()
    if acl.public and (await public_access.recent(call, bucket))["BlockPublicAcls"]:
        raise AwsError("AccessDenied", "Access Denied", 403)


async def recent(call: Call, bucket: str) -> Acl:
    """Return a bucket's ACL, which may be some seconds old."""
    return _acl(call, (await documents.recent(call, bucket, NAME))[1])


async def is_public(call: Call, bucket: str) -> bool:
    """Tell whether a bucket's ACL lets everybody, or every account, in now."""
    if not _acl(call, await documents.current(call, bucket, NAME)).public:
        return False
    if await ownership.current(call, bucket) == ownership.ENFORCED:
        return False
    return not (await public_access.current(call, bucket))["IgnorePublicAcls"]


def _acl(call: Call, kept: Any) -> Acl:
    """Read the document; one that was damaged through Swift gives nothing to anybody but the owner."""
    mine = call.caller.project_id
    try:
        return parsed(kept["acl"]) if kept else private(mine)
    except (AttributeError, KeyError, TypeError, ValueError):
        return private(mine)
