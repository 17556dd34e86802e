"""Principal: who sends a request, as far as the request itself proves it."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Proof(Enum):
    """How a principal has shown who it is."""

    SIGNATURE = "signature"
    FORM = "form"  # a browser's form with a signed policy
    NOTHING = "nothing"


class Principal(NamedTuple):
    """Who sends a request.

    `access_key` signed it; Keystone says that the key belongs to the user `user_id` in the project `project_id`, whose
    AWS account is `account_id`.  All are '' where nobody signed.  User name and roles come with the token, later.
    """

    proof: Proof
    access_key: str = ""
    user_id: str = ""
    project_id: str = ""
    account_id: str = ""


ANONYMOUS = Principal(Proof.NOTHING)
