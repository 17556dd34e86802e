"""The least that this gateway can cost: uvicorn, its connections to Swift, and nothing between them.

It passes a GET on to Swift with a ready token: no signature, no parsing, no log.  What the gateway needs above this is
its own doing.  Run by `bench.s3_side_by_side`, in a process of its own.
"""

import socket
import sys
from typing import Any

import uvicorn

from adapters.openstack.swift.pool import SwiftPool


class BareProxy:
    """An ASGI application that fetches its path from Swift and answers the bytes."""

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
    """Serve on a free port until SIGTERM; the token comes by standard input, the port goes to standard output."""
    app = BareProxy(swift, sys.stdin.readline().strip())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        config = uvicorn.Config(app, loop="uvloop", http="httptools", lifespan="off", log_level="error")
        uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main(sys.argv[1])
