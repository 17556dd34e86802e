"""Which actions on which resources a request needs, by IAM's names.

Most requests need one.  "Required permissions" of each operation (S3 API reference) name the others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

from shim.authz import names
from shim.s3.grants import grantees

_ARN: Final = "arn:aws:s3:::"
# Actions with another name for a version of an object.
_OF_VERSIONS: Final[Mapping[str, str]] = {
    "s3:GetObject": "s3:GetObjectVersion",
    "s3:GetObjectAcl": "s3:GetObjectVersionAcl",
    "s3:GetObjectAttributes": "s3:GetObjectVersionAttributes",
    "s3:GetObjectTagging": "s3:GetObjectVersionTagging",
    "s3:GetObjectTorrent": "s3:GetObjectVersionTorrent",
    "s3:DeleteObject": "s3:DeleteObjectVersion",
    "s3:DeleteObjectTagging": "s3:DeleteObjectVersionTagging",
    "s3:PutObjectAcl": "s3:PutObjectVersionAcl",
    "s3:PutObjectTagging": "s3:PutObjectVersionTagging",
}
# Members of a request that give an ACL, and their headers.
GIVING: Final = frozenset(
    ("x-amz-acl", *(f"x-amz-grant-{name}" for name in ("full-control", "read", "read-acp", "write", "write-acp")))
)
GRANTS: Final = frozenset(
    ("ACL", "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP", "AccessControlPolicy")
)
# Members of an upload that need an action of their own beside s3:PutObject.
_WITH_UPLOADS: Final[Mapping[str, str]] = {
    **dict.fromkeys(GRANTS, "s3:PutObjectAcl"),
    "Tagging": "s3:PutObjectTagging",
    "ObjectLockMode": "s3:PutObjectRetention",
    "ObjectLockRetainUntilDate": "s3:PutObjectRetention",
    "ObjectLockLegalHoldStatus": "s3:PutObjectLegalHold",
}
# What a copy needs if its source has tags, and takes them along.
TAGGING: Final = frozenset(("s3:GetObjectTagging", "s3:GetObjectVersionTagging", "s3:PutObjectTagging"))
UPLOADS: Final = frozenset(("PutObject", "CopyObject", "CreateMultipartUpload"))
# ACLs that need no s3:PutObjectAcl: they give nothing away.
_PLAIN_ACLS: Final = frozenset(("", "private", "bucket-owner-full-control"))


class Question(NamedTuple):
    """An action on a resource; `version` is that of one of many objects, which the request's context does not have."""

    action: str
    resource: str
    version: str | None = None


def arn(bucket: str, key: str = "") -> str:
    """Return the ARN of a bucket or of an object."""
    return f"{_ARN}{bucket}/{key}" if key else f"{_ARN}{bucket}"


def of_version(action: str, version: str | None) -> str:
    """Return the name of an action on a version of an object."""
    return _OF_VERSIONS.get(action, action) if version else action


def questions(
    operation: str, bucket: str, key: str, params: Mapping[str, Any], owners: Collection[str] = ()
) -> list[Question]:
    """Return what a request needs on the bucket and object of its address; `params` are those in its head.

    `owners` are the ids of the bucket's account.
    """
    place = arn(bucket, key)
    action = names.action("s3", operation)
    version = params.get("VersionId") if key else None
    found = [Question(of_version(action, version), place)]
    if operation == "GetObjectAttributes":
        found.append(Question(of_version("s3:GetObject", version), place))
    if operation in UPLOADS:
        found += [Question(one, place) for one in _beside(operation, params, owners)]
    if params.get("BypassGovernanceRetention"):
        found.append(Question("s3:BypassGovernanceRetention", place))
    return found


def copies_tags(operation: str, params: Mapping[str, Any]) -> bool:
    """Tell whether a request gives an object the tags of its source, whatever tags it names itself."""
    return operation == "CopyObject" and params.get("TaggingDirective") != "REPLACE"


def _beside(operation: str, params: Mapping[str, Any], owners: Collection[str]) -> Iterator[str]:
    needed = {action for member, action in _WITH_UPLOADS.items() if params.get(member)}
    if copies_tags(operation, params):
        needed.add("s3:PutObjectTagging")
    if _gives_nothing_away(params, owners):
        needed.discard("s3:PutObjectAcl")
    yield from sorted(needed)


def _gives_nothing_away(params: Mapping[str, Any], owners: Collection[str]) -> bool:
    """Tell whether an upload's ACL is for its writer or the bucket's owner alone.

    AWS's example of a policy that makes other accounts give the bucket's owner full control by a header allows
    s3:PutObject alone (User Guide, "Policy examples for ACLs").
    """
    headers = (GRANTS - {"ACL"}) & params.keys()
    if not headers:
        return params.get("ACL", "") in _PLAIN_ACLS
    if headers != {"GrantFullControl"} or "ACL" in params:
        return False
    named = grantees(params["GrantFullControl"])
    return all(found is not None and found[0] == "id" and found[1] in owners for found in named)


def of_source(bucket: str, key: str, version: str, *, with_tags: bool) -> list[Question]:
    """Return what a copy needs on its source."""
    actions = ("s3:GetObject", "s3:GetObjectTagging") if with_tags else ("s3:GetObject",)
    return [Question(of_version(action, version), arn(bucket, key)) for action in actions]
