"""Exchange: one HTTP request and its answer, behind ASGI's `receive` and `send`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, MutableMapping
from typing import Any, Protocol

from shim.http.admission import Admission, slow_down
from shim.http.answer_body import CutShortError
from shim.http.answer_head import END, Header, head_lines

log = logging.getLogger(__name__)

# How much of a body is kept until the application asks for it; beyond that, reading from the client pauses.
BODY_BYTES = 64 * 1024

# A body up to this size is joined to its head: copying it costs less than a second system call.
JOINED_BYTES = 16 * 1024

_CONTINUE = b"HTTP/1.1 100 Continue" + END
_NO_BODY = frozenset((204, 304))


class Wire(Protocol):
    """The connection that an exchange is on."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    admission: Admission
    writing: bool  # the client keeps up with what is written

    @property
    def last(self) -> bool:
        """Whether no further request is read after the one that is served."""
        ...

    async def writable(self) -> None:
        """Wait until the client has read enough of what was written."""
        ...

    def pause_reading(self) -> None:
        """Read no more from the client."""
        ...

    def resume_reading(self) -> None:
        """Read from the client again."""
        ...

    def answered(self, *, keep: bool) -> None:
        """Serve the next request, or close the connection."""
        ...


class Exchange:
    """One request and its answer: what ASGI calls `receive` and `send`."""

    # What an exchange begins with.  Class attributes, as most exchanges set few of them.
    _kept = 0
    _held = 0  # bytes that came before the request was admitted
    _admitted = False
    _complete = False  # the body has come
    _told = False  # the application knows
    _waiter: asyncio.Future[None] | None = None
    _gone = False
    _error: Exception | None = None  # why the rest of the body cannot be read
    _head = b""  # of the answer, held back for the body's first piece
    _started = False
    _ended = False
    _chunked = False
    _endless = False  # the connection's end is the body's
    _left = 0

    def __init__(self, connection: Wire, scope: dict[str, Any], keep: bool, *, expects: bool) -> None:
        self._connection = connection
        self.scope = scope
        scope["admitted"] = self.admitted
        self._keep = keep
        self._expects = expects
        self._body: list[bytes] = []

    # Called by the connection.

    def receive_body(self, body: bytes) -> None:
        """Keep a piece of the body, or drop it if the exchange has ended."""
        if self._ended or self._error:
            return
        if not self._admitted:
            self._held += len(body)
            if not self._connection.admission.hold(len(body)):
                self._body.clear()
                self._keep = False
                self.body_failed(slow_down(self.scope)[1])
                return
        self._body.append(body)
        self._kept += len(body)
        if self._kept > BODY_BYTES:
            self._connection.pause_reading()
        self._wake()

    def admitted(self) -> None:
        """Stop counting the body as unsigned; the application calls this when it has authenticated the request."""
        self._admitted = True
        if self._held:
            self.release()

    def release(self) -> None:
        """Stop counting the body's bytes as unsigned."""
        self._connection.admission.release(self._held)
        self._held = 0

    def body_complete(self) -> None:
        """Mark the body complete."""
        self._complete = True
        self._wake()

    def client_disconnected(self) -> None:
        """Mark the client disconnected."""
        self._gone = True
        self._wake()

    def body_failed(self, error: Exception) -> None:
        """Fail a body that is not complete: what follows on the connection is not HTTP."""
        if not self._complete:
            self._error = error
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def run(self, app: Callable[..., Any]) -> None:
        """Call the application; close the connection unless it sent a whole answer."""
        try:
            await app(self.scope, self.receive, self.send)
        except asyncio.CancelledError:
            self._connection.transport.close()
            raise
        except CutShortError:
            pass  # told by the gateway; the client sees that the answer has no end
        except Exception:
            log.exception("the application broke")
        finally:
            self.admitted()
        if self._ended or self._gone:
            return
        if self._started and not self._head:
            self._connection.transport.close()
            return
        self._started = False
        headers = [(b"content-length", b"0"), (b"connection", b"close")]
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body"})

    # Called by the application.

    async def receive(self) -> MutableMapping[str, Any]:
        """Wait for a piece of the body; after the last one, for the client's disconnect or the end of the answer.

        Raises AwsError for a body whose framing is broken.
        """
        if self._expects and not self._started and not self._gone:
            self._connection.transport.write(_CONTINUE)
        self._expects = False
        while not (self._gone or self._ended or self._body or self._error or (self._complete and not self._told)):
            self._connection.resume_reading()
            self._waiter = self._connection.loop.create_future()
            await self._waiter
        if self._gone or self._ended or (self._error and self._started):
            return {"type": "http.disconnect"}
        if self._error and not self._body:
            raise self._error
        body = b"".join(self._body)  # of one piece, that piece itself
        self._body, self._kept, self._told = [], 0, self._complete
        return {"type": "http.request", "body": body, "more_body": not self._complete}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Send the answer's head, then a piece of its body.

        Raises RuntimeError where the body has another length than its head says, or a header could break the head.
        """
        if not self._connection.writing:
            await self._connection.writable()
        if self._gone or self._ended:
            return
        if not self._started:
            self._start(message["status"], message.get("headers", ()))
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        if self.scope["method"] == "HEAD":
            body = b""
        elif self._endless:
            pass
        elif self._chunked:
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"" if more else b"0\r\n\r\n")
        else:
            self._left -= len(body)
            if self._left < 0 or (self._left and not more):
                raise RuntimeError(f"an answer is {-self._left} bytes longer than its head says")
        self._write(body)
        if not more:
            self._ended = True
            self._wake()
            self._connection.answered(keep=self._keep)

    def _start(self, status: int, headers: Collection[Header]) -> None:
        head, said = head_lines(status, headers)
        length = said.get(b"\r\nContent-Length: ")
        framed = length is not None or self.scope["method"] == "HEAD" or status in _NO_BODY
        # "A server MUST NOT send a response containing Transfer-Encoding unless the corresponding request indicates
        # HTTP/1.1" (RFC 9112, 6.1).
        self._endless = not framed and self.scope["http_version"] == "1.0"
        self._chunked = not framed and not self._endless
        self._left = int(length or 0)
        if self._chunked:
            head += b"\r\nTransfer-Encoding: chunked"
        if self._expects and not self._complete:
            # A client that was not told to continue sends no body, and its next request would be read as that body.
            self._keep = False
        told = said.get(b"\r\nConnection: ")
        if told and b"close" in told.lower():
            self._keep = False
        elif not self._keep or self._connection.last:
            self._keep = False
            head += b"\r\nConnection: close"
        self._head = head + END
        self._started, self._expects = True, False

    def _write(self, body: bytes) -> None:
        head, self._head = self._head, b""
        if len(body) <= JOINED_BYTES:
            body = head + body
        elif head:
            self._connection.transport.write(head)
        if body:
            self._connection.transport.write(body)
