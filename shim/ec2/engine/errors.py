"""EC2's answers to OpenStack's faults: the table has a line for each fault, and each resource type its own codes.

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

RETRY_AFTER_SECONDS = 5  # when OpenStack did not say


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
    # "Server errors" of the page above: AWS itself answers 500 here, and SDKs are right to try again.
    Fault.NO_CAPACITY: Says(500, "{resource_type.capacity}", "{detail}"),
    # Somebody else changed the resource between our read and our write.
    Fault.PRECONDITION: Says(400, "{resource_type.state}", "{detail}"),
    # Words of the object store: from a control service they make no sense.
    Fault.NOT_MODIFIED: _BROKEN,
    Fault.RANGE: _BROKEN,
    Fault.CHECKSUM: _BROKEN,
    Fault.UNSUPPORTED: Says(400, "UnsupportedOperation", "The requested operation is not supported by this cloud."),
    Fault.THROTTLED: Says(503, "RequestLimitExceeded", "Request limit exceeded.", retry=True),
    Fault.UNAVAILABLE: Says(503, "Unavailable", "The server is overloaded and can't handle the request.", retry=True),
}


def translate(error: BackendError, operation: str = "", params: Mapping[str, Any] | None = None) -> AwsError:
    """Turn a failure of OpenStack into the answer EC2 would give; total over `Fault`.

    The noun is found by `error.resource`; an id that is a UUID is shown as the EC2 id it belongs to.  `params` is there
    for services whose errors echo the request; EC2's do not.
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


# The error code page lists this one under the client's errors, unlike the other capacities.
_CLIENT_ERRORS = frozenset({"InsufficientFreeAddressesInSubnet"})


# An attachment is known by its volume, and a key pair by a name, though somebody called it by a UUID.
_PREFIXES = {"volume_attachment": resource_types.VOLUME.prefix, "keypair": ""}


def _shown(prefix: str, id: str) -> str:
    return ids.aws(prefix, id) if prefix and ids.is_uuid(id) else id
