"""The listeners: uvicorn under uvloop and httptools, drained before it stops.

An operator's load balancer looks at `/healthcheck` every second or so.  On SIGTERM that answer turns to 503 first,
while requests are still served; only when the balancer had time to notice does the listener close.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shim.config import Settings
from shim.health import Lifecycle
from shim.sending import CutShortError

# S3 takes 8 KB of headers, to which a presigned URL adds its own; the first piece of a head is not counted.
HEAD_BYTES = 64 * 1024

# Joining copies, so it is for bodies whose copy costs less than a system call.
JOINED_BYTES = 16 * 1024


class JoiningTransport:
    """A transport that writes an answer's head and a small body by one system call, not by two.

    uvicorn hands them over one after the other without a pause; uvloop writes each at once.  What nothing follows in
    the same turn of the loop goes out at that turn's end.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._soon = asyncio.get_running_loop().call_soon
        self._held = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write, or hold a first piece for the next one."""
        if self._held:
            held, self._held = self._held, b""
            if len(data) <= JOINED_BYTES:
                self._transport.write(held + data)
                return
            self._transport.write(held)
        elif 0 < len(data) <= JOINED_BYTES:
            self._held = data
            self._soon(self._flush)
            return
        self._transport.write(data)

    def _flush(self) -> None:
        held, self._held = self._held, b""
        if held and not self._transport.is_closing():  # the client may have gone in this very turn
            self._transport.write(held)

    def close(self) -> None:
        """Close once all is written."""
        self._flush()
        self._transport.close()


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 with an end to a request's line and headers, in bytes and in seconds.

    uvicorn would keep them however long they are, and wait for them for ever.
    """

    _in_head = False
    _heads = 0
    _head_bytes = 0
    _late: asyncio.TimerHandle | None = None

    def __init__(self, *given: Any, head_seconds: float, **named: Any) -> None:
        super().__init__(*given, **named)
        self._head_seconds = head_seconds

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection; it has to say something."""
        super().connection_made(cast("asyncio.Transport", JoiningTransport(transport)))
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        self._have_head()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(self._head_seconds, self.transport.close)

    def _have_head(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._in_head, self._heads, self._head_bytes = True, self._heads + 1, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Count no more: bodies have bounds of their own."""
        self._in_head = False
        self._have_head()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Take what came from the socket; of one head that fills it all, only so much."""
        before = (self._in_head, self._heads)
        super().data_received(data)
        if before == (True, self._heads) and self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self.send_400_response("The request's line and headers are too long.")
        if self._in_head:  # nearly every head comes in one piece and needs no timer
            self._expect_head()


class DrainingServer(uvicorn.Server):
    """uvicorn's server with a pause between SIGTERM and the end of listening; a second signal ends the pause."""

    def __init__(self, config: uvicorn.Config, lifecycle: Lifecycle, drain_seconds: float) -> None:
        super().__init__(config)
        self._lifecycle = lifecycle
        self._drain_seconds = drain_seconds
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal ends it."""
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain on the first SIGTERM, stop on anything else.  Runs as a signal handler: it only schedules."""
        if sig == signal.SIGTERM and not self._lifecycle.draining and self._loop is not None:
            self._lifecycle.draining = True
            self._loop.call_soon_threadsafe(self._loop.call_later, self._drain_seconds, self._stop)
        else:
            self._lifecycle.draining = True
            self._stop()

    def _stop(self) -> None:
        self.should_exit = True


class SideServer(uvicorn.Server):
    """A listener beside the main one: it leaves signals alone and stops when it is told."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def listener(host: str, port: int, *, reuse_port: bool = False) -> socket.socket:
    """Return a listening socket; `port` 0 takes a free one.

    SO_REUSEPORT lets the kernel spread connections over several gateway processes on one port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse_port:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        sock.bind((host, port))
        sock.listen(2048)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def _is_news(record: logging.LogRecord) -> bool:
    """Say whether an application's exception has not been logged by the gateway itself."""
    return not (record.exc_info and isinstance(record.exc_info[1], CutShortError))


def configuration(app: Callable[..., Any], settings: Settings, *, tls: bool) -> uvicorn.Config:
    """Return uvicorn's configuration for one of the listeners.

    No access log (the gateway writes one line for each call), no `Server` header, no trust in `X-Forwarded-*`: who
    signed is all that counts.
    """
    # uvicorn ends a connection in the middle of an answer only for an exception, and tells of each with a traceback.
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=cast("type[asyncio.Protocol]", partial(BoundedHttp, head_seconds=settings.body_idle_seconds)),
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        ssl_certfile=str(settings.tls_certificate) if tls and settings.tls_certificate else None,
        ssl_keyfile=str(settings.tls_key) if tls and settings.tls_key else None,
    )
