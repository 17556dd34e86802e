"""OpenStack's faults under STS's codes."""

from __future__ import annotations

from adapters.errors import BackendError, Fault
from shim.errors import AwsError

FAULTS: dict[Fault, tuple[int, str, str]] = {
    Fault.UNAUTHORIZED: (403, "InvalidClientTokenId", "The security token included in the request is invalid."),
    Fault.FORBIDDEN: (403, "AccessDenied", "You are not authorized to perform this operation."),
    Fault.THROTTLED: (400, "Throttling", "Rate exceeded"),
}


def translate(error: BackendError) -> AwsError:
    """Return STS's error for a failed OpenStack call; it is a 503, which SDKs retry, unless the caller caused it."""
    status, code, message = FAULTS.get(
        error.fault, (503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server.")
    )
    headers = {"Retry-After": str(error.retry_after or 1)} if status == 503 else {}
    return AwsError(code, message, status, headers=headers)
