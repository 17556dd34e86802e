"""A server that replaces Swift and sends a test's scripted answers on each connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import uvloop

from adapters.openstack.swift.pool import SwiftPool

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Turn = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Script:
    """A server that plays one of `turns` for each request, in order, on any connection."""

    def __init__(self, *turns: Turn) -> None:
        self.turns = list(turns)
        self.connections = 0
        self.heads: list[bytes] = []
        self.ended = asyncio.Event()  # a connection has ended

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self.turns:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                await self.turns.pop(0)(reader, writer)
                await writer.drain()
            await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.ended.set()
            writer.close()


def says(*pieces: bytes, pause: float = 0.02, close: bool = False) -> Turn:
    """Write pieces, each in a separate segment."""

    async def turn(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause if len(pieces) > 1 else 0)
        if close:
            writer.close()

    return turn


@asynccontextmanager
async def swift(script: Script, **options: Any) -> AsyncIterator[Callable[..., Coroutine[Any, Any, Any]]]:
    """Serve a script and yield a function that sends requests to it: `ask(method, path, **how)`."""
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    pool = SwiftPool(options.pop("silence", 5.0), **options)
    endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/AUTH_x"

    async def ask(method: str = "GET", path: str = "/c/o", headers: dict[str, str] | None = None, **how: Any) -> Any:
        return await pool.request(method, endpoint, path, headers or {}, **how)

    try:
        yield ask
    finally:
        await pool.aclose()
        server.close()


def played(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def run() -> None:
        uvloop.run(asyncio.wait_for(test(), 20))

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


async def some(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
