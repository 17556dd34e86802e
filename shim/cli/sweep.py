"""`passerelle sweep`: does what lifecycle rules say is due."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
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
from shim.cli.side import Ready, metrics_listener
from shim.config import Settings
from shim.locks import Locks
from shim.metrics import Metrics
from shim.notices.spool import opened
from shim.s3.lifecycle.evaluation import Days
from shim.sweeps.orphans import sweep_segments
from shim.sweeps.pace import Pace
from shim.sweeps.sweeping import lead, sweep_always
from shim.sweeps.tools import Tools
from shim.worker import Worker

_LEADER_SECONDS = 0.5


@click.command()
@click.option("--once", is_flag=True, help="Sweep once and end; the exit status is 1 when something could not be done.")
@click.option(
    "--segments",
    metavar="PROJECT[/BUCKET]",
    multiple=True,
    help="Instead, remove the segments that no object of a bucket uses, or of all buckets of a project, and end.",
)
@click.option("--dry-run", is_flag=True, help="With --segments: only tell which.")
@click.option(
    "--versions-too",
    is_flag=True,
    help="With --segments: also buckets that have or had versions. Only while every container server of Swift has been "
    "up and has replicated: what a listing lacks is lost.",
)
@options.settings_options
def sweep(
    *,
    once: bool,
    segments: tuple[str, ...],
    dry_run: bool,
    versions_too: bool,
    env_file: Path | None,
    **given: Any,
) -> None:
    """Delete what lifecycle rules say has expired, until SIGTERM.

    It takes the options of `serve`.  Any number may run: one of them sweeps at a time.
    """
    for name, asked in {"--dry-run": dry_run, "--versions-too": versions_too}.items():
        if asked and not segments:
            raise click.UsageError(f"{name} goes with --segments")
    settings = options.load(given, env_file)
    if found := list(config.problems(settings)):
        raise click.ClickException("the settings are not usable:\n" + "\n".join(f"  {line}" for line in found))
    log.configure(settings.log_level, settings.log_format)

    async def work(tools: Tools, leader: Locks) -> bool:
        if segments:
            return await sweep_segments(tools, segments, dry=dry_run, versions_too=versions_too)
        if once:
            return await lead(tools, leader)
        await sweep_always(tools, leader)
        return True

    for name in options.unknown_variables(os.environ):
        logging.getLogger(__name__).warning("%s is set, and there is no such setting", name)
    try:
        fine = uvloop.run(run(settings, work))
    except ToozError as e:
        raise click.ClickException(f"the coordination service does not answer: {type(e).__name__}") from None
    raise SystemExit(0 if fine else 1)


async def run(settings: Settings, work: Callable[[Tools, Locks], Coroutine[Any, Any, bool]]) -> bool:
    """Do work with the tools of a sweep, until SIGTERM; return whether all could be done."""
    metrics = Metrics()
    async with _tools(settings, metrics) as (tools, leader, ready), metrics_listener(settings, metrics, ready):
        task = asyncio.ensure_future(work(tools, leader))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        announce("sweeping", settings.cloud)
        with suppress(asyncio.CancelledError):
            return await task
    return True


@asynccontextmanager
async def _tools(settings: Settings, metrics: Metrics) -> AsyncIterator[tuple[Tools, Locks, Ready]]:
    """Connect to the cloud and to the service of locks."""
    found = clouds.load(settings.cloud, region=settings.region, interface=settings.interface)
    settings = settings.model_copy(update={"region": app.region_of(found, settings)})
    timeouts = Timeouts(settings.upstream_connect_seconds, settings.upstream_timeout_seconds)
    limits = Limits(timeouts, settings.object_idle_seconds, project_calls=settings.account_calls)
    factory = await CloudFactory.open(found, limits, app.upstream_observer(metrics))
    url = settings.coordination_url or f"file://{app.lock_files(settings)}"
    locks, leader, worker = Locks(url), Locks(url, _LEADER_SECONDS), Worker()
    await locks.start()
    await leader.start()
    cache = Cache(total_bytes=settings.cache_bytes, lookups=metrics.cache_lookups)
    pace, days = Pace(settings.sweep_actions_per_second), Days(settings.lifecycle_day_seconds)
    notices = opened(settings, metrics.notification)
    tools = Tools(settings, factory, locks, metrics, pace, days, cache, worker, notices)
    try:
        yield tools, leader, factory.identity.ready
    finally:
        if notices is not None:
            await notices.aclose()
        worker.close()
        await leader.stop()
        await locks.stop()
        await factory.aclose()
