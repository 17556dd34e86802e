"""The HTML pages that a website endpoint makes itself, for errors and redirects.

"For each of these errors, Amazon S3 returns a predefined HTML message" (Amazon S3 User Guide, Configuring a custom
error document).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from http import HTTPStatus
from typing import Final

from shim.errors import AwsError
from shim.protocol.faults import host_id, s3_ids
from shim.protocol.headers import safe
from shim.protocol.message import Reply, Request

_TYPE: Final = ("Content-Type", "text/html; charset=utf-8")
_NO_DOCUMENT: Final = "An Error Occurred While Attempting to Retrieve a Custom Error Document"
# Statuses whose answers have no body (RFC 9110, 15.3.5 and 15.4.5).
_EMPTY: Final = frozenset((204, 304))


def error(told: AwsError, request_id: str, request: Request, document: AwsError | None = None) -> Reply:
    """Return the page for an error; `document` is the error that kept the website's own error page from being read."""
    headers = [*s3_ids(request_id), *error_headers(told)]
    if told.status in _EMPTY:
        return Reply(told.status, headers)
    facts = {**_facts(told), "RequestId": request_id, "HostId": host_id(request_id)}
    more = f"<h3>{_NO_DOCUMENT}</h3>\n{_list(_facts(document))}" if document else ""
    return _page(told.status, headers, _list(facts) + more, request)


def error_headers(told: AwsError) -> list[tuple[str, str]]:
    """Return the headers that tell an error, with the error's own."""
    if told.status in _EMPTY:
        return [(name, safe(value)) for name, value in told.headers.items()]
    facts = {"code": told.code, "message": told.message}
    facts |= {f"detail-{name}": value for name, value in told.extra.items()}
    named = {f"x-amz-error-{name}": value for name, value in facts.items()}
    return [(name, safe(value)) for name, value in (named | told.headers).items()]


def redirect(status: int, location: str, request_id: str) -> Reply:
    """Return a redirect; only the one to a directory has a page."""
    return Reply(status, [*s3_ids(request_id), ("Location", safe(location))])


def to_directory(location: str, request_id: str, request: Request) -> Reply:
    """Return the redirect from `/photos` to `/photos/`."""
    headers = [*s3_ids(request_id), ("Location", safe(location))]
    facts = {
        "Code": "Found",
        "Message": "Resource Found",
        "RequestId": request_id,
        "HostId": host_id(request_id),
    }
    return _page(302, headers, _list(facts), request)


def _page(status: int, headers: Iterable[tuple[str, str]], content: str, request: Request) -> Reply:
    title = f"{status} {HTTPStatus(status).phrase}"
    text = f"<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n{content}<hr/>\n</body>\n</html>\n"
    body = b"" if request.head.method == "HEAD" else text.encode("utf-8", "replace")
    return Reply(status, [*headers, _TYPE], body)


def _facts(told: AwsError) -> Mapping[str, str]:
    return {"Code": told.code, "Message": told.message, **told.extra}


def _list(facts: Mapping[str, str]) -> str:
    items = "".join(f"<li>{escape(name)}: {escape(value)}</li>\n" for name, value in facts.items())
    return f"<ul>\n{items}</ul>\n"
