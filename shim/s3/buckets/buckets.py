"""Buckets are containers of the caller's project; their names are unique as the registry of names makes them.

A bucket exists for every request once CreateBucket has answered; ListBuckets reads the account's listing, which may lag
behind.  A DeleteBucket right after the last DeleteObject may be refused until Swift has updated its counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from adapters.errors import absent_is
from adapters.types.objects import Container
from shim.authz.acl import Acl, private
from shim.context import Call
from shim.errors import AwsError
from shim.s3 import grants, name_registry, names
from shim.s3.buckets.deletion import delete_container
from shim.s3.buckets.versioning import change as change_versioning
from shim.s3.config import acl, configuration, documents, object_lock, ownership
from shim.s3.config.versioning import ENABLED
from shim.s3.errors import invalid_argument
from shim.s3.owners import owner
from shim.s3.paging import opened, sealed
from shim.s3.service import action
from shim.undo import undoing

HOME: Final = "us-east-1"  # the region whose buckets have no location constraint
_MOST_BUCKETS: Final = 10_000


@action(supports="MaxBuckets ContinuationToken Prefix BucketRegion")
async def list_buckets(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """List the project's buckets by name; all of them if the request has no parameters.

    "If you specify the bucket-region, prefix, or continuation-token query parameters without using max-buckets [...],
    Amazon S3 applies a default page size of 10,000", and tells regions "if the request contains at least one valid
    parameter".
    """
    paged = any(req.get(name) is not None for name in ("MaxBuckets", "ContinuationToken", "Prefix", "BucketRegion"))
    limit = req.get("MaxBuckets", _MOST_BUCKETS if paged else None)
    if limit is not None and not 1 <= limit <= _MOST_BUCKETS:
        raise invalid_argument(f"MaxBuckets must be between 1 and {_MOST_BUCKETS}", "max-buckets", limit)
    prefix = req.get("Prefix") or ""
    found: list[Container] = []
    if req.get("BucketRegion") in (None, "", call.region):
        found = await _buckets(call, prefix, opened(req.get("ContinuationToken")), limit)
    more = limit is not None and len(found) > limit
    listed = found[:limit]
    return {
        "Buckets": [
            {"Name": one.name, "CreationDate": one.modified.replace(microsecond=0)}
            | ({"BucketRegion": call.region} if paged else {})
            for one in listed
        ],
        "Owner": owner(call),
        "ContinuationToken": sealed(listed[-1].name) if more else None,
        "Prefix": req.get("Prefix"),
    }


async def _buckets(call: Call, prefix: str, marker: str, limit: int | None) -> list[Container]:
    """Read the account's listing up to one bucket more than wanted."""
    found: list[Container] = []
    while True:
        page = await call.cloud.objects.containers(prefix=prefix, marker=marker)
        found += [one for one in page if names.is_bucket(one.name)]
        if not page or (limit is not None and len(found) > limit):
            return found
        marker = page[-1].name


@action(
    supports="Bucket ObjectLockEnabledForBucket ObjectOwnership CreateBucketConfiguration.LocationConstraint "
    f"GrantWrite {grants.MEMBERS}",
)
async def create_bucket(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Create a bucket.  Creating one's own again is a 409 but in us-east-1: there it succeeds, and resets the ACL."""
    name = req["Bucket"]
    names.check_new_bucket(name)
    _check_location(call, (req.get("CreateBucketConfiguration") or {}).get("LocationConstraint"))
    given = acl.asked(call, req)
    refusal = acl.refusal_of_new_bucket(call, req, given)
    # An ACL that a new bucket cannot have may suit one that is there: that has an ownership of its own.
    if refusal and (call.region != HOME or await absent_is(None, call.cloud.objects.container(name)) is None):
        raise refusal
    async with name_registry.claiming(call, name) as claim, undoing() as undo:
        # The lock keeps a deletion of the old bucket of that name from emptying the new one's further containers.
        async with documents.alone(call, name):
            made = await _make(call, name, claim)
        configuration.forget(call, name)
        if made:
            undo(delete_container, call, name)
            if refusal:  # the bucket that was there has been deleted since
                raise refusal
            await acl.set_up(call, name, given, req.get("ObjectOwnership"))
            if req.get("ObjectLockEnabledForBucket"):
                await _lock(call, name)
        else:
            refusal = await _again(call, req, given)
    if refusal:  # outside of the block, as a container that Swift's own tools made keeps the name that it got there
        raise refusal
    return {"Location": f"/{name}"}


async def _again(call: Call, req: Mapping[str, Any], given: Acl) -> AwsError | None:
    """Create a bucket that the caller has; return why that is refused."""
    if call.region != HOME:
        return _already_owned(req["Bucket"])
    try:
        await _reset(call, req, given)
    except AwsError as error:
        return error
    return None


async def _reset(call: Call, req: Mapping[str, Any], given: Acl) -> None:
    """Give a bucket that is created again the ACL of the request; refuse what would change anything else of it.

    "If you re-create an existing bucket that you already own in us-east-1, Amazon S3 returns 200 OK and resets the
    bucket access control lists (ACLs)" (Error responses, BucketAlreadyOwnedByYou).  Nothing is said of another object
    ownership or of Object Lock; a 200 would let the client believe in them.
    """
    name, mode = req["Bucket"], req.get("ObjectOwnership")
    if given != private(given.owner):
        await acl.check(call, name, given)
    lockless = req.get("ObjectLockEnabledForBucket") and not object_lock.is_on(await configuration.read(call, name))
    if lockless or (mode and mode != await ownership.current(call, name)):
        raise _already_owned(name)
    await acl.reset(call, name, given)


def _already_owned(name: str) -> AwsError:
    return AwsError(
        "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded and you already own it.",
        409,
        extra={"BucketName": name},
    )


async def _lock(call: Call, name: str) -> None:
    """Turn Object Lock on for a bucket that was just made."""
    await change_versioning(call, name, ENABLED)
    await documents.write(call, name, object_lock.SETTING, {})


async def _make(call: Call, name: str, claim: name_registry.Claim) -> bool:
    """Make a bucket's container; return False if the caller's project has it."""
    store = call.cloud.objects
    if claim is not name_registry.Claim.TAKEN:
        return await store.create_container(name)
    # Two projects that had the same name before there was a registry keep it.
    if await absent_is(None, store.container(name)) is not None:
        return False
    raise AwsError(
        "BucketAlreadyExists",
        "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please "
        "select a different name and try again.",
        409,
        extra={"BucketName": name},
    )


def _check_location(call: Call, constraint: str | None) -> None:
    """Refuse a location constraint that is not allowed in the region of the request's signature.

    As at AWS, a request signed for us-east-1 may name any region, and any other request only its own.  AWS requires a
    constraint outside us-east-1; here it is optional, because there is only one cloud.
    """
    if not constraint:
        return
    if constraint == HOME or constraint not in call.regions:
        if constraint == HOME and call.region != HOME:
            raise _illegal(constraint)
        raise AwsError(
            "InvalidLocationConstraint",
            "The specified location-constraint is not valid",
            400,
            extra={"LocationConstraint": constraint},
        )
    if constraint != call.region and call.region != HOME:
        raise _illegal(constraint)


def _illegal(constraint: str) -> AwsError:
    return AwsError(
        "IllegalLocationConstraintException",
        f"The {constraint} location constraint is incompatible for the region specific endpoint this request was sent "
        "to.",
        400,
    )


@action(supports="Bucket ExpectedBucketOwner")
async def head_bucket(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Confirm that a bucket exists and return its region."""
    await configuration.read(call, names.bucket(call, req))
    return {"BucketRegion": call.region, "AccessPointAlias": False}


@action(supports="Bucket ExpectedBucketOwner")
async def get_bucket_location(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a bucket's region: "Buckets in Region us-east-1 have a LocationConstraint of null" (GetBucketLocation)."""
    await configuration.read(call, names.bucket(call, req))
    return {"LocationConstraint": None if call.region == HOME else call.region}
