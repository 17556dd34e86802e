"""SSE-S3 with keys in Barbican: made by the command line, found by every gateway, checked by the doctor."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from shim.cli import main
from tests.support.clients import Boto
from tests.support.gateway import Gateway, faults
from tests.support.gateway import gateway as run_gateway
from tests.support.names import unique
from tests.support.target import Target

AES = {"ServerSideEncryption": "AES256"}


class Command:
    """`passerelle` with the settings of one gateway."""

    def __init__(self, cloud: Target, name: str) -> None:
        self._given = ("--cloud", cloud.cloud, "--sse-key-secret", name)
        cleared: dict[str, str | None] = {one: None for one in os.environ if one.startswith(("PASSERELLE_", "OS_"))}
        self._environment = cleared | {"OS_CLIENT_CONFIG_FILE": str(cloud.clouds_yaml)}

    def __call__(self, *words: str) -> str:
        return str(CliRunner().invoke(main, [*words, *self._given], env=self._environment).output)

    def doctor(self) -> dict[str, str]:
        rows = json.loads(self("doctor", "--json"))
        return next(row for row in rows if row["about"] == "key-manager: keys")


@pytest.fixture(scope="module")
def name() -> str:
    return unique("sse-keys")


@pytest.fixture(scope="module")
def passerelle(cloud: Target, name: str) -> Command:
    return Command(cloud, name)


@pytest.fixture(scope="module")
def running(cloud: Target, name: str, passerelle: Command) -> Iterator[Gateway]:
    """A gateway that was started before there was any key."""
    assert passerelle.doctor()["verdict"] == "problem"
    with run_gateway(cloud, "key-secrets", settings={"sse_key_secret": name}) as gateway:
        yield gateway
    assert not faults(gateway.log)


@pytest.fixture(scope="module")
def sealing(running: Gateway, cloud: Target) -> Iterator[Any]:
    clients = Boto(running.url, dict(cloud.keys))
    yield clients("s3", retries={"total_max_attempts": 1})
    clients.close()


def test_a_rotation_in_barbican(
    sealing: Any, cloud: Target, shared: str, name: str, passerelle: Command, key_file: Path
) -> None:
    with pytest.raises(sealing.exceptions.ClientError, match=r"\(ServiceUnavailable\)|\(SlowDown\)|503"):
        sealing.put_object(Bucket=shared, Key="never", Body=b"x", **AES)
    first = passerelle("keys", "add-secret").split()[-1]
    put = sealing.put_object(Bucket=shared, Key="old", Body=b"old", **AES)
    assert put["ServerSideEncryption"] == "AES256"
    second = passerelle("keys", "add-secret").split()[-1]
    assert passerelle("keys", "list-secrets").split() == [first, second]
    assert passerelle.doctor()["says"] == f"2 named {name}, and the newest can be read"
    both = {"sse_key_secret": name, "sse_key_file": str(key_file)}
    with run_gateway(cloud, "key-secrets-replica", settings=both) as other:
        clients = Boto(other.url, dict(cloud.keys))
        s3 = clients("s3")
        assert s3.get_object(Bucket=shared, Key="old")["Body"].read() == b"old"
        s3.put_object(Bucket=shared, Key="new", Body=b"new", **AES)
        clients.close()
    assert sealing.get_object(Bucket=shared, Key="new")["Body"].read() == b"new"


def test_what_the_command_line_refuses(cloud: Target) -> None:
    nameless = Command(cloud, "")
    assert "PASSERELLE_SSE_KEY_SECRET is not set" in nameless("keys", "add-secret")
    odd = Command(cloud, " name")
    assert "PASSERELLE_SSE_KEY_SECRET: the name begins or ends with white space" in odd("config", "check")
