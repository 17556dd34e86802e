"""`passerelle sweep`: does what lifecycle rules say is due."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import click
import uvloop
from tooz import ToozError

from adapters.openstack import config as clouds
from adapters.openstack.cloud import CloudFactory, Limits
from adapters.openstack.transport import Timeouts
from shim import app, log
from shim.cache import Cache
from shim.cli import config, options
from shim.cli.serve import announce
from shim.config import Settings
from shim.health import Lifecycle
from shim.http.server import SideServer, configuration, listener
from shim.locks import Locks
from shim.metrics import Metrics
from shim.operator.application import Sources, operator_app
from shim.refusals import Refusal
from shim.s3.lifecycle.evaluation import Days
from shim.sweeps.pace import Pace
from shim.sweeps.sweeping import lead, sweep_always
from shim.sweeps.tools import Tools
from shim.worker import Worker

Ready = Callable[[], Awaitable[None]]

_LEADER_SECONDS = 0.5


@click.command()
@click.option("--once", is_flag=True, help="Sweep once and end; the exit status is 1 when something could not be done.")
@options.settings_options
def sweep(*, once: bool, env_file: Path | None, **given: Any) -> None:
    """Delete what lifecycle rules say has expired, until SIGTERM.

    It takes the options of `serve`.  Any number may run: one of them sweeps at a time.
    """
    settings = options.load(given, env_file)
    if found := list(config.problems(settings)):
        raise click.ClickException("the settings are not usable:\n" + "\n".join(f"  {line}" for line in found))
    log.configure(settings.log_level, settings.log_format)
    for name in options.unknown_variables(os.environ):
        logging.getLogger(__name__).warning("%s is set, and there is no such setting", name)
    try:
        fine = uvloop.run(_run(settings, once=once))
    except ToozError as e:
        raise click.ClickException(f"the coordination service does not answer: {type(e).__name__}") from None
    raise SystemExit(0 if fine else 1)


async def _run(settings: Settings, *, once: bool) -> bool:
    metrics = Metrics()
    async with _tools(settings, metrics) as (tools, leader, ready), _metrics_listener(settings, metrics, ready):
        work = asyncio.ensure_future(lead(tools, leader) if once else sweep_always(tools, leader))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, work.cancel)
        announce("sweeping", settings.cloud)
        with suppress(asyncio.CancelledError):
            return bool(await work)
    return True


@asynccontextmanager
async def _tools(settings: Settings, metrics: Metrics) -> AsyncIterator[tuple[Tools, Locks, Ready]]:
    """Connect to the cloud and to the service of locks."""
    found = clouds.load(settings.cloud, region=settings.region, interface=settings.interface)
    timeouts = Timeouts(settings.upstream_connect_seconds, settings.upstream_timeout_seconds)
    limits = Limits(timeouts, settings.object_idle_seconds, project_calls=settings.account_calls)
    factory = await CloudFactory.open(found, limits, app.upstream_observer(metrics))
    url = settings.coordination_url or f"file://{app.lock_files(settings)}"
    locks, leader, worker = Locks(url), Locks(url, _LEADER_SECONDS), Worker()
    await locks.start()
    await leader.start()
    cache = Cache(total_bytes=settings.cache_bytes, observe=metrics.cache)
    pace, days = Pace(settings.sweep_actions_per_second), Days(settings.lifecycle_day_seconds)
    try:
        yield Tools(settings, factory, locks, metrics, pace, days, cache, worker), leader, factory.identity.ready
    finally:
        worker.close()
        await leader.stop()
        await locks.stop()
        await factory.aclose()


@asynccontextmanager
async def _metrics_listener(settings: Settings, metrics: Metrics, ready: Ready) -> AsyncIterator[None]:
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
