"""`passerelle config`: the effective settings, and every problem with them."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from stevedore.exception import NoMatches
from tooz import coordination

from adapters.openstack.config import CloudConfigError
from adapters.openstack.config import load as load_cloud
from shim import keystore
from shim.auth.regions import is_name
from shim.cli import options
from shim.config import Settings
from shim.notices import destinations
from shim.operator.settings import shown


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@options.settings_options
@click.pass_context
def config(context: click.Context, /, *, as_json: bool, env_file: Path | None, **given: Any) -> None:
    """Show the effective settings, secrets masked."""
    context.obj = (given, env_file)
    if context.invoked_subcommand is None:
        values = shown(options.load(given, env_file))
        if as_json:
            click.echo(json.dumps(values, indent=1))
            return
        for name, value in values.items():
            click.echo(f"{options.PREFIX}{name.upper()}={value if isinstance(value, str) else json.dumps(value)}")


@config.command()
@options.settings_options
@click.pass_obj
def check(asked: tuple[dict[str, Any], Path | None], /, *, env_file: Path | None, **given: Any) -> None:
    """List every problem with the settings; the exit status is 1 when there is one.

    It takes the options of `serve`, before or after the word `check`.  No service is asked, so it can run before the
    cloud does; `passerelle doctor` asks the cloud.
    """
    before, file_before = asked
    both = {name: value if value not in (None, ()) else before[name] for name, value in given.items()}
    settings, malformed = options.load_usable(both, env_file or file_before)
    found = [f"{name}: there is no such setting" for name in options.unknown_variables(os.environ)]
    found += [*malformed, *(problems(settings) if settings else ())]
    for line in found:
        click.echo(line, err=True)
    click.echo("the settings are usable" if not found else f"{len(found)} problem{'s' * (len(found) != 1)}")
    raise SystemExit(1 if found else 0)


def problems(settings: Settings) -> Iterator[str]:
    """Yield the problems that show only when settings are combined or used: a missing file, a taken port."""
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        yield "PASSERELLE_TLS_CERTIFICATE and PASSERELLE_TLS_KEY: both or neither"
    elif settings.tls_certificate is not None and settings.tls_key is not None:
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
                settings.tls_certificate, settings.tls_key, password=_no_pass_phrase
            )
        except ValueError as e:
            yield f"PASSERELLE_TLS_KEY: {e}"
        except OSError as e:
            yield f"PASSERELLE_TLS_CERTIFICATE and PASSERELLE_TLS_KEY: {e}"
    for name in settings.region_names:
        if not is_name(name):
            yield f"PASSERELLE_REGION_NAMES: {name!r} is not the name of a region"
    if settings.disable_file is not None and not settings.disable_file.parent.is_dir():
        yield f"PASSERELLE_DISABLE_FILE: there is no directory {settings.disable_file.parent}"
    yield from _website_problems(settings)
    yield from _lock_problems(settings)
    yield from _file_problems(settings)
    try:
        load_cloud(settings.cloud, region=settings.region, interface=settings.interface)
    except CloudConfigError as e:
        yield f"PASSERELLE_CLOUD: {e}"


def _file_problems(settings: Settings) -> Iterator[str]:
    """Yield why a key store or a file of destinations cannot be used."""
    if settings.sse_key_file is not None:
        try:
            keystore.read(settings.sse_key_file.expanduser())
        except keystore.KeyStoreError as e:
            yield f"PASSERELLE_SSE_KEY_FILE: {e}"
    if not settings.sse_key_secret.isprintable() or settings.sse_key_secret != settings.sse_key_secret.strip():
        yield "PASSERELLE_SSE_KEY_SECRET: the name begins or ends with white space, or has control characters"
    if settings.notification_file is not None:
        try:
            destinations.read(settings.notification_file.expanduser())
        except destinations.DestinationsError as e:
            yield f"PASSERELLE_NOTIFICATION_FILE: {e}"


def _no_pass_phrase() -> str:
    """Refuse to give a pass phrase; without this function OpenSSL would ask for it on the terminal and wait."""
    raise ValueError("it is encrypted, and the gateway asks nobody for a pass phrase")


def _website_problems(settings: Settings) -> Iterator[str]:
    """Yield why no website could be found."""
    if settings.s3_website_hosts and settings.bucket_names == "project":
        yield (
            "PASSERELLE_S3_WEBSITE_HOSTS: visitors do not sign, so a website's bucket is found by a name that is "
            "unique in the whole cloud (PASSERELLE_BUCKET_NAMES)"
        )


def _lock_problems(settings: Settings) -> Iterator[str]:
    """Yield what would keep the gateway from taking locks: a missing driver, or a directory that cannot be made."""
    if not settings.coordination_url:
        place = settings.state_dir.expanduser().absolute()
        there = next(one for one in (place, *place.parents) if one.exists())
        if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
            yield f"PASSERELLE_STATE_DIR: no directory can be made at {place}"
        return
    driver = settings.coordination_url.partition("://")[0] if "://" in settings.coordination_url else ""
    try:
        coordination.get_coordinator(settings.coordination_url, b"check")  # loads the driver and connects to nothing
    except NoMatches:
        yield f"PASSERELLE_COORDINATION_URL: tooz has no driver {driver!r}"
    except ImportError as e:
        yield f"PASSERELLE_COORDINATION_URL: the driver {driver!r} needs the package {e.name!r}, which is not installed"
    except Exception as e:  # noqa: BLE001 - each driver has exceptions of its own; the URL is not shown, as it may hold a password
        yield f"PASSERELLE_COORDINATION_URL: the driver {driver!r} does not take it ({type(e).__name__})"
