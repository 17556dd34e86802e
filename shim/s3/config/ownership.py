"""Object ownership of a bucket: who owns what others write, and whether the bucket has ACLs at all."""

from __future__ import annotations

from typing import Any, Final

from shim.config import Settings
from shim.context import Call
from shim.errors import AwsError
from shim.s3.config import documents

NAME: Final = "ownership"  # the item of the bucket's configuration
ENFORCED: Final = "BucketOwnerEnforced"
PREFERRED: Final = "BucketOwnerPreferred"
WRITER: Final = "ObjectWriter"


def document(mode: str) -> dict[str, Any]:
    """Return the document of a mode."""
    return {"Rules": [{"ObjectOwnership": mode}]}


def default(settings: Settings) -> dict[str, Any]:
    """Return the document of a bucket that never had one: none where ACLs are on, as on AWS before April 2023."""
    return {} if settings.object_ownership == WRITER else document(settings.object_ownership)


async def recent(call: Call, bucket: str) -> str:
    """Return the bucket's mode, which may be some seconds old."""
    return _mode(call, (await documents.recent(call, bucket, NAME))[1])


async def current(call: Call, bucket: str) -> str:
    """Return the bucket's mode from Swift."""
    return _mode(call, await documents.current(call, bucket, NAME))


def _mode(call: Call, kept: Any) -> str:
    if kept is None:
        return call.settings.object_ownership
    try:
        mode = kept["Rules"][0]["ObjectOwnership"] if kept else WRITER
    except (KeyError, IndexError, TypeError):
        return ENFORCED
    return mode if mode in (PREFERRED, WRITER) else ENFORCED


def no_acls() -> AwsError:
    """Return the error for an ACL in a bucket that has none."""
    return AwsError("AccessControlListNotSupported", "The bucket does not allow ACLs", 400)


def enforced_with_acls() -> AwsError:
    """Return the error for a bucket that is to have an ACL and none at the same time."""
    message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
    return AwsError("InvalidBucketAclWithObjectOwnership", message, 400)
