"""Write private keys in PuTTY's format, version 2, which every version of PuTTY and WinSCP reads.

https://the.earth.li/~sgtatham/putty/latest/htmldoc/AppendixC.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_MAC_KEY = hashlib.sha1(b"putty-private-key-file-mac-key", usedforsecurity=False).digest()
_LINE = 64


def write(key: RSAPrivateKey | Ed25519PrivateKey, comment: str) -> str:
    """Write a private key without a passphrase; the comment is one line."""
    algorithm, blob = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[:2]
    public, private = base64.b64decode(blob), _private(key)
    parts = (algorithm, b"none", comment.encode(), public, private)
    mac = hmac.new(_MAC_KEY, b"".join(map(_string, parts)), hashlib.sha1).hexdigest()
    lines = [
        f"PuTTY-User-Key-File-2: {algorithm.decode()}",
        "Encryption: none",
        f"Comment: {comment}",
        *_lines("Public", public),
        *_lines("Private", private),
        f"Private-MAC: {mac}",
    ]
    return "".join(f"{line}\n" for line in lines)


def _private(key: RSAPrivateKey | Ed25519PrivateKey) -> bytes:
    """Encode the private part: RSA's private exponent, p, q, and the inverse of q modulo p; or Ed25519's seed."""
    if isinstance(key, Ed25519PrivateKey):
        # PuTTY writes the seed as a little-endian number, without zero bytes at its end.
        return _string(key.private_bytes_raw().rstrip(b"\0"))
    numbers = key.private_numbers()
    return b"".join(map(_mpint, (numbers.d, numbers.p, numbers.q, numbers.iqmp)))


def _lines(name: str, blob: bytes) -> Iterable[str]:
    text = base64.b64encode(blob).decode()
    lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
    return (f"{name}-Lines: {len(lines)}", *lines)


def _string(value: bytes) -> bytes:
    """Write a string of RFC 4251, section 5."""
    return len(value).to_bytes(4, "big") + value


def _mpint(number: int) -> bytes:
    """Write a positive multiple precision integer of RFC 4251, section 5."""
    return _string(number.to_bytes(number.bit_length() // 8 + 1, "big"))
