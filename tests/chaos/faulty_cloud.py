"""Puts HTTP proxies before Nova, Neutron, Cinder and Glance; a proxy spoils one chosen write of the gateway."""

import http.client
import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.ops.test_outage import elsewhere, listening
from tests.support.target import Target

SERVICES = {"compute": "compute", "network": "network", "block-storage": "volumev3", "image": "image"}
_NOT_FORWARDED = {"connection", "content-length", "host", "keep-alive", "transfer-encoding", "date", "server"}

Answer = tuple[int, list[tuple[str, str]], bytes]
REFUSED: Answer = (503, [("Content-Type", "text/plain")], b"overloaded")


@dataclass
class Fault:
    """Spoils the write number `at` (from 0) of those that come after it is set.

    `refused`: the service answers 503 and does nothing.  `lost`: it does the work, and the connection ends without an
    answer, as after a time that is too long.  `killed`: it does the work, and `kill` ends the gateway.
    """

    kind: str = ""
    at: int = 0
    writes: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    kill: Callable[[], object] = lambda: None

    def set(self, kind: str, at: int) -> None:
        """Begin to count; an empty kind spoils nothing."""
        with self.lock:
            self.kind, self.at, self.writes = kind, at, []

    @property
    def met(self) -> bool:
        """Whether the chosen write has come."""
        return len(self.writes) > self.at

    def meets(self, write: str) -> bool:
        """Count a write, and tell whether it is the chosen one."""
        with self.lock:
            self.writes.append(write)
            return bool(self.kind) and len(self.writes) == self.at + 1

    def spoil(self, forward: Callable[[], Answer]) -> Answer | None:
        """Return the answer of the chosen write; None ends the connection."""
        if self.kind == "refused":
            return REFUSED
        forward()
        if self.kind == "killed":
            self.kill()
        return None


@contextmanager
def faulty(cloud: Target, place: Path) -> Iterator[tuple[Target, Fault]]:
    """Give the cloud as a gateway behind the proxies sees it, and the fault to set."""
    fault, urls = Fault(), dict[str, str]()
    with cloud.connect("main") as connection, ExitStack() as stack:
        for service, kind in SERVICES.items():
            real = connection.session.get_endpoint(service_type=kind, interface="public")
            path = urlsplit(real).path.replace(connection.current_project_id, "%(project_id)s")
            proxy = stack.enter_context(listening(proxying(urlsplit(real).netloc, service, fault)))
            urls[f"{service.replace('-', '_')}_endpoint_override"] = proxy + path
        yield elsewhere(cloud, place / "clouds.yaml", **urls), fault


def proxying(upstream: str, service: str, fault: Fault) -> type[http.server.BaseHTTPRequestHandler]:
    """Return a handler that passes requests on, except for the write that the fault spoils."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))

            def forward() -> Answer:
                return forwarded(upstream, self.command, self.path, list(self.headers.items()), body)

            reads = self.command in ("GET", "HEAD")
            spoilt = not reads and fault.meets(f"{service} {self.command} {self.path}")
            answer = fault.spoil(forward) if spoilt else forward()
            if answer is None:
                self.close_connection = True
                return
            status, headers, content = answer
            try:
                self.send_response_only(status)
                for name, value in headers:
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                self.close_connection = True  # the gateway has given up, or is dead

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"):
        setattr(Handler, f"do_{method}", Handler.pass_on)
    return Handler


def forwarded(upstream: str, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> Answer:
    """Ask the service itself."""
    connection = http.client.HTTPConnection(upstream, timeout=60)
    try:
        kept = {name: value for name, value in headers if name.lower() not in _NOT_FORWARDED}
        connection.request(method, path, body or None, kept)
        answer = connection.getresponse()
        content = answer.read()
        return answer.status, [pair for pair in answer.getheaders() if pair[0].lower() not in _NOT_FORWARDED], content
    finally:
        connection.close()
