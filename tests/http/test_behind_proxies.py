"""HAProxy and nginx before the gateway: what they forward means the same to both.

Each proxy writes into a header what it takes a request for.  A request that reaches the application with another
target, or without that header, was smuggled past the proxy.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop
from uvicorn.server import ServerState

from shim.config import Settings
from shim.errors import AwsError
from shim.http.server import configuration
from tests.http.connections import until
from tests.http.smuggling import AFTER, CASES
from tests.support.wire import free_port

# A proxy waits for ever for the rest of what it takes for half a body; that is its own affair.
SILENCE = 30

HAPROXY = """
global
    maxconn 500
defaults
    mode http
    timeout connect 20s
    timeout client 20s
    timeout server 20s
frontend before
    bind 127.0.0.1:{port}
    http-request set-header X-Seen "%[method] %[path]"
    default_backend behind
backend behind
    http-reuse always
    server gateway 127.0.0.1:{gateway}
"""
NGINX = """
daemon off;
master_process off;
pid {state}/pid;
error_log {state}/error.log;
events {{ worker_connections 500; }}
http {{
    access_log off;
    client_body_temp_path {state}/body;
    proxy_temp_path {state}/proxy;
    fastcgi_temp_path {state}/fastcgi;
    uwsgi_temp_path {state}/uwsgi;
    scgi_temp_path {state}/scgi;
    client_body_timeout 20s;
    client_header_timeout 20s;
    upstream gateway {{ server 127.0.0.1:{gateway}; keepalive 4; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://gateway;
            proxy_http_version 1.1;
            proxy_request_buffering off;
            proxy_set_header Host $http_host;
            proxy_set_header Connection "";
            proxy_set_header X-Seen "$request_method $uri";
        }}
    }}
}}
"""


def haproxy(program: str, state: Path, port: int, gateway: int) -> list[str]:
    """Return the command that runs HAProxy."""
    (state / "config").write_text(HAPROXY.format(port=port, gateway=gateway))
    return [program, "-db", "-q", "-f", str(state / "config")]


def nginx(program: str, state: Path, port: int, gateway: int) -> list[str]:
    """Return the command that runs nginx."""
    (state / "config").write_text(NGINX.format(state=state, port=port, gateway=gateway))
    return [program, "-q", "-p", str(state), "-c", str(state / "config"), "-e", str(state / "error.log")]


@pytest.mark.parametrize("proxy", [haproxy, nginx], ids=lambda proxy: proxy.__name__)
def test_what_a_proxy_forwards_means_the_same_to_both(
    proxy: Callable[[str, Path, int, int], list[str]], tmp_path: Path
) -> None:
    program = shutil.which(proxy.__name__, path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip(f"there is no {proxy.__name__}: `make proxies` installs it on Debian")
    got, answers = uvloop.run(through(lambda *ports: proxy(program, tmp_path, *ports)))
    smuggled = [(asked, seen) for asked, seen, _ in got if asked != seen]
    assert not smuggled
    # The plain ones arrive whole, and each has its own answer.
    bodies = {asked: body for asked, _, body in got}
    for number, case in enumerate(CASES):
        if case.name in ("a length", "chunks", "an extension", "a trailer"):
            assert bodies[f"PUT /k{number}"] == b"abc"
            assert answers[number].count(b"HTTP/1.1 200 ") == 2
        # Nobody is served more than was asked: the case's request and the plain one behind it.
        assert answers[number].count(b"HTTP/1.1 200 ") <= 2


async def through(command: Callable[[int, int], list[str]]) -> tuple[list[tuple[str, str, bytes]], list[bytes]]:
    """Send every case through a proxy; return what the application got, what the proxy took it for, and all answers."""
    got: list[tuple[str, str, bytes]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body, more, status = b"", True, 200
        try:
            while more and (event := await receive())["type"] == "http.request":
                body += event["body"]
                more = event["more_body"]
        except AwsError as error:
            status = error.status
        seen = dict(scope["headers"]).get(b"x-seen", b"nothing").decode()
        got.append((f"{scope['method']} {scope['raw_path'].decode()}", seen, body))
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    config = configuration(app, Settings.model_validate({}), tls=False)
    config.load()
    made: Any = config.http_protocol_class
    state, loop = ServerState(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: made(config=config, server_state=state, app_state={}), "127.0.0.1", 0)
    port = free_port()
    process = await asyncio.create_subprocess_exec(*command(port, server.sockets[0].getsockname()[1]))
    try:
        await connectable(port)
        whole = [case.sent.replace(b"/k", b"/k%d" % number) for number, case in enumerate(CASES)]
        answers = await asyncio.gather(*(ask(port, sent) for sent in whole))
    finally:
        process.kill()
        await process.wait()
    server.close()
    await until(lambda: not state.tasks)
    return got, answers


async def connectable(port: int) -> None:
    """Wait until the proxy listens."""
    for _ in range(500):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return
    raise TimeoutError


async def ask(port: int, sent: bytes) -> bytes:
    """Send a case and a plain request behind it; return all that is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    try:
        writer.write(sent + AFTER)
        async with asyncio.timeout(SILENCE):
            while piece := await reader.read(4096):
                answer += piece
    except (ConnectionError, TimeoutError):  # a proxy may wait for the rest of a body for ever
        pass
    writer.transport.abort()
    return answer
