"""One tenant's control calls during one gateway request.

A session puts on the caller's token, the request id and the microversion, renews a refused token once, follows pages,
and turns every refusal into a `BackendError`.  It owns no connection, so making one for each request costs nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypedDict, Unpack
from urllib.parse import parse_qsl, urlencode, urlsplit

from adapters.errors import BackendError, Fault
from adapters.openstack import faults, microversions
from adapters.openstack.microversions import Microversion
from adapters.openstack.transport import Answer, Endpoint, Transport
from adapters.ports.identity import TokenSource
from adapters.types.identity import Token

log = logging.getLogger(__name__)

# Keystone is asked by the gateway's own user for everybody: these calls are nobody's own, and `Keys` bounds them.
_UNBOUNDED = frozenset({"identity"})

# How long a service may take no byte of an upload or send none of a download, and may take to answer after the last
# byte of an upload: it hashes and stores it.
_SILENCE_SECONDS = 600.0

Params = Mapping[str, str | int | bool | Sequence[str]]


class PageOptions(TypedDict, total=False):
    """What every call may carry: `resource` and `id` name in errors what is asked for, `microversion` ("2.91")
    overrides the negotiated one.
    """

    headers: Mapping[str, str]
    resource: str
    id: str
    microversion: str


class Options(PageOptions, total=False):
    """What a single call may carry besides: its query, and a body as `json` or as bytes."""

    json: object
    content: bytes
    params: Params


class Session:
    """Calls with one tenant's token."""

    __slots__ = ("_request_id", "_tokens", "_transport")

    def __init__(self, transport: Transport, tokens: TokenSource, request_id: str) -> None:
        self._transport = transport
        self._tokens = tokens
        self._request_id = request_id

    async def project_id(self) -> str:
        """Return the project that the token is of."""
        return (await self._tokens.token()).project_id

    async def get(self, service: str, path: str, **options: Unpack[Options]) -> Answer:
        """GET; see `request`."""
        return await self.request("GET", service, path, **options)

    async def post(self, service: str, path: str, **options: Unpack[Options]) -> Answer:
        """POST; see `request`."""
        return await self.request("POST", service, path, **options)

    async def put(self, service: str, path: str, **options: Unpack[Options]) -> Answer:
        """PUT; see `request`."""
        return await self.request("PUT", service, path, **options)

    async def patch(self, service: str, path: str, **options: Unpack[Options]) -> Answer:
        """PATCH; see `request`."""
        return await self.request("PATCH", service, path, **options)

    async def delete(self, service: str, path: str, **options: Unpack[Options]) -> Answer:
        """DELETE; see `request`."""
        return await self.request("DELETE", service, path, **options)

    async def request(self, method: str, service: str, path: str, **options: Unpack[Options]) -> Answer:
        """Call `service` (its official type: "compute", "block-storage") below its versioned endpoint.

        Returns an answer of 2xx.  Raises BackendError for anything else: UNAVAILABLE where no answer comes in time,
        UNAUTHORIZED when even a renewed token was refused, UNSUPPORTED when the catalog lacks the service.
        """
        async with self._bounded(service):
            token = await self._tokens.token()
            answer = await self._send(token, method, service, path, options)
            if answer.status == 401:
                renewed = await self._tokens.renew(token)
                if renewed.id != token.id:
                    answer = await self._send(renewed, method, service, path, options)
        if not 200 <= answer.status < 300:
            raise self._refused(answer, method, options)
        return answer

    async def upload(
        self, service: str, path: str, body: AsyncIterable[bytes], length: int, **options: Unpack[Options]
    ) -> Answer:
        """PUT a body in pieces of `length` bytes in all, however long that takes; raises as `request` does.

        A body can be read only once, so a refused token is not renewed: the caller asks the service something before.
        """
        url, headers = await self._to(service, path)
        headers |= {"Content-Type": "application/octet-stream", "Content-Length": str(length)}
        answer = await self._transport.upload(service, url, headers, body, _SILENCE_SECONDS)
        if not 200 <= answer.status < 300:
            raise self._refused(answer, "PUT", options)
        return answer

    async def download(self, service: str, path: str, **options: Unpack[Options]) -> AsyncGenerator[bytes, None]:
        """GET a body in pieces, however long that takes; raises as `request` does, at the first piece or a later one.

        A refused token is not renewed: the caller asks the service something before.
        """
        url, headers = await self._to(service, path)
        headers["Accept"] = "*/*"
        async with self._transport.download(service, url, headers, _SILENCE_SECONDS) as (answer, pieces):
            if not 200 <= answer.status < 300:
                raise self._refused(answer, "GET", options)
            async for piece in pieces:
                yield piece

    async def pages(
        self, service: str, path: str, key: str, params: Params | None = None, **options: Unpack[PageOptions]
    ) -> list[dict[str, Any]]:
        """Return `key` of every page of a listing, following the service's own links to the end.

        Only the query of a link is followed: behind a proxy its scheme and host may be wrong, and a token must not
        travel to a host that the catalog does not name.
        """
        rows: list[dict[str, Any]] = []
        seen: set[str] = set()
        while True:
            answer = await self.get(service, path, params=params or {}, **options)
            page = answer.mapping(key)
            rows += page[key]
            query = _next_query(page, key)
            if query is None:
                return rows
            if query in seen:
                raise faults.unavailable(service, f"pages of {key} go in circles", status=answer.status)
            seen.add(query)
            params = _grouped(query)

    async def microversion(self, service: str) -> Microversion | None:
        """Return the microversion that calls to `service` use, for ports that must know; None where it has none."""
        async with self._bounded(service):
            endpoint = await self._endpoint(await self._tokens.token(), service)
        return microversions.negotiate(service, endpoint.newest)

    async def _send(self, token: Token, method: str, service: str, path: str, options: Options) -> Answer:
        endpoint = await self._endpoint(token, service)
        headers = {"X-Auth-Token": token.id, "X-Openstack-Request-Id": f"req-{self._request_id}"}
        version = options.get("microversion") or _text(microversions.negotiate(service, endpoint.newest))
        if version:
            headers |= microversions.header(service, version)
        content = options.get("content")
        if "json" in options:
            content = json.dumps(options["json"], separators=(",", ":")).encode()
            headers["Content-Type"] = "application/json"
        headers |= options.get("headers", {})
        url = endpoint.url + path + _query(options.get("params"))
        if service in _UNBOUNDED:
            return await self._transport.send(service, method, url, headers, content)
        async with self._transport.turn(service, token.project_id):
            return await self._transport.send(service, method, url, headers, content)

    async def _to(self, service: str, path: str) -> tuple[str, dict[str, str]]:
        """Return the URL and the headers of a request whose body is sent or read in pieces."""
        token = await self._tokens.token()
        endpoint = await self._endpoint(token, service)
        return endpoint.url + path, {
            "X-Auth-Token": token.id,
            "X-Openstack-Request-Id": f"req-{self._request_id}",
        }

    async def _endpoint(self, token: Token, service: str) -> Endpoint:
        url = token.catalog.get(service)
        if not url:
            raise BackendError(Fault.UNSUPPORTED, service=service, detail="the cloud's catalog has no such service")
        return await self._transport.discovery.endpoint(service, url, token.project_id)

    def _refused(self, answer: Answer, method: str, options: Options) -> BackendError:
        error = faults.backend_error(
            answer.service,
            answer.status,
            answer.body,
            answer.headers,
            resource=options.get("resource", ""),
            id=options.get("id", ""),
        )
        level = logging.WARNING if error.fault is Fault.UNAVAILABLE else logging.DEBUG
        log.log(level, "%s %s (request %s, upstream %s)", method, error, self._request_id, error.upstream_id or "-")
        return error

    @asynccontextmanager
    async def _bounded(self, service: str) -> AsyncIterator[None]:
        """Bound one call in time, its token, discovery and retries included."""
        try:
            async with asyncio.timeout(self._transport.timeouts.total):
                yield
        except TimeoutError as error:
            log.warning("no answer from %s in time (request %s)", service, self._request_id)
            raise faults.unavailable(service, "no answer in time") from error


def _text(version: Microversion | None) -> str:
    return f"{version[0]}.{version[1]}" if version else ""


def _query(params: Params | None) -> str:
    if not params:
        return ""
    # Python's True is "true" in every OpenStack query.
    told = {name: str(value).lower() if isinstance(value, bool) else value for name, value in params.items()}
    return "?" + urlencode(told, doseq=True)


def _next_query(page: dict[str, Any], key: str) -> str | None:
    """Return the query of the link to the next page: `<key>_links` (Nova, Neutron, Cinder), `next` (Glance)."""
    href = page.get("next") if isinstance(page.get("next"), str) else None
    for link in page.get(f"{key}_links") or ():
        if link.get("rel") == "next":
            href = link.get("href")
    return urlsplit(href).query if href else None


def _grouped(query: str) -> dict[str, Sequence[str]]:
    params: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        params.setdefault(name, []).append(value)
    return dict(params)
