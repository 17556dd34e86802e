"""Names: of buckets that can be made, of containers that are buckets, and of the objects of multipart uploads."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from shim.context import Call
from shim.errors import AwsError
from shim.protocol.routing import bucket_in_host
from shim.s3.errors import invalid_argument, no_such_upload

# The suffix that Swift's own S3 API uses for the container of a bucket's uploads and segments.
SEGMENTS: Final = "+segments"
# What holds the longer documents of a bucket's configuration.
DOCUMENTS: Final = "+configuration"
# What holds the side records of a bucket's objects.
RECORDS: Final = "+records"

# "Bucket names can consist only of lowercase letters, numbers, periods (.), and hyphens (-)", 3 to 63 of them, and
# "must begin and end with a letter or number" (Amazon S3 User Guide, Bucket naming rules).
_NEW: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS: Final = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+")
_RESERVED_PREFIXES: Final = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES: Final = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3", "-an")
# Names that AWS's SDKs accept: containers with such names are buckets, however they were made.
_is_addressable: Final = re.compile(r"[a-zA-Z0-9._-]{3,255}").fullmatch
_UPLOAD_ID: Final = re.compile(r"(?![0-9]+$)[A-Za-z0-9_=-]{1,128}")
_placed: Final = re.compile(r"u[0-9a-f]{47}_([a-z0-9-]{1,64})").fullmatch

KEY_BYTES: Final = 1024
PARTS: Final = 10_000


def bucket(call: Call, req: Mapping[str, Any]) -> str:
    """Return the bucket of a request, after S3's checks of its name."""
    name: str = req["Bucket"]
    if not _is_addressable(name):
        raise invalid_bucket_name(name)
    return name


def is_bucket(container: str) -> bool:
    """Return whether a container is a bucket."""
    return _is_addressable(container) is not None


def check_new_bucket(name: str) -> None:
    """Raise AwsError for a name that AWS allows for no new bucket."""
    fine = (
        _NEW.fullmatch(name)
        and ".." not in name
        and not _ADDRESS.fullmatch(name)
        and not name.startswith(_RESERVED_PREFIXES)
        and not name.endswith(_RESERVED_SUFFIXES)
    )
    if not fine:
        raise invalid_bucket_name(name)


def invalid_bucket_name(name: str) -> AwsError:
    """Return the error for an invalid bucket name."""
    return AwsError("InvalidBucketName", "The specified bucket is not valid.", 400, extra={"BucketName": name})


def check_key(key: str, behind: str = "", limit: int = KEY_BYTES) -> None:
    """Raise AwsError for a key of more than 1,024 bytes, S3's limit, or of more than `limit` with the suffix `behind`.

    A Swift with a lower limit refuses a longer name itself.
    """
    most = min(KEY_BYTES, limit) - len(behind)
    if 4 * len(key) <= most:  # no character takes more bytes
        return
    size = len(key.encode("utf-8", "surrogateescape"))
    if size > most:
        extra = {"Size": str(size), "MaxSizeAllowed": str(most)}
        raise AwsError("KeyTooLongError", "Your key is too long", 400, extra=extra)


def location(call: Call, bucket: str, key: str) -> str:
    """Return "the URI that identifies the newly created object", in the style of the request.

    The key's slashes are not encoded, though S3 does: SDKs would have to decode them.
    """
    path = quote(key, safe="/~", errors="surrogateescape")
    if not bucket_in_host(call.host, call.settings.s3_hosts):
        path = f"{bucket}/{path}"
    return f"{call.scheme}://{call.host}/{path}" if call.host else f"/{path}"


def segments(bucket: str, policy: str = "") -> str:
    """Return the container of a bucket's uploads and segments, or of its segments under another storage policy."""
    return f"{bucket}{SEGMENTS}+{policy}" if policy else bucket + SEGMENTS


def has_segments(container: str, bucket: str) -> bool:
    """Return whether a container is one of a bucket's segments, under whatever storage policy."""
    return f"{container}+".startswith(f"{bucket}{SEGMENTS}+")


def parts(bucket: str, upload_id: str) -> str:
    """Return the container of an upload's parts, which its id tells."""
    return segments(bucket, policy(upload_id))


def policy(upload_id: str) -> str:
    """Return the storage policy that an upload's parts lie under, '' for the bucket's own."""
    found = _placed(upload_id)
    return found[1] if found else ""


def documents(bucket: str) -> str:
    """Name the container of the longer documents of a bucket's configuration."""
    return bucket + DOCUMENTS


def records(bucket: str) -> str:
    """Name the container of the side records of a bucket's objects."""
    return bucket + RECORDS


def new_upload_id(policy: str = "") -> str:
    """Make an upload id, as long as those of Swift's own S3 API, which must be able to tell it from a part number.

    That of an upload whose parts lie under another storage policy than its bucket is longer, and names the policy: so a
    part finds its place without a look at the upload.

    Ids sort as they were made: ListMultipartUploads sorts a key's uploads "in ascending order based on the upload
    initiation time", and goes on behind those whose ids are "lexicographically greater".
    """
    behind = f"_{policy}" if policy else ""
    return f"u{time.time_ns() // 1000:015x}{secrets.token_hex(16)}{behind}"


def is_upload_id(text: str) -> bool:
    """Tell whether a text can be the id of an upload; a number cannot, as it would be taken for a part's number."""
    return _UPLOAD_ID.fullmatch(text) is not None


def marker(key: str, upload_id: str) -> str:
    """Return the name of the object for an open upload; NoSuchUpload for an id that could be a part's number."""
    if not is_upload_id(upload_id):
        raise no_such_upload(upload_id)
    return f"{key}/{upload_id}"


def part(key: str, upload_id: str, number: int) -> str:
    """Return the name of the object that holds a part."""
    if not 1 <= number <= PARTS:
        raise invalid_argument(f"Part number must be an integer between 1 and {PARTS}, inclusive", "partNumber", number)
    return f"{marker(key, upload_id)}/{number}"


def sub_manifest(key: str, upload_id: str, number: int) -> str:
    """Name a manifest below the object's own: above all part numbers, and a number, so that nobody takes it for an
    upload.
    """
    return f"{marker(key, upload_id)}/{10 * PARTS + number}"
