"""An application that answers 1 KiB at once, on the gateway's connection class or uvicorn's, to measure the connection.

    python -m bench.tiny_app ours|uvicorn

It reads a line from standard input, ignores it, and prints its port.
"""

import sys
from typing import Any

import uvicorn

from shim.config import Settings
from shim.http.server import configuration, listener

BODY = b"x" * 1024
HEADERS = [
    (b"x-amz-request-id", b"0" * 36),
    (b"x-amz-id-2", b"0" * 44),
    (b"ETag", b'"00000000000000000000000000000000"'),
    (b"Last-Modified", b"Thu, 01 Jan 1970 00:00:00 GMT"),
    (b"Accept-Ranges", b"bytes"),
    (b"Content-Type", b"binary/octet-stream"),
    (b"Content-Length", b"1024"),
]


async def app(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


def main(kind: str) -> None:
    sys.stdin.readline()
    sock = listener("127.0.0.1", 0)
    print(sock.getsockname()[1], flush=True)
    if kind == "ours":
        config = configuration(app, Settings.model_validate({}), tls=False)
    else:
        config = uvicorn.Config(
            app, loop="uvloop", http="httptools", ws="none", lifespan="off", access_log=False, log_config=None
        )
    uvicorn.Server(config).run([sock])


if __name__ == "__main__":
    main(sys.argv[1])
