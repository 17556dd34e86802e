"""DryRun: what is certain about a request's permission without asking OpenStack.

OpenStack has no dry run of its own, and its policies are the operator's to change, so only the default roles tell
something in advance.  https://docs.openstack.org/keystone/latest/admin/service-api-protection.html says what they mean:
`member` may create, change and delete in its project, `reader` may only read.  But older releases and Nova's key pairs,
which belong to a user and not to a project, let a reader change things too.  So it is not certain whether a reader may
change something, and the answer says so.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Final

from shim.errors import AwsError
from shim.protocol.operation import Operation

_READS: Final = frozenset(("reader", "member", "manager", "admin"))
_CHANGES: Final = _READS - {"reader"}
# Nova: "os_compute_api:os-keypairs:create": "(rule:context_is_admin) or user_id:%(user_id)s", and so for delete.
_USERS_OWN: Final = frozenset(("CreateKeyPair", "ImportKeyPair", "DeleteKeyPair"))


def dry_run(operation: Operation, roles: Set[str]) -> AwsError:
    """Return the error that a dry run is answered with; it never acts."""
    sure = _CHANGES if operation.mutating and operation.name not in _USERS_OWN else _READS
    if roles & sure:
        return AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
    return AwsError(
        "UnsupportedOperation",
        f"DryRun cannot tell whether the roles of this access key allow {operation.name}: only OpenStack's policies "
        "know, and they are asked when the request is made without DryRun.",
        refused="DryRun",
    )
