"""What a test gets: an account of its own at an endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

REGION = "us-east-1"  # any name is the cloud's region, and this is the one that AWS's tools take where none is given


@dataclass(frozen=True, slots=True)
class Account:
    """An account with nothing in it but what every account has, and the keys of its only user.

    `auth` are openstacksdk's words for the same user in OpenStack; empty where the endpoint is not a gateway.
    """

    endpoint_url: str
    access_key: str
    secret_key: str = field(repr=False)
    account_id: str
    region: str = REGION
    project_id: str = ""
    user_id: str = ""
    auth: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which any AWS SDK, the AWS CLI and Terraform find the endpoint and the keys."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
