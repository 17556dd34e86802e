"""ClientToken: a request that is sent twice creates its resource once.

The token and a digest of the request's other parameters are kept in the resource's metadata, so every replica finds
them: "If you retry a request with the same client token and the same parameters, the response is that of the
original one; with different parameters it is IdempotentParameterMismatch."
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Run_Instance_Idempotency.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from shim.errors import AwsError

TOKEN = "ec2:ct"  # noqa: S105 - the name of an item
DIGEST = "ec2:cth"
_LONGEST = 64  # "Constraints: Maximum 64 ASCII characters"


def marks(req: Mapping[str, Any]) -> dict[str, str]:
    """Return the metadata items to keep with the created resource; none if the request has no token."""
    token = req.get("ClientToken")
    if not token:
        return {}
    if len(token) > _LONGEST or not token.isascii() or not token.isprintable():
        raise AwsError(
            "InvalidParameterValue", f"Value ({token}) for parameter clientToken is invalid.", refused="ClientToken"
        )
    asked = {name: value for name, value in req.items() if name not in ("ClientToken", "DryRun")}
    text = json.dumps(asked, sort_keys=True, default=str)
    return {TOKEN: token, DIGEST: hashlib.sha256(text.encode()).hexdigest()}


def same(marks: Mapping[str, str], metadata: Mapping[str, str]) -> None:
    """Raise IdempotentParameterMismatch unless the request of `marks` created the resource with this metadata."""
    if metadata.get(DIGEST) != marks[DIGEST]:
        raise AwsError(
            "IdempotentParameterMismatch",
            "The client token was used before, in a request with other parameters.",
        )
