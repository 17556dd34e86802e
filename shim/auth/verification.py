"""Verifies the signature of a request, of version 2 or 4, and the payload hash that it covers."""

from __future__ import annotations

import hmac
import re
from collections.abc import Container
from datetime import datetime, timedelta

from shim.auth import sigv2, sigv4
from shim.auth.errors import AuthFault, auth_error, printable
from shim.auth.request_signature import UNSIGNED, RequestSignature
from shim.auth.sigv4 import Verified
from shim.errors import AwsError
from shim.protocol.message import Head

STREAMING = frozenset(
    (
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    )
)
SHA256 = re.compile("[0-9a-fA-F]{64}", re.ASCII)
_ASYMMETRIC = frozenset(
    ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER")
)


def verify(
    sig: RequestSignature,
    head: Head,
    *,
    secret: str,
    service: str,
    regions: Container[str],
    now: datetime,
    skew: timedelta,
    payload_hash: str = "",
    bucket_from_host: str = "",
    region: str = "",
    token: str = "",
) -> Verified:
    """Return the verified signature of a request; raise the error of `service` where it does not hold.

    `service` is the one the request was routed to; a signature made for another one is refused.  `regions` are the
    names that clients may sign for, `region` the one to name to those who signed for another.  `payload_hash` is the
    hex SHA-256 of a body that was read already (EC2, STS); '' takes what the request says (S3, whose body `open_body`
    checks as it flows).  `token` is the session token that belongs to the secret, '' if it is no session's; any other
    token is refused.  `bucket_from_host` is the bucket of a virtual-host style request.
    """
    if (sig.token or token) and not hmac.compare_digest(sig.token.encode("utf-8", "surrogateescape"), token.encode()):
        raise auth_error(service, AuthFault.BAD_TOKEN)
    if sig.scope is None:  # version 2
        if service != "s3":
            raise auth_error(service, AuthFault.VERSION_2)
        if sig.payload:
            check_payload(sig.payload)
        return sigv2.verify(sig, head, secret=secret, now=now, skew=skew, bucket_from_host=bucket_from_host)
    if service == "s3":
        check_payload(sig.payload)
    return sigv4.verify(
        sig,
        head,
        secret=secret,
        service=service,
        regions=regions,
        now=now,
        skew=skew,
        payload_hash=payload_hash or sig.payload,
        region=region,
    )


def check_payload(payload: str) -> None:
    """Raise AwsError for an x-amz-content-sha256 that is neither a SHA-256 digest nor a known mode."""
    if payload == UNSIGNED or SHA256.fullmatch(payload) or payload in STREAMING:
        return
    if not payload:
        raise AwsError("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
    if payload in _ASYMMETRIC:
        raise AwsError("NotImplemented", "A header you provided implies functionality that is not implemented.", 501)
    raise AwsError(
        "InvalidArgument",
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
        extra={"ArgumentName": "x-amz-content-sha256", "ArgumentValue": printable(payload)},
    )
