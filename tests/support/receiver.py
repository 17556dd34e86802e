"""A webhook on the loopback address, which keeps what it is sent and answers as it is told."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

SECONDS = 60.0  # that a delivery may take on a busy machine


@dataclass
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int  # of the answer

    @property
    def content(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """What was sent, and what is answered: `answer` gives the status, `headers` what else the answer has."""

    port: int = 0
    answer: Callable[[Any], int] = lambda _: 200
    certificate: tuple[Path, Path] | None = None  # and its key: with these it speaks TLS
    headers: dict[str, str] = field(default_factory=dict)
    sent: bytes = b""
    received: list[Received] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}/hook"

    @property
    def taken(self) -> list[Any]:
        """What was answered with success."""
        return [one.content for one in list(self.received) if one.status < 300]

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records in it, without test events."""
        return [record for content in self.taken for record in content.get("Records", ())]

    def wait(self, found: Callable[[], Any]) -> Any:
        """Wait until a function returns something true, and return that."""
        deadline = time.monotonic() + SECONDS
        while not (what := found()):
            assert time.monotonic() < deadline, f"only these came: {[one.content for one in self.received]}"
            time.sleep(0.02)
        return what

    def events(self, number: int, bucket: str) -> list[dict[str, Any]]:
        """Wait for that many records of a bucket, and return them in the order of their sequencers."""

        def found() -> list[dict[str, Any]]:
            mine = [record for record in self.records if record["s3"]["bucket"]["name"] == bucket]
            return mine if len(mine) >= number else []

        return list(self.wait(found))

    @contextmanager
    def serving(self) -> Iterator[Receiver]:
        """Listen while the block runs, at the same port each time."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:  # the name that the base class asks for
                body = self.rfile.read(int(self.headers["content-length"]))
                status = receiver.answer(json.loads(body))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(self.path, headers, body, status))
                self.send_response(status)
                for name, value in {"content-length": str(len(receiver.sent)), **receiver.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(receiver.sent)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass

        server = Server(("127.0.0.1", self.port), Handler)
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            # In the handler's thread, so that a client that is silent in the middle holds up no other.
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
