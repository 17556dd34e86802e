"""moto behind an ear: each request that comes in, with its time, its operation and its parameters."""

from __future__ import annotations

import io
import logging
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from assess.verdicts import SERVICES
from shim.errors import AwsError
from shim.protocol.message import Head, Request, decode_pairs
from shim.protocol.routing import address, service_for


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was made."""

    at: float
    service: str
    operation: str
    params: dict[str, Any]


@dataclass(slots=True)
class Observer:
    """A WSGI application before moto's.  What cannot be read is kept, so that the recorder can say so."""

    application: Any
    made: list[Made] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        at = time.time()
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        try:
            self.made.append(_read(at, environ, body))
        except (AwsError, LookupError, ValueError) as error:
            self.unread.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}: {error!r}")
        return self.application(environ, start_response)


def _read(at: float, environ: dict[str, Any], body: bytes) -> Made:
    """Read a request by the gateway's own tables."""
    path, _, query = environ["RAW_URI"].partition("?")
    headers = {name[5:].replace("_", "-").lower(): text for name, text in environ.items() if name.startswith("HTTP_")}
    if environ.get("CONTENT_TYPE"):
        headers["content-type"] = environ["CONTENT_TYPE"]
    head = Head(environ["REQUEST_METHOD"], path.encode(), query.encode(), tuple(headers.items()))
    service = SERVICES[service_for(head)]
    request = Request(head, address(head)) if service.name == "s3" else Request(head, form=decode_pairs(body))
    name = service.route(request)
    operation = service.operations[name]
    params = operation.parse(request, b"" if operation.streaming_input else body)
    return Made(at, service.name, name, params)


@contextmanager
def observed_moto() -> Iterator[tuple[str, Observer]]:
    """Run moto on a free port of the loopback address; yield its URL and what observes it."""
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # moto's own
        observer = Observer(DomainDispatcherApplication(create_backend_app))
        server = make_server("127.0.0.1", 0, observer, threaded=True, request_handler=MotoRequestHandler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", observer
        server.shutdown()
        thread.join()
