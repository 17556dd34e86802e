"""Reads that ask all of Swift's object servers, so that none that was down answers with an older copy."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvloop

from adapters.openstack.swift.pool import SwiftPool
from adapters.openstack.swift.swift import Swift
from tests.openstack.scripted import Script
from tests.openstack.stage import Tokens

INFO = b'{"slo": {"min_segment_size": 1}}'
FOUND = b"HTTP/1.1 200 OK\r\nContent-Length: 32\r\nLast-Modified: Mon, 23 Nov 2026 08:59:59 GMT\r\n\r\n"
READS: list[Callable[..., Awaitable[Any]]] = [
    lambda swift, **how: swift.head("c", "o", **how),
    lambda swift, **how: swift.segments("c", "o", **how),
]


def asked(read: Callable[[Swift], Awaitable[Any]]) -> bytes:
    """Return the head of the request with which an object is read."""

    async def run() -> bytes:
        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(FOUND if script.heads[-1].startswith(b"HEAD ") else FOUND + INFO)

        script = Script(answer, answer)  # the second if the first was for what this Swift can do
        server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
        pool = SwiftPool(5.0)
        try:
            await read(Swift(pool, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/AUTH_x", Tokens(), "r"))
        finally:
            await pool.aclose()
            server.close()
        return script.heads[-1].lower()

    return uvloop.run(run())


@pytest.mark.parametrize("read", READS, ids=["head", "segments"])
def test_all_servers_are_asked_only_when_told_to(read: Callable[..., Awaitable[Any]]) -> None:
    assert b"\r\nx-newest: true\r\n" in asked(lambda swift: read(swift, newest=True))
    assert b"x-newest" not in asked(read)
