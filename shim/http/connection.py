"""Connection: HTTP/1.1 on one socket, and the ASGI application called for each request on it.

uvicorn keeps the sockets, the signals and the shutdown; the protocol on a connection is what it lets one choose.  Its
own lets a request's head be of any length and take any time, lets through what two readers may understand differently,
and answers in plain text what S3 answers in XML.  It also does more for each answer: two patterns for each header, a
timer, an event for the body, head and body in two system calls (docs/performance.md has the two side by side).
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
from shim.http import request_head
from shim.http.admission import REFUSED_SECONDS, Admission, refuse
from shim.http.answer_head import Header
from shim.http.exchange import Exchange
from shim.http.proxies import Proxies

log = logging.getLogger(__name__)

# S3 takes 8 KB of headers, to which a presigned URL adds its own.
HEAD_BYTES = 64 * 1024

# How many requests may wait for their turn; who sends more before the first answers has the rest to send again
# (RFC 9112, 9.3.2).
QUEUED = 64

# How much of what came is parsed before others have their turn: headers and chunks of one byte cost a call each.  A
# body of known length costs one call however long it is.
SLICE_BYTES = 8 * 1024

# Beyond this nobody needs the decoded path: it is for the paths of the metrics listener.
_DECODED_PATH_BYTES = 4 * 1024


class Connection(asyncio.Protocol):
    """One connection, as uvicorn makes them.

    `head_seconds` is how long the client may take for a request's head, and how long it may take none of what has been
    written for it.  Requests that come before the last one was answered wait for their turn.
    """

    # What a connection begins with.  Class attributes, as most connections set few of them.
    _address = ""  # under which it is counted, see Admission
    _behind_proxy = False
    _url = b""
    _in_head = False
    _body_left = 0  # bytes of a body whose length is known
    _error: AwsError | None = None  # what is wrong with a head
    _rest = b""  # what came and is not parsed yet
    _overhead = 0  # bytes since the last head or piece of a body: a head, trailers, what extends chunks
    _refused = False  # what comes is not read any more
    _served: Exchange | None = None
    _read: Exchange | None = None  # whose body is being read
    _reading = True
    _wants_more = True
    writing = True
    _closing = False
    _writable: asyncio.Future[None] | None = None
    _due: float | None = None  # when the connection ends unless something comes
    _timer: asyncio.TimerHandle | None = None
    _unsent = 0  # what the client had not taken, and since when
    _unsent_since = 0.0

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        head_seconds: float,
        proxies: Proxies,
        admission: Admission,
    ) -> None:
        self._app = config.loaded_app
        self._proxies = proxies
        self.admission = admission
        self._server = server_state
        self._connections: set[Any] = server_state.connections
        self.loop = _loop or asyncio.get_running_loop()
        self._head_seconds = head_seconds
        self._rest_seconds = config.timeout_keep_alive
        self._parser = httptools.HttpRequestParser(self)
        self._scope: dict[str, Any] = {}  # what all requests of the connection have in common
        self._headers: list[Header] = []
        self._queue: deque[Exchange] = deque()

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; the client has to say something."""
        self.transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        host, port = (str(peer[0]), int(peer[1])) if isinstance(peer, tuple) else ("", 0)
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": transport.get_extra_info("sockname"),
            "client": (host, port) if host else None,
            "scheme": "https" if transport.get_extra_info("sslcontext") else "http",
            "root_path": "",
        }
        self._connections.add(self)
        self._admit(host)
        self._due = self.loop.time() + self._head_seconds
        self._timer = self.loop.call_later(self._head_seconds, self._check_deadlines)

    def connection_lost(self, exc: Exception | None) -> None:
        """End: whoever still serves a request is told that its client has gone."""
        self._connections.discard(self)
        self.admission.leave(self._address)
        self._rest = b""
        if self._timer is not None:
            self._timer.cancel()
        if self._served is not None:
            self._served.lost()
        while self._queue:
            self._queue.popleft().release()
        if self._writable is not None:
            self.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Parse what came, a slice in each turn of the loop."""
        if len(data) > SLICE_BYTES or self._rest:
            self._rest += data
            self._parse_slices()
        elif not self._refused:
            self._parse(data)

    def _parse_slices(self) -> None:
        """Parse a slice, or the whole of a body of known length; the client waits while something is left."""
        while self._rest and not self._refused:
            size = max(SLICE_BYTES, self._body_left)
            data, self._rest = self._rest[:size], self._rest[size:]
            self._parse(data)
            if self._rest and self._body_left <= 0:
                self._read_or_pause()
                self.loop.call_soon(self._parse_slices)
                return
        self._rest = b""
        self._read_or_pause()

    def _parse(self, data: bytes) -> None:
        """Parse; a head, or what surrounds a body's pieces, may be no longer than `HEAD_BYTES`."""
        self._overhead += len(data)
        whole = self._parsed(data)
        if self._overhead > HEAD_BYTES:
            self._refuse(request_head.too_large())
        elif not whole:
            self._refuse(self._error or request_head.malformed())

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        self.writing = False

    def resume_writing(self) -> None:
        """It has read."""
        self.writing = True
        self._unsent = 0
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def _check_deadlines(self) -> None:
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
        self._timer = self.loop.call_at(soon if self._due is None else min(soon, self._due), self._check_deadlines)

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
        if self._overhead > HEAD_BYTES and request_head.size(self._url, self._headers) > HEAD_BYTES:
            raise ValueError("too long")
        self._overhead = 0
        if len(self._queue) >= QUEUED:
            raise ValueError("too many at once")
        first = dict(self._headers)
        version = self._parser.get_http_version()
        try:
            path, query = request_head.check(version, self._url, self._headers, first)
        except AwsError as error:
            self._error = error
            raise ValueError(error.code) from None
        plain = path.decode("ascii")
        scope = {
            **self._scope,
            "method": self._parser.get_method().decode("ascii"),
            "path": unquote(plain) if "%" in plain and len(plain) <= _DECODED_PATH_BYTES else plain,
            "raw_path": path,
            "query_string": query,
            "headers": self._headers,
        }
        self._body_left = int(first.get(b"content-length", 0))
        keep = self._parser.should_keep_alive()
        if version != "1.1":
            scope["http_version"], keep = version, False
        if self._behind_proxy:
            self._proxies.correct(scope)
        self._read = exchange = Exchange(
            self, scope, keep, expects=first.get(b"expect", b"").lower() == b"100-continue"
        )
        if self._served is None:
            self._serve(exchange)
        else:
            self._queue.append(exchange)
            self.pause_reading()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of a body until it is asked for."""
        self._overhead = 0
        self._body_left -= len(body)
        if self._read is not None:
            self._read.take(body)

    def on_message_complete(self) -> None:
        """End a body."""
        self._overhead = 0
        self._body_left = 0
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
        head = request_head.without_upgrade(method, self._url, self._parser.get_http_version(), self._headers)
        self._parser = httptools.HttpRequestParser(self)
        return method != b"CONNECT" and self._parsed(head + rest)

    def _refuse(self, error: AwsError) -> None:
        """Answer what is no request, and hang up; an answer under way comes first, and is the last."""
        self._refused = True
        if self._served is not None:
            self._closing = True
            if self._read is not None:
                self._read.broken(error)
            return
        log.warning("%s is refused: %s", self._scope["client"], error.code)
        self.transport.write(request_head.error_response(error))
        self._hang_up()

    # What exchanges and the server ask for.

    def _admit(self, peer: str) -> None:
        """Count the connection; of one too many the first request is answered with 503, if there is room for that."""
        self._behind_proxy = self._proxies.trusted(peer)
        self._address = "" if self._behind_proxy else peer
        if self.admission.enter(self._address):
            self._app = refuse
            self._head_seconds = min(self._head_seconds, REFUSED_SECONDS)
            if self.admission.crowded:
                self.transport.abort()

    def _serve(self, exchange: Exchange) -> None:
        self._served = exchange
        app, passed_on = self._app, ""
        if self._behind_proxy:
            # All requests of a proxy come from its one address, so those of each of its clients are counted instead.
            passed_on = exchange.scope["client"][0]
            app = app if self.admission.begin(passed_on) else refuse
        task = self.loop.create_task(exchange.run(app))
        if passed_on and app is not refuse:
            task.add_done_callback(lambda _: self.admission.end(passed_on))
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
        if not self._queue and not self._wants_more:
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
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_at(self._due, self._check_deadlines)

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
        self._wants_more = False
        self._read_or_pause()

    def resume_reading(self) -> None:
        """Read on."""
        self._wants_more = True
        self._read_or_pause()

    def _read_or_pause(self) -> None:
        reading = self._wants_more and not self._rest
        if reading != self._reading and not self.transport.is_closing():
            self._reading = reading
            if reading:
                self.transport.resume_reading()
            else:
                self.transport.pause_reading()
