"""The metrics listener of a process that serves no AWS request: the sweeper, and the deliverer of notifications."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from shim import app
from shim.cli.serve import announce
from shim.config import Settings
from shim.health import Lifecycle
from shim.http.server import SideServer, configuration, listener
from shim.metrics import Metrics
from shim.operator.application import Sources, operator_app
from shim.refusals import Refusal

Ready = Callable[[], Awaitable[None]]


@asynccontextmanager
async def metrics_listener(settings: Settings, metrics: Metrics, ready: Ready) -> AsyncIterator[None]:
    """Serve the operator's side while the block runs, if the settings have a port for it."""
    if settings.metrics_port is None:
        yield
        return
    sources = Sources(
        lifecycle=Lifecycle(settings.disable_file),
        ready=ready,
        metrics=metrics.registry,
        settings=settings,
        services=app.SERVICES,
        refusals=_no_refusals,
    )
    port = listener(settings.metrics_host, settings.metrics_port)
    server = SideServer(configuration(operator_app(sources), settings, tls=False))
    task = asyncio.create_task(server.serve([port]))
    announce("metrics", app.url("http", settings.metrics_host, port.getsockname()[1]))
    try:
        yield
    finally:
        server.should_exit = True
        await task


async def _no_refusals(_: str | None) -> Sequence[Refusal]:
    return ()
