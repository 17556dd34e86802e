"""Continuation tokens: the name that a page ended with, in a form that nobody takes for a name."""

from __future__ import annotations

import binascii
from base64 import b64decode, urlsafe_b64encode

from shim.s3.errors import invalid_argument


def sealed(name: str) -> str:
    """Make a token of a name."""
    return urlsafe_b64encode(name.encode("utf-8", "surrogateescape")).decode()


def opened(token: str | None) -> str:
    """Return a token's name, '' for none; InvalidArgument for what is no token."""
    if not token:
        return ""
    try:
        # Strictly: a token that lost its letters on the way would begin the listing anew.
        return b64decode(token.encode("ascii"), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid_argument("The continuation token provided is incorrect", "continuation-token") from None
