"""Send an answer's body: with its length or chunked, until it ends, breaks off or the client leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from operator import itemgetter, methodcaller

import anyio

from adapters.errors import BackendError
from shim.http.asgi import Receive, Send
from shim.http.request_body import ClientGone
from shim.protocol.message import Head, Reply
from shim.record import Record

# A shorter answer is sent faster than a disconnect would be noticed, so nothing watches for one.
_WATCHED_BYTES = 256 * 1024

_EMPTY = frozenset((204, 304))
_wire: Callable[[str], bytes] = methodcaller("encode", "latin-1")
_name: Callable[[tuple[str, str]], str] = itemgetter(0)
_value: Callable[[tuple[str, str]], str] = itemgetter(1)


class CutShortError(Exception):
    """OpenStack's answer broke off after a part of it was sent; only closing the connection tells the client."""

    def __init__(self, reason: BackendError) -> None:
        super().__init__(str(reason))
        self.reason = reason


async def send_reply(reply: Reply, head: Head, receive: Receive, send: Send, record: Record) -> None:
    """Send an answer and count its bytes in `record`.

    Raises ClientGone where the client leaves during a long answer, CutShortError where the answer's body breaks off.
    """
    headers = list(zip(map(_wire, map(_name, reply.headers)), map(_wire, map(_value, reply.headers)), strict=True))
    # An action that streams states the length itself; 204 and 304 have no length, and that of a HEAD is not its body's.
    length = dict(reply.headers).get("Content-Length")
    if length is None and isinstance(reply.body, bytes) and head.method != "HEAD" and reply.status not in _EMPTY:
        headers.append((b"content-length", b"%d" % len(reply.body)))
    if reply.status >= 400 and "expect" in head.first:
        # A client that is refused before `100 Continue` sends no body, but its next request on this connection would
        # be read as that body (RFC 9110, 10.1.1, wants the connection closed).
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if isinstance(reply.body, bytes):
        await send({"type": "http.response.body", "body": reply.body})
        record.bytes_out = len(reply.body)
        return
    if not reply.watched or (length is not None and int(length) < _WATCHED_BYTES):
        broken = await _stream(reply.body, send, record)
    else:
        async with _while_connected(receive):
            broken = await _stream(reply.body, send, record)
    if broken is not None:
        raise CutShortError(broken)
    await send({"type": "http.response.body", "body": b""})


async def _stream(body: AsyncIterator[bytes], send: Send, record: Record) -> BackendError | None:
    """Send the pieces; return the error that broke them off, as a task group would wrap it if it were raised."""
    try:
        async for piece in body:
            record.bytes_out += len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    except BackendError as error:
        return error
    return None


@asynccontextmanager
async def _while_connected(receive: Receive) -> AsyncIterator[None]:
    """Run the block until it ends or the client hangs up, which raises ClientGone.

    What is sent to a client that went away is dropped without an error, so without this a download would be read from
    Swift to its end for nobody.
    """
    gone = False

    async def watch() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        yield
        group.cancel_scope.cancel()
    if gone:
        raise ClientGone
