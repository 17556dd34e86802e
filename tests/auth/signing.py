"""Requests signed by botocore's own signers, as the gateway receives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from shim.auth import RequestSignature, Verified, parse_signature, verify
from shim.errors import AwsError
from shim.protocol.message import Head

ACCESS = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
REGION = "RegionOne"
REGIONS = frozenset({REGION, "us-east-1"})
SKEW = timedelta(minutes=15)
CREDENTIALS = Credentials(ACCESS, SECRET)

SIGNERS: dict[str, Callable[[], Any]] = {
    "v4-header": lambda: botocore.auth.S3SigV4Auth(CREDENTIALS, "s3", REGION),
    "v4-query": lambda: botocore.auth.S3SigV4QueryAuth(CREDENTIALS, "s3", REGION, expires=600),
    "v2-header": lambda: botocore.auth.HmacV1Auth(CREDENTIALS),
    "v2-query": lambda: botocore.auth.HmacV1QueryAuth(CREDENTIALS, expires=600),
}


def now() -> datetime:
    return datetime.now(UTC)


def received(request: Any) -> Head:
    """What the gateway sees of a request that botocore signed."""
    url = urlsplit(request.url)
    headers = [(name.lower(), value) for name, value in request.headers.items()]
    if all(name != "host" for name, _ in headers):
        headers.append(("host", url.netloc))
    return Head(request.method, url.path.encode(), url.query.encode(), tuple(headers), url.scheme)


def signed(
    how: str,
    method: str = "GET",
    url: str = "http://s3.test:8788/b/k",
    headers: Mapping[str, str] | None = None,
    **kw: Any,
) -> Head:
    """A request signed in one of the four ways."""
    request = AWSRequest(method, url, headers=dict(headers or {}), **kw)
    SIGNERS[how]().add_auth(request)
    return received(request)


def check(head: Head, **changes: Any) -> Verified:
    """Verify a request as the gateway would, with some of its knowledge changed."""
    found = parse_signature(head)
    if found is None:
        raise AwsError("AccessDenied", "Nobody signed this.", 403)
    return check_signature(found, head, **changes)


def check_signature(found: RequestSignature, head: Head, **changes: Any) -> Verified:
    known: dict[str, Any] = {"secret": SECRET, "service": "s3", "regions": REGIONS, "now": now(), "skew": SKEW}
    return verify(found, head, **(known | changes))


def refusal(head: Head, **changes: Any) -> AwsError:
    """The error by which a request is refused."""
    with pytest.raises(AwsError) as caught:
        check(head, **changes)
    return caught.value


def with_header(head: Head, name: str, value: str | None) -> Head:
    """The request with a header set, or taken away."""
    rest = [(at, text) for at, text in head.headers if at != name]
    return replace(head, headers=(*rest, *([(name, value)] if value is not None else [])))


def with_query(head: Head, name: str, value: str | None) -> Head:
    """The request with a query parameter set (already encoded), or taken away."""
    pieces = [p for p in head.raw_query.split(b"&") if p.partition(b"=")[0] != name.encode()]
    if value is not None:
        pieces.append(f"{name}={value}".encode())
    return replace(head, raw_query=b"&".join(pieces))


EMPTY = sha256(b"").hexdigest()
FORM = b"Action=X"


def form(service: str, body: bytes = FORM, region: str = REGION, **headers: str) -> Head:
    """A form as SDKs post it to a query service."""
    request = AWSRequest(
        "POST",
        "http://api.test:8788/",
        data=body,
        headers={"Content-Type": "application/x-www-form-urlencoded", **headers},
    )
    botocore.auth.SigV4Auth(CREDENTIALS, service, region).add_auth(request)
    return received(request)


def refused_form(head: Head, service: str, **changes: Any) -> tuple[str, int, str]:
    """Code, status and sentence by which a form is refused."""
    error = refusal(head, service=service, payload_hash=sha256(FORM).hexdigest(), **changes)
    assert error.extra == {}
    return error.code, error.status, error.message


def malformed(head: Head, service: str | None = None) -> AwsError:
    """The error of a signature that cannot even be read."""
    with pytest.raises(AwsError) as caught:
        parse_signature(head, service)
    return caught.value
