"""Read imported keys, make new ones, and compute AWS's three kinds of fingerprints.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/verify-keys.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
    load_ssh_public_key,
)

from shim.ec2.instances import ppk
from shim.errors import AwsError

_RSA_BITS = 2048  # "2048-bit SSH-2 RSA keys" (CreateKeyPair)
_LONGEST = 16384  # bytes; a 16,384-bit key, OpenSSH's longest, has some 3,000 characters
_RFC4716 = re.compile(r"---- BEGIN SSH2 PUBLIC KEY ----\s(.*)---- END SSH2 PUBLIC KEY ----", re.DOTALL)
_CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\ufffe\\uffff]")
_HEADER = re.compile(r"(?m)^[^:\n]+:(?:[^\n]*\\\n)*[^\n]*\n")  # RFC 4716, 3.3: a backslash continues a header

Key = RSAPublicKey | Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class NewKey:
    """A new key: an OpenSSH line without comment, the private key, and AWS's fingerprint."""

    public: str
    private: str = field(repr=False)
    fingerprint: str


def make(type: str, format: str = "pem", comment: str = "") -> NewKey:
    """Make a key pair, `rsa` or `ed25519`, with its private key in `pem` or `ppk`; `ppk` includes the comment.

    Takes up to some tenths of a second of CPU time.
    """
    if type == "ed25519":
        ed = Ed25519PrivateKey.generate()
        private = ed.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
        written = ppk.write(ed, comment) if format == "ppk" else private
        return NewKey(line(ed.public_key()), written, fingerprint(ed.public_key()))
    rsa = generate_private_key(65537, _RSA_BITS)
    private = rsa.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    written = ppk.write(rsa, comment) if format == "ppk" else private
    # "SHA-1 digest of the DER encoded private key" (KeyPair) for keys of CreateKeyPair.
    der = rsa.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return NewKey(line(rsa.public_key()), written, _colons(hashlib.sha1(der, usedforsecurity=False).digest()))


def read(material: bytes) -> tuple[Key, str]:
    """Read a public key and its comment from an OpenSSH line, RFC 4716, or base64 of DER.

    Raises InvalidKey.Format for anything else, including keys of other algorithms.
    """
    if len(material) > _LONGEST:
        raise _refused()
    try:
        key, comment = _parsed(_text(material).strip())
    except (ValueError, UnsupportedAlgorithm, binascii.Error):
        raise _refused() from None
    # XML cannot carry control characters, and DescribeKeyPairs shows the comment.
    if not isinstance(key, (RSAPublicKey, Ed25519PublicKey)) or _CONTROL.search(comment):
        raise _refused()
    return key, comment


def line(key: Key) -> str:
    """Write a key as an OpenSSH line without comment."""
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def fingerprint(key: Key) -> str:
    """Compute AWS's fingerprint of a public key."""
    if isinstance(key, Ed25519PublicKey):
        blob = base64.b64decode(line(key).split()[1])
        return base64.b64encode(hashlib.sha256(blob).digest()).decode()
    # "If you created a key pair using a third-party tool [...] the MD5 public key fingerprint as specified in section 4
    # of RFC4716" says the reference; AWS computes `openssl rsa -pubout -outform DER | openssl md5`.
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return _colons(hashlib.md5(der, usedforsecurity=False).digest())


def type_of(key: Key) -> str:
    """Return EC2's name of a key's algorithm."""
    return "ed25519" if isinstance(key, Ed25519PublicKey) else "rsa"


def _text(material: bytes) -> str:
    """Decode key material: ASCII except for the comment, whose encoding is unknown."""
    try:
        return material.decode()
    except UnicodeDecodeError:
        return material.decode("latin-1")


def _parsed(text: str) -> tuple[object, str]:
    if text.startswith("-----BEGIN PUBLIC KEY-----"):
        return load_pem_public_key(text.encode()), ""
    if found := _RFC4716.fullmatch(text):
        blob = "".join(_HEADER.sub("", found[1]).split())
        algorithm = "ssh-ed25519" if b"ssh-ed25519" in base64.b64decode(blob)[:16] else "ssh-rsa"
        return load_ssh_public_key(f"{algorithm} {blob}".encode()), ""
    parts = text.split(None, 2)
    if len(parts) > 1:
        return load_ssh_public_key(" ".join(parts[:2]).encode()), parts[2] if len(parts) > 2 else ""
    return load_der_public_key(base64.b64decode(text, validate=True)), ""


def _refused() -> AwsError:
    return AwsError("InvalidKey.Format", "Key is not in valid OpenSSH public key format")


def _colons(digest: bytes) -> str:
    return digest.hex(":")
