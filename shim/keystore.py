"""The keys that wrap the data keys of SSE-S3: in a file of the operator's, or in Barbican.

Each object has a data key of its own, which is stored with the object, wrapped by a key of the store (RFC 3394).  The
newest key of the store wraps; every key unwraps, so old objects stay readable after a rotation.  All gateways in front
of one cloud need the same keys.  Losing the keys is losing the objects.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import secrets
import time
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from adapters.errors import BackendError, Fault
from adapters.ports.keys import SecretKeys

log = logging.getLogger(__name__)

KEY_BYTES: Final = 32
_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_SECRET: Final = re.compile(r"[0-9A-Fa-f-]{36}")  # the id of a secret of Barbican's, which no key of a file has
_LIST_SECONDS: Final = 300.0  # after which Barbican is asked whether there is a newer key
_LIST_AGAIN_SECONDS: Final = 1.0  # after which it is asked for a key that was not in the list


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
        key = self._keys[self._newest]
        return _data_key(key.id, key.raw)

    async def unwrapped(self, id: str, wrapped: bytes) -> bytes:
        """Return a data key."""
        if id not in self._keys:
            self._read()  # another gateway uses a key that was added since
        key = self._keys.get(id)
        if key is None:
            raise KeyStoreError(f"there is no key {id!r} in {self._path}")
        return _unwrapped(id, key.raw, wrapped)


class KeySecrets:
    """The key store in Barbican: the AES keys of one name in the gateway's own project, which `manager` reaches.

    A key is read once and kept in memory.  Only keys of that name are read, whatever id an object names.  `older`, if
    given, has the keys of objects from before.  Every failure of Barbican is UNAVAILABLE: no user can do anything
    about it.
    """

    def __init__(
        self,
        name: str,
        manager: Callable[[], Awaitable[SecretKeys]],
        older: KeyStore | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._manager = manager
        self._older = older
        self._clock = clock
        self._keys: dict[str, bytes] = {}
        self._newest = ""
        self._listed: list[str] = []  # ids, the newest last
        self._listed_at = self._asked = -math.inf  # when the list came, and when a newer key was asked for

    def __repr__(self) -> str:
        """Show nothing but the name."""
        return f"KeySecrets({self._name})"

    async def new(self) -> DataKey:
        """Make a data key, wrapped by the newest key."""
        if not self._newest or self._clock() >= self._asked + _LIST_SECONDS:
            self._asked = self._clock()  # before the answer, so that few requests wait for a Barbican that is down
            try:
                await self._list()
                await self._key(self._listed[-1])
                self._newest = self._listed[-1]
            except BackendError as error:
                if not self._newest:
                    raise
                log.warning("new objects are encrypted with the key %s as before: %s", self._newest, error)
        return _data_key(self._newest, self._keys[self._newest])

    async def unwrapped(self, id: str, wrapped: bytes) -> bytes:
        """Return a data key."""
        if self._older is not None and not _SECRET.fullmatch(id):
            return await self._older.unwrapped(id, wrapped)
        if id not in self._listed:
            if self._clock() < self._listed_at + _LIST_AGAIN_SECONDS:
                raise _unavailable(f"the key {id!r} is not known yet, and Barbican was asked a moment ago")
            await self._list()  # it may have been added since
        if id not in self._listed:
            raise KeyStoreError(f"there is no key {id!r} named {self._name!r} in Barbican")
        return _unwrapped(id, await self._key(id), wrapped)

    async def _list(self) -> None:
        try:
            found = await (await self._manager()).keys(self._name)
        except BackendError as error:
            raise _unavailable(f"Barbican tells no keys: {error}") from error
        self._listed, self._listed_at = found, self._clock()
        if self._newest not in found:
            self._newest = ""  # what it wrapped from now on, nobody could read after a restart
        if not found:
            raise _unavailable(f"Barbican has no key named {self._name!r}; `passerelle keys add-secret` makes one")

    async def _key(self, id: str) -> bytes:
        raw = self._keys.get(id)
        if raw is None:
            try:
                raw = await (await self._manager()).key(id)
            except BackendError as error:
                raise _unavailable(f"Barbican does not give the key {id!r}: {error}") from error
            if len(raw) != KEY_BYTES:
                raise _unavailable(f"the secret {id!r} in Barbican is no AES key of 256 bits")
            self._keys[id] = raw
        return raw


def _unavailable(detail: str) -> BackendError:
    return BackendError(Fault.UNAVAILABLE, service="key-manager", resource="secret", detail=detail)


def _data_key(id: str, key: bytes) -> DataKey:
    raw = secrets.token_bytes(KEY_BYTES)
    return DataKey(id, aes_key_wrap(key, raw), raw)


def _unwrapped(id: str, key: bytes, wrapped: bytes) -> bytes:
    try:
        return aes_key_unwrap(key, wrapped)
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
    if len(raw) != KEY_BYTES or not _ID.fullmatch(told["id"]):
        raise ValueError
    return Key(told["id"], raw, str(told["made"]))


def add(path: Path, now: datetime | None = None) -> Key:
    """Add a key to a file, which is made if it is absent, and return the key; raise KeyStoreError.

    The file is replaced as a whole, so that no reader sees a half of it, and no failure loses a key.
    """
    made = now or datetime.now(UTC)
    keys = read(path) if path.exists() else []
    named, raw = f"{made:%Y%m%d}-{secrets.token_hex(4)}", secrets.token_bytes(KEY_BYTES)
    key = Key(named, raw, made.isoformat(timespec="seconds"))
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
