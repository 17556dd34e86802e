"""The gateway's least possible cost: uvicorn and the connections to Swift, with nothing between them.

It passes a GET on to Swift with a ready token, without signature, parsing or log.  The gateway's cost above this is its
own work.  `bench.s3_side_by_side` runs it in a separate process.
"""

import socket
import sys
from typing import Any

import uvicorn

from adapters.openstack.swift.pool import SwiftPool


class BareProxy:
    """An ASGI application that fetches its path from Swift and returns the bytes."""

    def __init__(self, swift: str, token: str) -> None:
        self._swift = swift
        self._headers = {"X-Auth-Token": token}
        self._pool: SwiftPool | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._pool = self._pool or SwiftPool(60.0)
        answer = await self._pool.request("GET", self._swift, scope["path"], self._headers)
        body = await answer.read()
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def main(swift: str) -> None:
    """Serve on a free port until SIGTERM; read the token from standard input, print the port."""
    app = BareProxy(swift, sys.stdin.readline().strip())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        config = uvicorn.Config(app, loop="uvloop", http="httptools", lifespan="off", log_level="error")
        uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main(sys.argv[1])
