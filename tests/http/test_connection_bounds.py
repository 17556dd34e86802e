"""Bounds on what a connection can make the gateway store or wait for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvloop

from shim.errors import AwsError
from shim.http.connection import QUEUED
from tests.http.connections import LAST, LONG, answering, echo, get, read_all, said, served, until

CHUNKED = b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"


async def names(scope: Any, receive: Any, send: Any) -> None:
    """Answer the names of the headers."""
    await read_all(receive)
    body = b" ".join(name for name, _ in scope["headers"])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


def test_a_trailer_is_no_header() -> None:
    answer = said(names, CHUNKED + b"Connection: close\r\n\r\n3\r\nabc\r\n0\r\nx-amz-acl: private\r\n\r\n")
    assert answer.endswith(b"\r\n\r\nhost transfer-encoding connection")


@pytest.mark.parametrize("piece", [b"x-a: " + b"a" * 4000 + b"\r\n", b"a" * 4000])
def test_trailers_without_end_are_not_kept(piece: bytes) -> None:
    async def talk() -> None:
        async with served(echo) as (_, writer, state):
            writer.write(CHUNKED + b"\r\n3\r\nabc\r\n0\r\n" + (b"" if b":" in piece else b"x-a: "))
            for _ in range(100):
                writer.write(piece)
                await writer.drain()
            (connection,) = state.connections
            kept: Any = connection
            await until(lambda: kept._refused)
            assert len(kept._headers) == 2

    uvloop.run(talk())


def test_what_is_asked_before_the_first_answer_does_not_pile_up() -> None:
    async def talk() -> None:
        go = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await go.wait()
            await echo(scope, receive, send)

        async with served(app) as (reader, writer, state):
            writer.write(get("/") * 1000)
            await until(lambda: bool(state.tasks))
            (connection,) = state.connections
            kept: Any = connection
            await until(lambda: len(kept._queue) == QUEUED)
            go.set()
            assert (await reader.read()).count(b"HTTP/1.1 200 OK") == QUEUED + 1

    uvloop.run(talk())


def test_reading_goes_on_when_nothing_waits() -> None:
    async def talk() -> None:
        go = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await go.wait()
            await echo(scope, receive, send)

        async with served(app) as (reader, writer, state):
            writer.write(get("/") * 3)
            await until(lambda: bool(state.tasks))
            writer.write(get("/last", LAST))
            go.set()
            async with asyncio.timeout(10):
                assert (await reader.read()).endswith(b"GET /last? ")

    uvloop.run(talk())


def test_a_head_that_begins_behind_a_long_body_is_not_too_long() -> None:
    async def talk() -> None:
        async with served(echo) as (reader, _, state):
            await until(lambda: bool(state.connections))
            (connection,) = state.connections
            heard: Any = connection
            heard.data_received(get("/1", method="PUT", body=LONG * 2) + b"GET /2 HT")
            heard.data_received(b"TP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            async with asyncio.timeout(10):
                assert (await reader.read()).endswith(b"GET /2? ")

    uvloop.run(talk())


def test_what_was_asked_after_a_body_that_was_not_is_not_read_as_that_body() -> None:
    asked = b"PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 500\r\n\r\n"
    answer = said(answering(b"ok", headers=((b"content-length", b"2"),)), asked, get("/2"))
    assert answer == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


@pytest.mark.parametrize("offer", [(), ("Upgrade: h2c", "Connection: Upgrade")])
def test_a_client_of_http_1_0_is_told_nothing_in_chunks(offer: tuple[str, ...]) -> None:
    answer = said(answering(b"ab", b"", b"cde"), get("/", *offer, version="1.0"))
    assert answer == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcde"


@pytest.mark.parametrize("pieces", [(LONG,) * 4000, (LONG * 400,)])
def test_a_client_that_takes_nothing_is_left(pieces: tuple[bytes, ...]) -> None:
    async def talk() -> None:
        async with served(answering(*pieces), body_idle_seconds=0.2) as (_, writer, state):
            writer.write(get("/", LAST))
            await until(lambda: bool(state.connections))
            await until(lambda: not state.connections and not state.tasks)

    uvloop.run(talk())


def test_a_client_that_takes_little_is_waited_for() -> None:
    async def talk() -> None:
        size = len(LONG) * 400
        app = answering(LONG * 400, headers=((b"content-length", b"%d" % size),))
        async with served(app, body_idle_seconds=0.3) as (reader, writer, _):
            writer.write(get("/", LAST))
            await reader.readuntil(b"\r\n\r\n")
            got = 0
            while piece := await reader.read(1024 * 1024):
                got += len(piece)
                await asyncio.sleep(0.02)
            assert got == size

    uvloop.run(talk())


@pytest.mark.parametrize("first", [b"", b"3\r\nabc\r\n"])
def test_a_body_of_broken_chunks_is_refused_at_once(first: bytes) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        with pytest.raises(AwsError) as caught:
            await read_all(receive)
        await answering(caught.value.code.encode(), status=caught.value.status)(scope, receive, send)

    async def talk() -> None:
        async with served(app) as (reader, writer, _):
            writer.write(CHUNKED + b"\r\n" + first)
            await asyncio.sleep(0.05)
            writer.write(b"no length\r\n")
            async with asyncio.timeout(10):
                answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"Connection: close" in answer
        assert b"BadRequest" in answer

    uvloop.run(talk())
