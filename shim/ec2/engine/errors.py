"""Translate OpenStack's faults to EC2 errors: one table line for each fault, and error codes for each resource type.

Codes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.errors import BackendError, Fault
from shim.ec2.engine import ids
from shim.ec2.engine import resource_types as resource_types
from shim.errors import AwsError

RETRY_AFTER_SECONDS = 5  # when OpenStack sends no Retry-After


@dataclass(frozen=True, slots=True)
class Says:
    """EC2's answer to one fault; `code` and `message` may name fields of the type, the id and OpenStack's sentence."""

    status: int
    code: str
    message: str
    retry: bool = False


_BROKEN = Says(500, "InternalError", "An internal error has occurred")

TABLE: Mapping[Fault, Says] = {
    Fault.NOT_FOUND: Says(400, "{resource_type.not_found}", "{one}"),
    Fault.IN_USE: Says(400, "{resource_type.in_use}", "{in_use}"),
    Fault.CONFLICT: Says(400, "{resource_type.state}", "{detail}"),
    Fault.DUPLICATE: Says(400, "{resource_type.duplicate}", "{duplicate}"),
    Fault.QUOTA: Says(400, "{resource_type.quota}", "{detail}"),
    Fault.INVALID: Says(400, "InvalidParameterValue", "{detail}"),
    Fault.TOO_LARGE: Says(400, "InvalidParameterValue", "{detail}"),
    Fault.FORBIDDEN: Says(403, "UnauthorizedOperation", "You are not authorized to perform this operation."),
    Fault.UNAUTHORIZED: Says(401, "AuthFailure", "AWS was not able to validate the provided access credentials"),
    # AWS answers 500 ("Server errors" of the page above), so SDKs retry.
    Fault.NO_CAPACITY: Says(500, "{resource_type.capacity}", "{detail}"),
    # Another client changed the resource between the gateway's read and its write.
    Fault.PRECONDITION: Says(400, "{resource_type.state}", "{detail}"),
    # Only the object store raises these; EC2 does not use it.
    Fault.NOT_MODIFIED: _BROKEN,
    Fault.RANGE: _BROKEN,
    Fault.CHECKSUM: _BROKEN,
    Fault.UNSUPPORTED: Says(400, "UnsupportedOperation", "The requested operation is not supported by this cloud."),
    Fault.THROTTLED: Says(503, "RequestLimitExceeded", "Request limit exceeded.", retry=True),
    Fault.UNAVAILABLE: Says(503, "Unavailable", "The server is overloaded and can't handle the request.", retry=True),
}


def translate(error: BackendError, operation: str = "", params: Mapping[str, Any] | None = None) -> AwsError:
    """Return the EC2 error for a failure of OpenStack; every `Fault` has one.

    `error.resource` selects the resource type; an id that is a UUID is shown as the EC2 id.  `params` is for services
    whose errors echo the request; EC2 does not use it.
    """
    says = TABLE[error.fault]
    resource_type = resource_types.RESOURCES.get(error.resource, resource_types.UNKNOWN)
    shown = _shown(_PREFIXES.get(error.resource, resource_type.prefix), error.id)
    words: dict[str, object] = {
        "resource_type": resource_type,
        "one": resource_type.one.format(id=shown),
        "in_use": resource_type.in_use_says.format(id=shown),
        "duplicate": resource_type.duplicate_says.format(id=shown),
        "detail": error.detail
        or f"The request {operation} could not be carried out: {error.fault.value}.".replace("  ", " "),
    }
    headers = {"Retry-After": str(error.retry_after or RETRY_AFTER_SECONDS)} if says.retry else None
    status = 400 if (error.fault is Fault.NO_CAPACITY and resource_type.capacity in _CLIENT_ERRORS) else says.status
    return AwsError(says.code.format(**words), says.message.format(**words), status, headers=headers)


# The error code page lists this code under client errors, and the other capacity codes under server errors.
_CLIENT_ERRORS = frozenset({"InsufficientFreeAddressesInSubnet"})


# Errors name an attachment by its volume's id, and a key pair by its name even where that is a UUID.
_PREFIXES = {"volume_attachment": resource_types.VOLUME.prefix, "keypair": ""}


def _shown(prefix: str, id: str) -> str:
    return ids.aws(prefix, id) if prefix and ids.is_uuid(id) else id
