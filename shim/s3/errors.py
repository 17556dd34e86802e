"""S3's errors: functions for those that actions raise, and a table from Swift's faults to S3's errors.

Codes and statuses: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.errors import BackendError, Fault
from shim.errors import AwsError
from shim.protocol.message import Request

RETRY_AFTER_SECONDS = 5  # when Swift did not say


@dataclass(frozen=True, slots=True)
class Says:
    """An S3 error; `extra` maps elements of the error envelope to the request members that fill them."""

    status: int
    code: str
    message: str
    extra: Mapping[str, str] | None = None
    retry: bool = False


_BUCKET = {"BucketName": "Bucket"}
_KEY = {"Key": "Key"}
_CLASS = {"StorageClassRequested": "StorageClass"}
_ABORTED = Says(
    409,
    "OperationAborted",
    "A conflicting conditional operation is currently in progress against this resource. Please try again.",
)
_DENIED = Says(403, "AccessDenied", "Access Denied")
_BROKEN = Says(500, "InternalError", "We encountered an internal error. Please try again.")

# By fault and by the resource (container, object) that failed; "" is for every other resource.
TABLE: Mapping[Fault, Mapping[str, Says]] = {
    Fault.NOT_FOUND: {
        "object": Says(404, "NoSuchKey", "The specified key does not exist.", _KEY),
        "version": Says(404, "NoSuchVersion", "The specified version does not exist.", _KEY),
        "": Says(404, "NoSuchBucket", "The specified bucket does not exist", _BUCKET),
    },
    Fault.CONFLICT: {
        "container": Says(409, "BucketNotEmpty", "The bucket you tried to delete is not empty", _BUCKET),
        "": _ABORTED,
    },
    Fault.IN_USE: {"": _ABORTED},
    Fault.DUPLICATE: {"": _ABORTED},
    # S3 has no storage quota; this is what other stores with quotas answer, and SDKs do not retry it.
    Fault.QUOTA: {"": Says(403, "QuotaExceeded", "The storage quota of the project or the bucket is reached.")},
    Fault.INVALID: {
        "name": Says(400, "KeyTooLongError", "Your key is too long", _KEY),
        "policy": Says(400, "InvalidStorageClass", "The storage class you specified is not valid", _CLASS),
        "metadata": Says(400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size"),
        "": Says(400, "InvalidArgument", "The object store refused the request: {detail}"),
    },
    Fault.TOO_LARGE: {
        "": Says(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"),
    },
    Fault.FORBIDDEN: {"": _DENIED},
    Fault.UNAUTHORIZED: {"": _DENIED},
    Fault.NO_CAPACITY: {"": Says(503, "ServiceUnavailable", "Please reduce your request rate.", retry=True)},
    Fault.PRECONDITION: {
        "": Says(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"),
    },
    Fault.NOT_MODIFIED: {"": Says(304, "NotModified", "Not Modified")},
    Fault.RANGE: {"": Says(416, "InvalidRange", "The requested range is not satisfiable")},
    Fault.CHECKSUM: {"": Says(400, "BadDigest", "The digest you specified did not match what we received.")},
    Fault.UNSUPPORTED: {
        "": Says(501, "NotImplemented", "A header you provided implies functionality that is not implemented"),
    },
    Fault.THROTTLED: {"": Says(503, "SlowDown", "Please reduce your request rate.", retry=True)},
    Fault.UNAVAILABLE: {
        "": Says(503, "ServiceUnavailable", "Service is unable to handle request.", retry=True),
    },
}


def no_such_bucket(name: str) -> AwsError:
    """Return the error for a bucket that does not exist."""
    return AwsError("NoSuchBucket", "The specified bucket does not exist", 404, extra={"BucketName": name})


def unsigned(_: Request) -> AwsError:
    """Return the error for an unsigned request."""
    return AwsError("AccessDenied", "Access Denied", 403)


def translate(error: BackendError, operation: str = "", params: Mapping[str, Any] | None = None) -> AwsError:
    """Turn a failure of Swift into S3's error; every `Fault` has one.

    UNAUTHORIZED, which Keystone answers when a user no longer exists, is AccessDenied, as is any lack of rights.
    """
    rows = TABLE.get(error.fault, {"": _BROKEN})
    says = rows.get(error.resource) or rows[""]
    told = params or {}
    extra = {element: str(told[member]) for element, member in (says.extra or {}).items() if told.get(member)}
    headers = {"Retry-After": str(error.retry_after or RETRY_AFTER_SECONDS)} if says.retry else None
    return AwsError(
        says.code,
        says.message.format(detail=error.detail or error.fault.value),
        says.status,
        extra=extra,
        headers=headers,
    )


def invalid_argument(message: str, name: str = "", value: object = "") -> AwsError:
    """Return the error for an invalid argument, with its name."""
    extra = {"ArgumentName": name, "ArgumentValue": str(value)} if name else None
    return AwsError("InvalidArgument", message, 400, extra=extra)


def invalid_request(message: str) -> AwsError:
    """Return the error for a request whose parameters contradict each other."""
    return AwsError("InvalidRequest", message, 400)


def no_such_upload(upload_id: str) -> AwsError:
    """Return the error for an upload id that is unknown, complete or aborted."""
    message = (
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
        "completed."
    )
    return AwsError("NoSuchUpload", message, 404, extra={"UploadId": upload_id})


def no_such_key(key: str, headers: Mapping[str, str] | None = None) -> AwsError:
    """Return the error for an object that does not exist."""
    return AwsError("NoSuchKey", "The specified key does not exist.", 404, extra={"Key": key}, headers=headers)


def no_such_version(key: str, version: str) -> AwsError:
    """Return the error for a version that does not exist."""
    extra = {"Key": key, "VersionId": version}
    return AwsError("NoSuchVersion", "The specified version does not exist.", 404, extra=extra)


def precondition_failed(condition: str) -> AwsError:
    """Return the error for a condition that is false, with its header's name."""
    return AwsError(
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        412,
        extra={"Condition": condition},
    )


def no_such_configuration(req: Mapping[str, Any], code: str, message: str) -> AwsError:
    """Say that a bucket has no configuration of that sort."""
    return AwsError(code, message, 404, extra={"BucketName": str(req["Bucket"])})
