"""Connection: HTTP/1.1 on one socket, and the ASGI application called for each request on it.

uvicorn owns the sockets, the signals and the shutdown, and takes the protocol class of a connection as a setting.  Its
own class bounds neither the length nor the time of a request's head, accepts requests that two readers may understand
differently (request smuggling), and answers in plain text where S3 answers in XML.  It also does more work for each
answer: two regular expressions for each header, a timer, an event for the body, two system calls for head and body
(docs/performance.md compares the two).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any, Final, cast

import httptools
import uvicorn
from uvicorn.server import ServerState

from shim.errors import AwsError
from shim.http import request_head
from shim.http.admission import REFUSED_SECONDS, Admission, refuse
from shim.http.answer_head import Header
from shim.http.exchange import Exchange
from shim.http.proxies import Proxies, plain

log = logging.getLogger(__name__)

# S3 accepts 8 KB of headers; the parameters of a presigned URL come on top.
HEAD_BYTES = 64 * 1024

# How many pipelined requests may wait for the answer before theirs; a client must send those beyond again (RFC 9112,
# 9.3.2).
QUEUED = 64

# How many bytes are parsed in one turn of the event loop, so that other connections do not wait: each header and each
# chunk costs a call, and may be one byte long.  A body of known length costs one call, however long it is.
SLICE_BYTES = 8 * 1024

_LONG_BYTES = 64 * 1024  # the rest of a body this long does not pass through the parser, which would copy it
_ASGI: Final = {"version": "3.0", "spec_version": "2.3"}


class Connection(asyncio.Protocol):
    """One connection, as uvicorn makes them.

    `head_seconds` is how long the client may take to send a request's head, and how long it may read nothing of an
    answer.  Pipelined requests wait until those before them are answered.
    """

    # What a connection begins with.  Class attributes, as most connections set few of them.
    _address = ""  # under which it is counted, see Admission
    _behind_proxy = False
    _url = b""
    _in_head = False
    _body_left = 0  # bytes of a body whose length is known
    _long = False  # a body of which no more passes through the parser
    _error: AwsError | None = None  # what is wrong with a head
    _rest = b""  # what came and is not parsed yet
    _overhead = 0  # bytes since the last head or piece of a body: a head, trailers, what extends chunks
    _refused = False  # what comes is not read any more
    _served: Exchange | None = None
    _read: Exchange | None = None  # whose body is being read
    _reading = True
    _wants_more = True
    writing = True
    _scope: dict[str, Any]  # what all requests of the connection have in common
    _headers: list[Header]
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
        self._queue: deque[Exchange] = deque()

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, and wait for a head for `head_seconds`."""
        self.transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        host, port = peer[:2] if isinstance(peer, tuple) else ("", 0)
        if ":" in host:
            host = plain(host) or host  # a listener on `::` sees IPv4 addresses as `::ffff:192.0.2.1`
        self._scope = {
            "type": "http",
            "asgi": _ASGI,
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
        """Tell the request being served that its client has gone, and drop those that wait."""
        self._connections.discard(self)
        self.admission.leave(self._address)
        self._rest = b""
        if self._timer is not None:
            self._timer.cancel()
        if self._served is not None:
            self._served.client_disconnected()
        while self._queue:
            self._queue.popleft().release()
        if self._writable is not None:
            self.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Parse received bytes, a slice in each turn of the event loop."""
        if len(data) > SLICE_BYTES or self._rest:
            self._rest += data
            self._parse_slices()
        elif not self._refused:
            self._parse(data)

    def _parse_slices(self) -> None:
        """Parse a slice, or all of a body of known length; reading is paused while bytes are left."""
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
        """Parse; refuse a head, trailers or chunk extensions of more than `HEAD_BYTES`."""
        self._overhead += len(data)
        whole = self._parsed(data)
        if self._overhead > HEAD_BYTES:
            self._refuse(request_head.too_large())
        elif not whole:
            self._refuse(self._error or request_head.malformed())

    def pause_writing(self) -> None:
        """Stop writing: the client reads more slowly than answers are written."""
        self.writing = False

    def resume_writing(self) -> None:
        """Go on writing: the client has read."""
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

    # Called by the parser.

    def on_message_begin(self) -> None:
        """Reset what is known of the last head."""
        self._in_head = True
        self._url = b""
        self._headers = []
        if self._served is None:
            self._due = self.loop.time() + self._head_seconds

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header; a trailer is ignored, as it "MUST NOT" be merged into the headers (RFC 9110, 6.5.1)."""
        if self._in_head:
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Serve the request, or queue it behind those before it."""
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
        scope = {
            **self._scope,
            "method": self._parser.get_method().decode("ascii"),
            "path": request_head.decoded(path),
            "raw_path": path,
            "query_string": query,
            "headers": self._headers,
        }
        self._body_left = int(first.get(b"content-length", 0))
        keep = self._parser.should_keep_alive()
        if version != "1.1":
            scope["http_version"], keep = version, False
        self._long = keep and self._body_left >= _LONG_BYTES
        if self._behind_proxy:
            self._proxies.correct(scope)
        expects = b"expect" in first and first[b"expect"].lower() == b"100-continue"
        self._read = exchange = Exchange(self, scope, keep, expects=expects)
        if self._served is None:
            self._serve(exchange)
        else:
            self._queue.append(exchange)
            self.pause_reading()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of a body until the application asks for it."""
        self._overhead = 0
        self._body_left -= len(body)
        if self._read is not None:
            self._read.receive_body(body)

    def on_message_complete(self) -> None:
        """Mark the body complete."""
        self._overhead = 0
        self._body_left, self._long = 0, False
        if self._read is not None:
            self._read.body_complete()
            self._read = None

    def _parsed(self, data: bytes) -> bool:
        """Pass bytes to the parser, but those of a long body past it; return whether they are HTTP."""
        if self._long:
            body, data = data[: self._body_left], data[self._body_left :]
            self.on_body(body)
            if not self._body_left:
                self.on_message_complete()
                self._parser = httptools.HttpRequestParser(self)
            if not data:
                return True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            return self._without_upgrade(data[offer.args[0] :])
        except httptools.HttpParserError:
            return False
        return True

    def _without_upgrade(self, rest: bytes) -> bool:
        """Parse a request anew without its Upgrade header.

        "A server MAY ignore a received Upgrade header field" (RFC 9110, 7.8), but the parser reads no body behind it.
        """
        method = self._parser.get_method()
        head = request_head.without_upgrade(method, self._url, self._parser.get_http_version(), self._headers)
        self._parser = httptools.HttpRequestParser(self)
        return method != b"CONNECT" and self._parsed(head + rest)

    def _refuse(self, error: AwsError) -> None:
        """Answer bytes that are not a request, and close; an answer that is being sent is finished first."""
        self._refused = True
        if self._served is not None:
            self._closing = True
            if self._read is not None:
                self._read.body_failed(error)
            return
        log.warning("%s is refused: %s", self._scope["client"], error.code)
        self.transport.write(request_head.error_response(error))
        self._hang_up()

    # Called by exchanges and by the server.

    def _admit(self, peer: str) -> None:
        """Count the connection; above the bound its first request is answered with 503, or it is closed at once."""
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
            # A proxy's connections all have its address, so requests are counted by the address of the proxy's client
            # instead.
            passed_on = exchange.scope["client"][0]
            app = app if self.admission.begin(passed_on) else refuse
        task = self.loop.create_task(exchange.run(app))
        if passed_on and app is not refuse:
            task.add_done_callback(lambda _: self.admission.end(passed_on))
        task.add_done_callback(self._server.tasks.discard)
        self._server.tasks.add(task)

    def answered(self, *, keep: bool) -> None:
        """Serve the next request if there is one and the connection is kept."""
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
        """Close the connection; while the client may still be sending, close only the writing side for a time.

        "If a server performs an immediate close of a TCP connection, there is a significant risk that the client will
        not be able to read the last HTTP response" (RFC 9112, 9.6), because unread bytes make the kernel reset the
        connection.
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
        """Answer the requests that have come, and close; uvicorn calls this when it stops."""
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
        """Read no more from the client."""
        self._wants_more = False
        self._read_or_pause()

    def resume_reading(self) -> None:
        """Read from the client again."""
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
