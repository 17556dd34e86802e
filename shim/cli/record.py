"""`passerelle record`: run a command, and write down what it calls of the AWS API."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import urlsplit

import click
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from shim.cli import own_packages

_ENDPOINT: Final = "AWS_ENDPOINT_URL"
_GIVES_CREDENTIALS: Final = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE")


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default="recording.jsonl",
    show_default=True,
    help="Where the lines go.",
)
@click.option("--append", is_flag=True, help="Add to the file, in place of writing it anew.")
@click.option("--target", metavar="URL", help="The endpoint that answers, or `aws`; without it, AWS_ENDPOINT_URL's.")
@click.option("--profile", metavar="NAME", help="The profile whose credentials sign what the target gets.")
@click.option("--virtual-hosts", is_flag=True, help="Let S3's clients put the bucket into the host's name.")
def record(
    *,
    command: tuple[str, ...],
    output: Path,
    append: bool,
    target: str | None,
    profile: str | None,
    virtual_hosts: bool,
) -> None:
    """Run a command and record its calls of the AWS API: `passerelle record -- aws s3 ls`.

    AWS_ENDPOINT_URL of the command is a recorder on the loopback address, which passes each call on to the target,
    signed anew, and writes a line of JSON about it: when, what, with which parameters, what came back, how long it
    took.
    Bodies of objects and secrets are not kept.  The status is the command's.
    """
    own_packages.check(import_module("recording"))
    targets, serving = import_module("recording.targets"), import_module("recording.serving")
    recorder = import_module("recording.recorder").Recorder
    credentials, region = _credentials(profile)
    url, by_service = _targets(target)
    keyring = import_module("recording.signing").Keyring(credentials)
    verify = os.environ.get("AWS_CA_BUNDLE") or True
    with open(output, "ab" if append else "wb", opener=_private) as file:
        lines = _Lines(file)
        application = recorder(targets.target(url, by_service), keyring, lines.write, region, verify)
        try:
            with serving.served(application) as port:
                host = "localhost" if virtual_hosts else serving.ADDRESS
                status = serving.run(command, _environment(f"http://{host}:{port}"))
        except serving.CommandError as error:
            click.echo(f"passerelle: {error}", err=True)
            status = error.status
    click.echo(f"passerelle: {lines.told(output)}", err=True)
    raise SystemExit(status or (1 if lines.failure else 0))


class _Lines:
    """The file of the recording; a failure to write is told at the end, as the command's own calls go on."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.count = 0
        self.failure = ""

    def write(self, line: Any) -> None:
        """Write a line at once, so that what was recorded outlives a crash."""
        try:
            self._file.write(line.text().encode("utf-8", "replace"))
            self._file.flush()
            self.count += 1
        except OSError as error:
            self.failure = error.strerror or type(error).__name__

    def told(self, path: Path) -> str:
        """Return the sentence for the end."""
        calls = f"{self.count:,} call{'' if self.count == 1 else 's'} in {path}"
        return f"the recording is incomplete: {self.failure}; {calls}" if self.failure else calls


def _private(path: str, flags: int) -> int:
    file = os.open(path, flags, 0o600)
    if stat.S_ISREG(os.fstat(file).st_mode):  # one that was there before, and that others could read
        os.fchmod(file, 0o600)
    return file


def _targets(target: str | None) -> tuple[str, Mapping[str, str]]:
    """Return the target, and those that the environment names for single services (AWS_ENDPOINT_URL_S3)."""
    prefix = f"{_ENDPOINT}_"
    named = {key.removeprefix(prefix).lower(): one for key, one in os.environ.items() if key.startswith(prefix) and one}
    url = target or os.environ.get(_ENDPOINT, "")
    if not url:
        raise click.UsageError(f"name the endpoint that answers: --target URL, or {_ENDPOINT} in the environment")
    by_service = {} if target else named
    for one in (url, *by_service.values()):
        parts = urlsplit(one)
        if one != "aws" and (parts.scheme not in ("http", "https") or not parts.netloc):
            raise click.UsageError(f"{one} is no URL of an endpoint")
    return url, by_service


def _credentials(profile: str | None) -> tuple[Callable[[], Any], str]:
    """Return what gives the credentials for the target, and the region of the configuration."""
    made = import_module("recording.signing").Credentials
    try:
        session = Session(profile=profile)
        found = session.get_credentials()
        region = session.get_config_variable("region") or "us-east-1"
    except BotoCoreError as error:
        raise click.UsageError(str(error)) from None
    if found is None:
        raise click.UsageError("there are no credentials for the target: name a profile, or set AWS_ACCESS_KEY_ID")

    def current() -> Any:
        frozen = found.get_frozen_credentials()
        return made(frozen.access_key, frozen.secret_key, frozen.token or "")

    return current, region


def _environment(url: str) -> dict[str, str]:
    """Return the command's environment: every SDK finds the recorder, and no proxy stands before it."""
    kept = {key: one for key, one in os.environ.items() if not key.startswith(_ENDPOINT)}
    kept.pop("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", None)
    around = {
        name: ",".join(filter(None, (os.environ.get(name), "127.0.0.1,localhost,.localhost")))
        for name in ("NO_PROXY", "no_proxy")
    }
    if not any(kept.get(name) for name in _GIVES_CREDENTIALS) and "default" not in Session().available_profiles:
        # The command must sign, or it would not begin; the recorder replaces the signature anyway.
        around |= {"AWS_ACCESS_KEY_ID": "AKIDRECORDER", "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20)}
    return kept | around | {_ENDPOINT: url}
