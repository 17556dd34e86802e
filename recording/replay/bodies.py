"""Values in place of those that a recording does not hold: bodies of a length, and secrets of a number."""

from __future__ import annotations

import base64
import hashlib
import io
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from recording.secrets import BYTES, HIDDEN

_PATTERN: Final = bytes(range(251)) * 64  # its length is no power of two, so that parts differ
_SEED: Final = secrets.token_bytes(32)  # nobody else can make the keys of this process; both sides get the same
_LONGEST_BODY: Final = 5 << 30  # "the maximum object size for a single PUT is 5 GB"
_LONGEST_SECRET: Final = 1 << 16
_WHOLE: Final = 1 << 20  # a body up to this length is bytes


class NotMadeUpError(Exception):
    """A place of a body or a secret for which nothing can be made up."""


class Body(io.RawIOBase):
    """A body of a length that is made as it is read: the same bytes each time, at any place."""

    def __init__(self, length: int) -> None:
        self._length, self._at = length, 0

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be read again, as a client does that computes a digest first."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence])
        return self._at

    def tell(self) -> int:
        """Return the place."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer."""
        start = self._at % len(_PATTERN)
        count = max(0, min(len(buffer), self._length - self._at, len(_PATTERN) - start))
        buffer[:count] = _PATTERN[start : start + count]
        self._at += count
        return count


def body(length: int) -> Any:
    """Return a body: bytes where it is small, else a file that makes them."""
    if length > _WHOLE:
        return io.BufferedReader(Body(length), len(_PATTERN))
    return (_PATTERN * (length // len(_PATTERN) + 1))[:length]


def _text(number: int, length: int) -> str:
    """Return base64 text, which is what user data is where no SDK encodes it."""
    raw = f"made up by a replay: {number} ".encode() * (length // 24 + 1)
    return base64.b64encode(raw[: max(length * 3 // 4, 1)]).decode()


def _key(number: int, length: int = 0) -> bytes:
    """Return a key of SSE-C: "a 256-bit ... encryption key"."""
    return hashlib.sha256(_SEED + b"%d" % number).digest()


def _public_key(number: int, length: int) -> bytes:
    made = Ed25519PrivateKey.from_private_bytes(_key(number))
    return made.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)


def _bytes(number: int, length: int) -> bytes:
    return _text(number, length).encode()


_SECRETS: Final[Mapping[str, Callable[[int, int], Any]]] = {
    "SSECustomerKey": _key,
    "CopySourceSSECustomerKey": _key,
    "PublicKeyMaterial": _public_key,
    "Value": _bytes,
}


def made_up(mark: Mapping[str, Any], name: str) -> Any:
    """Return the value for what stands in place of a body or a secret; equal secrets get equal values."""
    if BYTES in mark:
        return body(_number(mark[BYTES], _LONGEST_BODY, name))
    number = _number(mark[HIDDEN], _LONGEST_SECRET**2, name)
    return _SECRETS.get(name, _text)(number, _number(mark.get("length"), _LONGEST_SECRET, name))


def _number(value: Any, most: int, name: str) -> int:
    if not isinstance(value, int) or not 0 <= value <= most:
        raise NotMadeUpError(f"the recording does not tell a usable length of {name}")
    return value
