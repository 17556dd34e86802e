"""The listeners: uvicorn under uvloop with the project's `Connection`, drained before they stop.

A load balancer asks `/healthcheck` every second or so.  After SIGTERM that answers 503 while requests are still served;
the listener closes only after the balancer has had time to notice.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any, cast

import uvicorn

from shim.config import Settings
from shim.health import Lifecycle
from shim.http.admission import Admission
from shim.http.connection import Connection
from shim.http.proxies import Proxies


class DrainingServer(uvicorn.Server):
    """uvicorn's server, which goes on listening for `drain_seconds` after SIGTERM; a second signal ends that time."""

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
    """A second listener in the process: it handles no signals and stops when `should_exit` is set."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture no signals."""
        yield


def listener(host: str, port: int, *, reuse_port: bool = False) -> socket.socket:
    """Return a listening socket; `port` 0 takes a free one.

    SO_REUSEPORT lets the kernel spread connections over several gateway processes on one port.
    """
    sock = _bound(host, port, reuse_port=reuse_port)
    sock.listen(2048)
    return sock


def port_holder(host: str, port: int) -> socket.socket:
    """Return a socket that keeps a port for several processes and takes no connections; `port` 0 takes a free one."""
    return _bound(host, port, reuse_port=True)


def _bound(host: str, port: int, *, reuse_port: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse_port:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def bounds(settings: Settings, refused: dict[tuple[str, ...], float] | None = None) -> Admission:
    """Return the bounds on connections and unsigned bodies from the settings, with nothing in use."""
    return Admission(
        settings.max_connections, settings.max_connections_per_address, settings.unsigned_body_bytes, refused
    )


def configuration(
    app: Callable[..., Any], settings: Settings, *, tls: bool, admission: Admission | None = None
) -> uvicorn.Config:
    """Return uvicorn's configuration for one of the listeners.

    No access log (the gateway writes one line for each call), no headers of uvicorn's own, no trust in
    `X-Forwarded-*`: the gateway reads them itself.
    """
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=cast(
            "type[asyncio.Protocol]",
            partial(
                Connection,
                head_seconds=settings.body_idle_seconds,
                proxies=Proxies(settings.trusted_proxies),
                admission=admission or bounds(settings),
            ),
        ),
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        ssl_certfile=str(settings.tls_certificate) if tls and settings.tls_certificate else None,
        ssl_keyfile=str(settings.tls_key) if tls and settings.tls_key else None,
    )
