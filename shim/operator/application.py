"""The FastAPI application of the metrics listener."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Annotated

from fastapi import FastAPI, Header, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from shim.config import Settings
from shim.health import Lifecycle, Readiness, health_response
from shim.operator.api import LastRefusals, router
from shim.operator.page import HEADERS, page
from shim.protocol.service import Service


@dataclass(frozen=True, slots=True)
class Sources:
    """The data that the operator's application answers with.

    A single process passes its own data; the supervisor of several workers passes functions that ask all of them.
    `ready` returns when the cloud can be used and raises BackendError when it cannot.
    """

    lifecycle: Lifecycle
    ready: Callable[[], Awaitable[None]]
    metrics: CollectorRegistry
    settings: Settings
    services: Sequence[Service]
    refusals: LastRefusals


def operator_app(sources: Sources) -> FastAPI:
    """Return the application; the gateway also passes unsigned `/healthcheck` requests to it."""
    # FastAPI's own pages load their scripts from another host; `page` needs none.
    app = FastAPI(
        title="Passerelle",
        version=version("passerelle"),
        summary="The operator's side of the gateway, read-only",
        docs_url=None,
        redoc_url=None,
    )
    _health(app, sources)
    app.include_router(router(sources.settings, sources.services, sources.refusals))

    @app.get("/", include_in_schema=False)
    @app.get("/docs", include_in_schema=False)
    async def documentation() -> Response:
        return HTMLResponse(page(app.openapi()), headers=HEADERS)

    return app


def _health(app: FastAPI, sources: Sources) -> None:
    """Add the routes for balancers, orchestrators and Prometheus."""
    readiness = Readiness(sources.ready)
    state = sources.lifecycle

    @app.head("/healthcheck", include_in_schema=False)
    @app.get("/healthcheck", summary="Whether new requests may come", response_class=PlainTextResponse, tags=["health"])
    async def alive(request: Request, accept: Annotated[str, Header()] = "") -> Response:
        """Answer 200 `OK`, or 503 with the reason; no other service is asked."""
        return health_response(state.reason(), request.method, accept)

    @app.head("/healthcheck/ready", include_in_schema=False)
    @app.get("/healthcheck/ready", summary="Whether the cloud works", response_class=PlainTextResponse, tags=["health"])
    async def cloud_ready(request: Request, accept: Annotated[str, Header()] = "") -> Response:
        """Answer as `/healthcheck`, and 503 with the service at fault while the cloud cannot be used."""
        reason = state.reason()
        return health_response(await readiness.reason() if reason == "OK" else reason, request.method, accept)

    @app.get("/metrics", summary="Metrics for Prometheus", response_class=PlainTextResponse, tags=["metrics"])
    async def metrics(accept: Annotated[str, Header()] = "") -> Response:
        """Return all metrics, in the text format or as OpenMetrics, by `Accept`."""
        encode, content_type = choose_encoder(accept)
        return Response(encode(sources.metrics), headers={"Content-Type": content_type})
