"""Signs the request that Keystone's EC2 credential extension exchanges for a token.

`POST /v3/ec2tokens` takes a signed request instead of a password, checks the signature with the stored secret, and
returns a token.  The gateway verifies the client's request itself (Keystone cannot verify signed chunks, for example)
and signs a small request with the same secret for Keystone.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Final

from adapters.types.identity import Ec2Credential

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_HOST: Final = "passerelle"
_SIGNED: Final = "host;x-amz-date"
_SCOPE: Final = ("passerelle", "ec2", "aws4_request")  # region (Keystone takes any), service, ending
_EMPTY: Final = hashlib.sha256(b"").hexdigest()


def ec2tokens_body(credential: Ec2Credential, now: datetime) -> dict[str, object]:
    """Return the JSON body of `POST /v3/ec2tokens` for a request signed at `now`.

    Keystone refuses a signature older than `[credential] auth_ttl` (15 minutes), so the gateway's clock must be right.
    """
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = "/".join((stamp[:8], *_SCOPE))
    request = "\n".join(("GET", "/", "", f"host:{_HOST}", f"x-amz-date:{stamp}", "", _SIGNED, _EMPTY))
    text = "\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()))
    signature = hmac.new(_key(credential.secret, stamp[:8]), text.encode(), hashlib.sha256).hexdigest()
    return {
        "credentials": {
            "access": credential.access,
            "signature": signature,
            "host": _HOST,
            "verb": "GET",
            "path": "/",
            "params": {},
            "headers": {
                "Host": _HOST,
                "X-Amz-Date": stamp,
                "Authorization": (
                    f"{_ALGORITHM} Credential={credential.access}/{scope},SignedHeaders={_SIGNED},Signature={signature}"
                ),
            },
            "body_hash": _EMPTY,
        }
    }


def _key(secret: str, day: str) -> bytes:
    key = ("AWS4" + secret).encode()
    for part in (day, *_SCOPE):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
