"""A low-overhead HTTP client: one keep-alive connection; bodies are counted and not kept."""

import asyncio
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

import httptools

PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Ask:
    """A prepared request: its target, and its bytes up to the body.  `body` may be sent `repeat` times."""

    host: str
    port: int
    head: bytes
    body: bytes = b""
    repeat: int = 1
    bodiless: bool = False  # the answer has no body, whatever its Content-Length


def ask(method: str, url: str, headers: dict[str, str] | None = None, body: bytes = b"", repeat: int = 1) -> Ask:
    """Prepare a request."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if method in {"PUT", "POST"}:
        lines.append(f"Content-Length: {len(body) * repeat}")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode()
    return Ask(parts.hostname or "", parts.port or 80, head, body, repeat, method == "HEAD")


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._answer: asyncio.Future[int]
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._bodiless = False
        self.received = 0

    @classmethod
    async def open(cls, request: Ask) -> Self:
        """Connect to a request's target."""
        _, made = await asyncio.get_running_loop().create_connection(cls, request.host, request.port)
        return made

    async def send(self, request: Ask) -> int:
        """Send a request and return the status after the answer's last byte."""
        self._parser = httptools.HttpResponseParser(self)
        self._answer = asyncio.get_running_loop().create_future()
        self._bodiless = request.bodiless
        self.received = 0
        self._transport.write(request.head)
        for _ in range(request.repeat if request.body else 0):
            for start in range(0, len(request.body), PIECE):
                if not self._flowing.is_set():
                    await self._flowing.wait()
                self._transport.write(request.body[start : start + PIECE])
        return await self._answer

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    # asyncio.Protocol's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._flowing.set()
        if hasattr(self, "_answer") and not self._answer.done():
            self._answer.set_exception(ConnectionError(f"closed in the middle: {exc}"))

    def pause_writing(self) -> None:
        self._flowing.clear()

    def resume_writing(self) -> None:
        self._flowing.set()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    # the parser's callbacks

    def on_headers_complete(self) -> None:
        if self._bodiless:
            self.on_message_complete()

    def on_body(self, piece: bytes) -> None:
        self.received += len(piece)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200 and not self._answer.done():
            self._answer.set_result(status)
