"""Connection: HTTP/1.1 on one socket, and the ASGI application called for each request on it.

uvicorn keeps the sockets, the signals and the shutdown; the protocol on a connection is what it lets one choose.  Its
own costs a small S3 request a fifth of its CPU: two patterns for each header of an answer, a timer after each answer,
an event for each body, head and body in two system calls.  It also lets a request's head be of any length and take any
time, and answers in plain text what S3 answers in XML.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any, cast
from urllib.parse import unquote

import httptools
import uvicorn
from uvicorn.server import ServerState

from shim.errors import AwsError
from shim.http.answer_head import END, Header, head_lines
from shim.http.exchange import Exchange
from shim.protocol import faults
from shim.protocol.message import Head, Request
from shim.record import new_request_id

log = logging.getLogger(__name__)

# S3 takes 8 KB of headers, to which a presigned URL adds its own.
HEAD_BYTES = 64 * 1024

# How many requests may wait for their turn; who sends more before the first answers has the rest to send again
# (RFC 9112, 9.3.2).
QUEUED = 64

_NO_HTTP = AwsError("BadRequest", "An error occurred when parsing the HTTP request.")
_TOO_LARGE = AwsError(
    "RequestHeaderSectionTooLarge", "Your request header section exceeds the maximum allowed size.", 400
)


class Connection(asyncio.Protocol):
    """One connection, as uvicorn makes them; `head_seconds` is how long it may be without a whole head to read.

    It is also how long the client may take none of what has been written for it.

    Requests that come before the last one was answered wait for their turn.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        head_seconds: float,
    ) -> None:
        self._app = config.loaded_app
        self._server = server_state
        self.loop = _loop or asyncio.get_running_loop()
        self._head_seconds = head_seconds
        self._rest_seconds = config.timeout_keep_alive
        self._parser = httptools.HttpRequestParser(self)
        self._scope: dict[str, Any] = {}  # what all requests of the connection have in common
        self._url = b""
        self._headers: list[Header] = []
        self._in_head = False
        self._overhead = 0  # bytes since the last head or piece of a body: a head, trailers, what extends chunks
        self._long = False
        self._refused = False  # what comes is not read any more
        self._served: Exchange | None = None
        self._read: Exchange | None = None  # whose body is being read
        self._queue: deque[Exchange] = deque()
        self._reading = self.writing = True
        self._closing = False
        self._writable: asyncio.Future[None] | None = None
        self._due: float | None = None  # when the connection ends unless something comes
        self._look: asyncio.TimerHandle | None = None
        self._unsent = 0  # what the client had not taken, and since when
        self._unsent_since = 0.0

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; the client has to say something."""
        self.transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": transport.get_extra_info("sockname"),
            "client": (str(peer[0]), int(peer[1])) if isinstance(peer, tuple) else None,
            "scheme": "https" if transport.get_extra_info("sslcontext") else "http",
            "root_path": "",
        }
        self._server.connections.add(cast("Any", self))
        self._due = self.loop.time() + self._head_seconds
        self._look = self.loop.call_later(self._head_seconds, self._look_at_the_clock)

    def connection_lost(self, exc: Exception | None) -> None:
        """End: whoever still serves a request is told that its client has gone."""
        self._server.connections.discard(cast("Any", self))
        if self._look is not None:
            self._look.cancel()
        for exchange in (self._served, *self._queue):
            if exchange is not None:
                exchange.lost()
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Read; a head, or what surrounds a body's pieces, may be no longer than `HEAD_BYTES`."""
        if self._refused:
            return
        self._overhead += len(data)
        self._long = self._overhead > HEAD_BYTES
        whole = self._parsed(data)
        if self._overhead > HEAD_BYTES:
            self._refuse(_TOO_LARGE)
        elif not whole:
            self._refuse(_NO_HTTP)

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        self.writing = False

    def resume_writing(self) -> None:
        """It has read."""
        self.writing = True
        self._unsent = 0
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def _look_at_the_clock(self) -> None:
        now = self.loop.time()
        # While nothing is added, what is as much as before has not been taken; closing alone would wait for it.
        unsent = 0 if self.writing and not self.transport.is_closing() else self.transport.get_write_buffer_size()
        if unsent != self._unsent:
            self._unsent, self._unsent_since = unsent, now
        elif unsent and now - self._unsent_since >= self._head_seconds:
            self.transport.abort()
            return
        if self._due is not None and now >= self._due:
            self._due = None
            self.transport.close()
        # A head may begin at any time, and its end comes due earlier than that of the rest before it.
        soon = now + self._head_seconds
        self._look = self.loop.call_at(soon if self._due is None else min(soon, self._due), self._look_at_the_clock)

    # What the parser tells.

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._in_head = True
        self._url = b""
        self._headers = []
        if self._served is None:
            self._due = self.loop.time() + self._head_seconds

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a trailer "MUST NOT" be taken for one (RFC 9110, 6.5.1), and no request needs any."""
        if self._in_head:
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Serve the request, or let it wait for its turn."""
        if self._parser.should_upgrade():
            return
        self._in_head = False
        self._due = None
        if self._long and (size := self._size()) > HEAD_BYTES:
            self._overhead = size
            raise ValueError("too long")
        self._overhead = 0
        if len(self._queue) >= QUEUED:
            raise ValueError("too many at once")
        path, _, query = self._target().partition(b"?")
        plain = path.decode("ascii")
        scope = {
            **self._scope,
            "method": self._parser.get_method().decode("ascii"),
            "path": unquote(plain) if "%" in plain else plain,
            "raw_path": path,
            "query_string": query,
            "headers": self._headers,
        }
        keep = self._parser.should_keep_alive()
        if self._parser.get_http_version() != "1.1":
            scope["http_version"], keep = self._parser.get_http_version(), False
        self._read = exchange = Exchange(self, scope, keep)
        if self._served is None:
            self._serve(exchange)
        else:
            self._queue.append(exchange)
            self.pause_reading()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of a body until it is asked for."""
        self._overhead = 0
        if self._read is not None:
            self._read.take(body)

    def on_message_complete(self) -> None:
        """End a body."""
        self._overhead = 0
        if self._read is not None:
            self._read.whole()
            self._read = None

    def _parsed(self, data: bytes) -> bool:
        """Give the parser what came; return whether it is HTTP."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            return self._without_upgrade(data[offer.args[0] :])
        except httptools.HttpParserError:
            return False
        return True

    def _without_upgrade(self, rest: bytes) -> bool:
        """Read a request that offers another protocol as if it did not.

        "A server MAY ignore a received Upgrade header field" (RFC 9110, 7.8), but the parser reads no body behind it.
        """
        method = self._parser.get_method()
        lines = [b"%b %b HTTP/%b" % (method, self._url, self._parser.get_http_version().encode())]
        lines += [b"%b: %b" % header for header in self._headers if header[0] != b"upgrade"]
        self._parser = httptools.HttpRequestParser(self)
        return method != b"CONNECT" and self._parsed(b"\r\n".join((*lines, b"", rest)))

    def _target(self) -> bytes:
        if self._url.startswith(b"/"):
            return self._url
        target = httptools.parse_url(self._url)  # the absolute form, which servers must take (RFC 9112, 3.2.2)
        return (target.path or b"/") + (b"?" + target.query if target.query else b"")

    def _size(self) -> int:
        return len(self._url) + sum(len(name) + len(value) + 4 for name, value in self._headers)

    def _refuse(self, error: AwsError) -> None:
        """Answer what is no request, and hang up; an answer under way comes first, and is the last."""
        self._refused = True
        if self._served is not None:
            self._closing = True
            if self._read is not None:
                self._read.broken(error)
            return
        log.warning("%s is refused: %s", self._scope["client"], error.code)
        reply = faults.s3(error, new_request_id(), Request(Head("POST", b"/", b"", ())))
        assert isinstance(reply.body, bytes)
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
        headers += [(b"content-length", b"%d" % len(reply.body)), (b"connection", b"close")]
        self.transport.write(head_lines(reply.status, headers)[0] + END + reply.body)
        self._hang_up()

    # What exchanges and the server ask for.

    def _serve(self, exchange: Exchange) -> None:
        self._served = exchange
        task = self.loop.create_task(exchange.run(self._app))
        task.add_done_callback(self._server.tasks.discard)
        self._server.tasks.add(task)

    def answered(self, *, keep: bool) -> None:
        """Go on with the next request, if there is one and the connection lasts."""
        self._server.total_requests += 1
        self._served = None
        if not keep or (self._closing and not self._queue):
            self._hang_up()
        elif self._queue:
            self._serve(self._queue.popleft())
        else:
            self._due = self.loop.time() + (self._head_seconds if self._in_head else self._rest_seconds)
        if not self._queue:
            self.resume_reading()

    def _hang_up(self) -> None:
        """Close; where the client may still be sending, only our side at first, for as long as it might rest.

        "If a server performs an immediate close of a TCP connection, there is a significant risk that the client will
        not be able to read the last HTTP response" (RFC 9112, 9.6): what nobody reads resets the connection.
        """
        whole = not self._refused and self._read is None and not self._queue
        if whole or self.transport.is_closing() or not self.transport.can_write_eof():
            self.transport.close()
            return
        self._refused = True
        self.transport.write_eof()
        self.resume_reading()
        self._due = self.loop.time() + min(self._head_seconds, self._rest_seconds)
        if self._look is not None:
            self._look.cancel()
        self._look = self.loop.call_at(self._due, self._look_at_the_clock)

    def shutdown(self) -> None:
        """Answer what has been asked, and hang up: uvicorn says so when it stops."""
        self._closing = True
        if self._served is None:
            self.transport.close()

    @property
    def last(self) -> bool:
        """Whether no further request is read after the one that is served."""
        return self._closing and not self._queue

    async def writable(self) -> None:
        """Wait until the client has read enough of what was written."""
        while not self.writing and not self.transport.is_closing():
            self._writable = self.loop.create_future()
            await self._writable

    def pause_reading(self) -> None:
        """Let the client wait."""
        if self._reading and not self.transport.is_closing():
            self._reading = False
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        if not self._reading and not self.transport.is_closing():
            self._reading = True
            self.transport.resume_reading()
