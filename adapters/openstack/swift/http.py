"""Requests to Swift: with paths exact to the byte, a token that is renewed once, and errors by one table."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from typing import Any, Final, Protocol
from urllib.parse import quote

import orjson

from adapters.errors import BackendError, Fault
from adapters.openstack import faults
from adapters.openstack.swift.headers import SERVICE
from adapters.openstack.swift.wire import Answer, LostError
from adapters.ports.identity import TokenSource
from adapters.types.identity import Token
from adapters.types.objects import Listing

_FAULTS: Final = {
    304: Fault.NOT_MODIFIED,
    400: Fault.INVALID,
    401: Fault.UNAUTHORIZED,
    403: Fault.FORBIDDEN,
    404: Fault.NOT_FOUND,
    405: Fault.UNSUPPORTED,
    408: Fault.UNAVAILABLE,  # Swift waited too long for the body; the request may be repeated
    409: Fault.CONFLICT,
    411: Fault.INVALID,
    412: Fault.PRECONDITION,
    413: Fault.TOO_LARGE,
    416: Fault.RANGE,
    422: Fault.CHECKSUM,
    429: Fault.THROTTLED,
    498: Fault.THROTTLED,  # Swift's ratelimit middleware
    501: Fault.UNSUPPORTED,
}
# What a refusal with 400 is about, by the beginning of Swift's message (swift.common.constraints).
_ABOUT: Final = (
    ("Object name length", "name"),
    ("Metadata ", "metadata"),
    ("Too many metadata items", "metadata"),
    ("Total metadata too large", "metadata"),
    ("Header value too long", "metadata"),
    ("Header Line Too Long", "metadata"),
    ("Invalid X-Storage-Policy", "policy"),  # these two: swift.proxy.controllers.container
    ("Storage Policy ", "policy"),
)
_LONGEST_ERROR_BODY: Final = 1 << 20
# Matches a path that needs no quoting and has no segment that begins with a dot, such as `..`.
_is_plain: Final = re.compile(r"(?:/*+[A-Za-z0-9_~-][A-Za-z0-9_.~-]*+)*+/*+").fullmatch


def path_of(container: str, name: str = "") -> str:
    """Return the path of a container, or of an object in it: slashes stay, and no segment looks like `.` or `..`.

    >>> path_of("c", "a//b/../c%2F?é")
    '/c/a//b/%2E%2E/c%252F%3F%C3%A9'
    """
    path = f"/{container}/{name}" if name else f"/{container}"
    if _is_plain(path) and "/" not in container:
        return path
    if "\0" in path:
        # Swift answers 412, which would be taken for a failed condition.
        raise BackendError(Fault.INVALID, service=SERVICE, resource="object", detail="a name holds no NUL", status=400)
    return f"/{_quoted(container, '~')}/{_quoted(name, '/~')}" if name else f"/{_quoted(container, '~')}"


def _quoted(text: str, safe: str) -> str:
    path = quote(text, safe=safe, errors="surrogateescape")
    return "/".join(piece.replace(".", "%2E") if piece in {".", ".."} else piece for piece in path.split("/"))


class Pool(Protocol):
    """Sends requests: `pool.SwiftPool`, or a test's wrapper of it."""

    async def request(
        self,
        method: str,
        endpoint: str,
        path: str,
        headers: Mapping[str, str],
        *,
        body: bytes | AsyncIterable[bytes] = b"",
        length: int | None = 0,
        extra_seconds: float = 0.0,
    ) -> Answer:
        """Send a request and return any answer.  Raises LostError, BackendError INVALID, and what `body` raises."""
        ...


class SwiftHttp:
    """Sends one tenant's requests to one Swift account.

    `endpoint` does not end with a slash.  `token`, if given, is used for the first request.
    """

    __slots__ = ("_pool", "_request_id", "_token", "_tokens", "endpoint")

    def __init__(
        self, pool: Pool, endpoint: str, tokens: TokenSource, request_id: str, token: Token | None = None
    ) -> None:
        self._pool = pool
        self.endpoint = endpoint
        self._tokens = tokens
        self._token = token
        self._request_id = f"req-{request_id}"

    async def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        body: bytes | AsyncIterable[bytes] = b"",
        length: int | None = 0,
        extra_seconds: float = 0.0,
    ) -> Answer:
        """Send a request below the account and return any answer, its body unread.

        `path` is quoted and holds the query.  `length` is the length of a `body` that comes in pieces, None if the body
        is chunked.  A refused token is renewed, and the request repeated once if its body can be sent again.
        `extra_seconds` is added to the seconds that Swift may be silent.
        """
        token, self._token = self._token or await self._tokens.token(), None
        sent = {"X-Auth-Token": token.id, "X-Openstack-Request-Id": self._request_id}
        if headers:
            sent.update(headers)
        answer = await self._pool.request(
            method, self.endpoint, path, sent, body=body, length=length, extra_seconds=extra_seconds
        )
        if answer.status == 401:
            renewed = await self._tokens.renew(token)
            if renewed.id != token.id:
                answer.close()
                if not isinstance(body, bytes):
                    raise unavailable(
                        "the token was refused while a body was on its way; the next request has a new one"
                    )
                sent["X-Auth-Token"] = renewed.id
                answer = await self._pool.request(
                    method, self.endpoint, path, sent, body=body, extra_seconds=extra_seconds
                )
        return answer

    async def read(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> bytes:
        """Send a request whose success is any 2xx and return its body."""
        answer = await self.send(method, path, headers, body=body)
        if not 200 <= answer.status < 300:
            raise await error_of(answer, path)
        return await answer.read()

    async def rows(self, path: str) -> list[Any]:
        """GET a JSON listing."""
        answer = await self.send("GET", path)
        if not 200 <= answer.status < 300:
            raise await error_of(answer, path)
        return parsed(await answer.read(), list) if answer.status != 204 else []

    async def public(self, root: str, path: str) -> tuple[int, bytes]:
        """GET a path below the root of this Swift without a token."""
        answer = await self._pool.request("GET", root, path, {})
        return answer.status, await _some(answer)


def parsed(body: bytes, kind: type[Any]) -> Any:
    """Parse JSON of an expected type; raise UNAVAILABLE for anything else."""
    try:
        found = orjson.loads(body)
    except ValueError as error:
        raise unavailable("answer is not JSON") from error
    if not isinstance(found, kind):
        raise unavailable("answer is other JSON than expected")
    return found


async def error_of(answer: Answer, path: str) -> BackendError:
    """Read an unsuccessful answer to its end and return it as an error."""
    body = b"" if answer.status == 304 else await _some(answer)
    return error_from(answer.status, body, answer.headers, path)


def error_from(status: int, body: bytes, headers: Mapping[str, str], path: str) -> BackendError:
    """Return the error for an unsuccessful answer to a request to `path`."""
    detail = faults.clean(_message(body))
    fault = _FAULTS.get(status, Fault.INVALID if 400 <= status < 499 else Fault.UNAVAILABLE)
    if (status == 413 and "quota" in detail.lower()) or status == 507:
        fault = Fault.QUOTA
    names = path.partition("?")[0].split("/", 2)
    return BackendError(
        fault,
        service=SERVICE,
        resource=_about(status, detail) or ("account", "container", "object")[len(names) - 1 if names[-1] else 0],
        id=names[-1],
        detail=detail,
        status=status,
        upstream_id=faults.upstream_id(headers),
        retry_after=faults.retry_after(headers, fault),
    )


def _about(status: int, detail: str) -> str:
    """Return `name` or `metadata` where Swift refused one for its length, or `policy`; else ''."""
    return next((about for text, about in _ABOUT if detail.startswith(text)), "") if status == 400 else ""


def _message(body: bytes) -> str:
    """Return the text of an error; for a manifest, Swift names the segments that do not match in JSON of its own."""
    try:
        told = orjson.loads(body) if body.startswith(b"{") else {}
    except ValueError:
        told = {}
    if errors := told.get("Errors"):
        return "; ".join(": ".join(map(str, pair)) for pair in errors)
    return str(told.get("Response Body") or faults.read_error_body(body).message)


async def _some(answer: Answer) -> bytes:
    """Read the body of an unsuccessful answer; close the connection instead if it is too long for an error's body."""
    found = bytearray()
    try:
        async for piece in answer.pieces():
            found += piece
            if len(found) > _LONGEST_ERROR_BODY:
                answer.close()
                return b""
    except LostError:
        return b""
    return bytes(found)


def unavailable(detail: str) -> BackendError:
    """Return the error for an answer of Swift's that makes no sense."""
    return faults.unavailable(SERVICE, detail)


async def chunked(pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Frame a body of unknown length for `Transfer-Encoding: chunked` (RFC 9112, 7.1)."""
    async for piece in pieces:
        if piece:
            yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def listing_of(container: str, want: Listing) -> str:
    """Return the path and query of a page of a container's listing."""
    return query_of(
        path_of(container),
        format="json",
        prefix=want.prefix,
        delimiter=want.delimiter,
        marker=want.marker,
        end_marker=want.end_marker,
        version_marker=want.version_marker,
        limit=want.limit or "",
    )


def query_of(path: str, **params: str | int) -> str:
    """Return a path with a query of the parameters that are not empty."""
    told = [
        f"{key}={quote(str(value), safe='', errors='surrogateescape')}" for key, value in params.items() if value != ""
    ]
    return f"{path}?{'&'.join(told)}"
