"""The connections to Swift that all requests of the process share: bounded, reused, and closed when idle."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterable, Callable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from adapters.errors import BackendError, Fault
from adapters.openstack.swift_headers import SERVICE
from adapters.openstack.swift_wire import Answer, LostError, Wire

CONNECT_SECONDS: Final = 5.0
# Longest wait for a connection where all that the process may open are taken.
POOL_SECONDS: Final = 20.0
# Shorter than the five seconds after which web servers in front of Swift close idle connections.
KEEP_SECONDS: Final = 4.0
# What may be sent again where the connection broke before a word of answer came (RFC 9110, 9.2.2).
_IDEMPOTENT: Final = frozenset(("GET", "HEAD", "PUT", "DELETE"))
_WITH_BODY: Final = frozenset(("PUT", "POST"))


class Site(NamedTuple):
    """Where connections lead to."""

    host: str
    port: int
    tls: bool


class SwiftPool:
    """What all requests to Swift share: connections, Swift's longest silence in seconds, and who counts the calls.

    `count` is told service, method, status (0 where no answer came) and the seconds until the answer began.
    """

    def __init__(
        self,
        idle_seconds: float,
        *,
        tls: ssl.SSLContext | None = None,
        connections: int = 1000,
        keep_seconds: float = KEEP_SECONDS,
        count: Callable[[str, str, int, float], None] | None = None,
    ) -> None:
        self.idle_seconds = idle_seconds
        self._keep_seconds = keep_seconds
        self._tls = tls
        self._count = count
        self._room = asyncio.Semaphore(connections)
        self._idle: dict[Site, list[Wire]] = {}
        self._busy: set[Wire] = set()
        self._sweeping: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    async def request(
        self,
        method: str,
        endpoint: str,
        path: str,
        headers: Mapping[str, str],
        *,
        body: bytes | AsyncIterable[bytes] = b"",
        length: int = 0,
        patience: float = 0.0,
    ) -> Answer:
        """Send a request to a path below an endpoint and return any answer, its body unread.

        `length` is that of a `body` that is not bytes.  Raises LostError where no answer comes, BackendError INVALID
        where a header cannot be sent, and whatever `body` raises.
        """
        site, host, root = _split(endpoint)
        length = len(body) if isinstance(body, bytes) else length
        head = _head(method, host, root + path, headers, length if length or method in _WITH_BODY else None)
        repeatable = isinstance(body, bytes) and method in _IDEMPOTENT
        started, status = time.perf_counter(), 0
        try:
            while True:
                wire, fresh = await self._take(site)
                try:
                    answer = await wire.ask(
                        head, body, length, bodiless=method == "HEAD", silence=self.idle_seconds + patience
                    )
                except LostError:
                    if fresh or not (wire.refused and repeatable):
                        raise
                    continue  # Swift closed it in the very moment it was taken
                status = answer.status
                return answer
        finally:
            if self._count is not None:
                self._count(SERVICE, method, status, time.perf_counter() - started)

    async def aclose(self) -> None:
        """Break off all connections."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        for wire in [*self._busy, *(wire for wires in self._idle.values() for wire in wires)]:
            wire.abort("the gateway stops")
        await asyncio.sleep(0)  # their transports end in the loop's next turn

    async def _take(self, site: Site) -> tuple[Wire, bool]:
        """Return a connection, and whether it is a new one."""
        if self._room.locked():
            try:
                await asyncio.wait_for(self._room.acquire(), POOL_SECONDS)
            except TimeoutError:
                raise LostError("no connection became free") from None
        else:
            await self._room.acquire()
        wires = self._idle.get(site)
        oldest = self._loop.time() - self._keep_seconds
        while wires:
            wire = wires.pop()
            if wire.lost is None and wire.idle_since > oldest:
                self._busy.add(wire)
                return wire, False
            wire.close()
        return await self._connected(site), True

    async def _connected(self, site: Site) -> Wire:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, wire = await self._loop.create_connection(
                    lambda: Wire(lambda wire, reusable: self._ended(site, wire, reusable)),
                    site.host,
                    site.port,
                    ssl=self._tls if site.tls else None,
                )
        except (OSError, TimeoutError) as error:
            self._room.release()
            raise LostError(f"{type(error).__name__}: {error}") from error
        except BaseException:
            self._room.release()
            raise
        self._busy.add(wire)
        return wire

    def _ended(self, site: Site, wire: Wire, reusable: bool) -> None:
        self._room.release()
        self._busy.discard(wire)
        if reusable:
            wire.idle_since = self._loop.time()
            self._idle.setdefault(site, []).append(wire)
            if self._sweeping is None:
                self._sweeping = self._loop.call_later(self._keep_seconds, self._sweep)

    def _sweep(self) -> None:
        """Close what was idle for too long."""
        oldest = self._loop.time() - self._keep_seconds
        for site, wires in list(self._idle.items()):
            for wire in wires:
                if wire.idle_since <= oldest:
                    wire.close()
            self._idle[site] = [wire for wire in wires if wire.lost is None]
        self._sweeping = self._loop.call_later(self._keep_seconds, self._sweep) if any(self._idle.values()) else None


@lru_cache(maxsize=1024)
def _split(endpoint: str) -> tuple[Site, str, str]:
    """Return where an endpoint is, the Host to ask it for, and the path that all its paths begin with."""
    parts = urlsplit(endpoint)
    tls = parts.scheme == "https"
    site = Site(parts.hostname or "", parts.port or (443 if tls else 80), tls)
    return site, parts.netloc.rpartition("@")[2], parts.path.rstrip("/")


def _head(method: str, host: str, target: str, headers: Mapping[str, str], length: int | None) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *[f"{name}: {value}" for name, value in headers.items()]]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    text = "\r\n".join(lines)
    # "A sender MUST NOT generate" a line feed in a line (RFC 9110, 5.5): it would be the next header, or a request.
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1 or "\0" in text:
        raise BackendError(Fault.INVALID, service=SERVICE, detail="a header holds the end of a line", status=400)
    return f"{text}\r\n\r\n".encode("utf-8", "surrogateescape")
