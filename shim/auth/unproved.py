"""The owner of the access key that a request names without a proof that its sender has it.

It only serves for what a service tells everybody who knows where to ask: S3's CORS rules of a bucket.
"""

from __future__ import annotations

import logging
from typing import Protocol

from adapters.errors import BackendError
from shim.auth.keys import Keys
from shim.auth.request_signature import parse_signature
from shim.auth.tokens import Tokens
from shim.errors import AwsError
from shim.protocol.message import Head

log = logging.getLogger(__name__)


class _Signer(Protocol):
    access_key: str


async def owners_tokens(head: Head, signer: _Signer | None, keys: Keys) -> Tokens | None:
    """Return the tokens of the access key's owner; None where the request names no valid one.

    `signer` is the signature, or the form, where it is parsed already.
    """
    try:
        named = signer or parse_signature(head, "s3")
        if named is None:
            return None
        tokens = Tokens(keys, await keys.credential(named.access_key, service="s3", address=head.client), "s3")
        await tokens.token()
    except (AwsError, BackendError) as error:
        log.debug("no project is known: %s", error)
        return None
    return tokens
