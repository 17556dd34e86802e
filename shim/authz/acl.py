"""Access control lists: grants of permissions to accounts and groups, and what they allow.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from shim.authz.principals import Who

ALL_USERS: Final = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED_USERS: Final = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOG_DELIVERY: Final = "http://acs.amazonaws.com/groups/s3/LogDelivery"
PUBLIC: Final = frozenset((ALL_USERS, AUTHENTICATED_USERS))
GROUPS: Final = PUBLIC | {LOG_DELIVERY}
FULL_CONTROL: Final = "FULL_CONTROL"
ANONYMOUS: Final = "65a011a29cdf8ec533ec3d1ccaae921c"  # AWS's canonical id of callers who do not sign

# Letters and short names that stand for permissions and groups in an ACL's text.
_LETTERS: Final = {FULL_CONTROL: "F", "READ": "R", "WRITE": "W", "READ_ACP": "r", "WRITE_ACP": "w"}
_PERMISSIONS: Final = {letter: name for name, letter in _LETTERS.items()}
_SHORT: Final = {ALL_USERS: "@all", AUTHENTICATED_USERS: "@signed", LOG_DELIVERY: "@log"}
_LONG: Final = {short: group for group, short in _SHORT.items()}

# Grants of the canned ACLs beside the owner's full control; `bucket` is the bucket's owner.
_CANNED: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "private": (),
    "public-read": (("READ", ALL_USERS),),
    "public-read-write": (("READ", ALL_USERS), ("WRITE", ALL_USERS)),
    "authenticated-read": (("READ", AUTHENTICATED_USERS),),
    "bucket-owner-read": (("READ", "bucket"),),
    "bucket-owner-full-control": ((FULL_CONTROL, "bucket"),),
    "log-delivery-write": (("WRITE", LOG_DELIVERY), ("READ_ACP", LOG_DELIVERY)),
    "aws-exec-read": (),
}
CANNED: Final = frozenset(_CANNED)

# The permission that an action needs, on the bucket and on the object.
ON_BUCKET: Final[Mapping[str, str]] = {
    "s3:ListBucket": "READ",
    "s3:ListBucketVersions": "READ",
    "s3:ListBucketMultipartUploads": "READ",
    "s3:PutObject": "WRITE",
    "s3:DeleteObject": "WRITE",
    "s3:AbortMultipartUpload": "WRITE",
    "s3:ListMultipartUploadParts": "WRITE",
    "s3:GetBucketAcl": "READ_ACP",
    "s3:PutBucketAcl": "WRITE_ACP",
}
ON_OBJECT: Final[Mapping[str, str]] = {
    "s3:GetObject": "READ",
    "s3:GetObjectAttributes": "READ",
    "s3:GetObjectAcl": "READ_ACP",
    "s3:PutObjectAcl": "WRITE_ACP",
}


class Grant(NamedTuple):
    """A permission of an account (its canonical or 12-digit id) or of a group (its URI)."""

    permission: str
    grantee: str


class Acl(NamedTuple):
    """The ACL of a bucket or of an object; `owner` is the canonical id of an account."""

    owner: str
    grants: tuple[Grant, ...]

    @property
    def public(self) -> bool:
        """Whether it lets everybody, or every AWS account, do something."""
        return any(grant.grantee in PUBLIC for grant in self.grants)

    def allows(self, who: Who, permission: str, *, ignore_public: bool) -> bool:
        """Tell whether a sender has a permission; the owner can always read and write the ACL itself."""
        if who.canonical and who.canonical == self.owner and permission.endswith("_ACP"):
            return True
        return any(
            grant.permission in (permission, FULL_CONTROL)
            and not (ignore_public and grant.grantee in PUBLIC)
            and _is(grant.grantee, who)
            for grant in self.grants
        )

    def text(self) -> str:
        """Write it as a short text."""
        return " ".join((self.owner, *(f"{_LETTERS[one.permission]}{_SHORT.get(one.grantee, one.grantee)}"
                                       for one in self.grants)))  # fmt: skip


def _is(grantee: str, who: Who) -> bool:
    if grantee == ALL_USERS:
        return True
    return not who.anonymous and (grantee == AUTHENTICATED_USERS or grantee in (who.canonical, who.account))


def private(owner: str) -> Acl:
    """Return the ACL that everything has by default."""
    return Acl(owner, (Grant(FULL_CONTROL, owner),))


def canned(name: str, owner: str, bucket_owner: str) -> Acl:
    """Return a canned ACL; the bucket's owner needs no grant beside its own full control."""
    more = [Grant(permission, bucket_owner if to == "bucket" else to) for permission, to in _CANNED[name]]
    return Acl(owner, (*private(owner).grants, *(one for one in more if one.grantee != owner)))


def parsed(text: str) -> Acl:
    """Read an ACL's text; raise ValueError for any other text."""
    owner, *told = text.split(" ")
    return Acl(owner, tuple(_grants(told)))


def _grants(told: Iterable[str]) -> Iterable[Grant]:
    for one in told:
        permission, grantee = _PERMISSIONS.get(one[:1]), one[1:]
        if permission is None or not grantee:
            raise ValueError(one)
        yield Grant(permission, _LONG.get(grantee, grantee))
