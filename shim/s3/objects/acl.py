"""ACLs of objects: always the owner's full control, as for buckets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shim.context import Call
from shim.s3 import names
from shim.s3.config.acl import OBJECT_ACL, SETTING, check, private
from shim.s3.objects import versions
from shim.s3.service import action


@action(supports="Bucket Key VersionId ExpectedBucketOwner")
async def get_object_acl(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give an object's ACL."""
    await versions.head(call, names.bucket(call, req), req["Key"], versions.asked(req))
    return private(call)


@action(supports=f"Bucket Key VersionId {SETTING}", values=OBJECT_ACL)
async def put_object_acl(call: Call, req: Mapping[str, Any]) -> None:
    """Accept the ACL that the object has, and refuse any other."""
    await versions.head(call, names.bucket(call, req), req["Key"], versions.asked(req))
    check(call, req)
