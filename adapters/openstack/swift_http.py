"""How requests reach Swift: paths exact to the byte, the token put on and renewed once, refusals read by one table.

Object bytes pass here, so this is aiohttp and not the control calls' client: measured against httpx it takes a tenth of
the CPU for a small object and less than half for a large one.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from adapters.errors import BackendError, Fault
from adapters.openstack import faults
from adapters.openstack.swift_headers import SERVICE
from adapters.ports.identity import TokenSource
from adapters.types.identity import Token

log = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 5.0
# Longest wait for a connection, also where all that the process may open are taken by others.
POOL_SECONDS: Final = 20.0
_NO_OWN_HEADERS: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_FAULTS: Final = {
    304: Fault.NOT_MODIFIED,
    400: Fault.INVALID,
    401: Fault.UNAUTHORIZED,
    403: Fault.FORBIDDEN,
    404: Fault.NOT_FOUND,
    405: Fault.UNSUPPORTED,
    408: Fault.UNAVAILABLE,  # it waited too long for the body: to be tried again
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
_LONGEST_REFUSAL: Final = 1 << 20


def quoted(name: str) -> str:
    """Quote a container's or an object's name for a path; slashes stay, and no segment looks like `.` or `..`.

    >>> quoted("a//b/../c%2F?é")
    'a//b/%2E%2E/c%252F%3F%C3%A9'
    """
    path = quote(name, safe="/~", errors="surrogateescape")
    if "." in path:
        path = "/".join(piece.replace(".", "%2E") if piece in {".", ".."} else piece for piece in path.split("/"))
    return path


class SwiftPool:
    """What all requests to Swift share: connections, Swift's longest silence in seconds, and who counts the calls."""

    __slots__ = ("_count", "_timeout", "client", "idle_seconds")

    def __init__(
        self,
        client: aiohttp.ClientSession,
        idle_seconds: float,
        count: Callable[[str, str, int, float], None] | None = None,
    ) -> None:
        self.client = client
        self.idle_seconds = idle_seconds
        self._count = count
        self._timeout = _timeout(idle_seconds)

    async def request(self, method: str, url: URL, *, patience: float = 0.0, **how: Any) -> aiohttp.ClientResponse:
        """Send a request and return any answer, counted; status 0 counts one that did not come."""
        timeout = _timeout(self.idle_seconds + patience) if patience else self._timeout
        started, status = time.perf_counter(), 0
        try:
            answer = await self.client.request(
                method,
                url,
                skip_auto_headers=_NO_OWN_HEADERS,
                allow_redirects=False,
                timeout=timeout,
                auto_decompress=False,
                **how,
            )
            status = answer.status
            return answer
        finally:
            if self._count is not None:
                self._count(SERVICE, method, status, time.perf_counter() - started)


class SwiftHttp:
    """Sends one tenant's requests to one Swift account."""

    __slots__ = ("_pool", "_request_id", "_tokens", "endpoint")

    def __init__(self, pool: SwiftPool, endpoint: str, tokens: TokenSource, request_id: str) -> None:
        self._pool = pool
        self.endpoint = endpoint.rstrip("/")
        self._tokens = tokens
        self._request_id = request_id

    async def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        body: bytes | AsyncIterable[bytes] | None = None,
        patience: float = 0.0,
    ) -> aiohttp.ClientResponse:
        """Send a request below the account and return any answer, its body unread.

        `path` is quoted and holds the query.  A refused token is renewed and the request repeated once, where its body
        can be sent again.  `patience` lengthens, in seconds, how long Swift may be silent.
        """
        token = await self._tokens.token()
        answer = await self._once(method, path, headers, body, patience, token)
        if answer.status == 401:
            renewed = await self._tokens.renew(token)
            if renewed.id != token.id:
                answer.close()
                if body is not None and not isinstance(body, bytes):
                    raise _unavailable(
                        "the token was refused while a body was on its way; the next request has a new one"
                    )
                answer = await self._once(method, path, headers, body, patience, renewed)
        return answer

    async def read(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> bytes:
        """Send a request whose success is any 2xx and return its body."""
        answer = await self.send(method, path, headers, body=body or None)
        if not 200 <= answer.status < 300:
            raise await refusal(answer, path)
        return await whole(answer)

    async def rows(self, path: str) -> list[Any]:
        """GET a JSON listing."""
        answer = await self.send("GET", path)
        if not 200 <= answer.status < 300:
            raise await refusal(answer, path)
        return parsed(await whole(answer), list) if answer.status != 204 else []

    async def public(self, url: str) -> tuple[int, bytes]:
        """GET a URL of this Swift that needs no token."""
        try:
            async with await self._pool.request("GET", URL(url)) as answer:
                return answer.status, await answer.content.read(_LONGEST_REFUSAL)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _lost(error) from error

    async def _once(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None,
        body: bytes | AsyncIterable[bytes] | None,
        patience: float,
        token: Token,
    ) -> aiohttp.ClientResponse:
        sent = {"X-Auth-Token": token.id, "X-Openstack-Request-Id": f"req-{self._request_id}"}
        if headers:
            sent.update(headers)
        source = None if body is None or isinstance(body, bytes) else Source(body)
        try:
            url = URL(self.endpoint + path, encoded=True)
            return await self._pool.request(method, url, headers=sent, data=source or body, patience=patience)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            if source is not None and source.error is not None:
                raise source.error from None  # the client's fault (a digest, a broken line), not Swift's
            raise _lost(error) from error


def _timeout(silence: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=POOL_SECONDS, sock_connect=CONNECT_SECONDS, sock_read=silence)


class Source:
    """A body on its way in, remembering what broke it: aiohttp reports that only as a lost connection."""

    def __init__(self, body: AsyncIterable[bytes]) -> None:
        self._body = body
        self.error: Exception | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._body:
                yield piece
        except Exception as error:
            self.error = error
            raise


async def whole(answer: aiohttp.ClientResponse) -> bytes:
    """Read an answer to its end."""
    try:
        return await answer.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise _lost(error) from error


async def pieces(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Give an answer's bytes as they come; an answer cut short raises UNAVAILABLE."""
    try:
        async for piece in answer.content.iter_any():
            yield piece
    except (aiohttp.ClientError, TimeoutError) as error:
        raise _lost(error) from error


def parsed(body: bytes, kind: type[Any]) -> Any:
    """Parse JSON of an expected kind; anything else makes no sense and is UNAVAILABLE."""
    try:
        found = json.loads(body)
    except ValueError as error:
        raise _unavailable("answer is not JSON") from error
    if not isinstance(found, kind):
        raise _unavailable("answer is other JSON than expected")
    return found


async def refusal(answer: aiohttp.ClientResponse, path: str) -> BackendError:
    """Read an unsuccessful answer, to its end, as an error."""
    body = b"" if answer.status == 304 else await _some(answer)
    return refused(answer.status, body, answer.headers, path)


def refused(status: int, body: bytes, headers: CIMultiDictProxy[str], path: str) -> BackendError:
    """Say what a refusal of a request below `path` means."""
    detail = faults.clean(faults.read_refusal(body).message)
    fault = _FAULTS.get(status, Fault.INVALID if status < 500 else Fault.UNAVAILABLE)
    if (status == 413 and "quota" in detail.lower()) or status == 507:
        fault = Fault.QUOTA
    names = path.partition("?")[0].split("/", 2)
    return BackendError(
        fault,
        service=SERVICE,
        resource=("account", "container", "object")[len(names) - 1 if names[-1] else 0],
        id=names[-1],
        detail=detail,
        status=status,
        upstream_id=faults.upstream_id(headers),
        retry_after=faults.retry_after(headers, fault),
    )


async def _some(answer: aiohttp.ClientResponse) -> bytes:
    """Read a refusal's body; one that is too long to be a refusal costs the connection instead."""
    if (answer.content_length or 0) > _LONGEST_REFUSAL:
        answer.close()
        return b""
    try:
        return await answer.read()
    except (aiohttp.ClientError, TimeoutError):
        return b""


def _lost(error: Exception) -> BackendError:
    log.warning("no answer from %s: %s %s", SERVICE, type(error).__name__, faults.clean(str(error)))
    return _unavailable(type(error).__name__)


def _unavailable(detail: str) -> BackendError:
    return faults.unavailable(SERVICE, detail)
