"""`passerelle keys`: the keys that wrap the data keys of SSE-S3, in a file or in Barbican."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from adapters.errors import BackendError
from adapters.openstack.cloud import CloudFactory
from adapters.openstack.config import CloudConfigError
from adapters.openstack.config import load as load_cloud
from adapters.ports.keys import SecretKeys
from shim.cli import options
from shim.keystore import KEY_BYTES, KeyStoreError, add, read
from shim.record import new_request_id

T = TypeVar("T")

_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.group()
def keys() -> None:
    """Make and rotate the keys of SSE-S3 (`PASSERELLE_SSE_KEY_FILE`, `PASSERELLE_SSE_KEY_SECRET`)."""


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


@keys.command("add-secret")
@options.settings_options
def add_secret(*, env_file: Path | None, **given: Any) -> None:
    """Add a key to Barbican, under the name in `sse_key_secret`; new objects are encrypted with the newest key.

    Gateways use it within five minutes, without a restart.  Never delete a key that objects were encrypted with: they
    cannot be read without it.
    """
    click.echo(f"added key {_asked(given, env_file, _made)}")


@keys.command("list-secrets")
@options.settings_options
def list_secrets(*, env_file: Path | None, **given: Any) -> None:
    """List the ids of the keys in Barbican, the newest last."""
    for key in _asked(given, env_file, lambda manager, name: manager.keys(name)):
        click.echo(key)


async def _made(manager: SecretKeys, name: str) -> str:
    return await manager.create_key(name, secrets.token_bytes(KEY_BYTES))


def _asked(given: dict[str, Any], env_file: Path | None, ask: Callable[[SecretKeys, str], Awaitable[T]]) -> T:
    """Ask Barbican as the gateway does."""
    settings = options.load(given, env_file)
    if not settings.sse_key_secret:
        raise click.ClickException("PASSERELLE_SSE_KEY_SECRET is not set")

    async def answer() -> T:
        cloud = load_cloud(settings.cloud, region=settings.region, interface=settings.interface)
        factory = await CloudFactory.open(cloud)
        try:
            return await ask((await factory.own(new_request_id())).key_manager, settings.sse_key_secret)
        finally:
            await factory.aclose()

    try:
        return asyncio.run(answer())
    except (CloudConfigError, BackendError) as error:
        raise click.ClickException(str(error)) from None
