"""How many connections there may be and what unsigned bodies may hold: past it an answer that SDKs retry, no stall."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop
from uvicorn.server import ServerState

from shim.config import Settings
from shim.http.admission import Admission
from shim.http.server import bounds, configuration
from tests.http.connections import App, answering, echo, get, until
from tests.security.door import Door

Ask = Callable[..., Awaitable[bytes]]
OK = answering(b"ok", headers=((b"content-length", b"2"),))
SCOPE = (
    "X-Amz-Date: 20260101T000000Z\r\n"
    "Authorization: AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/{}/aws4_request, SignedHeaders=h, Signature=0"
)


class Listener:
    """A listener with its bounds: connections to it stay open until the block ends."""

    def __init__(self, app: App, **given: Any) -> None:
        settings = Settings.model_validate(given)
        self.admission = bounds(settings)
        self.config = configuration(app, settings, tls=False, admission=self.admission)
        self.config.load()
        self.state = ServerState()
        self.writers: list[asyncio.StreamWriter] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        make: Any = self.config.http_protocol_class
        self.server = await asyncio.get_running_loop().create_server(
            lambda: make(config=self.config, server_state=self.state, app_state={}), "127.0.0.1", 0
        )
        try:
            yield
        finally:
            for writer in self.writers:
                writer.transport.abort()
            self.server.close()
            await until(lambda: not self.state.connections and not self.state.tasks)
            assert (self.admission.open, self.admission.held) == (0, 0)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(*self.server.sockets[0].getsockname())
        self.writers.append(writer)
        return reader, writer

    async def ask(self, *asked: bytes) -> bytes:
        """Ask on a new connection, which is kept; return the first answer's first line and all that is there of it."""
        reader, writer = await self.connect()
        for piece in asked:
            writer.write(piece)
        async with asyncio.timeout(10):
            return await reader.readuntil(b"\r\n\r\n") + await reader.read(4096)


def test_one_connection_too_many_is_told_to_slow_down_and_the_next_is_served_when_one_has_gone() -> None:
    async def talk() -> None:
        here = Listener(OK, max_connections=3)
        async with here.open():
            for _ in range(3):
                assert (await here.ask(get("/"))).startswith(b"HTTP/1.1 200 ")
            answer = await here.ask(get("/"))
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nConnection: close\r\n" in answer
            assert b"<Error><Code>SlowDown</Code>" in answer
            here.writers[0].transport.abort()
            here.writers[-1].transport.abort()
            await until(lambda: here.admission.open == 2)
            assert (await here.ask(get("/"))).startswith(b"HTTP/1.1 200 ")
            assert here.admission.refused == {("connections",): 1}

    uvloop.run(talk())


@pytest.mark.parametrize(
    ("service", "code", "envelope"),
    [
        ("s3", "SlowDown", "<Error><Code>"),
        ("ec2", "RequestLimitExceeded", "<Response><Errors><Error><Code>"),
        ("sts", "Throttling", "<ErrorResponse><Error><Type>Receiver</Type><Code>"),
    ],
)
def test_each_service_says_it_in_its_words(service: str, code: str, envelope: str) -> None:
    async def talk() -> None:
        here = Listener(OK, max_connections_per_address=1)
        async with here.open():
            await here.connect()
            answer = await here.ask(get("/", SCOPE.format(service), method="POST", body=b"a" * 100_000))
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert f"{envelope}{code}</Code>".encode() in answer
            assert here.admission.refused == {("address",): 1}

    uvloop.run(talk())


def test_a_flood_is_not_even_answered() -> None:
    async def talk() -> None:
        here = Listener(OK, max_connections=2)
        async with here.open():
            readers = [(await here.connect())[0] for _ in range(30)]
            async with asyncio.timeout(10):
                assert await readers[-1].read() == b""
            await until(lambda: here.admission.open <= 10)

    uvloop.run(talk())


def test_one_too_many_that_asks_nothing_is_not_kept() -> None:
    async def talk() -> None:
        here = Listener(OK, max_connections=1, body_idle_seconds=0.2)
        async with here.open():
            await here.ask(get("/"))
            reader, _ = await here.connect()
            async with asyncio.timeout(10):
                assert await reader.read() == b""

    uvloop.run(talk())


def test_behind_a_trusted_proxy_each_client_has_its_own_bound() -> None:
    async def talk() -> None:
        go = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["raw_path"] == b"/wait":
                await go.wait()
            await OK(scope, receive, send)

        here = Listener(app, max_connections_per_address=2, trusted_proxies=["127.0.0.1"])
        async with here.open():
            greedy, other = "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2"
            waiting = [asyncio.ensure_future(here.ask(get("/wait", greedy))) for _ in range(2)]
            await until(lambda: len(here.state.tasks) == 2)
            for _ in range(5):
                assert (await here.ask(get("/", other))).startswith(b"HTTP/1.1 200 ")
            answer = await here.ask(get("/", greedy))
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"SlowDown" in answer
            go.set()
            for one in waiting:
                assert (await one).startswith(b"HTTP/1.1 200 ")
            assert (await here.ask(get("/", greedy))).startswith(b"HTTP/1.1 200 ")

    uvloop.run(talk())


PART = b"POST / HTTP/1.1\r\nHost: x\r\n%b\r\nContent-Length: 100000\r\n\r\n" + b"a" * 40_000


def test_what_unsigned_bodies_hold_together_has_a_bound() -> None:
    """Forms are read whole before their signature can be verified; a hundred half ones are in memory meanwhile."""

    async def talk() -> None:
        here = Listener(Door().gateway, unsigned_body_bytes=100_000)
        async with here.open():
            for number in (1, 2):
                _, writer = await here.connect()
                writer.write(PART % SCOPE.format("ec2").encode())
                await until(lambda number=number: here.admission.held == 40_000 * number)  # type: ignore[misc]
            for service, code in (("ec2", b"RequestLimitExceeded"), ("sts", b"Throttling")):
                answer = await here.ask(PART % SCOPE.format(service).encode())
                assert answer.startswith(b"HTTP/1.1 503 ")
                assert b"\r\nConnection: close\r\n" in answer
                assert b"<Code>%b</Code>" % code in answer
                await until(lambda: here.admission.held == 80_000)
            here.writers[0].transport.abort()
            await until(lambda: here.admission.held == 40_000)
            assert here.admission.refused == {("memory",): 2}

    uvloop.run(talk())


def test_a_body_that_was_admitted_is_not_counted() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["admitted"]()
        await echo(scope, receive, send)

    async def talk() -> None:
        here = Listener(app, unsigned_body_bytes=200_000)  # what may come before the application has its first turn
        async with here.open():
            answer = await here.ask(get("/", method="PUT", body=b"a" * 1_000_000))
            assert answer.startswith(b"HTTP/1.1 200 ")

    uvloop.run(talk())


def test_what_waits_for_its_turn_is_given_back_as_well() -> None:
    async def talk() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        here = Listener(app)
        async with here.open():
            _, writer = await here.connect()
            writer.write(get("/1") + get("/2", method="PUT", body=b"a" * 1000))
            await until(lambda: here.admission.held == 1000)

    uvloop.run(talk())


def test_counts() -> None:
    one = Admission(2, 1, 10)
    assert [one.enter("a"), one.enter("a"), one.enter("b")] == ["", "address", "connections"]
    for address in ("a", "a", "b"):
        one.leave(address)
    assert one.open == 0
    assert one.enter("a") == ""


def test_an_unreadable_log_is_not_filled(caplog: pytest.LogCaptureFixture) -> None:
    one = Admission(1, 1, 1)
    for _ in range(3000):
        one.enter("a")
    assert len(caplog.records) == 3
    assert not re.search("192", caplog.text)
