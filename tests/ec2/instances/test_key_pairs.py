"""Key pairs through both APIs, and the comment that stores what Nova does not."""

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from tests.ec2.conftest import WAIT, refused
from tests.support.names import unique

SSH = (Encoding.OpenSSH, PublicFormat.OpenSSH)
TAGS = [{"Key": "colour/é", "Value": "blue"}]


@pytest.fixture
def name(ec2: Any) -> Iterator[str]:
    """A name whose key pair is deleted after the test."""
    chosen = unique("key")
    yield chosen
    ec2.delete_key_pair(KeyName=chosen)


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_a_new_key_pair(ec2: Any, openstack_main: Any, name: str, kind: str) -> None:
    made = ec2.create_key_pair(
        KeyName=name, KeyType=kind, TagSpecifications=[{"ResourceType": "key-pair", "Tags": TAGS}]
    )
    ec2.get_waiter("key_pair_exists").wait(KeyNames=[name], WaiterConfig=WAIT)
    load = load_pem_private_key if kind == "rsa" else load_ssh_private_key
    public = load(made["KeyMaterial"].encode(), None).public_key().public_bytes(*SSH).decode()
    (found,) = ec2.describe_key_pairs(KeyNames=[name], IncludePublicKey=True)["KeyPairs"]
    assert found["PublicKey"] == public
    assert (found["KeyType"], found["Tags"]) == (kind, TAGS)
    assert found["KeyFingerprint"] == made["KeyFingerprint"]
    assert found["KeyPairId"] == made["KeyPairId"]
    # "SHA-1 digest of the DER encoded private key" is 20 bytes, Ed25519's is base64 of 32.
    assert len(made["KeyFingerprint"]) == (59 if kind == "rsa" else 44)
    native = openstack_main.compute.get_keypair(name)
    assert native.public_key.startswith(public)
    with refused("InvalidKeyPair.Duplicate"):
        ec2.create_key_pair(KeyName=name)


def test_an_imported_key(ec2: Any, openstack_main: Any, name: str) -> None:
    public = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(*SSH).decode() + " alice@example"
    made = ec2.import_key_pair(KeyName=name, PublicKeyMaterial=public.encode())
    (found,) = ec2.describe_key_pairs(KeyPairIds=[made["KeyPairId"]], IncludePublicKey=True)["KeyPairs"]
    assert found["PublicKey"] == public
    assert found["KeyFingerprint"] == made["KeyFingerprint"]
    assert openstack_main.compute.get_keypair(name).public_key.startswith(public)
    assert ec2.delete_key_pair(KeyPairId=made["KeyPairId"])["Return"] is True
    assert openstack_main.compute.find_keypair(name) is None
    assert ec2.delete_key_pair(KeyName=name)["Return"] is True


def test_a_key_pair_of_openstack(ec2: Any, openstack_main: Any, name: str) -> None:
    public = rsa.generate_private_key(65537, 2048).public_key().public_bytes(*SSH).decode()
    openstack_main.compute.create_keypair(name=name, public_key=public)
    (found,) = ec2.describe_key_pairs(Filters=[{"Name": "key-name", "Values": [name]}], IncludePublicKey=True)[
        "KeyPairs"
    ]
    assert (found["PublicKey"], found["KeyType"], found["Tags"]) == (public, "rsa", [])
    assert len(found["KeyFingerprint"]) == 47  # MD5 of the public key, as for imported ones


def test_an_instance_bears_its_key(ec2: Any, launch: Any, name: str) -> None:
    ec2.create_key_pair(KeyName=name, KeyType="ed25519")
    made = launch(KeyName=name)
    found = ec2.describe_instances(Filters=[{"Name": "key-name", "Values": [name]}])["Reservations"]
    assert [one["InstanceId"] for r in found for one in r["Instances"]] == made


RSA_LINE = rsa.generate_private_key(65537, 2048).public_key().public_bytes(*SSH)


def test_a_comment_may_be_in_any_language(ec2: Any, openstack_main: Any, name: str) -> None:
    ec2.import_key_pair(KeyName=name, PublicKeyMaterial=RSA_LINE + " Jürgen@grün 鍵".encode())
    [found] = ec2.describe_key_pairs(KeyNames=[name], IncludePublicKey=True)["KeyPairs"]
    assert found["PublicKey"] == RSA_LINE.decode() + " Jürgen@grün 鍵"
    assert "Jürgen@grün 鍵" in openstack_main.compute.get_keypair(name).public_key


def test_a_key_in_puttys_format(ec2: Any, name: str) -> None:
    made = ec2.create_key_pair(KeyName=name, KeyType="ed25519", KeyFormat="ppk")
    assert made["KeyMaterial"].startswith("PuTTY-User-Key-File-2: ssh-ed25519\n")
    [found] = ec2.describe_key_pairs(KeyNames=[name])["KeyPairs"]
    assert found["KeyFingerprint"] == made["KeyFingerprint"]


def test_key_pairs_that_cannot_be(ec2: Any, name: str) -> None:
    ecdsa = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(*SSH)
    for material in (b"nonsense", ecdsa):
        with refused("InvalidKey.Format"):
            ec2.import_key_pair(KeyName=name, PublicKeyMaterial=material)
    with refused("InvalidKey.Format"):
        ec2.import_key_pair(KeyName=name, PublicKeyMaterial=RSA_LINE + b" a\x01b")
    with refused("InvalidParameterValue"):
        ec2.create_key_pair(KeyName="a:b")
    with refused("InvalidParameterValue"):
        ec2.create_key_pair(KeyName=name, TagSpecifications=[{"ResourceType": "instance", "Tags": TAGS}])
    with refused("InvalidKeyPair.NotFound"):
        ec2.describe_key_pairs(KeyNames=[name])
    with refused("InvalidKeyPair.NotFound"):
        ec2.describe_key_pairs(KeyPairIds=["key-" + "0" * 32])
    with refused("MissingParameter"):
        ec2.delete_key_pair()
    with refused("DryRunOperation", 412):
        ec2.create_key_pair(KeyName=name, DryRun=True)
    assert not ec2.describe_key_pairs(Filters=[{"Name": "key-name", "Values": [name]}])["KeyPairs"]
