"""A small server of JSON documents on loopback, for tests that need a real socket."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Site:
    """Version documents by path; `{url}` in them is this server's address.  Counts the requests."""

    def __init__(self, documents: dict[str, tuple[int, object]]) -> None:
        self.documents = documents
        self.asked: list[str] = []
        self.url = ""


@contextmanager
def serving(documents: dict[str, tuple[int, object]], tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """Answer JSON documents by path on a port of loopback, with TLS if a context is given, until the block ends."""
    site = Site(documents)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            status, document = site.documents.get(
                self.path.partition("?")[0].rstrip("/"), (404, {"message": "not here"})
            )
            body = json.dumps(document).replace("{url}", site.url).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    # Handshakes happen in the requests' threads; failed ones are ignored.
    server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    site.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
