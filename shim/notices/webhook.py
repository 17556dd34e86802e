"""Sends a notice to a webhook: one POST, bounded in time and in what is read of the answer.

The sender never goes where an answer tells it to: a redirect counts as a refusal.  A secret signs the time and
the body:

    X-Passerelle-Signature: t=<seconds since 1970>,v1=<hexadecimal HMAC-SHA256 of "<t>.<body>">
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import httpx
import orjson

from shim.notices.destinations import Destination
from shim.undo import to_the_end

log = logging.getLogger(__name__)

SIGNATURE: Final = "X-Passerelle-Signature"
_IDLE_SECONDS: Final = 60.0  # of a connection; an attempt as a whole has a bound of its own
_MOST_READ: Final = 64 << 10  # bytes of an answer; a connection whose answer is longer is closed


class Outcome(Enum):
    """What became of an attempt."""

    TAKEN = "taken"  # a 2xx
    REFUSED = "refused"  # any other status
    SILENT = "silent"  # no answer, or none in time
    EXPIRED = "expired"  # none was made, as the notice is too old


def signature(secret: bytes, body: bytes, now: int) -> str:
    """Return the header's value for a body."""
    return f"t={now},v1={hmac.new(secret, b'%d.%s' % (now, body), hashlib.sha256).hexdigest()}"


@asynccontextmanager
async def client(tls: ssl.SSLContext, connections: int) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client for one queue: others have connections of their own, so that none waits for another's."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    found = httpx.AsyncClient(verify=tls, follow_redirects=False, trust_env=False, timeout=_IDLE_SECONDS, limits=limits)
    try:
        yield found
    finally:
        # A cancellation that comes while the client closes would leave the connections open that it has not reached.
        await to_the_end(found.aclose())


@dataclass(slots=True)
class Handshake:
    """The connection whose TLS handshake is under way, `open`.

    httpcore 1.0 closes it where the handshake fails, and leaves it open where the attempt is cancelled in the middle
    (`start_tls` of its AnyIO backend catches Exception alone).
    """

    connected: Any = None
    open: Any = None

    async def follow(self, event: str, info: Mapping[str, Any]) -> None:
        """Take one event of httpcore's `trace` extension."""
        if event == "connection.connect_tcp.complete":
            self.connected = info["return_value"]
        elif event == "connection.start_tls.started":
            self.open = self.connected
        elif event == "connection.start_tls.complete":
            self.open = None


async def send(
    client: httpx.AsyncClient, destination: Destination, content: object, now: float, seconds: float
) -> tuple[Outcome, str]:
    """POST a notice; return what became of it, and how to tell it in the log."""
    body = orjson.dumps(content)
    headers = {"Content-Type": "application/json", "User-Agent": "Passerelle", "Accept-Encoding": "identity"}
    if destination.secret:
        headers[SIGNATURE] = signature(destination.secret, body, int(now))
    handshake = Handshake()
    following = {"trace": handshake.follow}
    try:
        async with (
            asyncio.timeout(seconds),
            client.stream("POST", destination.url, content=body, headers=headers, extensions=following) as answer,
        ):
            status, read = answer.status_code, 0
            async for piece in answer.aiter_raw():
                read += len(piece)
                if read > _MOST_READ:
                    break
    except TimeoutError:
        return Outcome.SILENT, f"no answer in {seconds:g} seconds"
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return Outcome.SILENT, f"{type(error).__name__}: {error}"
    finally:
        if handshake.open is not None:
            await to_the_end(handshake.open.aclose())
    return (Outcome.TAKEN if 200 <= status < 300 else Outcome.REFUSED), f"status {status}"
