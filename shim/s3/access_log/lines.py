"""The lines of an access log, and the keys of the objects that hold them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html.  "Any field can be set to - to indicate that the
data was unknown or unavailable, or that the field was not applicable to this request."
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from shim.log import scrub
from shim.protocol.faults import host_id

# "The operation listed here is declared as ... REST.HTTP_method.resource_type": the resource types by operation.  Those
# that are not here are named after the operation.
_RESOURCES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("GetObject", "HeadObject", "PutObject", "DeleteObject", "RenameObject"), "OBJECT"),
    **dict.fromkeys(("GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging"), "OBJECT_TAGGING"),
    **dict.fromkeys(("GetBucketTagging", "PutBucketTagging", "DeleteBucketTagging"), "TAGGING"),
    **dict.fromkeys(("GetBucketAcl", "PutBucketAcl", "GetObjectAcl", "PutObjectAcl"), "ACL"),
    **dict.fromkeys(("GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"), "BUCKETPOLICY"),
    **dict.fromkeys(("GetBucketCors", "PutBucketCors", "DeleteBucketCors"), "CORS"),
    **dict.fromkeys(("GetBucketWebsite", "PutBucketWebsite", "DeleteBucketWebsite"), "WEBSITE"),
    **dict.fromkeys(("GetBucketEncryption", "PutBucketEncryption", "DeleteBucketEncryption"), "ENCRYPTION"),
    **dict.fromkeys(("GetBucketReplication", "PutBucketReplication", "DeleteBucketReplication"), "REPLICATION"),
    **dict.fromkeys(
        ("GetBucketLifecycleConfiguration", "PutBucketLifecycleConfiguration", "DeleteBucketLifecycle"), "LIFECYCLE"
    ),
    **dict.fromkeys(("GetPublicAccessBlock", "PutPublicAccessBlock", "DeletePublicAccessBlock"), "PUBLIC_ACCESS_BLOCK"),
    **dict.fromkeys(("ListObjects", "ListObjectsV2", "CreateBucket", "DeleteBucket", "HeadBucket"), "BUCKET"),
    **dict.fromkeys(("GetBucketVersioning", "PutBucketVersioning"), "VERSIONING"),
    **dict.fromkeys(("GetBucketLogging", "PutBucketLogging"), "LOGGING_STATUS"),
    **dict.fromkeys(("GetBucketNotificationConfiguration", "PutBucketNotificationConfiguration"), "NOTIFICATION"),
    **dict.fromkeys(("GetBucketRequestPayment", "PutBucketRequestPayment"), "REQUEST_PAYMENT"),
    **dict.fromkeys(("GetBucketAccelerateConfiguration", "PutBucketAccelerateConfiguration"), "ACCELERATE"),
    **dict.fromkeys(("CompleteMultipartUpload", "AbortMultipartUpload", "ListParts"), "UPLOAD"),
    **dict.fromkeys(("CreateMultipartUpload", "ListMultipartUploads"), "UPLOADS"),
    "CopyObject": "OBJECT",
    "DeleteObjects": "MULTI_OBJECT_DELETE",
    "GetBucketLocation": "LOCATION",
    "GetBucketPolicyStatus": "BUCKETPOLICY_STATUS",
    "ListObjectVersions": "BUCKETVERSIONS",
    "UploadPart": "PART",
    "UploadPartCopy": "PART",
}
_COPIES: Final = frozenset(("CopyObject", "UploadPartCopy"))
_STORES: Final = frozenset(("PutObject", "UploadPart"))
_WORD: Final = re.compile("(?<=[a-z0-9])(?=[A-Z])")
_LONGEST_TEXT: Final = 1024  # characters that are kept of a URI, a Referer or a User-Agent
# Characters that would end a quoted field or a line.
_BREAKING: Final = re.compile('["\x00-\x1f\x7f]')


class Entry(NamedTuple):
    """One request, as a log tells it; '' is what does not apply."""

    owner: str
    bucket: str
    time: datetime  # when it was received
    client: str
    requester: str
    request_id: str
    operation: str
    method: str
    key: str
    uri: str
    status: int
    code: str
    bytes_in: int
    bytes_out: int
    seconds: float
    referer: str
    agent: str
    version_id: str
    signature_version: str
    signed_in: str
    host: str
    door: str = "REST"


def line(entry: Entry) -> str:
    """Return a request's line."""
    fields: tuple[Any, ...] = (
        entry.owner,
        entry.bucket,
        f"[{entry.time:%d/%b/%Y:%H:%M:%S +0000}]",
        entry.client,
        quote(entry.requester, safe="/:@+=,.-"),
        entry.request_id,
        operation(entry.operation, entry.method, entry.door),
        quote(entry.key, safe="/", errors="surrogateescape"),
        _quoted(f"{entry.method} {_cut(scrub(entry.uri))} HTTP/1.1"),
        entry.status,
        entry.code,
        entry.bytes_out or "",
        _object_size(entry),
        round(entry.seconds * 1000),
        "",  # the time between the request's last byte and the answer's first is not measured
        _quoted(_cut(scrub(entry.referer)) or "-"),
        _quoted(_cut(entry.agent) or "-"),
        quote(entry.version_id),
        host_id(entry.request_id),
        entry.signature_version,
        "",  # cipher suite
        entry.signed_in,
        quote(entry.host, safe=":"),  # a bracket would open a field with spaces
        "",  # TLS version
        "",  # access point
        "",  # whether an ACL was needed
    )
    return " ".join(str(field) or "-" for field in fields) + "\n"


def operation(name: str, method: str, door: str = "REST") -> str:
    """Return AWS's name of an operation in logs, `REST.GET.OBJECT`; `door` is `WEBSITE` for a website endpoint."""
    if name in _COPIES:
        return f"REST.COPY.{_RESOURCES[name]}"
    named = _RESOURCES.get(name) or _WORD.sub("_", re.sub("^(Get|Put|Delete|List)(Bucket)?", "", name)).upper()
    return f"{door}.{method}.{named}"


def object_key(prefix: str, day: datetime, now: datetime, unique: str, partition: str, event_time: bool) -> str:
    """Return the key of a log object whose records are of one day.

    `partition` is `<account>/<region>/<bucket>` for the partitioned format, else ''.  A key by event time has the day
    of its records and no time.  https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html
    """
    if not partition:
        return f"{prefix}{now:%Y-%m-%d-%H-%M-%S}-{unique}"
    if event_time:
        return f"{prefix}{partition}/{day:%Y/%m/%d}/{day:%Y-%m-%d}-00-00-00-{unique}"
    return f"{prefix}{partition}/{now:%Y/%m/%d}/{now:%Y-%m-%d-%H-%M-%S}-{unique}"


def _object_size(entry: Entry) -> str:
    """Return the object's size where the request tells it: all of it was sent or received."""
    if entry.operation in _STORES and entry.status == 200:
        return str(entry.bytes_in)
    return str(entry.bytes_out) if entry.operation == "GetObject" and entry.status == 200 else ""


def _cut(text: str) -> str:
    """Return the beginning of a text: what strangers send must not fill the owner's storage."""
    return text[:_LONGEST_TEXT]


def _quoted(text: str) -> str:
    plain = _BREAKING.sub(lambda found: f"%{ord(found[0]):02X}", text)
    return f'"{plain.encode("ascii", "backslashreplace").decode()}"'
