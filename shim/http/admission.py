"""Admission: how many connections there may be, from everywhere and from one address, and what unsigned bodies hold.

Past a bound a client is told to slow down and hung up on; it is never left waiting.  SDKs try such a call again after
a pause: S3's `SlowDown`, EC2's `RequestLimitExceeded` and the query services' `Throttling` are in their lists of codes.
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

# A connection too many is answered, which takes a moment; of those that wait for their answer there are this many more.
_ANSWERED_SHARE, _ANSWERED_LEAST = 8, 8

# How long a connection that is one too many may take for its request, and for its answer.
REFUSED_SECONDS = 5.0

# One line of the log for so many refusals, as whoever causes them could fill the disk.
_LOGGED_EACH = 1000

Envelope = Callable[[AwsError, str, Request], Reply]
_WORDS: Mapping[str, tuple[Envelope, str, str]] = {
    "s3": (faults.s3, "SlowDown", "Please reduce your request rate."),
    "ec2": (faults.ec2, "RequestLimitExceeded", "Request limit exceeded."),
}
_QUERY = (faults.query, "Throttling", "Rate exceeded")


class Admission:
    """The bounds of one process, and what is used of them.

    `open` is the number of connections, `held` the number of bytes of unsigned bodies, `refused` how often each bound
    was met: `connections`, `address`, `memory`, each as the labels of a metric.
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
        """Count a connection, and by its address if there is one; return which bound it breaks, or nothing."""
        self.open += 1
        here = 0
        if address:
            here = self._addresses[address] = self._addresses.get(address, 0) + 1
        if self.open > self._connections:
            return self._refuse("connections")
        return self._refuse("address") if here > self._per_address else ""

    def leave(self, address: str) -> None:
        """Count a connection no more."""
        self.open -= 1
        if address:
            here = self._addresses[address] = self._addresses[address] - 1
            if not here:
                del self._addresses[address]

    @property
    def crowded(self) -> bool:
        """Whether there are so many connections that one too many is not even answered."""
        share = max(self._connections // _ANSWERED_SHARE, _ANSWERED_LEAST)
        return self.open > self._connections + share

    def begin(self, address: str) -> bool:
        """Count a request that a proxy passes on for this address; return whether there is room for it."""
        here = self._addresses.get(address, 0)
        if here >= self._per_address:
            self._refuse("address")
            return False
        self._addresses[address] = here + 1
        return True

    def end(self, address: str) -> None:
        """Count a passed-on request no more."""
        here = self._addresses[address] = self._addresses[address] - 1
        if not here:
            del self._addresses[address]

    def hold(self, size: int) -> bool:
        """Count bytes of an unsigned body; return whether there is room for them."""
        self.held += size
        if self.held > self._body_bytes:
            self._refuse("memory")
            return False
        return True

    def release(self, size: int) -> None:
        """Count bytes no more: the body was signed, or it is gone."""
        self.held -= size

    def _refuse(self, bound: str) -> str:
        times = self.refused.get((bound,), 0)
        if times % _LOGGED_EACH == 0:
            log.warning("a client is told to slow down (%s); %d connections are open", bound, self.open)
        self.refused[(bound,)] = times + 1
        return bound


def slow_down(scope: Mapping[str, Any]) -> tuple[Envelope, AwsError]:
    """Return what to tell the client of a request, in the words of the service that it is for."""
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    named = routing.service_for(Head(scope["method"], scope["raw_path"], scope["query_string"], headers))
    envelope, code, message = _WORDS.get(named, _QUERY)
    return envelope, AwsError(code, message, 503, headers={"Connection": "close"})


async def refuse(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer a request for which there is no room: the application of connections that are too many."""
    envelope, error = slow_down(scope)
    head = Head(scope["method"], scope["raw_path"], b"", ())
    reply = envelope(error, new_request_id(), Request(head))
    assert isinstance(reply.body, bytes)
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
    headers.append((b"content-length", b"%d" % len(reply.body)))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
