"""Authentication: signatures of requests, checks of their bodies, access keys and tokens from Keystone."""

from __future__ import annotations

from shim.auth.accounts import account_id
from shim.auth.body import Body, open_body, plain_body
from shim.auth.request_signature import Method, RequestSignature, parse_signature
from shim.auth.sigv4 import Verified
from shim.auth.verification import verify

__all__ = [
    "Body",
    "Method",
    "RequestSignature",
    "Verified",
    "account_id",
    "open_body",
    "parse_signature",
    "plain_body",
    "verify",
]
