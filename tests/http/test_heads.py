"""The head of a request is bounded in length and time, so that unsigned requests cannot fill memory."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from shim.config import Settings
from shim.http.server import configuration, listener

PIECE = b"a" * 4096
DONE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Count the body's bytes."""
    total, more = 0, True
    while more:
        event = await receive()
        total += len(event.get("body", b""))
        more = event.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"8")]})
    await send({"type": "http.response.body", "body": b"%8d" % total})


@asynccontextmanager
async def serving(served: Any, settings: Settings) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Serve an application; give a connection to it."""
    sock = listener("127.0.0.1", 0)
    server = uvicorn.Server(configuration(served, settings, tls=False))
    running = asyncio.ensure_future(server.serve([sock]))
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        server.should_exit = True
        await running


def answer_to(pieces: Iterator[bytes]) -> bytes:
    """Send pieces until the server has had enough; return the first line of its answer."""

    async def scenario() -> bytes:
        async with serving(app, Settings.model_validate({})) as (reader, writer):
            try:
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                async with asyncio.timeout(10):
                    return await reader.readline()
            except ConnectionError:
                return await reader.readline()

    return asyncio.run(scenario())


def left_of(said: bytes, seconds: float) -> bytes | None:
    """Say something to a server that waits 0.3 s for a head; return its answers, None if it does not hang up."""

    async def scenario() -> bytes | None:
        async with serving(app, Settings.model_validate({"body_idle_seconds": 0.3})) as (reader, writer):
            writer.write(said)
            try:
                async with asyncio.timeout(seconds):
                    return await reader.read()
            except TimeoutError:
                return None

    return asyncio.run(scenario())


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_a_head_that_does_not_come_ends_the_connection(said: bytes) -> None:
    assert left_of(said, 10) == b""


def test_a_second_head_that_does_not_come_does_so_too() -> None:
    told = left_of(DONE + b"GET /", 10)
    assert told
    assert told.startswith(b"HTTP/1.1 200 ")


def test_a_connection_that_was_served_may_rest() -> None:
    assert left_of(DONE, 1) is None


def headers() -> Iterator[bytes]:
    yield b"GET / HTTP/1.1\r\nHost: x\r\n"
    for _ in range(1000):
        yield b"x-a: " + PIECE + b"\r\n"


def one_header() -> Iterator[bytes]:
    yield b"GET / HTTP/1.1\r\nHost: x\r\nx-a: "
    for _ in range(1000):
        yield PIECE


def target() -> Iterator[bytes]:
    yield b"GET /"
    for _ in range(1000):
        yield PIECE


@pytest.mark.parametrize("head", [headers, one_header, target])
def test_a_head_without_end_is_cut_off(head: Any) -> None:
    assert answer_to(head()).startswith(b"HTTP/1.1 400 ")


async def unread(scope: Any, receive: Any, send: Any) -> None:
    """Answer before the body has come, which is then not read."""
    await send({"type": "http.response.start", "status": 403, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"no"})


def test_an_answer_that_ends_the_connection_comes_though_a_body_is_not_read() -> None:
    async def scenario() -> bytes:
        async with serving(unread, Settings.model_validate({})) as (reader, writer):
            pieces = 10_000  # more than sockets hold
            writer.write(head_of(pieces * len(PIECE)))
            for _ in range(pieces):
                writer.write(PIECE)
                await writer.drain()  # which a reset breaks off, as it does most clients
            return await reader.readline()

    assert asyncio.run(scenario()).startswith(b"HTTP/1.1 403 ")


def test_a_client_that_was_refused_and_stays_is_hung_up_on() -> None:
    async def scenario() -> bool:
        settings = Settings.model_validate({"body_idle_seconds": 0.3})
        async with serving(app, settings) as (reader, writer):
            writer.write(b"nonsense\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
            return await is_cut_off(writer)

    assert asyncio.run(scenario())


def test_nothing_is_waited_for_behind_a_last_request_that_is_whole() -> None:
    async def scenario() -> bool:
        async with serving(app, Settings.model_validate({})) as (reader, writer):
            writer.write(head_of(4) + b"body")
            assert (await reader.read()).endswith(b"\r\n\r\n       4")
            return await is_cut_off(writer)

    assert asyncio.run(scenario())


def head_of(length: int) -> bytes:
    """Write the head of a connection's last request, with a body of that length."""
    return b"PUT /b/k HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % length


async def is_cut_off(writer: asyncio.StreamWriter) -> bool:
    """Write on for five seconds; return whether the server has ended that."""
    for _ in range(100):
        await asyncio.sleep(0.05)
        writer.write(PIECE)
        try:
            await writer.drain()
        except ConnectionError:
            return True
    return False


def test_a_long_head_and_a_long_body_are_fine() -> None:
    def request() -> Iterator[bytes]:
        yield b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % (100 * len(PIECE))
        for number in range(8):
            yield b"x-amz-meta-%d: " % number + PIECE + b"\r\n"
        yield b"\r\n"
        for _ in range(100):
            yield PIECE

    assert answer_to(request()).startswith(b"HTTP/1.1 200 ")
