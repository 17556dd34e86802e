"""The one HTTP client of the process for control calls: pooled, bounded in time, counted.

Object bytes do not travel here (see the Swift port); everything else does.  A `Transport` knows no tenant: tokens are
put on by `Session`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import ssl
import time
import weakref
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import httpx

from adapters.errors import BackendError
from adapters.openstack import faults
from adapters.openstack.microversions import Microversion

log = logging.getLogger(__name__)

# (service, method, status, seconds); status 0 where no answer came.
Observer = Callable[[str, str, int, float], None]

RETRIES: Final = 2
_RETRIED_STATUS: Final = frozenset({429, 502, 503})
_REPEATABLE: Final = frozenset({"GET", "HEAD"})
# Longest Retry-After that is waited out here; a longer one is for the client to decide.
_LONGEST_WAIT: Final = 1.0
_FIRST_WAIT: Final = 0.1
# Below the 5 s after which Apache, the usual front of OpenStack services, closes idle connections.
_KEEPALIVE_SECONDS: Final = 4.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service answers: a versioned URL without trailing slash, and its newest microversion."""

    url: str
    newest: Microversion | None


class Discovery(Protocol):
    """How the catalog's URL of a service becomes an `Endpoint`."""

    async def endpoint(self, service: str, url: str, project_id: str) -> Endpoint:
        """Return the endpoint; raise BackendError UNAVAILABLE when the service cannot be asked."""
        ...


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, and for one whole call with its retries."""

    connect: float = 5.0
    total: float = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a service, read whole."""

    service: str
    status: int
    headers: httpx.Headers
    body: bytes

    def json(self) -> Any:
        """Return the parsed body; raise BackendError UNAVAILABLE when it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise faults.unavailable(
                self.service, "answer is not JSON", status=self.status, upstream_id=faults.upstream_id(self.headers)
            ) from error

    def member(self, key: str) -> Any:
        """Return one member of the JSON object; an answer without it makes no sense and is UNAVAILABLE."""
        return self.mapping(key)[key]

    def mapping(self, key: str) -> dict[str, Any]:
        """Return the JSON object, which must have the member `key`."""
        answer = self.json()
        if not isinstance(answer, dict) or key not in answer:
            raise faults.unavailable(
                self.service,
                f"answer has no {key!r}",
                status=self.status,
                upstream_id=faults.upstream_id(self.headers),
            )
        return answer


class Transport:
    """Sends requests, repeats those that may be repeated, counts them all."""

    def __init__(
        self,
        discovery: Discovery,
        *,
        timeouts: Timeouts = Timeouts(),
        tls: ssl.SSLContext | bool = True,
        observe: Observer | None = None,
        connections: int = 200,
        each: int = 16,
        http: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.discovery = discovery
        self.timeouts = timeouts
        self._observe = observe
        self._each = each
        self._turns: weakref.WeakValueDictionary[tuple[str, str], asyncio.Semaphore] = weakref.WeakValueDictionary()
        limits = httpx.Limits(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=_KEEPALIVE_SECONDS
        )
        # Proxies and certificates of the environment are not ours to follow: clouds.yaml says how to reach the cloud.
        self._client = httpx.AsyncClient(
            transport=http or httpx.AsyncHTTPTransport(verify=tls, trust_env=False, limits=limits),
            timeout=httpx.Timeout(timeouts.total, connect=timeouts.connect),
            trust_env=False,
            follow_redirects=False,
            headers={"User-Agent": "passerelle", "Accept": "application/json"},
        )

    async def aclose(self) -> None:
        """Close the pool."""
        await self._client.aclose()

    def turn(self, service: str, project_id: str) -> asyncio.Semaphore:
        """Return the semaphore of a project's calls to a service: at most `each` of them are made at a time.

        The calls of other projects do not wait for them, and the service's own workers are left free for others.
        """
        return self._turns.setdefault((service, project_id), asyncio.Semaphore(self._each))

    async def send(self, service: str, method: str, url: str, headers: dict[str, str], content: bytes | None) -> Answer:
        """Send one request and return any answer; raise BackendError UNAVAILABLE when there is none.

        Calls that change nothing are repeated twice at most; those that do, only when no connection was made.
        """
        request = self._client.build_request(method, url, headers=headers, content=content)
        for left in range(RETRIES, -1, -1):
            try:
                answer = await self._once(service, request)
            except httpx.ConnectError as error:
                await self._wait_or_raise(left, _lost(service, error))
            except httpx.TimeoutException as error:  # the time is spent: nothing is left to try again in
                raise _lost(service, error) from error
            except httpx.HTTPError as error:
                await self._wait_or_raise(left if method in _REPEATABLE else 0, _lost(service, error))
            else:
                if left == 0 or method not in _REPEATABLE or answer.status not in _RETRIED_STATUS:
                    return answer
                pause = _told_to_wait(answer)
                if pause is None:
                    return answer
                await asyncio.sleep(pause or _backoff(left))
        raise AssertionError("unreachable")

    async def upload(
        self, service: str, url: str, headers: dict[str, str], body: AsyncIterable[bytes], silence: float
    ) -> Answer:
        """PUT a body in pieces, once, and return any answer; raise BackendError UNAVAILABLE when there is none.

        It may take any time, as long as neither side is silent for `silence` seconds.  What `body` raises is raised.
        """
        timeout = httpx.Timeout(silence, connect=self.timeouts.connect)
        request = self._client.build_request("PUT", url, headers=headers, content=body, timeout=timeout)
        try:
            return await self._once(service, request)
        except httpx.HTTPError as error:
            raise _lost(service, error) from error

    @asynccontextmanager
    async def download(
        self, service: str, url: str, headers: dict[str, str], silence: float
    ) -> AsyncIterator[tuple[Answer, AsyncIterator[bytes]]]:
        """GET a body in pieces, once: the answer, whose body is read only if it is a refusal, and the pieces.

        It may take any time, as long as the service is not silent for `silence` seconds.  Raises BackendError
        UNAVAILABLE where no answer comes, and where the connection ends before the body.
        """
        timeout = httpx.Timeout(silence, connect=self.timeouts.connect)
        request = self._client.build_request("GET", url, headers=headers, timeout=timeout)
        response: httpx.Response | None = None
        started = time.perf_counter()
        try:
            response = await self._client.send(request, stream=True)
            refused = not 200 <= response.status_code < 300
            body = await response.aread() if refused else b""
            yield Answer(service, response.status_code, response.headers, body), response.aiter_bytes()
        except httpx.HTTPError as error:
            raise _lost(service, error) from error
        finally:
            if response is not None:
                await response.aclose()
            if self._observe is not None:
                status = response.status_code if response is not None else 0
                self._observe(service, "GET", status, time.perf_counter() - started)

    async def _wait_or_raise(self, left: int, error: BackendError) -> None:
        if left == 0:
            raise error
        await asyncio.sleep(_backoff(left))

    async def _once(self, service: str, request: httpx.Request) -> Answer:
        started = time.perf_counter()
        status = 0
        try:
            response = await self._client.send(request)
            status = response.status_code
        finally:
            if self._observe is not None:
                self._observe(service, request.method, status, time.perf_counter() - started)
        return Answer(service, status, response.headers, response.content)


def _backoff(left: int) -> float:
    """Return seconds, growing and jittered so that many callers do not come back together."""
    wait: float = _FIRST_WAIT * 2 ** (RETRIES - left)
    return wait * random.uniform(0.5, 1.5)  # noqa: S311 - no secret hangs on it


def _told_to_wait(answer: Answer) -> float | None:
    """Return the seconds of a short Retry-After, 0 without one, None for one too long to wait out here."""
    told = answer.headers.get("retry-after", "").strip()
    if not told:
        return 0.0
    try:
        seconds = float(told)
    except ValueError:
        return None
    return seconds if 0 <= seconds <= _LONGEST_WAIT else None


def _lost(service: str, error: httpx.HTTPError) -> BackendError:
    # The class says what happened; httpx's text may hold the URL, which is the operator's to know: it goes to the log.
    log.warning("no answer from %s: %s %s", service, type(error).__name__, faults.clean(str(error)))
    lost = faults.unavailable(service, type(error).__name__)
    lost.__cause__ = error
    return lost
