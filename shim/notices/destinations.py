"""The operator's file of destinations: which webhook stands behind an ARN that a bucket's configuration may name.

    {"arn:aws:sns:us-east-1:123456789012:uploads": {"url": "https://hooks.example.org/s3", "secret": "..."}}

A client names an ARN and never a URL, so it cannot make the gateway send requests to an address of its choice.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

log = logging.getLogger(__name__)

ARN: Final = re.compile(r"arn:aws[a-z-]*:(sns|sqs|lambda):[a-z0-9-]*:([0-9]{12})?:[A-Za-z0-9:._$-]{1,512}")
_LOOK_SECONDS: Final = 1.0  # between two looks whether the file has changed


class DestinationsError(Exception):
    """A file of destinations that cannot be used; the message shows no secret."""


class Destination(NamedTuple):
    """A webhook; what is sent to it is signed with the secret, if it has one."""

    url: str
    secret: bytes = b""

    def __repr__(self) -> str:
        """Show nothing of the secret."""
        return f"Destination({self.url!r})"


class Destinations:
    """The destinations in a file, which is read again after it has changed."""

    def __init__(self, path: Path) -> None:
        """Read the file; raise DestinationsError if it cannot be used."""
        self._path = path
        self._changed = self._change()
        self._found = read(path)
        self._looked = time.monotonic()

    def get(self, arn: str) -> Destination | None:
        """Return the webhook behind an ARN; None if the operator has named none."""
        now = time.monotonic()
        if now - self._looked > _LOOK_SECONDS:
            self._looked = now
            self._look()
        return self._found.get(arn)

    def _look(self) -> None:
        changed = self._change()
        if changed == self._changed:
            return
        self._changed = changed
        try:
            self._found = read(self._path)
        except DestinationsError as error:  # the former ones hold until the file is whole again
            log.warning("notifications: the destinations stay as they were: %s", error)

    def _change(self) -> tuple[int, int, int]:
        try:
            told = self._path.stat()
        except OSError:
            return (0, 0, 0)
        return told.st_mtime_ns, told.st_ino, told.st_size


def read(path: Path) -> Mapping[str, Destination]:
    """Return the destinations of a file by ARN; raise DestinationsError."""
    try:
        mode = path.stat().st_mode
        told = json.loads(path.read_text(), object_pairs_hook=_without_repetition)
    except OSError as error:
        raise DestinationsError(f"{path}: {error.strerror or type(error).__name__}") from None
    except ValueError as error:
        raise DestinationsError(f"{path} is not JSON, or names something twice") from error
    if not isinstance(told, dict):
        raise DestinationsError(f"{path} is not a JSON object of destinations by ARN")
    found = {arn: _destination(path, arn, one) for arn, one in told.items()}
    if mode & 0o077 and any(one.secret for one in found.values()):
        raise DestinationsError(f"{path} holds secrets and can be read by others: chmod 600 {path}")
    return found


def account(arn: str) -> str:
    """Return the account of an ARN, '' for one that buckets of every account may name."""
    return arn.split(":")[4]


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError
    return dict(pairs)


def _destination(path: Path, arn: str, told: Any) -> Destination:
    if not ARN.fullmatch(arn):
        raise DestinationsError(f"{path}: {arn!r} is not the ARN of a topic, a queue or a function")
    if not isinstance(told, dict) or not {"url"} <= told.keys() <= {"url", "secret"}:
        raise DestinationsError(f"{path}: {arn} has another form than {{'url': …, 'secret': …}}")
    url, secret = told["url"], told.get("secret", "")
    if not isinstance(url, str) or not isinstance(secret, str) or not _is_webhook(url):
        raise DestinationsError(
            f"{path}: the url of {arn} is not one of http or https with a host, and without a login or a fragment"
        )
    return Destination(url, secret.encode())


def _is_webhook(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    fine = parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0
    return (
        fine and "@" not in parts.netloc and "#" not in url and url.isascii() and url.isprintable() and " " not in url
    )
