"""The keys that wrap the data keys of SSE-S3, by default in a file of the operator's.

Each object has a data key of its own, which is stored with the object, wrapped by a key of the store (RFC 3394).  The
newest key of the store wraps; every key unwraps, so old objects stay readable after a rotation.  All gateways in front
of one cloud need the same keys.  Losing the file is losing the objects.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

_KEY: Final = 32
_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")


class KeyStoreError(Exception):
    """A key store that cannot be used, or a data key that it cannot unwrap; the message shows no key."""


class DataKey(NamedTuple):
    """A new data key: the id of the key that wraps it, the wrapped key, and the key itself."""

    id: str
    wrapped: bytes
    raw: bytes

    def __repr__(self) -> str:
        """Show nothing but the id."""
        return f"DataKey({self.id})"


class KeyStore(Protocol):
    """Wraps and unwraps data keys."""

    async def new(self) -> DataKey:
        """Make a data key."""
        ...

    async def unwrapped(self, id: str, wrapped: bytes) -> bytes:
        """Return a data key; raise KeyStoreError if the store has no such key, or did not wrap this one."""
        ...


class Key(NamedTuple):
    """A key of the file, with the time when it was made."""

    id: str
    raw: bytes
    made: str

    def __repr__(self) -> str:
        """Show nothing of the key."""
        return f"Key({self.id})"


class KeyFile:
    """The key store in a file.  It is read again when an object names a key that was not there at the last time."""

    def __init__(self, path: Path) -> None:
        """Read the file; raise KeyStoreError if it cannot be used."""
        self._path = path
        self._keys: Mapping[str, Key] = {}
        self._newest = ""
        self._read()

    def _read(self) -> None:
        keys = read(self._path)
        self._keys, self._newest = {key.id: key for key in keys}, keys[-1].id

    def __repr__(self) -> str:
        """Show nothing but the path."""
        return f"KeyFile({self._path})"

    async def new(self) -> DataKey:
        """Make a data key, wrapped by the newest key."""
        raw, key = secrets.token_bytes(_KEY), self._keys[self._newest]
        return DataKey(key.id, aes_key_wrap(key.raw, raw), raw)

    async def unwrapped(self, id: str, wrapped: bytes) -> bytes:
        """Return a data key."""
        if id not in self._keys:
            self._read()  # another gateway uses a key that was added since
        key = self._keys.get(id)
        if key is None:
            raise KeyStoreError(f"there is no key {id!r} in {self._path}")
        try:
            return aes_key_unwrap(key.raw, wrapped)
        except (InvalidUnwrap, ValueError):
            raise KeyStoreError(f"the key {id!r} did not wrap this data key") from None


def read(path: Path) -> list[Key]:
    """Return the keys of a file, the newest last; raise KeyStoreError."""
    try:
        mode = path.stat().st_mode
        told = json.loads(path.read_text())
    except OSError as error:
        raise KeyStoreError(f"{path}: {error.strerror or type(error).__name__}") from None
    except ValueError:
        raise KeyStoreError(f"{path} is not JSON") from None
    if mode & 0o077:
        raise KeyStoreError(f"{path} can be read by others: chmod 600 {path}")
    try:
        keys = [_key(one) for one in told["keys"]]
    except (TypeError, KeyError, ValueError):
        raise KeyStoreError(f"{path} is not a file of keys") from None
    if not keys or len({key.id for key in keys}) != len(keys):
        raise KeyStoreError(f"{path} has no key, or two of one id")
    return keys


def _key(told: Mapping[str, Any]) -> Key:
    raw = b64decode(told["key"], validate=True)
    if len(raw) != _KEY or not _ID.fullmatch(told["id"]):
        raise ValueError
    return Key(told["id"], raw, str(told["made"]))


def add(path: Path, now: datetime | None = None) -> Key:
    """Add a key to a file, which is made if it is absent, and return the key; raise KeyStoreError.

    The file is replaced as a whole, so that no reader sees a half of it, and no failure loses a key.
    """
    made = now or datetime.now(UTC)
    keys = read(path) if path.exists() else []
    key = Key(f"{made:%Y%m%d}-{secrets.token_hex(4)}", secrets.token_bytes(_KEY), made.isoformat(timespec="seconds"))
    told = [{"id": one.id, "made": one.made, "key": b64encode(one.raw).decode()} for one in (*keys, key)]
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"keys": told}, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise KeyStoreError(f"{path}: {error.strerror or type(error).__name__}") from None
    return key
