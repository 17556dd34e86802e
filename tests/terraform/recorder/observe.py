"""moto or a gateway behind an ear: each request that comes in, with its time, its operation and its parameters."""

from __future__ import annotations

import io
import logging
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any, Final
from urllib.parse import urlsplit

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from assess.verdicts import SERVICES
from shim.errors import AwsError
from shim.protocol.message import Head, Request, decode_pairs
from shim.protocol.routing import address, service_for

_OF_THE_CONNECTION: Final = frozenset({"connection", "transfer-encoding", "keep-alive"})


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was made."""

    at: float
    service: str
    operation: str
    params: dict[str, Any]


@dataclass(slots=True)
class Observer:
    """A WSGI application before another.  What cannot be read is kept, so that the recorder can say so."""

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


def passed_on(url: str) -> Any:
    """Return a WSGI application that passes each request on to a gateway, unchanged, so that its signature holds."""
    gateway = urlsplit(url)

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        headers = {name[5:].replace("_", "-"): text for name, text in environ.items() if name.startswith("HTTP_")}
        if environ.get("CONTENT_TYPE"):
            headers["Content-Type"] = environ["CONTENT_TYPE"]
        connection = HTTPConnection(gateway.hostname or "", gateway.port)
        with closing(connection):
            connection.request(
                environ["REQUEST_METHOD"], environ["RAW_URI"], environ["wsgi.input"].read() or None, headers
            )
            answer = connection.getresponse()
            told = [(name, text) for name, text in answer.getheaders() if name.lower() not in _OF_THE_CONNECTION]
            start_response(f"{answer.status} {answer.reason}", told)
            return [answer.read()]

    return application


@contextmanager
def observed(gateway: str = "") -> Iterator[tuple[str, Observer]]:
    """Run moto, or what passes on to a gateway, on a free port of loopback; yield its URL and what observes it."""
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # moto's own
        observer = Observer(passed_on(gateway) if gateway else DomainDispatcherApplication(create_backend_app))
        server = make_server("127.0.0.1", 0, observer, threaded=True, request_handler=MotoRequestHandler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", observer
        server.shutdown()
        thread.join()
