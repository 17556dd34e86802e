"""One connection to Swift: the framing of answers, and the handling of invalid ones."""

import asyncio
import itertools
import string
from collections.abc import AsyncIterator

import httptools
import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.openstack.swift.wire import HELD_BYTES, LostError
from tests.openstack.scripted import OK, Script, played, says, some, swift


@played
async def test_a_connection_serves_one_request_after_another() -> None:
    script = Script(says(OK), says(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"), says(OK), says(OK))
    async with swift(script) as ask:
        for method in ("GET", "HEAD", "GET"):  # a HEAD has no body, whatever its headers
            answer = await ask(method)
            assert (answer.status, await answer.read()) == (200, b"" if method == "HEAD" else b"ok")
        assert (await (await ask("PUT", body=some(b"a", b"bc"), length=3)).read()) == b"ok"
    assert script.connections == 1
    assert script.heads[0].startswith(b"GET /v1/AUTH_x/c/o HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"Content-Length: 3" in script.heads[3]


@given(st.lists(st.integers(1, 140), max_size=4, unique=True))
@settings(max_examples=25, deadline=None)
def test_an_answer_in_any_segments(cuts: list[int]) -> None:
    whole = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-Object-Meta-A=5Fb: 1\r\nETag: \xc3\xa9\r\n"
        b"ETag: second\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\n\r\n\r\n0\r\n\r\n"
    )
    bounds = sorted({0, len(whole), *(min(cut, len(whole)) for cut in cuts)})

    async def run() -> None:
        turns = [whole[start:end] for start, end in itertools.pairwise(bounds)]
        async with swift(Script(says(*turns, pause=0.002), says(OK))) as ask:
            answer = await ask()
            assert answer.headers == {"x-object-meta-a%5fb": "1", "etag": "é", "transfer-encoding": "chunked"}
            assert await answer.read() == b"abc\r\n"
            assert await (await ask()).read() == b"ok"

    uvloop.run(run())


LONG = bytes(range(256)) * 1000
LONG_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(LONG)


@given(st.lists(st.integers(1, len(LONG_HEAD) + len(LONG)), max_size=4, unique=True))
@settings(max_examples=25, deadline=None)
def test_a_long_answer_in_any_segments(cuts: list[int]) -> None:
    """The parser does not see its body."""
    whole = LONG_HEAD + LONG

    async def run() -> None:
        turns = [whole[start:end] for start, end in itertools.pairwise(sorted({0, len(whole), *cuts}))]
        script = Script(says(*turns, pause=0.002), says(OK), says(*turns, pause=0), says(LONG_HEAD), says(OK))
        async with swift(script) as ask:
            assert await (await ask()).read() == LONG
            assert await (await ask()).read() == b"ok"
            assert await (await ask()).read() == LONG
            assert await (await ask("HEAD")).read() == b""
            assert await (await ask()).read() == b"ok"
        assert script.connections == 1

    uvloop.run(run())


TOKENS = st.text(string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~", min_size=1, max_size=12)
VALUES = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=20)


class Seen:
    """The parser's own view of a head."""

    def __init__(self, head: bytes) -> None:
        self.headers: dict[str, str] = {}
        httptools.HttpResponseParser(self).feed_data(head)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.setdefault(name.decode().lower(), value.decode())


@given(st.lists(st.tuples(TOKENS, st.sampled_from(["", " ", "\t "]), VALUES, st.sampled_from(["", " "])), max_size=6))
@settings(max_examples=50, deadline=None)
def test_headers_are_those_that_the_parser_sees(lines: list[tuple[str, str, str, str]]) -> None:
    apart = [(f"X-{name}", before + value + behind) for name, before, value, behind in lines]
    told = "".join(f"{name}:{value}\r\n" for name, value in [("Content-Length", "0"), *apart])
    head = f"HTTP/1.1 200 O: K\r\n{told}\r\n".encode()

    async def run() -> None:
        async with swift(Script(says(head))) as ask:
            assert (await ask()).headers == Seen(head).headers

    uvloop.run(run())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_interim_answers_may_come_with_the_answer(method: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Object-Meta-A=5Fb: 1\r\n\r\n"
    body = b"ok" if method == "GET" else b""

    async def run() -> None:
        script = Script(says(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 2 + head + body), says(OK))
        async with swift(script) as ask:
            answer = await ask(method)
            assert (answer.status, await answer.read()) == (200, body)
            assert answer.headers == {"content-length": "2", "x-object-meta-a%5fb": "1"}
            assert await (await ask()).read() == b"ok"
        assert script.connections == 1

    uvloop.run(run())


@played
async def test_swift_may_answer_before_it_has_the_body() -> None:
    got: list[bytes] = []

    async def full(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.readexactly(2))
        writer.write(b"HTTP/1.1 507 Full\r\nContent-Length: 0\r\n\r\n")

    given: list[bytes] = []

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            given.append(b"ab")
            yield b"ab"
            await asyncio.sleep(0.01)

    script = Script(full, says(OK))
    async with swift(script) as ask:
        assert (await ask("PUT", body=endless(), length=200)).status == 507
        assert len(given) < 50
        assert (await ask()).status == 200  # on another connection: the first still has a body to receive
    assert script.connections == 2


@played
async def test_what_breaks_a_body_breaks_the_request() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"ab"
        raise KeyError("digest")

    class Patient:
        rest = b"unread"

        async def turn(self, reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            self.rest = await reader.read()

    patient = Patient()
    script = Script(patient.turn)
    async with swift(script) as ask:
        with pytest.raises(KeyError):
            await ask("PUT", body=broken(), length=4)
        await script.ended.wait()
    assert len(patient.rest) < 4


@pytest.mark.parametrize("pieces", [(b"a",), (b"ab", b"cde")])
def test_a_body_of_another_length_is_never_finished(pieces: tuple[bytes, ...]) -> None:
    async def run() -> None:
        script = Script(says())
        async with swift(script) as ask:
            with pytest.raises(LostError):
                await ask("PUT", body=some(*pieces), length=4)
            await script.ended.wait()

    uvloop.run(run())


@pytest.mark.parametrize(
    "more", [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", b"garbage"], ids=["answer", "garbage"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("in_one_piece", [True, False])
@pytest.mark.parametrize("body", [b"", LONG], ids=["empty", "long"])
def test_what_nobody_asked_for_is_nobodys_answer(method: str, more: bytes, in_one_piece: bool, body: bytes) -> None:
    first = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    if method == "GET":
        first += body

    async def run() -> None:
        script = Script(says(first + more) if in_one_piece else says(first, more), says(OK))
        async with swift(script) as ask:
            assert await (await ask(method)).read() == (body if method == "GET" else b"")
            async with asyncio.timeout(60):
                await script.ended.wait()  # the connection is closed after the rest has arrived, however late
            assert await (await ask()).read() == b"ok"
        assert script.connections == 2

    uvloop.run(run())


@pytest.mark.parametrize(
    "answer",
    [
        b"NOT HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBad Header: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000,
    ],
    ids=["no-http", "bad-name", "two-lengths", "endless"],
)
def test_answers_that_make_no_sense(answer: bytes) -> None:
    async def run() -> None:
        async with swift(Script(says(answer))) as ask:
            with pytest.raises(LostError):
                await (await ask()).read()

    uvloop.run(run())


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", LONG_HEAD, LONG_HEAD + LONG[:-1]],
    ids=["short", "no-body", "long"],
)
def test_an_answer_cut_short(answer: bytes) -> None:
    async def run() -> None:
        async with swift(Script(says(answer, close=True))) as ask:
            whole = await ask()
            with pytest.raises(LostError):
                await whole.read()

    uvloop.run(run())


@played
async def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    script = Script(says(b"HTTP/1.1 200 OK\r\n\r\n", b"ab", b"c", close=True), says(OK))
    async with swift(script) as ask:
        assert await (await ask()).read() == b"abc"
        assert await (await ask()).read() == b"ok"
    assert script.connections == 2


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"], ids=["head", "body"])
def test_silence_ends(answer: bytes) -> None:
    async def run() -> None:
        script = Script(says(answer))
        async with swift(script, silence=0.2) as ask:
            with pytest.raises(LostError, match="silent"):
                await (await ask()).read()
            await script.ended.wait()

    uvloop.run(run())


@played
async def test_each_wait_has_its_own_silence() -> None:
    """One timer for all waits of a connection does not delay a shorter one, and ends none that is not silent."""

    async def slow(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK[:-1])
        await asyncio.sleep(0.3)
        writer.write(OK[-1:])

    script = Script(slow, says(OK), slow, says(b""))
    async with swift(script, silence=0.2) as ask:
        for extra_seconds in (10.0, 0.0, 0.3):
            assert await (await ask(extra_seconds=extra_seconds)).read() == b"ok"
        await asyncio.sleep(0.25)  # idle is not silent
        started = asyncio.get_running_loop().time()
        with pytest.raises(LostError, match=r"silent for 0\.2 seconds"):
            await ask()
        assert asyncio.get_running_loop().time() - started < 2
    assert script.connections == 1


@played
async def test_a_swift_that_takes_nothing_is_silent_too() -> None:
    async def deaf(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2)
        await reader.read(1)

    async def much() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield bytes(1 << 16)

    async with swift(Script(deaf), silence=0.2) as ask:
        with pytest.raises(LostError, match="silent"):
            await ask("PUT", body=much(), length=1000 << 16)


@played
async def test_a_slow_reader_makes_swift_wait() -> None:
    size = 64 << 20
    sent = 0

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        while sent < size:
            writer.write(bytes(1 << 20))
            await writer.drain()
            sent += 1 << 20

    async with swift(Script(flood, says(OK))) as ask:
        answer = await ask()
        await asyncio.sleep(0.3)
        assert answer._held <= HELD_BYTES + (1 << 20)
        assert sent < size
        assert sum([len(piece) async for piece in answer.pieces()]) == size
        assert await (await ask()).read() == b"ok"


@played
async def test_closing_a_complete_answer_harms_nobody() -> None:
    """The connection may already serve another request."""
    script = Script(says(OK), says(OK[:-1], OK[-1:], pause=0.2))
    async with swift(script) as ask:
        first = await ask()
        assert await first.read() == b"ok"
        second = await ask()
        first.close()
        assert await second.read() == b"ok"
    assert script.connections == 1


@played
async def test_whoever_gives_up_closes() -> None:
    script = Script(says(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"), says(b""), says(OK))
    async with swift(script) as ask:
        (await ask()).close()
        await script.ended.wait()
        script.ended.clear()
        asking = asyncio.create_task(ask())
        await asyncio.sleep(0.1)
        asking.cancel()
        await script.ended.wait()
        assert await (await ask()).read() == b"ok"
    assert script.connections == 3
