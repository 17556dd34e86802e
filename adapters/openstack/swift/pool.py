"""The connections to Swift that all requests of the process share: bounded, reused, and closed when idle."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterable, Callable, Mapping
from functools import lru_cache, partial
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit
from weakref import WeakSet

from adapters.errors import BackendError, Fault
from adapters.openstack.swift.headers import SERVICE
from adapters.openstack.swift.wire import Answer, LostError, Wire

CONNECT_SECONDS: Final = 5.0
# The longest wait for a connection when all that the process may open are in use.
POOL_SECONDS: Final = 20.0
# Shorter than the five seconds after which web servers in front of Swift close idle connections.
KEEP_SECONDS: Final = 4.0
# Methods that may be repeated when the connection broke before any byte of the answer came (RFC 9110, 9.2.2).
_IDEMPOTENT: Final = frozenset(("GET", "HEAD", "PUT", "DELETE"))
_WITH_BODY: Final = frozenset(("PUT", "POST"))
_CONTROLS: Final = bytes(code for code in (*range(32), 127) if code != ord("\t"))


class Site(NamedTuple):
    """The address that connections are made to."""

    host: str
    port: int
    tls: bool


class SwiftPool:
    """The connections to Swift, and the longest time in seconds that Swift may send nothing.

    `count` is called with service, method, status (0 if no answer came) and the seconds until the answer began.
    """

    def __init__(
        self,
        idle_seconds: float,
        *,
        tls: ssl.SSLContext | Literal[True] = True,
        connections: int = 1000,
        keep_seconds: float = KEEP_SECONDS,
        wait_seconds: float = POOL_SECONDS,
        count: Callable[[str, str, int, float], None] | None = None,
    ) -> None:
        self.idle_seconds = idle_seconds
        self._keep_seconds = keep_seconds
        self._wait_seconds = wait_seconds
        self._tls = tls
        self._count = count
        self._room = connections
        self._waiting: deque[asyncio.Future[None]] = deque()  # requests that wait for a connection
        self._wires: WeakSet[Wire] = WeakSet()
        self._idle: defaultdict[Site, list[Wire]] = defaultdict(list)
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
        length: int | None = 0,
        extra_seconds: float = 0.0,
    ) -> Answer:
        """Send a request to a path below an endpoint and return any answer, its body unread.

        `length` is that of a `body` that is not bytes, None where it is chunked.  Raises LostError where no answer
        comes, BackendError INVALID where a header cannot be sent, and what `body` raises.
        """
        site, host, root = _split(endpoint)
        repeatable = False
        if isinstance(body, bytes):
            length, repeatable = len(body), method in _IDEMPOTENT
        told = length if length or method in _WITH_BODY else None
        head = _head(f"{method} {root}{path} HTTP/1.1", host, headers, told)
        started, status = time.perf_counter(), 0
        try:
            while True:
                if self._room:
                    self._room -= 1
                else:
                    await self._turn()
                idle = self._unused(site)
                wire = idle or await self._connected(site)
                try:
                    answer = await wire.ask(
                        head, body, length, bodiless=method == "HEAD", silence=self.idle_seconds + extra_seconds
                    )
                except LostError:
                    if idle is None or not (wire.refused and repeatable):
                        raise
                    continue  # Swift closed it at the same moment
                status = answer.status
                return answer
        finally:
            if self._count is not None:
                self._count(SERVICE, method, status, time.perf_counter() - started)

    async def aclose(self) -> None:
        """Close all connections at once."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        for wire in list(self._wires):
            wire.abort("the gateway stops")
        await asyncio.sleep(0)  # their transports close in the next turn of the loop

    async def _turn(self) -> None:
        """Wait until another request's connection is free or closed."""
        turn = self._loop.create_future()
        self._waiting.append(turn)
        timer = self._loop.call_later(self._wait_seconds, _miss, turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and turn.exception() is None:  # it came free at the moment of the cancellation
                self._give_room()
            raise
        finally:
            timer.cancel()

    def _give_room(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._room += 1

    def _unused(self, site: Site) -> Wire | None:
        """Return an idle connection that is usable, if there is one."""
        wires, now = self._idle[site], self._loop.time()
        while wires:
            wire = wires.pop()
            if wire.lost is None and wire.good_until > now:
                return wire
            wire.close()
        return None

    async def _connected(self, site: Site) -> Wire:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, wire = await self._loop.create_connection(
                    lambda: Wire(partial(self._ended, site)),
                    site.host,
                    site.port,
                    ssl=self._tls if site.tls else None,
                )
        except (OSError, TimeoutError) as error:
            self._give_room()
            raise LostError(f"{type(error).__name__}: {error}") from error
        except BaseException:
            self._give_room()
            raise
        self._wires.add(wire)
        return wire

    def _ended(self, site: Site, wire: Wire, reusable: bool) -> None:
        if reusable:
            wire.good_until = self._loop.time() + self._keep_seconds
            self._idle[site].append(wire)
            if self._sweeping is None:
                self._sweeping = self._loop.call_later(self._keep_seconds, self._sweep)
        self._give_room()

    def _sweep(self) -> None:
        """Close connections that were idle for too long."""
        now = self._loop.time()
        for site, wires in list(self._idle.items()):
            for wire in wires:
                if wire.good_until <= now:
                    wire.close()
            self._idle[site] = [wire for wire in wires if wire.lost is None]
        self._sweeping = self._loop.call_later(self._keep_seconds, self._sweep) if any(self._idle.values()) else None


def _miss(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_exception(LostError("no connection became free"))


@lru_cache(maxsize=1024)
def _split(endpoint: str) -> tuple[Site, str, str]:
    """Return an endpoint's address, its Host header, and the prefix of all its paths."""
    parts = urlsplit(endpoint)
    tls = parts.scheme == "https"
    site = Site(parts.hostname or "", parts.port or (443 if tls else 80), tls)
    return site, f"Host: {parts.netloc.rpartition('@')[2]}", parts.path.rstrip("/")


def _head(opening: str, host: str, headers: Mapping[str, str], length: int | None) -> bytes:
    """Write a request's head, without a Content-Length where `length` is None."""
    lines = [opening, host, *map(": ".join, headers.items())]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    head = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
    # A line end within a header would begin another header or request, and any other control character would be stored
    # and make Swift's answers invalid HTTP (RFC 9110, 5.5).  So the only control characters allowed are the line ends.
    if len(head) - len(head.translate(None, _CONTROLS)) != 2 * len(lines) + 2:
        raise BackendError(Fault.INVALID, service=SERVICE, detail="a header holds a control character", status=400)
    return head
