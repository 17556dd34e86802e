"""`passerelle replay`: make recorded calls on two endpoints, and tell in what they differ."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

import click

from shim.cli import own_packages
from shim.cli.options import report_options


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--on",
    multiple=True,
    required=True,
    metavar="[PROFILE@]URL",
    help="An endpoint, or a profile that has one; given once, the recording itself is compared with it.",
)
@click.option("--yes", is_flag=True, help="Make the calls that change something too.")
@click.option("--keep", is_flag=True, help="Do not undo at the end what was made.")
@click.option(
    "--known",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Differences that are explained; without it, known-differences.toml if there is one.",
)
@click.option("--wait", default=300, show_default=True, metavar="SECONDS", help="How long a state may take to pass.")
@report_options("table", "json", "junit")
def replay(
    *,
    file: Path,
    on: tuple[str, ...],
    yes: bool,
    keep: bool,
    known: Path | None,
    wait: int,
    form: str,
    output: TextIO,
) -> None:
    """Make the calls of a recording on two endpoints, and report each difference of their answers.

    Ids, ARNs and tokens of the recording become those of the endpoint as its answers name them. Calls that change
    something are made only with --yes, change only what the replay made itself, and are undone at the end. The status
    is 1 if a difference is not explained.
    """
    if len(on) > 2:
        raise click.UsageError("a replay compares two endpoints: --on A --on B")
    command = own_packages.imported("recording.replay.command", "recording", extra="assess")
    usual = Path("known-differences.toml")
    options = command.Options(mutating=yes, keep=keep, wait=float(wait))
    entries = known or (usual if usual.exists() else None)
    try:
        text, fails = command.run(file, on, entries, form, options, lambda line: click.echo(line, err=True))
    except command.ReplayError as error:
        raise click.UsageError(str(error)) from None
    output.write(text)
    raise SystemExit(1 if fails else 0)
