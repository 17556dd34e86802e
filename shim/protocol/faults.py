"""The error envelopes: write an AwsError as EC2, the query services and S3 do."""

from __future__ import annotations

from binascii import b2a_base64
from hashlib import sha256

from shim.errors import AwsError
from shim.protocol.headers import safe
from shim.protocol.message import Reply, Request
from shim.protocol.xml.write import DECLARATION, escape

XML = "text/xml;charset=UTF-8"


def ec2(error: AwsError, request_id: str, request: Request) -> Reply:
    """`<Response><Errors><Error>`: EC2's own envelope."""
    body = (
        f"{DECLARATION}<Response><Errors><Error><Code>{escape(error.code)}</Code>"
        f"<Message>{escape(error.message)}</Message></Error></Errors>"
        f"<RequestID>{escape(request_id)}</RequestID></Response>"
    )
    headers = [("x-amzn-RequestId", request_id), ("Content-Type", XML), *error.headers.items()]
    return Reply(error.status, headers, body.encode())


def query(error: AwsError, request_id: str, request: Request, *, namespace: str = "") -> Reply:
    """`<ErrorResponse>`: STS, IAM and every other query service.  `Type` is `Sender` or `Receiver`."""
    xmlns = f' xmlns="{escape(namespace)}"' if namespace else ""
    whose = "Sender" if error.status < 500 else "Receiver"
    body = (
        f"{DECLARATION}<ErrorResponse{xmlns}><Error><Type>{whose}</Type><Code>{escape(error.code)}</Code>"
        f"<Message>{escape(error.message)}</Message></Error>"
        f"<RequestId>{escape(request_id)}</RequestId></ErrorResponse>"
    )
    headers = [("x-amzn-RequestId", request_id), ("Content-Type", XML), *error.headers.items()]
    return Reply(error.status, headers, body.encode())


def host_id(request_id: str) -> str:
    """Return a value for `x-amz-id-2`, which names the host at AWS; here it repeats the request id."""
    return b2a_base64(sha256(request_id.encode()).digest(), newline=False).decode()


def s3_ids(request_id: str) -> list[tuple[str, str]]:
    """Return the two id headers that every answer of S3 has."""
    return [("x-amz-request-id", request_id), ("x-amz-id-2", host_id(request_id))]


def s3(error: AwsError, request_id: str, request: Request) -> Reply:
    """`<Error>`: S3's envelope.  An answer to HEAD, and 304, has no body (RFC 9110, 9.3.2 and 15.4.5)."""
    # Some headers repeat what is stored with an object, and OpenStack's own tools may have stored any characters.
    headers = [*s3_ids(request_id), *((name, safe(value)) for name, value in error.headers.items())]
    if request.head.method == "HEAD" or error.status in (204, 304):
        return Reply(error.status, headers)
    extra = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in error.extra.items())
    body = (
        f"{DECLARATION}<Error><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>{extra}"
        f"<RequestId>{escape(request_id)}</RequestId><HostId>{host_id(request_id)}</HostId></Error>"
    )
    return Reply(error.status, [*headers, ("Content-Type", "application/xml")], body.encode())
