"""A connection to an application, over a real socket; what is sent to it and what it says, byte by byte."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvloop
from uvicorn.server import ServerState

from shim.config import Settings
from shim.http.exchange import JOINED_BYTES
from shim.http.server import configuration

App = Callable[[Any, Any, Any], Awaitable[None]]
EVERY_ANSWER = re.compile(rb"\r\nDate: [^\r]+\r\nServer: [^\r]+")
LONG = b"y" * (JOINED_BYTES * 3)


async def read_all(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
    return body


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer what was asked: method, target and body."""
    told = b"%s %s?%s " % (scope["method"].encode(), scope["raw_path"], scope["query_string"])
    body = told + await read_all(receive)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"Content-Length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


def answering(*pieces: bytes, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()) -> App:
    """An application that answers these pieces."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        for piece in pieces[:-1]:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": pieces[-1] if pieces else b""})

    return app


async def until(true: Callable[[], bool]) -> None:
    """Wait for something that nobody tells of."""
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


@asynccontextmanager
async def served(
    app: App, **given: Any
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, ServerState]]:
    """A connection to the application."""
    config = configuration(app, Settings.model_validate(given), tls=False)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    make: Any = config.http_protocol_class
    server = await loop.create_server(lambda: make(config=config, server_state=state, app_state={}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield reader, writer, state
    finally:
        writer.close()
        server.close()
        await until(lambda: not state.connections and not state.tasks)


def said(app: App, *pieces: bytes, close: bool = True) -> bytes:
    """Send the pieces in as many packets; return all that is answered until the connection ends.

    Date and Server are left out: every answer has them.
    """

    async def talk() -> bytes:
        async with served(app) as (reader, writer, _):
            for number, piece in enumerate(pieces):
                last = number == len(pieces) - 1
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0 if last else 0.02)
            async with asyncio.timeout(10):
                return await reader.read()

    return EVERY_ANSWER.sub(b"", uvloop.run(talk()))


def get(target: str, *headers: str, method: str = "GET", body: bytes = b"", version: str = "1.1") -> bytes:
    lines = [f"{method} {target} HTTP/{version}", "Host: x", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


LAST = "Connection: close"
