"""Bounds on connections, in all and for each address, and on the memory that unsigned bodies take.

A client that exceeds a bound is told to slow down and disconnected; it never waits.  SDKs try such a call again after a
pause: S3's `SlowDown`, EC2's `RequestLimitExceeded` and the query services' `Throttling` are in their lists of codes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from shim.errors import AwsError
from shim.http.asgi import Receive, Scope, Send
from shim.protocol import faults, routing
from shim.protocol.message import Head, Reply, Request
from shim.record import new_request_id

log = logging.getLogger(__name__)

# A connection above the bound is answered before it is closed.  So many connections above the bound may wait for that
# answer: a share of the bound, and at least this number.
_ANSWERED_SHARE, _ANSWERED_LEAST = 8, 8

# How long a connection above the bound may take to send its request and to read the answer.
REFUSED_SECONDS = 5.0

# Write one log line for so many refusals: a client could fill the disk otherwise.
_LOGGED_EACH = 1000

Envelope = Callable[[AwsError, str, Request], Reply]
_WORDS: Mapping[str, tuple[Envelope, str, str]] = {
    "s3": (faults.s3, "SlowDown", "Please reduce your request rate."),
    "ec2": (faults.ec2, "RequestLimitExceeded", "Request limit exceeded."),
}
_QUERY = (faults.query, "Throttling", "Rate exceeded")


class Admission:
    """The bounds of one process, and how much of each is in use.

    `open` is the number of connections, `held` the bytes of unsigned bodies in memory.  `refused` counts how often each
    bound was exceeded, by the labels of a metric: `connections`, `address`, `memory`.
    """

    def __init__(
        self, connections: int, per_address: int, body_bytes: int, refused: dict[tuple[str, ...], float] | None = None
    ) -> None:
        self._connections = connections
        self._per_address = per_address
        self._body_bytes = body_bytes
        self._addresses: dict[str, int] = {}
        self.open = 0
        self.held = 0
        self.refused = {} if refused is None else refused

    def enter(self, address: str) -> str:
        """Count a new connection, and by its address unless that is empty; return the bound exceeded, or nothing."""
        self.open += 1
        here = 0
        if address:
            here = self._addresses[address] = self._addresses.get(address, 0) + 1
        if self.open > self._connections:
            return self._refuse("connections")
        return self._refuse("address") if here > self._per_address else ""

    def leave(self, address: str) -> None:
        """Stop counting a connection."""
        self.open -= 1
        if address:
            here = self._addresses[address] = self._addresses[address] - 1
            if not here:
                del self._addresses[address]

    @property
    def crowded(self) -> bool:
        """Whether there are so many connections that a new one is closed without an answer."""
        share = max(self._connections // _ANSWERED_SHARE, _ANSWERED_LEAST)
        return self.open > self._connections + share

    def begin(self, address: str) -> bool:
        """Count a request that a proxy forwards for this address; return whether it is within the bound."""
        here = self._addresses.get(address, 0)
        if here >= self._per_address:
            self._refuse("address")
            return False
        self._addresses[address] = here + 1
        return True

    def end(self, address: str) -> None:
        """Stop counting a forwarded request."""
        here = self._addresses[address] = self._addresses[address] - 1
        if not here:
            del self._addresses[address]

    def hold(self, size: int) -> bool:
        """Count bytes of an unsigned body; return whether they are within the bound."""
        self.held += size
        if self.held > self._body_bytes:
            self._refuse("memory")
            return False
        return True

    def release(self, size: int) -> None:
        """Stop counting bytes: their body's signature is verified, or the body is dropped."""
        self.held -= size

    def _refuse(self, bound: str) -> str:
        times = self.refused.get((bound,), 0)
        if times % _LOGGED_EACH == 0:
            log.warning("a client is told to slow down (%s); %d connections are open", bound, self.open)
        self.refused[(bound,)] = times + 1
        return bound


def slow_down(scope: Mapping[str, Any]) -> tuple[Envelope, AwsError]:
    """Return the error that tells a client to slow down, and the envelope of the service that its request is for."""
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    named = routing.service_for(Head(scope["method"], scope["raw_path"], scope["query_string"], headers))
    envelope, code, message = _WORDS.get(named, _QUERY)
    return envelope, AwsError(code, message, 503, headers={"Connection": "close"})


async def refuse(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer that the client is to slow down; this is the ASGI application of connections above the bound."""
    envelope, error = slow_down(scope)
    head = Head(scope["method"], scope["raw_path"], b"", ())
    reply = envelope(error, new_request_id(), Request(head))
    assert isinstance(reply.body, bytes)
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
    headers.append((b"content-length", b"%d" % len(reply.body)))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
