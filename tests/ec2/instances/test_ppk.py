"""Keys in PuTTY's format, read back by the test's own parser, and by puttygen if it is installed."""

import base64
import hashlib
import hmac
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shim.ec2.instances import key_material, ppk

RSA = generate_private_key(65537, 2048)
KEYS: list[RSAPrivateKey | Ed25519PrivateKey] = [
    RSA,
    Ed25519PrivateKey.generate(),
    Ed25519PrivateKey.from_private_bytes(b"\1" + bytes(31)),  # whose number is short
]


def openssh(key: RSAPrivateKey | Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def strings(blob: bytes) -> Iterator[bytes]:
    while blob:
        length = int.from_bytes(blob[:4], "big")
        yield blob[4 : 4 + length]
        blob = blob[4 + length :]


def parsed(text: str) -> dict[str, str | bytes]:
    """Parse a file by the rules of PuTTY's appendix C, including its checksum."""
    lines, found = iter(text.splitlines()), {}
    for line in lines:
        name, _, value = line.partition(": ")
        found[name] = value
        if name.endswith("-Lines"):
            body = [next(lines) for _ in range(int(value))]
            assert all(len(one) <= 64 for one in body)
            found[name.removesuffix("-Lines")] = "".join(body)
    blobs: dict[str, str | bytes] = {name: base64.b64decode(found[name]) for name in ("Public", "Private")}
    covered = [found["PuTTY-User-Key-File-2"].encode(), b"none", found["Comment"].encode(), *blobs.values()]
    data = b"".join(len(one).to_bytes(4, "big") + bytes(one) for one in covered if isinstance(one, bytes))
    secret = hashlib.sha1(b"putty-private-key-file-mac-key", usedforsecurity=False).digest()
    assert hmac.new(secret, data, hashlib.sha1).hexdigest() == found["Private-MAC"]
    assert found["Encryption"] == "none"
    return {**found, **blobs}


@pytest.mark.parametrize("key", KEYS)
def test_the_public_half_is_the_key_s(key: RSAPrivateKey | Ed25519PrivateKey) -> None:
    found = parsed(ppk.write(key, "a comment"))
    algorithm, blob = openssh(key).split()
    assert found["PuTTY-User-Key-File-2"] == algorithm
    assert found["Public"] == base64.b64decode(blob)
    assert found["Comment"] == "a comment"


def test_the_private_half_of_rsa() -> None:
    private = parsed(ppk.write(RSA, ""))["Private"]
    assert isinstance(private, bytes)
    d, p, q, inverse = (int.from_bytes(one, "big", signed=True) for one in strings(private))
    numbers = RSA.private_numbers()
    assert (d, p, q, inverse) == (numbers.d, numbers.p, numbers.q, numbers.iqmp)
    assert inverse * q % p == 1


@pytest.mark.parametrize("key", KEYS[1:])
def test_the_private_half_of_ed25519(key: Ed25519PrivateKey) -> None:
    private = parsed(ppk.write(key, ""))["Private"]
    assert isinstance(private, bytes)
    [seed] = strings(private)
    assert seed.ljust(32, b"\0") == key.private_bytes_raw()


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_a_new_key_in_either_format(kind: str) -> None:
    made = key_material.make(kind, "ppk", "web")
    found = parsed(made.private)
    blob = found["Public"]
    assert isinstance(blob, bytes)
    assert made.public.split()[1] == base64.b64encode(blob).decode()
    assert found["Comment"] == "web"
    assert key_material.make(kind).private.startswith("-----BEGIN")


@pytest.mark.skipif(not shutil.which("puttygen"), reason="puttygen is not installed")
@pytest.mark.parametrize("key", KEYS)
def test_puttygen_reads_it(key: RSAPrivateKey | Ed25519PrivateKey, tmp_path: Path) -> None:
    file = tmp_path / "key.ppk"
    file.write_text(ppk.write(key, "web"))
    shown = subprocess.run(["puttygen", file, "-L"], check=True, capture_output=True, text=True, timeout=60)
    assert shown.stdout.split()[:2] == openssh(key).split()
    private = ["puttygen", str(file), "-O", "private-openssh", "-o", str(tmp_path / "key")]
    subprocess.run(private, check=True, timeout=60)
    shown = subprocess.run(["ssh-keygen", "-y", "-f", tmp_path / "key"], check=True, capture_output=True, text=True)
    assert shown.stdout.split()[:2] == openssh(key).split()
