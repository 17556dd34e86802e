"""`passerelle serve`: the gateway itself."""

from __future__ import annotations

import errno
import logging
import os
import socket
from pathlib import Path
from typing import Any

import click
import uvloop
from tooz import ToozError

from shim import app, log
from shim.cli import config, options, workers
from shim.config import Settings


@click.command()
@options.settings_options
def serve(env_file: Path | None, **given: Any) -> None:
    """Serve the AWS API in front of a cloud of clouds.yaml, until SIGTERM."""
    settings = options.load(given, env_file)
    if found := list(config.problems(settings)):
        raise click.ClickException("the settings are not usable:\n" + "\n".join(f"  {line}" for line in found))
    log.configure(settings.log_level, settings.log_format)
    for name in options.unknown_variables(os.environ):
        logging.getLogger(__name__).warning("%s is set, and there is no such setting", name)
    try:
        if settings.workers > 1:
            if not workers.supervise(settings, announce):
                raise click.ClickException("the workers did not go on; the log says why")
        else:
            uvloop.run(app.serve(settings, announce=announce))
    except ToozError as e:
        raise click.ClickException(f"the coordination service does not answer: {type(e).__name__}") from None
    except OSError as e:
        if e.filename is not None:
            raise click.ClickException(f"cannot use {e.filename}: {e.strerror}") from None
        if e.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES) and not isinstance(e, socket.gaierror):
            raise
        raise click.ClickException(f"cannot listen on {where(settings)}: {e.strerror}") from None


def announce(what: str, url: str) -> None:
    """Print that a listener is ready; scripts wait for this line on standard output."""
    click.echo(f"passerelle {what} on {url}")


def where(settings: Settings) -> str:
    """Return the addresses that this gateway listens on, for an error message."""
    main = f"{settings.host} port {settings.port}"
    return main if settings.metrics_port is None else f"{main} or {settings.metrics_host} port {settings.metrics_port}"
