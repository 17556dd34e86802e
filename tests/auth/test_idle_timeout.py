"""A body that stops coming times out; after a complete body a client may be silent."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from shim.auth.body import plain_body
from shim.errors import AwsError
from shim.http.asgi import Receive
from shim.http.request_body import with_idle_timeout
from tests.auth.bodies import head
from tests.support import fake_clock

Event = MutableMapping[str, Any]


def spoken(*events: tuple[float, Event]) -> Receive:
    """Return an ASGI receive that gives each event after its own number of seconds."""
    left = list(events)

    async def receive() -> Event:
        seconds, event = left.pop(0)
        await asyncio.sleep(seconds)
        return event

    return receive


def piece(data: bytes, *, more: bool = True) -> Event:
    return {"type": "http.request", "body": data, "more_body": more}


def test_silence_ends_a_body() -> None:
    async def scenario() -> None:
        receive = with_idle_timeout(spoken((0, piece(b"a=")), (5, piece(b"b", more=False))), 0.05)
        body = plain_body(head(content_length="3"), receive)
        for _ in range(2):  # a body that failed once fails for ever
            with pytest.raises(AwsError) as caught:
                async with asyncio.timeout(2):
                    await body.read(100)
        error = caught.value
        assert (error.code, error.status, error.headers["Connection"]) == ("RequestTimeout", 400, "close")
        assert error.message == (
            "Your socket connection to the server was not read from or written to within the timeout period. Idle "
            "connections will be closed."
        )

    fake_clock.run(scenario())


def test_slowness_is_no_silence() -> None:
    async def scenario() -> None:
        slow = [(0.06, piece(b"a")) for _ in range(5)]
        receive = with_idle_timeout(spoken(*slow, (0.06, piece(b"z", more=False))), 0.1)
        assert await plain_body(head(content_length="6"), receive).read(100) == b"aaaaaz"

    fake_clock.run(scenario())


def test_a_piece_that_came_during_a_stall_is_no_silence() -> None:
    async def scenario() -> None:
        receive = with_idle_timeout(spoken((0.06, piece(b"a", more=False))), 0.1)
        asyncio.get_running_loop().call_later(0.01, fake_clock.stall, 1)
        assert await plain_body(head(content_length="1"), receive).read(100) == b"a"

    fake_clock.run(scenario())


def test_who_has_sent_all_may_wait_for_the_answer() -> None:
    async def scenario() -> None:
        receive = with_idle_timeout(spoken((0, piece(b"a", more=False)), (0.2, {"type": "http.disconnect"})), 0.05)
        assert await plain_body(head(content_length="1"), receive).read(100) == b"a"
        assert (await receive())["type"] == "http.disconnect"

    fake_clock.run(scenario())


def test_who_is_cancelled_meanwhile_was_not_silent() -> None:
    async def scenario() -> None:
        receive = with_idle_timeout(spoken((5, piece(b"a", more=False))), 0.05)
        reading = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.05, reading.cancel)
        fake_clock.stall(0.1)  # so that both end in the same turn of the loop
        with pytest.raises(asyncio.CancelledError):
            await reading

    fake_clock.run(scenario())


def test_a_timer_ends_with_its_piece() -> None:
    async def scenario() -> None:
        receive = with_idle_timeout(spoken((0, piece(b"a")), (0, piece(b"b"))), 0.05)
        await receive()
        await asyncio.sleep(0.1)
        assert (await receive())["body"] == b"b"

    fake_clock.run(scenario())
