"""The authorisation of every request: whether a principal may do an action on a resource.

The answer depends on the signature.  A signed request acts in the project of its access key with its owner's token, and
OpenStack's own policies decide what that token may do.  An unsigned request may call only operations that are
registered as open to anyone.  A service whose resources have policies of their own (S3's buckets) decides by them.
"""

from __future__ import annotations

from typing import NamedTuple

from shim.authz.principal import ANONYMOUS, Principal
from shim.errors import AwsError


class Decision(NamedTuple):
    """Whether a request may go on, and why; the reason is for the log and the operator.

    `error` is the answer to a refused request if it is not the service's general one.
    """

    allowed: bool
    reason: str
    error: AwsError | None = None


_OWN_PROJECT = Decision(True, "the signer acts in the project of the access key, where OpenStack's policies decide")
_OPEN = Decision(True, "the operation is open to anyone")


def authorise(principal: Principal, action: str, resource: str, *, open_to_anyone: bool = False) -> Decision:
    """Decide on one request: `action` is IAM's name (`s3:GetObject`), `resource` an ARN or `*`."""
    if principal is not ANONYMOUS:
        return _OWN_PROJECT
    if open_to_anyone:
        return _OPEN
    return Decision(False, f"nobody signed, and {action or 'the request'} on {resource} is not open to anyone")
