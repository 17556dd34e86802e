"""A fake Swift that stores nothing and answers at once, so that Swift's cost does not hide the gateway's.

Its answers have the headers of real ones.  `bench.hop` runs it in a separate process.  Its argument is the pause before
each answer, in seconds.
"""

import asyncio
import sys
from functools import partial
from typing import cast

import httptools
import uvloop

SMALL = b"x" * 1024
_CONTAINERS_SLASHES = 3  # /v1/AUTH_<project>/<container>
_ETAG = "0f343b0931126a20f133d67c2b018a3b"
_COMMON = (
    "Content-Type: {type}\r\nX-Timestamp: 1795426800.12345\r\nX-Trans-Id: tx0123456789abcdef01234-006a0c8f00\r\n"
    "X-Openstack-Request-Id: tx0123456789abcdef01234-006a0c8f00\r\nDate: Mon, 23 Nov 2026 09:00:00 GMT\r\n\r\n"
)
_OBJECT = (
    f"HTTP/1.1 200 OK\r\nEtag: {_ETAG}\r\nLast-Modified: Mon, 23 Nov 2026 08:59:59 GMT\r\nAccept-Ranges: bytes\r\n"
    f"Content-Length: {len(SMALL)}\r\n" + _COMMON.format(type="binary/octet-stream")
).encode()
_CREATED = (
    f"HTTP/1.1 201 Created\r\nEtag: {_ETAG}\r\nLast-Modified: Mon, 23 Nov 2026 09:00:01 GMT\r\nContent-Length: 0\r\n"
    + _COMMON.format(type="text/html; charset=UTF-8")
).encode()
_CONTAINER = (
    "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nX-Container-Object-Count: 1\r\nX-Container-Bytes-Used: 1024\r\n"
    + _COMMON.format(type="text/plain; charset=utf-8")
).encode()
_MISSING = (
    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n" + _COMMON.format(type="text/html; charset=UTF-8")
).encode()


class Store(asyncio.Protocol):
    """One connection."""

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transports are not instances of it

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._url = b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_message_complete(self) -> None:
        answer = _answer(self._parser.get_method(), self._url)
        if self._pause:
            asyncio.get_running_loop().call_later(self._pause, self._transport.write, answer)
        else:
            self._transport.write(answer)


def _answer(method: bytes, url: bytes) -> bytes:
    if b"%2Bsegments" in url:
        return _MISSING
    if method == b"PUT":
        return _CREATED
    if url.count(b"/") == _CONTAINERS_SLASHES:
        return _CONTAINER
    return _OBJECT + SMALL if method == b"GET" else _OBJECT


async def serve(pause: float) -> None:
    """Serve on a free port until the parent process stops this one or ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(partial(Store, pause), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(serve(float(sys.argv[1]) if sys.argv[1:] else 0.0))
