"""What the ACLs of a bucket and of an object allow a caller of another project."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from shim.authz.acl import ON_BUCKET, ON_OBJECT, Acl
from shim.authz.decision import Decision
from shim.authz.principals import Who
from shim.context import Call
from shim.s3.access.object_read import ObjectRead
from shim.s3.access.questions import Question
from shim.s3.config import acl as bucket_acl
from shim.s3.config import ownership, public_access
from shim.s3.errors import no_such_key
from shim.s3.objects import acl as object_acl

Rule = Callable[[Question], Decision]
# What an upload needs beside s3:PutObject, and who may write into the bucket may do with its own object.
_WITH_UPLOADS: Final = frozenset(("s3:PutObjectAcl",))


async def rule(acting: Call, named: ObjectRead, who: Who, wanted: Sequence[Question]) -> Rule:
    """Return the rule that the ACLs make where the bucket's policy is silent."""
    bucket, key = named.bucket, named.key
    if await ownership.recent(acting, bucket) == ownership.ENFORCED:
        return nothing_allows
    ignore = (await public_access.recent(acting, bucket))["IgnorePublicAcls"]
    on_bucket = await bucket_acl.recent(acting, bucket)
    uploading = any(question.action == "s3:PutObject" for question in wanted)  # not the source of a copy
    on_object, absent = None, None
    if key and not uploading and any(question.action in ON_OBJECT for question in wanted):
        stored = await named.stored()
        if stored is not None:
            on_object = object_acl.of(acting, stored.metadata)
        elif on_bucket.allows(who, "READ", ignore_public=ignore):
            # Who may list the bucket may know that the key is absent.
            absent = Decision(False, f"the bucket has no object {key}", no_such_key(key))

    def decide(question: Question) -> Decision:
        needed = ON_BUCKET.get(question.action)
        if uploading and question.action in _WITH_UPLOADS:
            needed = "WRITE"
        if needed and on_bucket.allows(who, needed, ignore_public=ignore):
            return Decision(True, f"the bucket's ACL gives {who} {needed}")
        needed = ON_OBJECT.get(question.action)
        if needed and _allows(on_object, who, needed, ignore=ignore):
            return Decision(True, f"the object's ACL gives {who} {needed}")
        return absent if absent and needed else nothing_allows(question)

    return decide


def _allows(acl: Acl | None, who: Who, needed: str, *, ignore: bool) -> bool:
    return acl is not None and acl.allows(who, needed, ignore_public=ignore)


def nothing_allows(question: Question) -> Decision:
    """Decide on an action that no rule allows."""
    return Decision(False, f"nothing allows {question.action} on {question.resource} to callers of other projects")
