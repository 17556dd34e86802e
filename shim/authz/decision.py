"""The one decision on every request: whether a principal may do an action with a resource.

Today the answer follows from who signed.  A signer acts in the project of the key, with the token of its owner, and
OpenStack's own policies decide what that token may do.  Who did not sign may do what the registry opens to anyone, and
nothing else.  Policy documents will be read here, and nowhere else.
"""

from __future__ import annotations

from typing import NamedTuple

from shim.authz.principal import ANONYMOUS, Principal


class Decision(NamedTuple):
    """Whether a request may go on, and why; the reason is for the log and the operator."""

    allowed: bool
    reason: str


_OWN_PROJECT = Decision(True, "the signer acts in the project of the access key, where OpenStack's policies decide")
_OPEN = Decision(True, "the operation is open to anyone")


def authorise(principal: Principal, action: str, resource: str, *, open_to_anyone: bool = False) -> Decision:
    """Decide on one request: `action` is IAM's name (`s3:GetObject`), `resource` an ARN or `*`."""
    if principal is not ANONYMOUS:
        return _OWN_PROJECT
    if open_to_anyone:
        return _OPEN
    return Decision(False, f"nobody signed, and {action or 'the request'} on {resource} is not open to anyone")
