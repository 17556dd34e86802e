"""Checks of a request's head, before the request is served (RFC 9112, 2.3, 3 and 3.2).

They refuse heads that two readers may understand differently (request smuggling), and heads that would cost much before
a signature is verified.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import httptools

from shim.errors import AwsError
from shim.http.answer_head import END, Header, head_lines
from shim.protocol import faults
from shim.protocol.message import Head, Request
from shim.record import new_request_id

VERSIONS = frozenset(("1.0", "1.1"))
LONGEST_HOST = 255  # bytes: of a domain name (RFC 1035, 2.3.4); caches by Host rely on it
MOST_HEADERS = 500
MOST_PAIRS = 4000  # of a query: one with more is all separators, as a target is no longer than a head
# A longer path is not decoded: only the short paths of the metrics listener are read decoded.
_DECODED_PATH_BYTES = 4 * 1024
_FEW = MOST_HEADERS  # bytes of a target and headers together: what is under it is looked at no further

# A registered name or an address in brackets, and a port (RFC 3986, 3.2.2); boto 2 repeats the port.
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+;=%-]*)(?::[0-9]*)*+")
_DEFAULT_PORTS = {b"http": b":80", b"https": b":443"}


def malformed() -> AwsError:
    """Return S3's error for bytes that are not HTTP."""
    return AwsError("BadRequest", "An error occurred when parsing the HTTP request.")


def too_large() -> AwsError:
    """Return S3's error for a head that is too long."""
    return AwsError(
        "RequestHeaderSectionTooLarge", "Your request header section exceeds the maximum allowed size.", 400
    )


def error_response(error: AwsError) -> bytes:
    """Return the whole answer to bytes that are not a request: S3's, as they name no service."""
    reply = faults.s3(error, new_request_id(), Request(Head("POST", b"/", b"", ())))
    assert isinstance(reply.body, bytes)
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
    headers += [(b"content-length", b"%d" % len(reply.body)), (b"connection", b"close")]
    return head_lines(reply.status, headers)[0] + END + reply.body


def size(url: bytes, headers: Sequence[Header]) -> int:
    """Return the approximate length of a head in bytes."""
    return len(url) + sum(len(name) + len(value) + 4 for name, value in headers)


def without_upgrade(method: bytes, url: bytes, version: str, headers: Sequence[Header]) -> bytes:
    """Return a head as bytes, without its Upgrade header."""
    lines = [b"%b %b HTTP/%b" % (method, url, version.encode())]
    lines += [b"%b: %b" % header for header in headers if header[0] != b"upgrade"]
    return b"\r\n".join((*lines, b"", b""))


def check(version: str, url: bytes, headers: Sequence[Header], first: Mapping[bytes, bytes]) -> tuple[bytes, bytes]:
    """Return the path and query of the target; raise AwsError for a head that two readers may understand differently.

    "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks a Host header
    field and to any request message that contains more than one Host header field line or a Host header field with an
    invalid field value" (RFC 9112, 3.2).  Load balancers probe with HTTP/1.0 and no Host.
    """
    if version not in VERSIONS:
        raise malformed()
    host = first.get(b"host")
    if host is None:
        if version == "1.1":
            raise malformed()
    elif len(host) > LONGEST_HOST or not _HOST.fullmatch(host):
        raise malformed()
    if len(first) != len(headers) and sum(name == b"host" for name, _ in headers) > 1:
        raise malformed()
    if len(url) + len(headers) > _FEW:
        _check_size(url, headers)
    if url.startswith(b"/") and b"#" not in url:  # as nearly all do
        path, _, query = url.partition(b"?")
        return path, query
    return _absolute(url, host)


def decoded(path: bytes) -> str:
    """Return a path without its percent-encoding; one that is long as it is."""
    plain = path.decode("ascii")
    return unquote(plain) if "%" in plain and len(plain) <= _DECODED_PATH_BYTES else plain


def _check_size(url: bytes, headers: Sequence[Header]) -> None:
    """Raise AwsError for too many headers or query parameters."""
    if len(headers) > MOST_HEADERS:
        raise too_large()
    if url.count(b"&") > MOST_PAIRS:
        raise AwsError("InvalidURI", "Couldn't parse the specified URI.")


def _absolute(url: bytes, host: bytes | None) -> tuple[bytes, bytes]:
    """Return the path and query of a target in the absolute form, both as they came.

    The absolute form must be accepted (RFC 9112, 3.2.2).  Its authority replaces Host, and a proxy may not know that,
    so the two must be the same.
    """
    if b"#" in url:  # a fragment is not sent (RFC 9110, 7.1); some readers end the target before it, some do not
        raise malformed()
    parsed = _parsed(url)
    port = _DEFAULT_PORTS.get((parsed.schema or b"").lower())
    named = parsed.host or b""
    shown = b"[" + named + b"]" if b":" in named else named
    if parsed.port is not None:
        shown += b":%d" % parsed.port
    if port is None or parsed.userinfo or not named:
        raise malformed()
    if host is not None and shown.lower().removesuffix(port) != host.lower().removesuffix(port):
        raise malformed()
    return parsed.path or b"/", parsed.query or b""


def _parsed(url: bytes) -> Any:
    try:
        return httptools.parse_url(url)
    except httptools.HttpParserInvalidURLError:
        raise malformed() from None
