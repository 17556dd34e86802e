"""Health: whether a load balancer should send requests here, and the formats of that answer.

`/healthcheck` answers as OpenStack's own services do (oslo.middleware's healthcheck, disable-by-file): 200 `OK`, 503
`DISABLED BY FILE`, as text, HTML or JSON by `Accept`, 204 to HEAD.  It asks no other service, so an outage of OpenStack
does not remove gateways from the balancer; `/healthcheck/ready` does ask, at most every `READY_SECONDS`.
"""

from __future__ import annotations

import asyncio
import html
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from fastapi import Response

from adapters.errors import BackendError

READY_SECONDS = 2.0


@dataclass(slots=True)
class Lifecycle:
    """The state of a gateway process between start and stop; SIGTERM sets `draining`, and nothing unsets it."""

    disable_file: Path | None = None
    draining: bool = False

    def reason(self) -> str:
        """Return why no new request should come here, or `OK`."""
        if self.draining:
            return "DRAINING"
        if self.disable_file is not None and self.disable_file.exists():
            return "DISABLED BY FILE"
        return "OK"


class Readiness:
    """Whether the cloud can be used, cached for `READY_SECONDS` and checked by one request at a time."""

    def __init__(self, ask: Callable[[], Awaitable[None]], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = asyncio.Lock()
        self._reason = ""
        self._until = float("-inf")

    async def reason(self) -> str:
        """Return `OK`, or the failing OpenStack service and its fault, without the message, which may hold secrets."""
        async with self._lock:
            if self._clock() >= self._until:
                try:
                    await self._ask()
                    self._reason = "OK"
                except BackendError as e:
                    self._reason = f"{e.service.upper()}: {e.fault.value.upper()}"
                self._until = self._clock() + READY_SECONDS
            return self._reason


def health_response(reason: str, method: str, accept: str) -> Response:
    """Return 200 for `OK` and 503 for any other reason, in the format that `accept` asks for first."""
    status = 200 if reason == "OK" else 503
    headers = {"Cache-Control": "no-store"}
    if method == "HEAD":
        return Response(status_code=204 if status == 200 else status, headers=headers)
    kind = preferred_format(accept)
    return Response(FORMATS[kind](reason), status, headers, media_type=kind)


def preferred_format(accept: str) -> str:
    """Return the format that an `Accept` header prefers (RFC 9110, 12.5.1), or plain text where it names none of these.

    A header that matches no format is not refused, so that any balancer gets an answer.
    """
    best, best_weight = "text/plain", 0.0
    for item in accept.split(","):
        kind, *parameters = (part.strip().lower() for part in item.split(";"))
        weight = next((_weight(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
        if kind in FORMATS and weight > best_weight:
            best, best_weight = kind, weight
    return best


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


FORMATS: dict[str, Callable[[str], str]] = {
    "text/plain": lambda reason: reason,
    "text/html": lambda reason: (
        "<!DOCTYPE html><html><head><title>Healthcheck Status</title></head>"
        f"<body><p>{html.escape(reason)}</p></body></html>"
    ),
    "application/json": lambda reason: json.dumps({"detailed": False, "reasons": [reason]}),
}
