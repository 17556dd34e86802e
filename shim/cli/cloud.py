"""`passerelle cloud`: the embedded OpenStack, from the command line."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from adapters.embedded import CloudError, EmbeddedCloud, ServiceStatus
from adapters.embedded.layout import NETWORKS
from shim.cli import options

MIB = 1 << 20
T = TypeVar("T")


def options_of_cloud(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say which embedded cloud is meant."""
    venv = click.option(
        "--venv",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="PASSERELLE_CLOUD_VENV",
        help="Virtual environment of the OpenStack packages; several clouds may share one [PASSERELLE_CLOUD_VENV].",
    )
    port_base = click.option(
        "--port-base",
        type=click.IntRange(1024, 65500),
        envvar="PASSERELLE_CLOUD_PORT_BASE",
        help="First of eleven ports in a row; otherwise free ones are chosen and kept [PASSERELLE_CLOUD_PORT_BASE].",
    )
    return options.state_dir(venv(port_base(command)))


def embedded(state_dir: Path, venv: Path | None, port_base: int | None, network: str | None = None) -> EmbeddedCloud:
    """Return the embedded cloud for these options."""
    return EmbeddedCloud(state_dir.expanduser().absolute(), venv, port_base, network, progress=click.echo)


@click.group()
def cloud() -> None:
    """A real OpenStack on this machine, for trying and testing."""


@cloud.command()
@options_of_cloud
@click.option(
    "--network",
    type=click.Choice(NETWORKS),
    envvar="PASSERELLE_CLOUD_NETWORK",
    help="'none' (the default): no packet flows; 'ovn': packets flow through Open vSwitch and OVN, which needs root or "
    "a user namespace. A cloud keeps the network that it was made with [PASSERELLE_CLOUD_NETWORK].",
)
def up(**which: Any) -> None:
    """Install, start and seed whatever is not there yet, and repair what is broken."""
    attempt(embedded(**which).up)
    clouds = which["state_dir"].expanduser().absolute() / "clouds.yaml"
    click.echo(f"its native view: OS_CLIENT_CONFIG_FILE={clouds}, clouds admin, main, alt, tenant, reader")


@cloud.command()
@options_of_cloud
def down(**which: Any) -> None:
    """Stop every process; the cloud's data is kept."""
    attempt(embedded(**which).down)


@cloud.command()
@options_of_cloud
def reset(**which: Any) -> None:
    """Stop it and delete its data; the installed packages stay."""
    attempt(embedded(**which).reset)


@cloud.command()
@options_of_cloud
def status(**which: Any) -> None:
    """Show every service, its process, memory and address; the exit status is 0 when all are healthy."""
    rows = attempt(embedded(**which).status)
    click.echo(f"{'service':14} {'pid':>8} {'RSS MiB':>8} {'PSS MiB':>8}  state")
    for row in rows:
        click.echo(_row(row))
    rss, pss = sum(row.memory.rss for row in rows), sum(row.memory.pss for row in rows)
    click.echo(f"{'together':14} {'':8} {rss / MIB:8.0f} {pss / MIB:8.0f}")
    raise SystemExit(0 if all(row.healthy for row in rows) else 1)


@cloud.command()
@click.argument("who", default="admin")
@options_of_cloud
def env(who: str, **which: Any) -> None:
    """Print an account's OS_* variables, to be evaluated by a shell: eval "$(passerelle cloud env main)"."""
    for name, value in attempt(lambda: embedded(**which).env(who)).items():
        click.echo(f"export {name}={shlex.quote(value)}")


@cloud.command()
@click.argument("service")
@click.option("--lines", default=50, show_default=True, help="How many lines from the end.")
@options_of_cloud
def logs(service: str, lines: int, **which: Any) -> None:
    """Print the end of a service's log."""
    click.echo(attempt(lambda: embedded(**which).logs(service, lines)))


@cloud.command("exec", context_settings={"ignore_unknown_options": True})
@click.argument("server")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@options_of_cloud
def exec_(server: str, command: tuple[str, ...], **which: Any) -> None:
    """Run a command in the network namespace of a server (its UUID), or in that of the host `outside`."""
    prefix = attempt(lambda: embedded(**which).inside(server))
    raise SystemExit(subprocess.run([*prefix, *command], check=False).returncode)


def _row(row: ServiceStatus) -> str:
    state = "healthy" if row.healthy else "starting or hung" if row.pid else "down"
    memory = f"{row.memory.rss / MIB:8.0f} {row.memory.pss / MIB:8.0f}"
    return f"{row.service:14} {row.pid or '-':>8} {memory}  {state} {row.url}"


def attempt(step: Callable[[], T]) -> T:
    """Take a step of the embedded cloud; a failure becomes a sentence and exit status 1."""
    try:
        return step()
    except CloudError as e:
        raise click.ClickException(str(e)) from None
