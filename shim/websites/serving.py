"""How a website answers a request, from S3's answers to the requests for objects that it stands for.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/IndexDocumentSupport.html and CustomErrorDocSupport.html
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol
from urllib.parse import quote

from shim.errors import AwsError
from shim.protocol.headers import decoded
from shim.protocol.message import Reply, Request
from shim.websites import pages
from shim.websites.site import Site, Visit

_REDIRECT: Final = "x-amz-website-redirect-location"
_MOVED: Final = 301
_PRINTABLE: Final = "".join(map(chr, range(0x21, 0x7F)))


class Failure(NamedTuple):
    """An error that S3 answers; `missing` says that there is no such object, also where the error hides it.

    `reason` says to the operator why the request was refused.
    """

    error: AwsError
    missing: bool
    reason: str


class Fetch(Protocol):
    """Sends S3 the unsigned request for an object of the bucket."""

    async def __call__(self, path: bytes, method: str, *, selecting: bool = False) -> Reply | Failure:
        """Return S3's answer; the visitor's range and conditions are sent with a `selecting` request."""
        ...


async def answer(
    site: Site, visit: Visit, request: Request, request_id: str, fetch: Fetch
) -> tuple[Reply, Failure | None]:
    """Answer a request; return also the failure that the answer tells of."""
    if site.everything is not None:
        return pages.redirect(site.everything.status, site.everything.location(visit), request_id), None
    if rule := site.rule(visit.key):
        return pages.redirect(rule.to.status, rule.location(visit), request_id), None
    method, index, is_directory = request.head.method, _path(site.suffix), visit.path.endswith(b"/")
    found = await fetch(visit.path + index if is_directory else visit.path, method, selecting=True)
    if isinstance(found, Reply):
        return _moved(found, request_id) or found, None
    if found.missing and not is_directory and isinstance(await fetch(visit.path + b"/" + index, "HEAD"), Reply):
        return pages.to_directory(_directory(visit), request_id, request), None
    status = found.error.status
    if rule := site.rule(visit.key, str(status)):
        return pages.redirect(rule.to.status, rule.location(visit), request_id), None
    # "The object key name to use when a 4XX class error occurs" (ErrorDocument).
    if not site.error_document or status // 100 != 4:
        return pages.error(found.error, request_id, request), found
    document = await fetch(b"/" + _path(site.error_document), method)
    if isinstance(document, Failure):
        return pages.error(found.error, request_id, request, document.error), found
    headers = [*document.headers, *pages.error_headers(found.error)]
    return _moved(document, request_id) or Reply(status, headers, document.body), found


def _path(key: str) -> bytes:
    return quote(key, errors="replace").encode()


def _directory(visit: Visit) -> str:
    """Return the URL of the directory, which is a path unless that would read as the name of a host (`//name/`)."""
    path = f"{visit.path.decode('latin-1')}/"
    return f"{visit.scheme}://{visit.host}{path}" if path.startswith("//") else path


def _moved(reply: Reply, request_id: str) -> Reply | None:
    """Return the redirect that an object asks for by its metadata."""
    place = next((value for name, value in reply.headers if name.lower() == _REDIRECT), "")
    if not place:
        return None
    # Header values are latin-1 text of any bytes, and a Location has ASCII alone.
    raw = decoded(place).encode("utf-8", "replace") if "=?" in place else place.encode("latin-1", "replace")
    return pages.redirect(_MOVED, quote(raw, safe=_PRINTABLE), request_id)
