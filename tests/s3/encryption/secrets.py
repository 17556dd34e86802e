"""Keys of the key manager, made through Barbican's own API."""

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from openstack.connection import Connection
from openstack.exceptions import NotFoundException

from tests.support.names import unique

_BYTES = "application/octet-stream"


def make(connection: Connection, payload: bytes | None = None, name: str = "") -> str:
    """Make a secret, an AES key of 256 bits if no payload is given, and return its id."""
    raw = os.urandom(32) if payload is None else payload
    made: Any = connection.key_manager.create_secret(
        name=name or unique("key"),
        secret_type="symmetric",
        algorithm="aes",
        bit_length=256,
        payload=base64.b64encode(raw).decode(),
        payload_content_type=_BYTES,
        payload_content_encoding="base64",
    )
    return str(made.secret_ref).rpartition("/")[2]


def delete(connection: Connection, key: str) -> None:
    """Delete a secret, if it is there."""
    with suppress(NotFoundException):
        connection.key_manager.delete_secret(key, ignore_missing=False)


@contextmanager
def secret(connection: Connection, payload: bytes | None = None) -> Iterator[str]:
    """Make a secret for the length of a block."""
    key = make(connection, payload)
    try:
        yield key
    finally:
        delete(connection, key)


def named(connection: Connection, name: str) -> list[str]:
    """The ids of the secrets of a name."""
    return [str(one.secret_ref).rpartition("/")[2] for one in connection.key_manager.secrets(name=name)]
