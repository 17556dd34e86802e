"""`passerelle keys`: the file of keys that wrap the data keys of SSE-S3."""

from __future__ import annotations

from pathlib import Path

import click

from shim.keystore import KeyStoreError, add, read

_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.group()
def keys() -> None:
    """Make and rotate the keys of SSE-S3 (`PASSERELLE_SSE_KEY_FILE`)."""


@keys.command("add")
@_file
def add_key(file: Path) -> None:
    """Add a key to FILE, which is made if it is absent; new objects are encrypted with the newest key.

    Keep a copy of the file in a safe place: without its keys the objects cannot be read.  To rotate, add a key, copy
    the file to all gateways, and restart them; objects of older keys stay readable as long as these are in the file.
    """
    try:
        made = add(file)
    except KeyStoreError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"added key {made.id} to {file}")


@keys.command("list")
@_file
def list_keys(file: Path) -> None:
    """List the ids of the keys in FILE and when they were made, the newest last."""
    try:
        found = read(file)
    except KeyStoreError as error:
        raise click.ClickException(str(error)) from None
    for key in found:
        click.echo(f"{key.id}  {key.made}")
