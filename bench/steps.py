"""Counts the bytecodes and frames of the gateway for one small request, which other load does not change.

The gateway runs in this process, from its socket to its log line, with a store that answers at once; keys and tokens
are real.  C code is not counted.  `hop` measures the time of a request.
"""

import asyncio
import logging
import os
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import uvloop
from uvicorn.server import ServerState

from bench.hop import work
from bench.stage import Stage, beside, redirected
from bench.wire import Ask
from shim import app, log
from shim.config import Settings
from shim.health import Lifecycle
from shim.http.server import configuration
from shim.metrics import Metrics
from tests.support.clients import Boto
from tests.support.target import Target

WARM = 30  # requests before the one that is counted: caches are full, and the interpreter has specialised its code
OWN = ("/shim/", "/adapters/")


def run(stage: Stage) -> None:
    """Count and print."""
    with beside("instant_store") as (_, store):
        through = redirected(stage.target, {"object-store": f"{store}/v1/AUTH_%(project_id)s"})
        print(f"   {'work':12} {'bytecodes':>9} {'frames':>7}   of them in the project's own files")
        uvloop.run(measure(through))


async def measure(target: Target) -> None:
    """Serve in this process, and count each kind of request."""
    async with served(target) as url:
        aws = Boto(url, dict(target.keys))
        try:
            for name, request in work(aws):
                for _ in range(WARM):
                    await asyncio.to_thread(sent, request)
                codes, frames = await counted(request)
                mine = sum(number for place, number in codes.items() if any(own in place for own in OWN))
                print(f"   {name:12} {sum(codes.values()):9} {sum(frames.values()):7}   {mine}", flush=True)
        finally:
            aws.close()


@contextmanager
def logged_nowhere() -> Iterator[None]:
    """Write log lines as the gateway does, to a file that keeps nothing; undo this for the measurements that follow."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        log.configure("info", "json", nowhere)
        try:
            yield
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)


@asynccontextmanager
async def served(target: Target) -> AsyncIterator[str]:
    """Serve the gateway in this loop; yield its URL."""
    os.environ["OS_CLIENT_CONFIG_FILE"] = str(target.clouds_yaml)
    settings = Settings.model_validate({"cloud": target.cloud, "state_dir": target.state})
    loop = asyncio.get_running_loop()
    with logged_nowhere():
        async with app.gateway(settings, Metrics(), Lifecycle(None)) as (gateway, _):
            config = configuration(gateway, settings, tls=False)
            config.load()
            made: Any = config.http_protocol_class
            state = ServerState()
            server = await loop.create_server(
                lambda: made(config=config, server_state=state, app_state={}), "127.0.0.1", 0
            )
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            server.close()


def sent(request: Ask) -> None:
    """Send a request on a new connection and read the whole answer."""
    with socket.create_connection((request.host, request.port)) as connection:
        connection.sendall(request.head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + request.body)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(answer[:200].decode("latin-1"))


async def counted(request: Ask) -> tuple[Counter[str], Counter[str]]:
    """Send a request once more; return bytecodes and frames by file, without this file's."""
    codes: Counter[str] = Counter()
    frames: Counter[str] = Counter()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        place = frame.f_code.co_filename
        if place == __file__:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "call":
            frames[place] += 1
        elif event == "opcode":
            codes[place] += 1
        return trace

    sending = asyncio.get_running_loop().run_in_executor(None, sent, request)
    sys.settrace(trace)
    await sending
    sys.settrace(None)
    return codes, frames
