"""Keys in every format that users import, and fingerprints as other tools compute them."""

import base64
import shutil
import subprocess
import textwrap

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from shim.ec2.instances import key_material
from shim.ec2.instances.key_pairs import Note, split
from shim.errors import AwsError

RSA = rsa.generate_private_key(65537, 2048).public_key()
ED = ed25519.Ed25519PrivateKey.generate().public_key()


def openssh(key: key_material.Key) -> str:
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def der(key: key_material.Key) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def rfc4716(key: key_material.Key) -> str:
    body = "\n".join(textwrap.wrap(openssh(key).split()[1], 70))
    return (
        '---- BEGIN SSH2 PUBLIC KEY ----\nComment: "a comment that \\\ngoes on"\nx-own: y\n'
        f"{body}\n---- END SSH2 PUBLIC KEY ----\n"
    )


@pytest.mark.parametrize("key", [RSA, ED], ids=["rsa", "ed25519"])
def test_every_dress_holds_the_same_key(key: key_material.Key) -> None:
    dresses = [
        openssh(key),
        openssh(key) + " alice@example and more\n",
        base64.b64encode(der(key)).decode(),
        key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        rfc4716(key),
    ]
    read = [key_material.read(dress.encode()) for dress in dresses]
    assert {key_material.line(found) for found, _ in read} == {openssh(key)}
    assert read[1][1] == "alice@example and more"


@pytest.mark.parametrize("material", [b"", b"ssh-rsa", b"ssh-rsa AAAA", b"\xff\xfe", b"e30=", b"a b c"])
def test_what_is_no_key_is_refused(material: bytes) -> None:
    with pytest.raises(AwsError, match=r"InvalidKey\.Format"):
        key_material.read(material)


def test_other_algorithms_are_refused() -> None:
    public = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    with pytest.raises(AwsError, match=r"InvalidKey\.Format"):
        key_material.read(public)


def run(*command: str, give: bytes) -> bytes:
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]} here")
    return subprocess.run(command, input=give, capture_output=True, check=True).stdout


def test_the_fingerprint_of_an_imported_rsa_key_is_openssls() -> None:
    pem = RSA.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    public = run("openssl", "rsa", "-pubin", "-pubout", "-outform", "DER", give=pem)
    digest = run("openssl", "md5", "-c", give=public).decode().split()[-1]
    assert key_material.fingerprint(RSA) == digest


def test_the_fingerprint_of_a_created_rsa_key_is_openssls() -> None:
    made = key_material.make("rsa")
    private = run("openssl", "pkcs8", "-nocrypt", "-topk8", "-outform", "DER", give=made.private.encode())
    digest = run("openssl", "sha1", "-c", give=private).decode().split()[-1]
    assert made.fingerprint == digest
    key = load_pem_private_key(made.private.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert openssh(key.public_key()) == made.public


def test_the_fingerprint_of_an_ed25519_key_is_ssh_keygens() -> None:
    told = run("ssh-keygen", "-l", "-E", "sha256", "-f", "/dev/stdin", give=openssh(ED).encode()).decode()
    assert key_material.fingerprint(ED).rstrip("=") == told.split()[1].removeprefix("SHA256:")


def test_a_private_key_never_shows() -> None:
    made = key_material.make("ed25519")
    assert "PRIVATE" not in repr(made)


def test_a_note_is_read_back_from_the_comment() -> None:
    note = Note("aa:bb", 1_700_000_000, {"é/": "ü " * 100})
    for given in (openssh(ED), openssh(ED) + " alice@example"):
        assert split(f"{given} {note.written()}") == (given, note)


@pytest.mark.parametrize("comment", ["", " alice", " passerelle:", " passerelle:e30=", " passerelle:!!"])
def test_other_comments_stay_comments(comment: str) -> None:
    assert split(openssh(ED) + comment) == (openssh(ED) + comment, None)


def test_material_beyond_any_key_is_refused_unread() -> None:
    with pytest.raises(AwsError) as refused:
        key_material.read(f"{openssh(RSA)} {'x' * 20_000}".encode())
    assert refused.value.code == "InvalidKey.Format"
