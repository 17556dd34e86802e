"""One connection to Swift: an HTTP/1.1 client on the event loop's transport, with httptools as its parser.

Every S3 request uses it, so it is made for this only: a small object costs some 70 microseconds of CPU, where aiohttp's
client takes 190.  It closes the connection on bytes that belong to no request, and on a body whose length differs from
Content-Length.  It accepts headers that HTTP does not allow and Swift's users can store with an object: `invalid_heads`
reads those.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from typing import Final, cast

import httptools

from adapters.errors import BackendError, Fault
from adapters.openstack import faults
from adapters.openstack.swift.headers import SERVICE
from adapters.openstack.swift.invalid_heads import framing_headers, readable_headers

# How much of an answer's body is kept for its reader before reading from Swift pauses.
HELD_BYTES: Final = 256 * 1024
# Swift's own limit is 128 headers of at most 8 KiB, far above what it sends.
_HEAD_BYTES: Final = 128 * 1024
# Copying up to so many bytes is cheaper than a second system call.
_JOINED_BYTES: Final = 64 * 1024
# A body whose length has so many digits does not pass through the parser, which would copy it.
_LONG_DIGITS: Final = 6
_LONG: Final = frozenset((200, 206))

# For heads that the parser has accepted (no folded line, no lone CR or LF); much cheaper than a callback for each
# header.
_HEADER: Final = re.compile(r"\r\n([^:]++):[ \t]*+([^\r]*+)")


class LostError(BackendError):
    """The connection broke, or Swift sent nothing for too long, before the answer was complete."""

    def __init__(self, why: str) -> None:
        retry_after = faults.RETRY_AFTER[Fault.UNAVAILABLE]
        super().__init__(Fault.UNAVAILABLE, service=SERVICE, detail=faults.clean(why), retry_after=retry_after)


class Answer:
    """An answer whose head has come: `headers` by lower-case names, and a body to be read.

    Read it to its end or close it, as it occupies its connection until then.  `silence` is how many seconds Swift may
    send and take nothing while a caller waits.
    """

    status = 0
    headers: Mapping[str, str]
    complete = False
    _held = 0
    _waiter: asyncio.Future[None] | None = None

    def __init__(self, wire: Wire, silence: float) -> None:
        self._pieces: list[bytes] = []
        self._wire = wire
        self._silence = silence

    async def read(self) -> bytes:
        """Return the whole body.  Raises LostError."""
        return b"".join(self._pieces if self.complete else [piece async for piece in self.pieces()])

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes.  Raises LostError where it is incomplete."""
        while True:
            if self._pieces:
                came, self._pieces, self._held = self._pieces, [], 0
                if not self.complete:
                    self._wire.read_on()
                for piece in came:
                    yield piece
            elif self.complete:
                return
            else:
                await self.change()

    def close(self, why: str = "closed by its reader") -> None:
        """Close the connection if the answer is incomplete; that of a complete answer may serve another request."""
        if not self.complete:
            self._wire.abort(why)

    async def change(self) -> None:
        """Wait until more of an incomplete answer comes.  Raises LostError where no more will."""
        if self._wire.lost:
            raise self._wire.lost
        self._waiter = self._wire.watched(self._silence)
        try:
            await self._waiter
        except BaseException:
            self.close("given up")
            raise

    @property
    def waited_for(self) -> bool:
        """Whether a caller waits for the answer."""
        return self._waiter is not None and not self._waiter.done()

    def wake(self) -> None:
        """Wake the waiting caller."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def take(self, piece: bytes) -> bool:
        """Keep a piece of the body for the reader; return whether reading from Swift should pause."""
        self._pieces.append(piece)
        self._held += len(piece)
        return self._held > HELD_BYTES


class Wire(asyncio.Protocol):
    """One connection, one request at a time.

    `ended` is called once at the end of each exchange, with whether the connection can serve another one.
    """

    def __init__(self, ended: Callable[[Wire, bool], None]) -> None:
        self.lost: LostError | None = None
        self.refused = False  # closed by Swift without any byte of an answer to the present request
        self.good_until = 0.0  # when, by the loop's clock, it has been idle for too long
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._silence = 0.0
        self._silent_at = self._looks_at = 0.0
        self._transport: asyncio.Transport
        self._parser: httptools.HttpResponseParser | None = None
        self._answer: Answer | None = None
        self._bodiless = False
        self._sent = False
        self._heard = False
        self._writable = True
        self._paused = False
        self._in_head = self._odd_head = False
        self._head = b""
        self._left = 0  # bytes that are to come of a body that does not pass through the parser

    async def ask(
        self, head: bytes, body: bytes | AsyncIterable[bytes], length: int | None, *, bodiless: bool, silence: float
    ) -> Answer:
        """Send a request and return its answer when the head has come.

        `body` has `length` bytes, None where it is chunked.  What it raises is raised here, and the request is never
        finished.  If Swift answers before it has the whole body, no more of it is sent.  `silence` is how many seconds
        Swift may send and take nothing.
        """
        answer = self._answer = Answer(self, silence)
        self._bodiless = bodiless
        self._sent = self._heard = self._odd_head = False
        self._in_head, self._head, self._left = True, b"", 0
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        try:
            if self.lost:
                raise self.lost
            if isinstance(body, bytes):
                self._transport.write(head + body)
                self._sent = True
            else:
                await self._send(answer, head, body, length)
            while not answer.status:
                await answer.change()
        except BaseException:
            answer.close("given up")
            raise
        return answer

    async def _send(self, answer: Answer, head: bytes, body: AsyncIterable[bytes], length: int | None) -> None:
        sent = 0
        async for piece in body:
            if answer.status or self.lost:  # the rest is not needed
                return
            sent += len(piece)
            if length is not None and sent > length:
                break
            if head and len(piece) <= _JOINED_BYTES:
                head, piece = b"", head + piece
            elif head:
                self._transport.write(head)
                head = b""
            self._transport.write(piece)
            while not self._writable and not answer.status:
                await answer.change()
        if length is not None and sent != length:
            raise LostError("the body has another length than was announced")
        if head:
            self._transport.write(head)
        self._sent = True

    def watched(self, silence: float) -> asyncio.Future[None]:
        """Return a future to wait for; the connection is closed if nothing happens for `silence` seconds.

        One timer serves all waits of a connection, as a timer for each would cost more.
        """
        self._silence = silence
        self._silent_at = self._loop.time() + silence
        if self._timer is None or self._silent_at < self._looks_at:
            self._look_at(self._silent_at)
        return self._loop.create_future()

    def _look_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._looks_at = when
        self._timer = self._loop.call_at(when, self._look)

    def _look(self) -> None:
        """Close the connection if Swift was silent for too long."""
        self._timer = None
        if self._answer is None or not self._answer.waited_for:
            return
        if self._loop.time() < self._silent_at:
            self._look_at(self._silent_at)
        else:
            self.abort(f"silent for {self._silence:g} seconds")

    def read_on(self) -> None:
        """Read from Swift again."""
        if self._paused and self.lost is None:
            self._paused = False
            self._transport.resume_reading()

    def abort(self, why: str) -> None:
        """Close the connection at once, and fail the answer with this reason."""
        if self.lost is None:
            self.lost = LostError(why)
            self._transport.abort()
        self._end(reusable=False)

    def close(self) -> None:
        """Close a connection that is no longer used, and drop unsent bytes."""
        self.lost = self.lost or LostError("closed")
        self._transport.abort()

    def _end(self, *, reusable: bool) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            self._ended(self, reusable)
            answer.wake()

    # called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transports are no subclass of it

    def connection_lost(self, exc: Exception | None) -> None:
        """End; an answer that names no length ends with its connection (RFC 9112, 6.3)."""
        answer = self._answer
        if answer is not None and exc is None and answer.status:
            answer.complete = answer.headers.keys().isdisjoint(("content-length", "transfer-encoding"))
        self.refused = self.lost is None and not self._heard
        self.lost = self.lost or LostError(f"closed by Swift: {exc}" if exc else "closed by Swift")
        if self._timer is not None:
            self._timer.cancel()
        self._end(reusable=False)

    def pause_writing(self) -> None:
        """Stop sending."""
        self._writable = False

    def resume_writing(self) -> None:
        """Send again."""
        self._writable = True
        if self._answer is not None:
            self._answer.wake()

    def data_received(self, data: bytes) -> None:
        """Parse received bytes; a head is passed to the parser in one piece."""
        answer, parser = self._answer, self._parser
        if answer is None or parser is None:
            self.abort("an answer that nobody asked for")
            return
        self._heard = True
        try:
            while self._in_head and data:  # an interim answer's head may come before the answer's own
                data = self._head + data
                end = data.find(b"\r\n\r\n") + 4
                if end < 4:
                    self._head = data
                    if len(data) > _HEAD_BYTES:
                        self.abort("an endless head")
                    return
                self._head, data = data[:end], data[end:]
                try:
                    parser.feed_data(self._head)
                except httptools.HttpParserError:
                    if answer.status:
                        raise
                    self._odd_head = True
                    self._parser = parser = httptools.HttpResponseParser(self)
                    parser.feed_data(framing_headers(self._head))
                self._head = b""
            if self._left:
                piece, data = data[: self._left], data[self._left :]
                self._take(piece)
            if data and self._answer is None:
                self.abort("more than the answer")
            elif data:
                parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.abort(f"{type(error).__name__}: {error}")
        if not answer.complete:
            answer.wake()

    def _take(self, piece: bytes) -> None:
        """Keep a piece of a long body, and end the answer after the last one."""
        self._left -= len(piece)
        if piece:
            self.on_body(piece)
        if not self._left:
            self.on_message_complete()
            self._parser = None  # it would wait for the body

    # called by the parser

    def on_message_begin(self) -> None:
        """Begin an answer."""
        if self._answer is None:
            self.abort("an answer that nobody asked for")

    def on_headers_complete(self) -> None:
        """Wake the caller, unless the status is 1xx, which precedes the answer itself."""
        self._in_head = False
        answer, parser = self._answer, self._parser
        if answer is None or parser is None:
            return
        status = parser.get_status_code()
        if status < 200:
            return
        if self._odd_head:
            answer.headers = readable_headers(self._head)
        else:
            # The split gives name, value and '' for each header; reversed, so that the first of a repeated header wins.
            parts = _HEADER.split(self._head.decode("utf-8", "surrogateescape"))
            answer.headers = dict(zip(map(str.lower, parts[-3::-3]), parts[-2::-3], strict=True))
        answer.status = status
        if self._bodiless:
            self.on_message_complete()
            self._parser = None  # it would wait for the body that the head declares
        elif status in _LONG and len(length := answer.headers.get("content-length", "")) >= _LONG_DIGITS:
            self._left = int(length)  # the parser has accepted it, and beside it no Transfer-Encoding

    def on_body(self, piece: bytes) -> None:
        """Keep a piece of the body."""
        answer = self._answer
        if answer is None:
            self.abort("a body that nobody asked for")
            return
        if answer.take(piece) and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """End the answer, unless it was one of 1xx."""
        answer, parser = self._answer, self._parser
        if answer is None or parser is None:
            return
        if not answer.status:
            self._in_head = True
            return
        answer.complete = True
        if self._paused:
            self.read_on()
        reusable = self._sent and parser.should_keep_alive()
        if not reusable:
            self.close()
        self._end(reusable=reusable)
