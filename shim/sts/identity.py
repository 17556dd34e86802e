"""GetCallerIdentity: the Keystone user behind an access key, as an IAM user of the project's account.

Terraform, Ansible and most scripts call it first, to learn the account id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shim.context import Call
from shim.sts.service import action
from shim.sts.sessions import assumed_arn, assumed_id


@action()
async def get_caller_identity(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answer from the verified signature; "no permissions are required to perform this operation" (STS API)."""
    caller, session = call.caller, call.caller.session
    in_role = session if session and session.role else None
    return {
        "UserId": assumed_id(in_role) if in_role else caller.user_id,
        "Account": caller.account_id,
        "Arn": assumed_arn(in_role, caller.account_id) if in_role else caller.arn,
    }
