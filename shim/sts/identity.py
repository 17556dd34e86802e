"""GetCallerIdentity: the Keystone user behind an access key, as an IAM user of the project's account.

Terraform, Ansible and most scripts call it first, to learn the account id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shim.context import Call
from shim.sts.service import action


@action()
async def get_caller_identity(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answer from the verified signature; "no permissions are required to perform this operation" (STS API)."""
    caller = call.caller
    return {
        "UserId": caller.user_id,
        "Account": caller.account_id,
        "Arn": caller.arn,
    }
