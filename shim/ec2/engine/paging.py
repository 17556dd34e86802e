"""NextToken: a signed id, so that paging survives a restart, another replica, and rows that are added or deleted.

A page ends at an id, not at an offset: the next page starts after that id in the order of ids, whatever was created or
deleted in between.  The token is the id in clear text with an HMAC over the action, the project and the filters, so it
is valid only for the request that it was issued for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from shim.errors import AwsError

_SEAL_BYTES = 16
MIN_RESULTS = 5


def limit(wanted: int | None, most: int, *, least: int = MIN_RESULTS) -> int | None:
    """Check MaxResults and return it; None means no limit.

    "This value can be between 5 and 1000" (or 500), as the reference of each Describe action says.
    """
    if wanted is None:
        return None
    if wanted < least:
        raise _refused(wanted, f"Expecting a value greater than {least}.")
    if wanted > most:
        raise _refused(wanted, f"Expecting a value smaller than {most}.")
    return wanted


def _refused(wanted: int, reason: str) -> AwsError:
    return AwsError(
        "InvalidParameterValue",
        f"Value ( {wanted} ) for parameter maxResults is invalid. {reason}",
        refused="MaxResults",
    )


def question(operation: str, project_id: str, filters: Sequence[Mapping[str, Any]]) -> bytes:
    """Serialize the request: action, project and filters, whatever the order of filters and of their values."""
    asked = sorted([one.get("Name", ""), *sorted(one.get("Values", ()))] for one in filters)
    return json.dumps([operation, project_id, asked]).encode()


def seal(key: bytes, question: bytes, last: str) -> str:
    """Return the NextToken of a page that ended with the id `last`."""
    return base64.urlsafe_b64encode(_mac(key, question, last) + last.encode()).decode().rstrip("=")


def unseal(key: bytes, question: bytes, token: str) -> str:
    """Return the id in a token; raises InvalidParameterValue for a token that was issued for another request.

    EC2's message is seen in https://github.com/boto/boto3/issues/2673 (the error code page also lists InvalidNextToken,
    but EC2 does not use it here).
    """
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        last = raw[_SEAL_BYTES:].decode()
    except (binascii.Error, ValueError):
        raise _bad(token) from None
    if not hmac.compare_digest(raw[:_SEAL_BYTES], _mac(key, question, last)):
        raise _bad(token)
    return last


def _bad(token: str) -> AwsError:
    return AwsError(
        "InvalidParameterValue",
        f"Value ( {token} ) for parameter NextToken is invalid. The token is invalid.",
        refused="NextToken",
    )


def _mac(key: bytes, question: bytes, last: str) -> bytes:
    return hmac.new(key, question + b"\0" + last.encode(), hashlib.sha256).digest()[:_SEAL_BYTES]
