"""Health: what a load balancer, an orchestrator and Prometheus ask a gateway.

`/healthcheck` answers as OpenStack's own services do (oslo.middleware's healthcheck, disable-by-file): 200 `OK`, 503
`DISABLED BY FILE`, as text, HTML or JSON by `Accept`, 204 to HEAD.  It asks no other service, so an outage of
OpenStack takes no gateway out of the balancer; `/healthcheck/ready` does ask, at most every `READY_SECONDS`.
"""

from __future__ import annotations

import asyncio
import html
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Header, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from adapters.errors import BackendError

READY_SECONDS = 2.0


@dataclass(slots=True)
class Lifecycle:
    """Where a gateway process stands between start and stop; `draining` is set by SIGTERM and never unset."""

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
    """The answer of the last look at the cloud, kept for `READY_SECONDS` and asked for by one request at a time."""

    def __init__(self, ask: Callable[[], Awaitable[None]], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = asyncio.Lock()
        self._reason = ""
        self._until = float("-inf")

    async def reason(self) -> str:
        """Return `OK`, or which OpenStack service fails and how; never its own words, which may tell too much."""
        async with self._lock:
            if self._clock() >= self._until:
                try:
                    await self._ask()
                    self._reason = "OK"
                except BackendError as e:
                    self._reason = f"{e.service.upper()}: {e.fault.value.upper()}"
                self._until = self._clock() + READY_SECONDS
            return self._reason


def health_app(state: Lifecycle, ready: Callable[[], Awaitable[None]], registry: CollectorRegistry) -> FastAPI:
    """Return the application of the metrics listener; the gateway lends it its unsigned `/healthcheck` as well.

    `ready` returns when the cloud can be used and raises BackendError when it cannot.
    """
    app = FastAPI(title="Passerelle health", docs_url=None, redoc_url=None, openapi_url=None)
    readiness = Readiness(ready)

    @app.api_route("/healthcheck", methods=["GET", "HEAD"])
    async def alive(request: Request, accept: Annotated[str, Header()] = "") -> Response:
        return verdict(state.reason(), request.method, accept)

    @app.api_route("/healthcheck/ready", methods=["GET", "HEAD"])
    async def cloud_ready(request: Request, accept: Annotated[str, Header()] = "") -> Response:
        reason = state.reason()
        return verdict(await readiness.reason() if reason == "OK" else reason, request.method, accept)

    @app.get("/metrics")
    async def metrics(accept: Annotated[str, Header()] = "") -> Response:
        encode, content_type = choose_encoder(accept)
        return Response(encode(registry), headers={"Content-Type": content_type})

    return app


def verdict(reason: str, method: str, accept: str) -> Response:
    """Return 200 for `OK` and 503 for any other reason, in the form that `accept` asks for first."""
    status = 200 if reason == "OK" else 503
    headers = {"Cache-Control": "no-store"}
    if method == "HEAD":
        return Response(status_code=204 if status == 200 else status, headers=headers)
    kind = preferred(accept)
    return Response(FORMS[kind](reason), status, headers, media_type=kind)


def preferred(accept: str) -> str:
    """Return which of our three forms an `Accept` header likes best (RFC 9110, 12.5.1); text where it names none.

    No match is no reason to refuse: a balancer that asks oddly must still learn the state.
    """
    best, best_weight = "text/plain", 0.0
    for item in accept.split(","):
        kind, *parameters = (part.strip().lower() for part in item.split(";"))
        weight = next((_weight(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
        if kind in FORMS and weight > best_weight:
            best, best_weight = kind, weight
    return best


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


FORMS: dict[str, Callable[[str], str]] = {
    "text/plain": lambda reason: reason,
    "text/html": lambda reason: (
        "<!DOCTYPE html><html><head><title>Healthcheck Status</title></head>"
        f"<body><p>{html.escape(reason)}</p></body></html>"
    ),
    "application/json": lambda reason: json.dumps({"detailed": False, "reasons": [reason]}),
}
