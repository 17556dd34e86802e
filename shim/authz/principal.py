"""Principal: the identity behind a request, as its signature proves it."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Proof(Enum):
    """How a principal has proved its identity."""

    SIGNATURE = "signature"
    FORM = "form"  # a browser's form with a signed policy
    NOTHING = "nothing"


class Principal(NamedTuple):
    """Who sends a request.

    `access_key` signed it; in Keystone the key belongs to the user `user_id` and the project `project_id`, whose AWS
    account is `account_id`.  All are '' for an unsigned request.  User name and roles come with the token, later.
    """

    proof: Proof
    access_key: str = ""
    user_id: str = ""
    project_id: str = ""
    account_id: str = ""


ANONYMOUS = Principal(Proof.NOTHING)
