"""The smuggling corpus, to our connection and to uvicorn's own protocol; see `smuggling`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn
import uvloop
from uvicorn.server import ServerState

from shim.config import Settings
from shim.errors import AwsError
from shim.http.server import configuration
from tests.http.connections import until
from tests.http.smuggling import AFTER, CASES, Case


def outcome(case: Case, *, oracle: bool) -> str:
    """Return the requests that the application got, and `400` or `cut` for what did not become one."""
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        try:
            while more:
                event = await receive()
                if event["type"] == "http.disconnect":
                    seen.append("cut")
                    return
                body += event["body"]
                more = event["more_body"]
        except AwsError as error:  # what ours raises for a body that cannot be read
            await send({"type": "http.response.start", "status": error.status, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
            return
        seen.append(f"{scope['method']} {scope['raw_path'].decode()} {body.decode('latin-1')}".strip())
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def talk() -> bytes:
        config = configuration(app, Settings.model_validate({}), tls=False)
        if oracle:
            config = uvicorn.Config(app, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False)
        config.load()
        state, loop = ServerState(), asyncio.get_running_loop()
        made: Any = config.http_protocol_class
        server = await loop.create_server(lambda: made(config=config, server_state=state, app_state={}), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(case.sent + (b"" if case.cut else AFTER))
        if case.cut:
            writer.write_eof()
        try:
            async with asyncio.timeout(20):
                answers = await reader.read()
            await until(lambda: not state.tasks)
        except ConnectionResetError:
            answers = b""
        finally:
            writer.transport.abort()
            server.close()
            for task in state.tasks:
                task.cancel()
        return answers

    answers = uvloop.run(talk())
    return " | ".join([*seen, *["400"] * answers.count(b"HTTP/1.1 400 ")])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_our_connection_makes_of_it(case: Case) -> None:
    assert outcome(case, oracle=False) == case.seen


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_uvicorn_s_own_protocol_makes_the_same_of_it_or_the_difference_has_a_reason(case: Case) -> None:
    assert outcome(case, oracle=True) == (case.oracle or case.seen)
    assert bool(case.oracle) == bool(case.why)
