"""Long work, whose answer begins before it has ended: a client that hangs up does not end it, the server's end does."""

import asyncio
from typing import Any

import pytest

from shim.errors import AwsError
from shim.http.keepalive import keep_connection_alive
from shim.protocol.message import Reply
from shim.protocol.xml.write import DECLARATION

SILENCE = 0.02


def kept_alive(work: Any) -> Any:
    return keep_connection_alive(work, SILENCE, "id", lambda error: Reply(500, [], f"{DECLARATION}<{error}/>".encode()))


async def outcome(seconds: float, error: Exception | None = None) -> Reply:
    await asyncio.sleep(seconds)
    if error:
        raise error
    return Reply(200, [("x-late", "1")], f"{DECLARATION}<Done/>".encode())


async def body(reply: Reply) -> str:
    assert not isinstance(reply.body, bytes)
    return b"".join([piece async for piece in reply.body]).decode()


def test_short_work_is_answered_as_usual() -> None:
    reply = asyncio.run(kept_alive(outcome(0)))
    assert (reply.headers, reply.body) == ([("x-late", "1")], f"{DECLARATION}<Done/>".encode())
    with pytest.raises(AwsError):
        asyncio.run(kept_alive(outcome(0, AwsError("Code", "message"))))


@pytest.mark.parametrize(("error", "end"), [(None, "<Done/>"), (ValueError("wrong"), "<wrong/>")])
def test_long_work_is_answered_with_white_space_first(error: Exception | None, end: str) -> None:
    async def run() -> None:
        reply = await kept_alive(outcome(SILENCE * 10, error))
        assert (reply.status, reply.watched, "x-late" in dict(reply.headers)) == (200, False, False)
        told = await body(reply)
        assert told.startswith(DECLARATION + "  ")
        assert told.removeprefix(DECLARATION).strip() == end

    asyncio.run(run())


@pytest.mark.parametrize("after", [SILENCE / 2, SILENCE * 2], ids=["before its answer", "within its answer"])
def test_a_server_that_ends_takes_the_work_along(after: float) -> None:
    ended: list[str] = []

    async def work() -> Reply:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        raise AssertionError

    async def serve() -> None:
        await body(await kept_alive(work()))

    async def run() -> None:
        serving = asyncio.create_task(serve())
        await asyncio.sleep(after)
        serving.cancel()
        await asyncio.wait({serving})
        await asyncio.sleep(SILENCE)

    asyncio.run(run())
    assert ended == ["cancelled"]
