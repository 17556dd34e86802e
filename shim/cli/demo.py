"""`passerelle demo`: an OpenStack, a gateway before it, a tour, and the lines to paste; all in one command."""

from __future__ import annotations

import hashlib
import os
import shlex
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import openstack
from openstack.config import OpenStackConfig

import adapters
import shim
from adapters.embedded import GATEWAY_SETTINGS, CloudFacts
from adapters.embedded.layout import write_private
from shim import keystore
from shim.cli.background import Background, BackgroundError, Running
from shim.cli.cloud import attempt, embedded, options_of_cloud
from shim.cli.tour import Tour, TourError, find_cli
from shim.config import Settings

# The prefix of each account's AWS_* variables; those of the main account have none.
PREFIXES: Mapping[str, str] = {"main": "", "alt": "ALT_", "tenant": "TENANT_"}
AWS_REGION = "us-east-1"  # every AWS tool knows it; the gateway accepts it as an alias of the cloud's region


@click.command()
@options_of_cloud
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=Settings.model_fields["port"].default,
    show_default=True,
    help="Port of the AWS endpoint; a free one is taken where this is not.",
)
@click.option("--tour/--no-tour", default=True, help="Try S3 and EC2 with the AWS CLI and show what it prints.")
@click.option("--stop", is_flag=True, help="Stop the gateway and the cloud; what they hold is kept.")
def demo(*, state_dir: Path, port: int, tour: bool, stop: bool, **which: Any) -> None:
    """Bring up an OpenStack and a gateway before it, run a short tour, and print the exports to paste.

    Both keep running in the background until `passerelle demo --stop`; a second call finds them there.
    """
    state = state_dir.expanduser().absolute()
    cloud = embedded(state, **which)
    background = Background(state)
    try:
        if stop:
            click.echo("the gateway has stopped" if background.stop() else "no gateway ran")
            attempt(cloud.down)
            return
        click.echo("== OpenStack")
        facts = attempt(cloud.up)
        click.echo("== gateway")
        running = gateway(background, state, port)
    except BackgroundError as e:
        raise click.ClickException(str(e)) from None
    lines = exports(running.url, facts)
    report(background, lines, (lambda: show(lines, state)) if tour else None)


def report(background: Background, lines: Mapping[str, str], tour: Callable[[], None] | None) -> None:
    """Run the tour and print what to paste; a failure of the tour is raised only after that."""
    state, failure = background.state_dir, None
    block = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in lines.items())
    write_private(state / "demo.env", block)
    if tour is not None:
        try:
            tour()
        except TourError as e:
            failure = e
    click.echo(f"== paste this, or: . {shlex.quote(str(state / 'demo.env'))}\n{block}")
    click.echo(f"native view:  export OS_CLIENT_CONFIG_FILE={state / 'clouds.yaml'} OS_CLOUD=main")
    click.echo(f"gateway log:  {background.log}")
    click.echo(f"stop it all:  {command()} demo --stop{'' if is_default(state) else f' --state-dir {state}'}")
    if failure is not None:
        raise click.ClickException(f"the tour failed, while the gateway and the cloud run on: {failure}")


def gateway(background: Background, state: Path, port: int) -> Running:
    """Return the gateway of this state directory: the running one, or a new one where that is out of date.

    A gateway reads clouds.yaml and its own code at start only, and the embedded cloud may have other ports since.
    """
    made_of = fingerprint(state / "clouds.yaml")
    if running := background.running():
        if running.made_of == made_of:
            click.echo(f"it listens already on {running.url}")
            return running
        click.echo("the cloud or the gateway's code has changed: starting it anew")
        background.stop()
        port = urlsplit(running.url).port or port  # keep the port, so that exports that were pasted still work
    options = ["--cloud", "passerelle", "--port", str(port if is_free(port) else 0), "--drain-seconds", "0"]
    options += ["--s3-website-hosts", "s3-website.localhost"]
    keys = state / "sse-keys.json"
    if not keys.exists():
        keystore.add(keys)
    environment = {
        **{name: os.environ.get(name, value) for name, value in GATEWAY_SETTINGS.items()},
        "OS_CLIENT_CONFIG_FILE": str(state / "clouds.yaml"),
        "PASSERELLE_STATE": str(state),
        "PASSERELLE_SSE_KEY_FILE": str(keys),
    }
    running = background.start(options, environment, made_of)
    click.echo(f"listening on {running.url}")
    return running


def fingerprint(clouds: Path) -> str:
    """Return a digest of what a gateway reads at its start: clouds.yaml and every file of code."""
    whole = hashlib.sha256(clouds.read_bytes())
    for package in (shim, adapters):
        for file in sorted(Path(str(package.__file__)).parent.rglob("*.py")):
            whole.update(file.read_bytes())
    return whole.hexdigest()


def exports(url: str, facts: CloudFacts) -> dict[str, str]:
    """Return the variables by which any AWS tool finds the gateway, for all three accounts."""
    lines = {"AWS_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": AWS_REGION}
    for account, prefix in PREFIXES.items():
        lines[f"{prefix}AWS_ACCESS_KEY_ID"] = facts.accounts[account].access
        lines[f"{prefix}AWS_SECRET_ACCESS_KEY"] = facts.accounts[account].secret
    return lines


def show(lines: Mapping[str, str], state: Path) -> None:
    """Run the tour as the main account."""
    cli = find_cli()
    if cli is None:
        click.echo("== no tour: there is no AWS CLI here (pip install awscli)")
        return
    click.echo("== tour, with the AWS CLI")
    main = {name: value for name, value in lines.items() if name.startswith("AWS_")}
    config = OpenStackConfig(config_files=[str(state / "clouds.yaml")], load_envvars=False).get_one(cloud="main")
    with openstack.connection.Connection(config=config) as connection:
        Tour(cli, main).run(lambda name: native(connection, name))


def native(connection: Any, name: str) -> str:
    """Describe the server of that name as OpenStack's API shows it."""
    server = connection.compute.find_server(name, ignore_missing=False)
    return f"server {server.id} {server.name} {server.status}"


def command() -> str:
    """Return the command line that calls this command again from the current directory."""
    path = Path(sys.executable).with_name("passerelle")
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def is_free(port: int) -> bool:
    """Tell whether a port of the loopback address can be bound."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def is_default(state: Path) -> bool:
    """Tell whether this is the state directory that commands take when none is named."""
    default: Path = Settings.model_fields["state_dir"].default
    return state == default.expanduser().absolute()
