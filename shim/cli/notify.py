"""`passerelle notify`: delivers event notifications to the operator's webhooks."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from shim import log
from shim.cli import options
from shim.cli.serve import announce
from shim.cli.side import metrics_listener
from shim.config import Settings
from shim.metrics import Metrics
from shim.notices.delivery import Deliverer, Patience
from shim.notices.destinations import Destinations, DestinationsError
from shim.notices.spool import spool

_RESOLVERS = 64  # names that are resolved at once: one that nobody answers for keeps a thread for many seconds


@click.command()
@options.settings_options
def notify(env_file: Path | None, **given: Any) -> None:
    """Deliver the event notifications that wait on this machine, until SIGTERM.

    It takes the options of `serve`, and needs no cloud.  Any number may run: one of them delivers a queue at a time.
    """
    settings = options.load(given, env_file)
    if settings.notification_file is None:
        raise click.ClickException("PASSERELLE_NOTIFICATION_FILE names no file of destinations")
    try:
        destinations = Destinations(settings.notification_file.expanduser())
    except DestinationsError as error:
        raise click.ClickException(f"PASSERELLE_NOTIFICATION_FILE: {error}") from None
    log.configure(settings.log_level, settings.log_format)
    for name in options.unknown_variables(os.environ):
        logging.getLogger(__name__).warning("%s is set, and there is no such setting", name)
    asyncio.run(_run(settings, destinations))


async def _run(settings: Settings, destinations: Destinations) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_RESOLVERS, "resolving"))
    metrics = Metrics()
    patience = Patience(
        settings.notification_timeout_seconds, settings.notification_retry_seconds, settings.notification_keep_seconds
    )
    own = spool(settings, metrics.notification)
    deliverer = Deliverer(own, destinations, patience, metrics.notification)
    metrics.notifications_waiting.read = lambda: deliverer.waiting
    async with metrics_listener(settings, metrics, _ready):
        work = asyncio.ensure_future(deliverer.run())
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, work.cancel)
        announce("notifying", str(own.directory))
        with suppress(asyncio.CancelledError):
            await work
    await own.aclose()


async def _ready() -> None:
    """Return at once: nothing else is needed to deliver."""
