"""IAM instance profiles, which are kept and shown by the operator's setting: OpenStack has nothing like them."""

from __future__ import annotations

import hashlib
from base64 import b32encode
from collections.abc import Mapping
from typing import Any

from shim.config import Settings
from shim.ec2.instances import facts as instance_facts
from shim.errors import AwsError
from shim.protocol.values import depends

NEEDS_SETTING = depends(when="the operator lets profiles be echoed (`PASSERELLE_INSTANCE_PROFILES`)")


def check(settings: Settings, asked: Mapping[str, Any] | None) -> None:
    """Refuse a profile unless the operator lets them be echoed, and one that is named twice or not at all."""
    if not asked:
        return
    if settings.instance_profiles == "refused":
        raise AwsError(
            "UnsupportedOperation",
            "Instances of this cloud get no credentials by an IAM instance profile.",
            refused="IamInstanceProfile",
        )
    if bool(asked.get("Arn")) == bool(asked.get("Name")):
        raise AwsError(
            "InvalidParameterCombination",
            "Exactly one of the ARN and the name of an IAM instance profile must be given.",
            refused="IamInstanceProfile",
        )
    if len(asked.get("Arn") or asked["Name"]) > 200:  # characters; a name has 128 at most, and metadata holds 255
        raise AwsError(
            "InvalidParameterValue", "Value for parameter iamInstanceProfile is invalid.", refused="IamInstanceProfile"
        )


def arn(asked: Mapping[str, Any], account: str) -> str:
    """Return the ARN of a profile that a request names."""
    return str(asked.get("Arn") or f"arn:aws:iam::{account}:instance-profile/{asked['Name']}")


def shown(metadata: Mapping[str, str]) -> dict[str, str] | None:
    """Write the profile of a server; its id is computed, since nobody gives it one."""
    found = metadata.get(instance_facts.PROFILE)
    if not found:
        return None
    return {"Arn": found, "Id": "AIPA" + b32encode(hashlib.sha256(found.encode()).digest()).decode()[:17]}
