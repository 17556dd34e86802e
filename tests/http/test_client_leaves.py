"""Work that ends with its client: cancelled when the client disconnects, and undone before the error is raised."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from shim.http.request_body import ClientGone, while_client_waits
from shim.undo import undoing


class Client:
    """A client whose body is in, and that hangs up when it is told to."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.body = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive(self) -> dict[str, Any]:
        if self.body:
            return self.body.pop()
        await self.gone.wait()
        return {"type": "http.disconnect"}


class Work:
    """Work that takes what it did back, in several turns of the loop."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.done = asyncio.Event()

    async def run(self) -> str:
        async with undoing() as undo:
            undo(self.take_back)
            self.told.append("begun")
            await self.done.wait()
        return "answer"

    async def take_back(self) -> None:
        await asyncio.sleep(0.01)
        self.told.append("undone")


def run(scenario: Callable[[Client, Work], Coroutine[Any, Any, None]]) -> list[str]:
    async def go() -> list[str]:
        work = Work()
        await scenario(Client(), work)
        return work.told

    return asyncio.run(go())


def test_work_that_ends_is_answered() -> None:
    async def scenario(client: Client, work: Work) -> None:
        work.done.set()
        assert await while_client_waits(work.run(), client.receive) == "answer"

    assert run(scenario) == ["begun"]


def test_a_client_that_hangs_up_ends_the_work_and_it_is_undone() -> None:
    async def scenario(client: Client, work: Work) -> None:
        waiting = asyncio.ensure_future(while_client_waits(work.run(), client.receive))
        await asyncio.sleep(0.01)
        client.gone.set()
        with pytest.raises(ClientGone):
            await waiting
        work.told.append("gone on")

    assert run(scenario) == ["begun", "undone", "gone on"]


def test_a_server_that_ends_the_request_waits_for_the_undoing() -> None:
    async def scenario(client: Client, work: Work) -> None:
        waiting = asyncio.ensure_future(while_client_waits(work.run(), client.receive))
        await asyncio.sleep(0.005)
        waiting.cancel()
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        work.told.append("gone on")

    assert run(scenario) == ["begun", "undone", "gone on"]


def test_an_error_of_the_work_is_raised() -> None:
    async def broken() -> None:
        raise KeyError("its own")

    async def scenario(client: Client, _: Work) -> None:
        with pytest.raises(KeyError, match="its own"):
            await while_client_waits(broken(), client.receive)

    assert run(scenario) == []
