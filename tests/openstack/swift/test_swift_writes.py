"""Results of writes to Swift with unusual answers."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvloop

from adapters.errors import BackendError, Fault
from adapters.openstack.swift.pool import SwiftPool
from adapters.openstack.swift.swift import Swift
from adapters.types.objects import Description
from tests.openstack.scripted import Script, Turn, says, some
from tests.openstack.stage import Tokens

# Swift's answer to a PUT if an object with a newer timestamp exists: nothing was stored.
SUPERSEDED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
STORED = (
    b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nEtag: abc\r\nLast-Modified: Mon, 23 Nov 2026 08:59:59 GMT\r\n\r\n"
)


def put(script: Script, body: bytes | AsyncIterator[bytes], length: int) -> str:
    """Store an object; return its ETag."""

    async def run() -> str:
        server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
        pool = SwiftPool(5.0)
        endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/AUTH_x"
        try:
            swift = Swift(pool, endpoint, Tokens(), "request")
            return (await swift.put("c", "o", body, length, Description("a/b"))).etag
        finally:
            await pool.aclose()
            server.close()

    return uvloop.run(run())


def reading(answer: bytes, length: int) -> Turn:
    async def turn(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(length)
        writer.write(answer)

    return turn


def test_a_write_that_came_too_late_is_sent_again() -> None:
    script = Script(*[reading(answer, 2) for answer in (SUPERSEDED, SUPERSEDED, STORED)])
    assert put(script, b"ab", 2) == "abc"
    assert len(script.heads) == 3


def test_a_write_that_always_comes_too_late_is_not_done() -> None:
    script = Script(*[reading(SUPERSEDED, 2) for _ in range(20)])
    with pytest.raises(BackendError, match="newer") as caught:
        put(script, b"ab", 2)
    assert caught.value.fault is Fault.UNAVAILABLE
    assert len(script.heads) < 10


def test_a_stream_that_came_too_late_cannot_be_sent_again() -> None:
    script = Script(reading(SUPERSEDED, 2), says(STORED))
    with pytest.raises(BackendError, match="newer") as caught:
        put(script, some(b"ab"), 2)
    assert caught.value.fault is Fault.UNAVAILABLE


@pytest.mark.parametrize("status", [b"499 Client Disconnect", b"301 Moved"])
def test_answers_that_no_request_of_ours_can_mean(status: bytes) -> None:
    script = Script(says(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n"))
    with pytest.raises(BackendError) as caught:
        put(script, b"ab", 2)
    assert caught.value.fault is Fault.UNAVAILABLE
