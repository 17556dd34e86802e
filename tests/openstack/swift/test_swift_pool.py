"""The pool of connections to Swift: framing, reuse, retries, bounds, closing, metrics."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvloop

from adapters.errors import BackendError, Fault
from adapters.openstack.swift.http import chunked
from adapters.openstack.swift.pool import SwiftPool
from adapters.openstack.swift.wire import LostError, Wire
from tests.openstack.scripted import OK, Script, played, says, swift


@played
async def test_lengths_are_told_where_bodies_belong() -> None:
    script = Script(says(OK), says(OK), says(OK))
    async with swift(script) as ask:
        for method, body in (("GET", b""), ("PUT", b""), ("POST", b"four")):
            await (await ask(method, body=body)).read()
    assert [b"Content-Length: 0" in head for head in script.heads] == [False, True, False]
    assert b"Content-Length: 4" in script.heads[2]


@played
async def test_a_body_of_unknown_length_says_where_it_ends() -> None:
    taken: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(await reader.readuntil(b"0\r\n\r\n"))
        writer.write(OK)

    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"abc", b"", b"x" * 17):
            yield piece

    script = Script(take)
    async with swift(script) as ask:
        answer = await ask("PUT", headers={"Transfer-Encoding": "chunked"}, body=chunked(pieces()), length=None)
        assert await answer.read() == b"ok"
    assert taken == [b"3\r\nabc\r\n11\r\n" + b"x" * 17 + b"\r\n0\r\n\r\n"]
    assert b"Content-Length" not in script.heads[0]


@pytest.mark.parametrize(("method", "body", "tries"), [("GET", b"", 2), ("PUT", b"x", 2), ("POST", b"x", 1)])
def test_a_connection_that_closed_unnoticed(method: str, body: bytes, tries: int) -> None:
    async def vanish(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def run() -> None:
        script = Script(says(OK), vanish, says(OK))
        async with swift(script) as ask:
            await (await ask()).read()
            if tries == 2:
                assert await (await ask(method, body=body)).read() == b"ok"
            else:
                with pytest.raises(LostError):
                    await ask(method, body=body)
        assert len(script.heads) == tries + 1

    uvloop.run(run())


@played
async def test_a_new_connection_that_closes_is_not_tried_again() -> None:
    script = Script(says(close=True), says(OK))
    async with swift(script) as ask:
        with pytest.raises(LostError):
            await ask()
    assert script.connections == 1


@pytest.mark.parametrize(
    "value", ["a\r\nX-Auth-Token: b", "a\nb", "a\rb", *(f"a{chr(code)}b" for code in (0, 1, 8, 11, 31, 127))]
)
@pytest.mark.parametrize("name", [True, False])
def test_no_header_holds_a_control_character(value: str, name: bool) -> None:
    async def run() -> None:
        script = Script()
        async with swift(script) as ask:
            with pytest.raises(BackendError) as caught:
                await ask(headers={value: "x"} if name else {"X-Object-Meta-A": value})
        assert caught.value.fault is Fault.INVALID
        assert script.connections == 0

    uvloop.run(run())


@played
async def test_connections_are_bounded_and_given_back() -> None:
    script = Script(*[says(OK)] * 6)
    async with swift(script, connections=2) as ask:

        async def one() -> bytes:
            return bytes(await (await ask()).read())

        assert await asyncio.gather(*(one() for _ in range(6))) == [b"ok"] * 6
    assert script.connections <= 2


@played
async def test_whoever_no_longer_waits_takes_no_connection() -> None:
    script = Script(says(OK[:-1]), says(OK), says(OK))
    async with swift(script, connections=1) as ask:
        held = await ask()
        early, late = [asyncio.ensure_future(ask()) for _ in range(2)]
        await asyncio.sleep(0)
        early.cancel()
        await asyncio.wait([early])
        held.close()  # it is now the other's turn
        late.cancel()
        await asyncio.wait([late])
        assert late.cancelled()
        for _ in range(2):
            assert await (await asyncio.wait_for(ask(), 2)).read() == b"ok"


@played
async def test_no_connection_becomes_free() -> None:
    script = Script(says(OK[:-1]), says(OK))
    async with swift(script, connections=1, wait_seconds=0.1) as ask:
        held = await ask()
        with pytest.raises(LostError, match="no connection became free"):
            await ask()
        held.close()
        assert await (await ask()).read() == b"ok"


@played
async def test_a_connection_goes_from_hand_to_hand() -> None:
    """The connection of a complete answer may serve another request before the answer is read."""
    script = Script(*[says(OK)] * 400)
    async with swift(script, silence=2) as ask:

        async def many() -> None:
            for _ in range(40):
                assert await (await ask()).read() == b"ok"

        await asyncio.gather(*(many() for _ in range(10)))
    assert script.connections <= 10


@played
async def test_silence_is_not_asked_again() -> None:
    script = Script(says(OK), says(b""), says(OK))
    async with swift(script, silence=0.2) as ask:
        await (await ask()).read()
        with pytest.raises(LostError, match="silent"):
            await ask()
    assert len(script.heads) == 2


@played
async def test_nothing_listens() -> None:
    pool = SwiftPool(1.0, connections=1)
    for _ in range(2):  # a failed connection releases its place
        with pytest.raises(LostError, match="ConnectionRefused"):
            await pool.request("GET", "http://127.0.0.1:1/v1", "/x", {})


@played
async def test_a_server_that_takes_connections_and_closes_them() -> None:
    """The connection's place is released, whether the close is noticed before or after the request was written."""

    async def unwilling(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    server = await asyncio.start_server(unwilling, "127.0.0.1", 0)
    pool = SwiftPool(5.0, connections=1)
    endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for _ in range(30):
        with pytest.raises(LostError):
            await asyncio.wait_for(pool.request("GET", endpoint, "/x", {}), 5)
    await pool.aclose()
    server.close()


@played
async def test_a_lost_connection_is_not_asked() -> None:
    """A connection that is lost before its first request fails that request, and only once."""
    ended: list[bool] = []
    server = await asyncio.start_server(Script().serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    _, wire = await loop.create_connection(lambda: Wire(lambda _, reusable: ended.append(reusable)), "127.0.0.1", port)
    wire.abort("lost")
    with pytest.raises(LostError):
        await wire.ask(b"GET / HTTP/1.1\r\n\r\n", b"", 0, bodiless=False, silence=1.0)
    assert ended == [False]
    server.close()


@played
async def test_idle_connections_are_closed() -> None:
    script = Script(says(OK), says(OK))
    async with swift(script, keep_seconds=0.1) as ask:
        await (await ask()).read()
        await asyncio.wait_for(script.ended.wait(), 2)
        await (await ask()).read()
    assert script.connections == 2


@played
async def test_calls_are_counted() -> None:
    seen: list[tuple[str, str, int]] = []
    script = Script(says(OK), says(close=True))
    async with swift(script, count=lambda *call: seen.append(call[:3])) as ask:
        await (await ask()).read()
        with pytest.raises(LostError):
            await ask("POST", body=b"x")
    assert seen == [("object-store", "GET", 200), ("object-store", "POST", 0)]


@played
async def test_https_is_never_spoken_in_the_clear() -> None:
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1))
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    pool = SwiftPool(5.0)
    async with server:
        with pytest.raises(LostError):
            await pool.request("GET", f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/AUTH_x", "/c/o", {})
        await pool.aclose()
    assert heard == [b"\x16"]  # a handshake (RFC 8446, 5.1)
