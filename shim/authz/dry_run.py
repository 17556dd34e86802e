"""DryRun: what is sure of a request's permission before OpenStack has been asked."""

from __future__ import annotations

from collections.abc import Set

from shim.errors import AwsError
from shim.protocol.operation import Operation


def dry_run(operation: Operation, roles: Set[str]) -> AwsError:
    """Return what a dry run ends with: it never acts, whatever it says.

    OpenStack has no dry run of its own; of its policies only this much is sure everywhere: who holds nothing but the
    role `reader` changes nothing.
    """
    if operation.mutating and roles and roles <= {"reader"}:
        return AwsError("UnauthorizedOperation", "You are not authorized to perform this operation.", 403)
    return AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
