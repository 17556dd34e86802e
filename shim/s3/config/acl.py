"""ACLs: every bucket and object has one that gives its owner full control.  It can be read, and set only to itself.

It applies to requests through this gateway.  A container's own ACLs, which OpenStack's tools set, apply to Swift's URL;
the gateway neither shows nor changes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shim.context import Call
from shim.errors import AwsError
from shim.protocol.s3_router import not_implemented
from shim.protocol.values import only
from shim.s3 import names
from shim.s3.config import configuration
from shim.s3.owners import owner
from shim.s3.service import action

# Canned ACLs of a bucket and of an object that give access to the owner alone.
BUCKET_ACL: Final = {"ACL": only("private")}
OBJECT_ACL: Final = {"ACL": only("private", "bucket-owner-full-control", "bucket-owner-read")}
SETTING: Final = "ACL AccessControlPolicy ExpectedBucketOwner"


@action(supports="Bucket ExpectedBucketOwner")
async def get_bucket_acl(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a bucket's ACL."""
    await configuration.read(call, names.bucket(call, req))
    return private(call)


@action(supports=f"Bucket {SETTING}", values=BUCKET_ACL)
async def put_bucket_acl(call: Call, req: Mapping[str, Any]) -> None:
    """Accept the ACL that the bucket has, and refuse any other."""
    await call.cloud.objects.container(names.bucket(call, req))
    check(call, req)


def private(call: Call) -> dict[str, Any]:
    """Return the ACL that gives the owner full control."""
    mine = owner(call)
    return {"Owner": mine, "Grants": [{"Grantee": {"Type": "CanonicalUser", **mine}, "Permission": "FULL_CONTROL"}]}


def check(call: Call, req: Mapping[str, Any]) -> None:
    """Raise AwsError for parameters that would set another ACL."""
    policy = req.get("AccessControlPolicy")
    if policy is None:
        if not req.get("ACL"):
            raise AwsError(
                "MissingSecurityHeader",
                "Your request was missing a required header",
                400,
                extra={"MissingHeaderName": "x-amz-acl"},
            )
        return
    grants = policy.get("Grants") or ()
    mine = owner(call)["ID"]
    kept = [g for g in grants if (g.get("Grantee") or {}).get("ID") == mine and g.get("Permission") == "FULL_CONTROL"]
    if len(kept) != 1 or len(grants) != 1 or (policy.get("Owner") or {}).get("ID", mine) != mine:
        raise not_implemented("AccessControlPolicy")
