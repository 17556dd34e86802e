"""The caller: what Keystone says about an access key and the token made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Ec2Credential:
    """An EC2 credential as Keystone keeps it; the secret never shows in a repr, a log or an error.

    A `delegated` one was made through a trust, an OAuth token or an application credential, which may bound its roles.
    """

    access: str
    secret: str = field(repr=False)
    user_id: str
    project_id: str
    delegated: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """A token scoped to one project, with what Keystone's answer says about the caller and the cloud.

    `catalog` maps a service type of the catalog to its endpoint URL for the configured region and interface.
    """

    id: str = field(repr=False)
    expires_at: datetime
    user_id: str
    user_name: str
    project_id: str
    project_name: str
    domain_id: str
    roles: frozenset[str]
    catalog: Mapping[str, str]
