"""Who calls, and is what came what was sent: signatures of requests, checks of bodies, Keystone's keys and tokens."""

from __future__ import annotations

from shim.auth.accounts import account_id
from shim.auth.body import Body, open_body, plain_body
from shim.auth.request_signature import Claim, Method, claim
from shim.auth.sigv4 import Verified
from shim.auth.verification import verify

__all__ = [
    "Body",
    "Claim",
    "Method",
    "Verified",
    "account_id",
    "claim",
    "open_body",
    "plain_body",
    "verify",
]
