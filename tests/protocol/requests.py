"""Requests made by hand, for tests of what no well-behaved client sends."""

from collections.abc import Mapping
from urllib.parse import urlencode

from shim.protocol.message import Head, Request, decode_pairs
from shim.protocol.operation import Operation
from shim.protocol.routing import address
from shim.protocol.service import Service

NO_HEADERS: Mapping[str, str] = {}


def s3(method: str, target: str, headers: Mapping[str, str] = NO_HEADERS) -> Request:
    """Make a request to S3, path-style, its target as on the request line."""
    path, _, query = target.partition("?")
    head = Head(method, path.encode(), query.encode(), tuple(headers.items()))
    return Request(head, address(head))


def form(action: str, **params: str) -> Request:
    """Make a POST of a query protocol; `__` in a parameter's name stands for a dot."""
    pairs = {"Action": action, **{name.replace("__", "."): value for name, value in params.items()}}
    return raw_form(urlencode(pairs))


def raw_form(body: str) -> Request:
    """Make a POST of a query protocol from its body."""
    return Request(Head("POST", b"/", b"", ()), form=decode_pairs(body.encode()))


def identified(service: Service, request: Request) -> Operation:
    """Return the operation of a request, as the gateway finds it."""
    asked = service.identify(request)
    if asked.operation is None:
        assert asked.error is not None
        raise asked.error
    return asked.operation
