"""HTTP/1.1 at the AWS endpoint: every request is answered in order and completely, or the connection is closed."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.server import ServerState

from shim.config import Settings
from shim.http.exchange import BODY_BYTES
from shim.http.server import configuration
from tests.http.connections import LAST, LONG, App, answering, echo, get, said, served, until


def test_a_request_is_answered() -> None:
    answer = said(echo, get("/b/k%2F?x=1", LAST, method="PUT", body=b"hello"))
    assert answer == b"HTTP/1.1 200 OK\r\nContent-Length: 21\r\nConnection: close\r\n\r\nPUT /b/k%2F?x=1 hello"


def test_requests_sent_together_are_answered_in_their_order() -> None:
    asked = get("/1", method="PUT", body=LONG) + get("/2") + get("/3", LAST)
    answer = said(echo, asked)
    places = [answer.index(word) for word in (b"PUT /1? ", b"GET /2? ", b"GET /3? ")]
    assert places == sorted(places)
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert LONG in answer


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 400), max_size=6))
def test_packets_may_end_anywhere(sizes: list[int]) -> None:
    asked = get("/1", method="PUT", body=b"z" * 200) + get("/2?a=b") + get("/3", LAST, method="PUT", body=b"w" * 90)
    pieces, left = [], asked
    for size in sizes:
        pieces.append(left[:size])
        left = left[size:]
    assert said(echo, *(piece for piece in (*pieces, left) if piece)) == said(echo, asked)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 150_000), max_size=4))
def test_packets_of_long_bodies_may_end_anywhere(cuts: list[int]) -> None:
    bodies = [b"z" * 70_000, b"w" * 65_536, b"", b"v" * 100_000]
    asked = b"".join(get(f"/{at}", method="PUT", body=body) for at, body in enumerate(bodies)) + get("/4", LAST)
    bounds = sorted({0, *cuts, len(asked)})
    answer = said(echo, *(asked[start:end] for start, end in pairwise(bounds)))
    assert [one.partition(b"\r\n\r\n")[2] for one in answer.split(b"HTTP/1.1 200 OK\r\n")[1:]] == [
        *(b"PUT /%d? %b" % (at, body) for at, body in enumerate(bodies)),
        b"GET /4? ",
    ]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_the_connection_ends_when_the_client_wants_it(version: str) -> None:
    answer = said(echo, get("/", *([LAST] if version == "1.1" else ["Connection: keep-alive"]), version=version))
    assert b"\r\nConnection: close\r\n" in answer


def test_the_whole_address_may_be_asked_for() -> None:
    assert b"GET /b/k?x " in said(echo, get("http://x/b/k?x", LAST))


def test_an_answer_without_a_length_is_chunked() -> None:
    answer = said(answering(b"ab", b"", b"cde"), get("/", LAST))
    assert answer.endswith(
        b"\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"
    )


def test_head_has_the_length_and_no_body() -> None:
    answer = said(answering(b"abc", headers=((b"content-length", b"7"),)), get("/", LAST, method="HEAD"))
    assert answer == b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("status", [204, 304])
def test_some_answers_have_no_body(status: int) -> None:
    answer = said(answering(status=status), get("/", LAST))
    assert answer.endswith(b"\r\nConnection: close\r\n\r\n")
    assert b"Transfer-Encoding" not in answer


@pytest.mark.parametrize("pieces", [(b"abc",), (b"abcdefgh", b""), (b"abcd", b"efgh")])
def test_an_answer_of_another_length_than_it_says_ends_the_connection(pieces: tuple[bytes, ...]) -> None:
    app = answering(*pieces, headers=((b"content-length", b"6"),))
    answer = said(app, get("/") + get("/"))
    assert len(answer.partition(b"\r\n\r\n")[2]) < 6
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("header", [(b"x", b"a\r\nset-cookie: b"), (b"x", b"a\0"), (b"x\r\ny", b"a"), (b"", b"a")])
def test_no_header_breaks_the_head(header: tuple[bytes, bytes]) -> None:
    answer = said(answering(b"abc", headers=(header,)), get("/"))
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"cookie" not in answer


class Wire(asyncio.Transport):
    """A transport that remembers what each system call would have carried."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def is_closing(self) -> bool:
        return False


@pytest.mark.parametrize(("pieces", "calls"), [((b"abc",), 1), ((LONG,), 2), ((b"abc", b"def"), 2), ((), 1)])
def test_head_and_small_body_leave_together_and_a_large_one_is_not_copied(
    pieces: tuple[bytes, ...], calls: int
) -> None:
    async def talk() -> list[bytes]:
        length = b"%d" % sum(map(len, pieces))
        app = answering(*pieces, headers=((b"content-length", length),))
        config = configuration(app, Settings.model_validate({}), tls=False)
        config.load()
        state, wire = ServerState(), Wire()
        make: Any = config.http_protocol_class
        connection = make(config=config, server_state=state, app_state={})
        connection.connection_made(wire)
        connection.data_received(get("/"))
        await until(lambda: not state.tasks)
        connection.connection_lost(None)
        return wire.sent

    sent = uvloop.run(talk())
    assert len(sent) == calls
    assert b"".join(sent).endswith(b"".join(pieces))


class From(Wire):
    """A transport from one address."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self._host = host

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return (self._host, 5, 0, 0) if name == "peername" else default


@pytest.mark.parametrize(
    ("host", "client"), [("::ffff:192.0.2.1", "192.0.2.1"), ("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::1")]
)
def test_an_ipv4_client_of_an_ipv6_listener_has_its_ipv4_address(host: str, client: str) -> None:
    async def talk() -> Any:
        seen = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            seen.append(scope["client"])
            await answering()(scope, receive, send)

        config = configuration(app, Settings.model_validate({}), tls=False)
        config.load()
        state = ServerState()
        make: Any = config.http_protocol_class
        connection = make(config=config, server_state=state, app_state={})
        connection.connection_made(From(host))
        connection.data_received(get("/"))
        await until(lambda: not state.tasks)
        connection.connection_lost(None)
        return seen

    assert uvloop.run(talk()) == [(client, 5)]


async def broken(scope: Any, receive: Any, send: Any) -> None:
    raise ZeroDivisionError


async def broken_later(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"6")]})
    await send({"type": "http.response.body", "body": b"abc", "more_body": True})
    raise ZeroDivisionError


async def silent(scope: Any, receive: Any, send: Any) -> None:
    return


@pytest.mark.parametrize("app", [broken, silent])
def test_an_application_that_breaks_is_a_500(app: App) -> None:
    assert said(app, get("/") + get("/")).startswith(b"HTTP/1.1 500 Internal Server Error\r\n")


def test_an_application_that_breaks_in_its_answer_cuts_it() -> None:
    assert said(broken_later, get("/") + get("/")).endswith(b"\r\n\r\nabc")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (b"nonsense\r\n\r\n", b"BadRequest"),
        (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", b"BadRequest"),
        (b"GET / HTTP/1.1\r\nHo st: x\r\n\r\n", b"BadRequest"),
        (b"PUT / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"BadRequest"),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n", b"BadRequest"),
        (get("/", "x-a: " + "a" * 100_000), b"RequestHeaderSectionTooLarge"),
        (get("/" + "a" * 100_000), b"RequestHeaderSectionTooLarge"),
    ],
)
def test_what_is_no_request_is_refused_as_s3_does(asked: bytes, code: bytes) -> None:
    answer = said(echo, asked)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"\r\nContent-Type: application/xml\r\n" in answer
    assert b"<Error><Code>" + code + b"</Code>" in answer


def test_nonsense_after_a_request_does_not_spoil_its_answer() -> None:
    async def late(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.1)
        await echo(scope, receive, send)

    assert said(late, get("/1"), b"nonsense\r\n\r\n").endswith(b"GET /1? ")


def test_an_offer_of_another_protocol_is_not_taken() -> None:
    offer = get("/", "Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", method="PUT", body=b"hello")
    answer = said(echo, offer[:-2], offer[-2:] + get("/2", LAST))
    assert b"PUT /? hello" in answer
    assert answer.endswith(b"GET /2? ")


@pytest.mark.parametrize("wanted", [True, False])
def test_a_body_is_asked_for_only_when_it_is_wanted(wanted: bool) -> None:
    asked = b"PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"

    async def talk() -> bytes:
        async with served(echo if wanted else answering(b"no", status=403)) as (reader, writer, _):
            writer.write(asked)
            first = await reader.readuntil(b"\r\n\r\n")
            if wanted:
                assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
                writer.write(b"hello")
                first = b""
            return first + await reader.read()

    answer = uvloop.run(talk())
    assert answer.startswith(b"HTTP/1.1 200 OK" if wanted else b"HTTP/1.1 403 Forbidden")
    assert b"100 Continue" not in answer


def test_a_client_that_leaves_is_noticed() -> None:
    async def talk() -> None:
        seen: list[str] = []
        waiting = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            waiting.set()
            seen.append((await receive())["type"])
            await send({"type": "http.response.start", "status": 200, "headers": []})

        async with served(app) as (_, writer, state):
            writer.write(get("/"))
            await waiting.wait()
            writer.close()
            await until(lambda: not state.tasks)
        assert seen == ["http.disconnect"]

    uvloop.run(talk())


def test_a_body_that_nobody_reads_is_not_taken_in() -> None:
    async def talk() -> None:
        go = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await go.wait()
            await echo(scope, receive, send)

        size = 64 * 1024 * 1024
        async with served(app) as (reader, writer, state):
            writer.write(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
            sent = 0
            while sent < size:  # until the kernel's buffers are full
                writer.write(bytes(BODY_BYTES))
                sent += BODY_BYTES
                try:
                    async with asyncio.timeout(0.5):
                        await writer.drain()
                except TimeoutError:
                    break
            (connection,) = state.connections
            kept: Any = connection
            assert sent < size
            assert kept._read._kept < 1024 * 1024
            go.set()
            writer.write(bytes(size - sent))
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"Content-Length: %d\r\n" % (size + len(b"PUT /? ")) in head

    uvloop.run(talk())


def test_a_client_that_does_not_read_is_waited_for() -> None:
    pieces = 4000

    async def talk() -> None:
        sent = 0

        async def app(scope: Any, receive: Any, send: Any) -> None:
            nonlocal sent
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(pieces):
                await send({"type": "http.response.body", "body": LONG, "more_body": True})
                sent += 1
            await send({"type": "http.response.body"})

        async with served(app) as (reader, writer, _):
            writer.write(get("/", LAST))
            await asyncio.sleep(0.5)
            assert 0 < sent < pieces
            assert (await reader.read()).endswith(b"\r\n0\r\n\r\n")
            assert sent == pieces

    uvloop.run(talk())


def test_stopping_lets_the_answer_under_way_end() -> None:
    async def talk() -> bytes:
        go = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await go.wait()
            await echo(scope, receive, send)

        async with served(app) as (reader, writer, state):
            writer.write(get("/1"))
            await until(lambda: bool(state.tasks))
            for connection in list(state.connections):
                connection.shutdown()
            go.set()
            async with asyncio.timeout(10):
                return await reader.read()

    answer = uvloop.run(talk())
    assert b"\r\nConnection: close\r\n" in answer
    assert answer.endswith(b"GET /1? ")


def test_stopping_ends_what_rests() -> None:
    async def talk() -> bytes:
        async with served(echo) as (reader, writer, state):
            writer.write(get("/1"))
            told = await reader.readuntil(b"/1? ")
            for connection in list(state.connections):
                connection.shutdown()
            async with asyncio.timeout(10):
                return told + await reader.read()

    assert uvloop.run(talk()).endswith(b"GET /1? ")
